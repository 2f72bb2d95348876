//! Logging in, which is also registering.

use domain::Timestamp;
use domain::credential::VerifiedIdentity;
use domain::credential::code::{CodeCredential, Purpose};
use domain::credential::{Credential, PasswordCredential};
use domain::id::{IdentityId, UserId};
use domain::login::{Account, Newcomer, Visit, enter, register};
use domain::origin::Origin;
use domain::password::Password;
use domain::profile::Profile;
use domain::session::{Method, SignedIn};
use ports::accounts::{Entered, Registered};
use ports::error::StoreError;
use ports::keys::Seal;
use ports::{Ports, entropy};

use crate::credential::{code, password};
use crate::error::Error;
use crate::visit::{Admission, draw, hand_out};

/// How often a login is decided anew when the account changes under it (REL-05).
const TRIES: usize = 3;

/// A credential, and what a new user brings along.
#[derive(Debug)]
pub struct Login {
    /// What proves who it is.
    pub credential: Credential,
    /// The profile of a new user; one who is known keeps theirs.
    pub profile: Profile,
    /// The password of a new user; one who is known keeps theirs.
    pub password: Option<String>,
    /// Where the request comes from.
    pub origin: Origin,
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
pub async fn login(ports: &Ports, login: Login) -> Result<LoggedIn, Error> {
    let now = ports.clock.now();
    match login.credential {
        Credential::Code(it) => {
            by_code(ports, &it, login.profile, login.password, login.origin, now).await
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
    let admission = come_in(ports, &account, &visit).await?.ok_or(Error::InvalidCredentials)?;
    Ok(LoggedIn { admission, is_new_user: false })
}

async fn by_code(
    ports: &Ports,
    credential: &CodeCredential,
    profile: Profile,
    password: Option<String>,
    origin: Origin,
    now: Timestamp,
) -> Result<LoggedIn, Error> {
    let password = code::check_password(ports, credential, password).await?;
    let proven = code::prove(ports, credential, Purpose::Login, now).await?;
    let identifier = ports.keys.identifier_key(proven.identifier());
    let visit = Visit { identifier, method: proven.method(), origin, at: now };
    for _ in 0..TRIES {
        if let Some(account) = ports.accounts.find(&identifier).await? {
            account.admit().map_err(|_| Error::AccountDisabled)?;
            if let Some(admission) = come_in(ports, &account, &visit).await? {
                return Ok(LoggedIn { admission, is_new_user: false });
            }
        } else if let Some(admission) =
            sign_up(ports, &proven, &profile, password.as_ref(), &visit).await?
        {
            return Ok(LoggedIn { admission, is_new_user: true });
        }
    }
    Err(StoreError::Contended { store: "database" }.into())
}

/// Writes a login; `None` if the account changed since it was loaded.
async fn come_in(
    ports: &Ports,
    account: &Account,
    visit: &Visit,
) -> Result<Option<Admission>, Error> {
    let (token, fresh) = draw(ports, visit.at);
    let entry = enter(account, visit.clone(), fresh, &ports.policy.sessions);
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
    }
}

/// Writes a new user with their first login; `None` if somebody has the identifier by now.
pub(crate) async fn sign_up(
    ports: &Ports,
    proven: &VerifiedIdentity,
    profile: &Profile,
    password: Option<&Password>,
    visit: &Visit,
) -> Result<Option<Admission>, Error> {
    let identity_id = IdentityId::new(visit.at, entropy::bytes(&*ports.entropy));
    let display =
        ports.keys.seal(Seal::IdentityDisplay(&identity_id), proven.identifier().as_str());
    let newcomer = Newcomer {
        user_id: UserId::new(visit.at, entropy::bytes(&*ports.entropy)),
        identity_id,
        kind: proven.identifier().kind(),
        display,
        profile: profile.clone(),
        password: match password {
            Some(it) => Some(ports.hasher.hash(it).await?),
            None => None,
        },
    };
    let (token, fresh) = draw(ports, visit.at);
    let registration = register(newcomer, visit.clone(), fresh, &ports.policy.sessions);
    match ports.accounts.register(&registration).await? {
        Registered::New => {
            let hash = registration.entry.token;
            let signed_in =
                SignedIn { session: registration.entry.session, user: registration.user };
            Ok(Some(hand_out(ports, token, &hash, signed_in).await))
        }
        Registered::Taken => Ok(None),
    }
}
