//! For tests of use cases: [`ports`] on fakes alone, of which any can be swapped.

use std::sync::{Arc, Mutex};

use ::ports::hasher::{HashError, HashPlace, Hasher};
use ::ports::keyring::Master;
use ::ports::keys::{Keys, Seal, UnsealError};
use ::ports::postbox::{Letter, Postbox, PostboxError, Slot};
use ::ports::signatures::Signatures;
use ::ports::signer::{NewKey, Signer, SignerError};
use ::ports::testing::{CountingEntropy, ManualClock};
use ::ports::{Carriers, Ports, Providers};
use async_trait::async_trait;
use domain::Duration;
use domain::cap::Cap;
use domain::credential::code::{Code, CodePolicy, Purpose};
use domain::id::ChallengeId;
use domain::identifier::Identifier;
use domain::lockout::LockoutPolicy;
use domain::message::{Channel, Recipient};
use domain::oauth::Provider;
use domain::oauth::assertion::{Algorithm, ClientKey};
use domain::oauth::id_token::Claims;
use domain::oauth::key::{KeyId, PrivateKey, PublicKey};
use domain::password::{Password, PasswordAttempt, PasswordHash, PasswordPolicy, Verdict};
use domain::phone::{PhonePolicy, Region};
use domain::policy::{GuessingPolicy, Policy, ResetCaps, Ways};
use domain::secret::{
    CodeMac, IdentifierKey, MasterId, RootSecret, Sealed, SessionToken, Subject, TokenHash,
};
use domain::session::SessionPolicy;

use crate::challenges::MemoryChallenges;
use crate::database::MemoryDatabase;
use crate::lock;
use crate::one_time::MemoryOneTimeStates;
use crate::session_copies::MemorySessionCopies;
use crate::throttles::MemoryThrottles;

/// The fakes behind [`ports`], for a test to look into.
#[derive(Clone, Default)]
pub struct Fakes {
    /// Stands still until it is moved.
    pub clock: Arc<ManualClock>,
    /// Users and sessions.
    pub database: Arc<MemoryDatabase>,
    /// What was sent.
    pub postbox: Arc<FakePostbox>,
    /// The providers that are set up: none, unless a test brings some.
    pub providers: Providers,
    /// The carriers' vendors that are set up: none, unless a test brings some.
    pub carriers: Carriers,
}

/// Ports on fakes, with the default settings.
#[must_use]
pub fn ports() -> Ports {
    Fakes::default().ports()
}

impl Fakes {
    /// Ports on these fakes.
    #[must_use]
    pub fn ports(&self) -> Ports {
        Ports {
            policy: Arc::new(policy()),
            clock: self.clock.clone(),
            entropy: Arc::new(CountingEntropy::default()),
            keys: Arc::new(FakeKeys),
            hasher: Arc::new(FakeHasher),
            accounts: self.database.clone(),
            sessions: self.database.clone(),
            session_copies: Arc::new(MemorySessionCopies::default()),
            challenges: Arc::new(MemoryChallenges::default()),
            throttles: Arc::new(MemoryThrottles::default()),
            one_time: Arc::new(MemoryOneTimeStates::default()),
            postbox: self.postbox.clone(),
            providers: Arc::new(self.providers.clone()),
            carriers: Arc::new(self.carriers.clone()),
            grants: self.database.clone(),
            consents: self.database.clone(),
            signing_keys: self.database.clone(),
            signer: Arc::new(FakeSigner),
            signatures: Arc::new(FakeSignatures),
        }
    }
}

/// The default settings.
#[must_use]
pub fn policy() -> Policy {
    let cap = |count, window| Cap { count, window };
    let (minute, hour, day) =
        (Duration::from_mins(1), Duration::from_hours(1), Duration::from_hours(24));
    Policy {
        codes: CodePolicy {
            length: 6,
            ttl: Duration::from_mins(5),
            resend: minute,
            max_tries: 5,
            per_phone: vec![cap(1, minute), cap(5, hour), cap(10, day)],
            per_ip: vec![cap(20, hour), cap(100, day)],
            per_block: vec![cap(30, hour)],
            per_country: Vec::new(),
            global: Vec::new(),
            wrong: vec![cap(10, hour), cap(20, day)],
        },
        sessions: SessionPolicy {
            idle: 7 * day,
            absolute: Some(30 * day),
            fresh: Duration::from_mins(10),
        },
        lockout: LockoutPolicy {
            threshold: 5,
            window: Duration::from_mins(15),
            base: Duration::from_secs(30),
            max: hour,
        },
        passwords: PasswordPolicy { min_length: 8, service_words: vec!["latchkey".to_owned()] },
        phones: PhonePolicy { default_region: Region::CN, allowed_regions: vec![Region::CN] },
        guessing: GuessingPolicy {
            accounts: Some(cap(20, hour)),
            failures: Some(cap(100, Duration::from_mins(15))),
            everyone: Some(cap(10_000, Duration::from_mins(15))),
        },
        registrations: vec![cap(10, minute)],
        provider_calls: vec![cap(30, minute)],
        carrier_calls: vec![cap(10, minute)],
        ways: Ways::OWN,
        require_phone: false,
        one_per_type: Vec::new(),
        dormant: Some(180 * day),
        delete_grace: Duration::ZERO,
        resets: ResetCaps { per_target: vec![cap(3, hour)], per_ip: vec![cap(10, hour)] },
        tells_events: true,
        oauth: Provider::default(),
    }
}

/// Keys that keep nothing secret: what is equal gives equal bytes, and that is all.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeKeys;

/// Spreads a text over 32 bytes (FNV-1a, four times); good against chance, not against anybody.
fn spread(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (lane, chunk) in (0_u8..).zip(bytes.chunks_mut(8)) {
        let hash = text.bytes().chain([lane]).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        chunk.copy_from_slice(&hash.to_be_bytes());
    }
    bytes
}

impl Keys for FakeKeys {
    fn identifier_key(&self, identifier: &Identifier) -> IdentifierKey {
        let kind = identifier.kind().as_str();
        IdentifierKey::new(spread(&format!("{kind} {}", identifier.unique_form())))
    }

    fn subject(&self, about: &str, who: &str) -> Subject {
        Subject::new(spread(&format!("{about} {who}")))
    }

    fn code_mac(&self, purpose: Purpose, id: &ChallengeId, code: &Code) -> CodeMac {
        CodeMac::new(spread(&format!("{} {id} {}", purpose.as_str(), code.reveal())))
    }

    fn token_hash(&self, token: &SessionToken) -> TokenHash {
        TokenHash::new(self.digest(token.reveal()))
    }

    fn digest(&self, text: &str) -> [u8; 32] {
        spread(text)
    }

    fn seal(&self, owner: Seal<'_>, text: &str) -> Sealed {
        Sealed::new(format!("{owner:?}|{text}").into_bytes())
    }

    fn open(&self, owner: Seal<'_>, sealed: &Sealed) -> Result<String, UnsealError> {
        let text = std::str::from_utf8(sealed.as_bytes()).map_err(|_| UnsealError)?;
        text.strip_prefix(&format!("{owner:?}|")).map(str::to_owned).ok_or(UnsealError)
    }
}

/// A master secret that keeps nothing secret: what it wraps begins with its number.
#[derive(Debug, Clone, Copy)]
pub struct FakeMaster(pub u8);

impl Master for FakeMaster {
    fn id(&self) -> MasterId {
        MasterId::new([self.0; 32])
    }

    fn wrap(&self, root: &RootSecret) -> Sealed {
        Sealed::new([&[self.0], root.reveal()].concat())
    }

    fn unwrap(&self, wrapped: &Sealed) -> Result<RootSecret, UnsealError> {
        let root = wrapped.as_bytes().strip_prefix(&[self.0]).ok_or(UnsealError)?;
        Ok(RootSecret::new(root.to_vec()))
    }
}

/// Signs nothing: a token is what it says, in plain text, under its key's name.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeSigner;

#[async_trait]
impl Signer for FakeSigner {
    async fn make(&self, known: &[KeyId]) -> Result<NewKey, SignerError> {
        let names = (1_u32..).map(|it| KeyId::new(format!("key-{it}")));
        let id = names.into_iter().find(|it| !known.contains(it)).ok_or(SignerError::Make)?;
        let public = PublicKey { n: id.as_str().as_bytes().to_vec(), e: vec![1, 0, 1] };
        let private = PrivateKey::new(format!("private half of {id}"));
        Ok(NewKey { id, public, private })
    }

    fn sign(
        &self,
        id: &KeyId,
        private: &PrivateKey,
        claims: &Claims,
    ) -> Result<String, SignerError> {
        if private.reveal() != format!("private half of {id}") {
            return Err(SignerError::Key);
        }
        Ok(format!("{id} {claims:?}"))
    }
}

/// Takes for a signature what [`FakeSignatures::sign`] makes, which everybody can.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeSignatures;

impl FakeSignatures {
    /// What the owner of a key would sign.
    #[must_use]
    pub fn sign(key: &ClientKey, algorithm: Algorithm, text: &str) -> Vec<u8> {
        format!("{:?} {} {text}", key.der, algorithm.as_str()).into_bytes()
    }
}

impl Signatures for FakeSignatures {
    fn is_by(&self, key: &ClientKey, algorithm: Algorithm, text: &str, signature: &[u8]) -> bool {
        key.kind == algorithm.kind() && signature == Self::sign(key, algorithm, text)
    }
}

/// Hashes that are the password itself; one that begins with `old:` is of an older scheme.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeHasher;

#[async_trait]
impl Hasher for FakeHasher {
    async fn reserve(&self) -> Result<Box<dyn HashPlace>, HashError> {
        Ok(Box::new(*self))
    }
}

#[async_trait]
impl HashPlace for FakeHasher {
    async fn hash(self: Box<Self>, password: &Password) -> PasswordHash {
        PasswordHash::new(format!("new:{}", password.reveal()))
    }

    async fn verify(
        self: Box<Self>,
        attempt: &PasswordAttempt,
        stored: Option<PasswordHash>,
    ) -> Verdict {
        let typed = attempt.nfc();
        let new = PasswordHash::new(format!("new:{}", *typed));
        match stored {
            Some(stored) if stored == new => Verdict::Right { upgrade: None },
            Some(stored) if stored.as_str() == format!("old:{}", *typed) => {
                Verdict::Right { upgrade: Some(new) }
            }
            _ => Verdict::Wrong,
        }
    }
}

/// Keeps what was posted.
#[derive(Debug, Default)]
pub struct FakePostbox(Arc<Mutex<Vec<Letter>>>);

impl FakePostbox {
    /// What was posted, oldest first.
    #[must_use]
    pub fn posted(&self) -> Vec<Letter> {
        lock(&self.0).clone()
    }
}

impl Postbox for FakePostbox {
    fn affords(&self, _: &Recipient) -> Result<(), PostboxError> {
        Ok(())
    }

    fn reserve(&self, _: Channel) -> Result<Slot, PostboxError> {
        let posted = Arc::clone(&self.0);
        Ok(Slot::new(move |letter| lock(&posted).push(letter)))
    }
}

#[cfg(test)]
mod tests {
    use ::ports::testing::contract::signatures::{Bench, Sign};
    use domain::oauth::assertion::KeyKind;

    use super::*;

    #[expect(clippy::unused_async, reason = "suites await what makes a port")]
    async fn signatures() -> Bench {
        let owner = |(kind, name): (KeyKind, u8)| {
            let key = ClientKey { kind, der: vec![name] };
            let own = key.clone();
            let sign: Sign = Box::new(move |how, text| FakeSignatures::sign(&own, how, text));
            (key, sign)
        };
        let kinds = [KeyKind::Rsa, KeyKind::Rsa, KeyKind::P256, KeyKind::P256];
        let owners = kinds.into_iter().zip(1..).map(owner).collect();
        Bench { signatures: Arc::new(FakeSignatures), owners }
    }

    ::ports::signatures_contract!(signatures());
}
