//! Logging in, which is also registering.

use domain::Timestamp;
use domain::account::AccountState;
use domain::change::{Actor, Change};
use domain::credential::carrier::Question;
use domain::credential::code::Purpose;
use domain::credential::third_party::Owner;
use domain::credential::{Credential, IdentityCredential, PasswordCredential, VerifiedIdentity};
use domain::id::{IdentityId, UserId};
use domain::identifier::{Identifier, IdentifierKind};
use domain::identity::Name;
use domain::login::{Account, Newcomer, Registration, Trace, Visit, enter, register};
use domain::origin::Origin;
use domain::password::{Password, PasswordHash};
use domain::profile::Profile;
use domain::recycled::{is_dormant, other_proofs};
use domain::session::{Method, SignedIn};
use domain::unlink::give_up;
use domain::user::UserState;
use ports::accounts::{Entered, Registered};
use ports::hasher::HashPlace;
use ports::keys::Seal;
use ports::{Ports, entropy};

use crate::change::{TRIES, contended, ids, load_active};
use crate::credential::provider::sealed;
use crate::credential::{Brings, Proof, Try, code, find_owner, password, prove};
use crate::error::Error;
use crate::visit::{Admission, draw, hand_out};

/// A credential, and what a new user brings along.
#[derive(Debug)]
pub struct Login {
    /// What proves who it is.
    pub credential: Credential,
    /// What a new user brings along.
    pub newcomer: Newcomers,
    /// Where the request comes from.
    pub origin: Origin,
}

/// What a new user brings along; one who is known keeps what they have.
#[derive(Debug, Default)]
pub struct Newcomers {
    /// Their profile.
    pub profile: Profile,
    /// Their password, as typed.
    pub password: Option<String>,
    /// True if they want an account of their own where their number is that of one that nobody has
    /// used for long (OTP-13).
    pub takes_dormant: bool,
}

/// A login that came in.
#[derive(Debug)]
pub struct LoggedIn {
    /// The session and its token.
    pub admission: Admission,
    /// True if the login registered its user.
    pub is_new_user: bool,
}

/// Logs the owner of a credential in, registering them on their first visit.
#[tracing::instrument(target = "latchkey::trace", level = "debug", skip_all)]
pub async fn login(ports: &Ports, login: Login) -> Result<LoggedIn, Error> {
    let now = ports.clock.now();
    match login.credential {
        Credential::Identity(it) => {
            by_identity(ports, &it, login.newcomer, login.origin, now).await
        }
        Credential::Password(it) => by_password(ports, it, login.origin, now).await,
    }
}

async fn by_password(
    ports: &Ports,
    credential: PasswordCredential,
    origin: Origin,
    now: Timestamp,
) -> Result<LoggedIn, Error> {
    let identifier = ports.keys.identifier_key(&credential.identifier);
    let visit = Visit { identifier, method: Method::Password, origin, at: now };
    let account = password::prove(ports, &credential.password, &visit).await?;
    // What changed while the password was looked at makes the proof worthless (LINK-11).
    let admission = come_in(ports, &account, &visit, Trace::default())
        .await?
        .ok_or(Error::InvalidCredentials)?;
    Ok(LoggedIn { admission, is_new_user: false })
}

async fn by_identity(
    ports: &Ports,
    credential: &IdentityCredential,
    newcomer: Newcomers,
    origin: Origin,
    now: Timestamp,
) -> Result<LoggedIn, Error> {
    let Newcomers { profile, password, takes_dormant } = newcomer;
    let checked = match password {
        Some(raw) => Some(check_password(ports, credential, &raw).await?),
        None => None,
    };
    // The hasher's place comes before a code is used up: overload costs nobody a code. Nobody holds
    // one while somebody else is asked, though.
    let reserve = async || Ok::<_, Error>(ports.hasher.reserve().await?);
    let is_ours = matches!(credential, IdentityCredential::Code(_));
    let early = if is_ours && checked.is_some() { Some(reserve().await?) } else { None };
    let proof = prove(ports, credential, Try::new(Purpose::Login, &origin, now)).await?;
    let mut to_hash = match (checked, early) {
        (Some(it), Some(place)) => Some((it, place)),
        (Some(it), None) => Some((it, reserve().await?)),
        (None, _) => None,
    };
    let mut password = None;
    let names = proof.names(ports);
    let identifier = ports.keys.identifier_key(proof.identity.identifier());
    let mut visit = Visit { identifier, method: proof.identity.method(), origin, at: now };
    // What a new user says of themselves goes before what a third party says of them.
    let profile = Profile {
        nickname: profile.nickname.or_else(|| proof.brings.profile.nickname.clone()),
        avatar_url: profile.avatar_url.or_else(|| proof.brings.profile.avatar_url.clone()),
    };
    let (mut is_freed, mut seen) = (false, None);
    for _ in 0..TRIES {
        // What is written by a later try is later than what it met.
        visit.at = ports.clock.now();
        let owner = find_owner(ports, &names).await?;
        let proposes_merge = matches!(owner, Owner::Contested(_));
        let (Owner::One(account) | Owner::Contested(account)) = owner else {
            hash(&mut to_hash, &mut password).await;
            let new = SignUp { profile: &profile, password: password.clone(), taken_from: None };
            match sign_up(ports, &proof, new, &visit).await? {
                Some(admission) => return Ok(LoggedIn { admission, is_new_user: true }),
                None => continue,
            }
        };
        // The grace of a deleted account may be over, and nobody was here since.
        if account.user.state == UserState::Deleted && !is_freed {
            ports.accounts.free_deleted(now).await?;
            is_freed = true;
            continue;
        }
        account.admit().map_err(|_| Error::AccountDisabled)?;
        // What made other proofs worthless meanwhile makes this one so as well.
        let epoch = (account.user.id, account.security_epoch);
        if seen.replace(epoch).is_some_and(|it: (UserId, i32)| it.0 == epoch.0 && it.1 != epoch.1) {
            return Err((proof.wrong)());
        }
        if let Some((dormant, methods)) = dormant(ports, &proof.identity, &account, now).await? {
            if !takes_dormant {
                return Err(Error::ExtraProofRequired { methods });
            }
            let actor = Actor { session: None, origin: Some(visit.origin.clone()), at: now };
            let change = give_up(&dormant, account.identity_id, &actor, ids(ports, now));
            ports.session_copies.forget(&dormant.tokens).await?;
            hash(&mut to_hash, &mut password).await;
            let (profile, password) = (&profile, password.clone());
            let new = SignUp { profile, password, taken_from: Some(change) };
            if let Some(admission) = sign_up(ports, &proof, new, &visit).await? {
                return Ok(LoggedIn { admission, is_new_user: true });
            }
        } else if let Some(admission) =
            come_in(ports, &account, &visit, trace(ports, &proof, &names, &account)).await?
        {
            let admission = Admission { proposes_merge, ..admission };
            return Ok(LoggedIn { admission, is_new_user: false });
        }
    }
    Err(contended())
}

/// Checks the password of a new user before the credential is looked at: one that cannot be set
/// costs no credential.
async fn check_password(
    ports: &Ports,
    credential: &IdentityCredential,
    raw: &str,
) -> Result<Password, Error> {
    match credential {
        IdentityCredential::Code(it) => code::check_password(ports, it, Purpose::Login, raw).await,
        IdentityCredential::Carrier(it) => {
            let known = match &it.question {
                Question::Number => None,
                Question::IsThis(phone) => Some(Identifier::Phone(phone.clone())),
            };
            let known: Vec<&Identifier> = known.iter().collect();
            Ok(Password::parse(raw, &ports.policy.passwords, &known)?)
        }
        IdentityCredential::Provider(_) => Ok(Password::parse(raw, &ports.policy.passwords, &[])?),
    }
}

/// What the login of somebody who is known leaves behind.
fn trace(ports: &Ports, proof: &Proof, names: &[Name], account: &Account) -> Trace {
    let id = &account.identity_id;
    Trace {
        // An identity of one name was found by it. Names that are its own already change nothing.
        names: if names.len() > 1 { names.to_vec() } else { Vec::new() },
        tokens: proof.brings.tokens.as_ref().map(|it| sealed(ports, id, it)),
        spent: proof.brings.spent,
    }
}

/// Hashes what is still to be hashed: a new user's password, once, and nobody else's.
async fn hash(
    to_hash: &mut Option<(Password, Box<dyn HashPlace>)>,
    hashed: &mut Option<PasswordHash>,
) {
    if let Some((password, place)) = to_hash.take() {
        *hashed = Some(place.hash(&password).await);
    }
}

/// The account whole, and how else its owner can prove themselves, if a phone number alone does
/// not open it any more (OTP-13).
async fn dormant(
    ports: &Ports,
    proven: &VerifiedIdentity,
    account: &Account,
    now: Timestamp,
) -> Result<Option<(AccountState, Vec<Method>)>, Error> {
    let is_phone = proven.identifier().kind() == IdentifierKind::Phone;
    if !is_phone || !is_dormant(account, ports.policy.dormant, now) {
        return Ok(None);
    }
    let Some(state) = load_active(ports, account.user.id, now).await? else { return Ok(None) };
    let methods = other_proofs(&state, account.identity_id, &ports.policy.ways);
    Ok((!methods.is_empty()).then_some((state, methods)))
}

/// Writes a login; `None` if the account changed since it was loaded.
async fn come_in(
    ports: &Ports,
    account: &Account,
    visit: &Visit,
    trace: Trace,
) -> Result<Option<Admission>, Error> {
    let (token, fresh) = draw(ports, visit.at);
    let entry = enter(account, visit.clone(), fresh, &ports.policy.sessions);
    let entry = entry.leaving(trace);
    match ports.accounts.enter(&entry).await? {
        Entered::In { ended } => {
            // The login stands: a copy that cannot be removed goes by itself within a minute.
            if !ended.is_empty()
                && let Err(error) = ports.session_copies.forget(&ended).await
            {
                tracing::warn!(%error, "copies of sessions that were pushed out are still there");
            }
            let signed_in = SignedIn { session: entry.session, user: account.user.clone() };
            Ok(Some(hand_out(ports, token, &entry.token, signed_in).await))
        }
        Entered::Stale => Ok(None),
        Entered::Spent => Err(Error::ProviderIdentityInvalid),
    }
}

/// What a new user is made of, beside the identity.
pub(crate) struct SignUp<'a> {
    /// Their profile.
    pub(crate) profile: &'a Profile,
    /// Their password's hash.
    pub(crate) password: Option<PasswordHash>,
    /// The change that frees the identifier, where another account gives it up.
    pub(crate) taken_from: Option<Change>,
}

/// Writes a new user with their first login; `None` if somebody has the identifier by now.
pub(crate) async fn sign_up(
    ports: &Ports,
    proof: &Proof,
    new: SignUp<'_>,
    visit: &Visit,
) -> Result<Option<Admission>, Error> {
    let SignUp { profile, password, taken_from } = new;
    let identity_id = IdentityId::new(visit.at, entropy::bytes(&*ports.entropy));
    let display = ports.keys.seal(Seal::IdentityDisplay(&identity_id), &proof.shown());
    let Brings { tokens, spent, .. } = &proof.brings;
    let tokens = tokens.as_ref().map(|it| sealed(ports, &identity_id, it));
    let newcomer = Newcomer {
        user_id: UserId::new(visit.at, entropy::bytes(&*ports.entropy)),
        identity_id,
        kind: proof.identity.identifier().kind(),
        names: proof.names(ports),
        display,
        profile: profile.clone(),
        password,
    };
    let (token, fresh) = draw(ports, visit.at);
    let mut registration = Registration {
        taken_from,
        ..register(newcomer, visit.clone(), fresh, &ports.policy.sessions)
    };
    let trace = Trace { names: Vec::new(), tokens, spent: *spent };
    registration.entry = registration.entry.leaving(trace);
    match ports.accounts.register(&registration).await? {
        Registered::New => {
            let hash = registration.entry.token;
            let signed_in =
                SignedIn { session: registration.entry.session, user: registration.user };
            Ok(Some(hand_out(ports, token, &hash, signed_in).await))
        }
        Registered::Taken => Ok(None),
        Registered::Spent => Err(Error::ProviderIdentityInvalid),
    }
}
