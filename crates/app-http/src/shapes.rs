//! Shapes that several routes share: users, sessions, profiles, devices.

use std::net::IpAddr;

use application::Admission;
use domain::Timestamp;
use domain::origin::{Device, Origin};
use domain::profile::{AvatarUrl, Nickname, Profile};
use domain::session::Session;
use domain::user::User;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::problem::{FieldCode, Problem};

/// A user, as they see themselves.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserBody {
    /// The user's name for other systems; never changes, never given to anybody else.
    id: Uuid,
    /// How the user is called.
    #[schema(required)]
    nickname: Option<String>,
    /// The user's picture, an `https` address.
    #[schema(required)]
    avatar_url: Option<String>,
    /// Whether the account may be used: `active` or `disabled`.
    #[schema(example = "active")]
    state: &'static str,
    /// When the user registered (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Whether a password is set.
    has_password: bool,
    /// Whether a nickname is set.
    profile_complete: bool,
}

/// A session. Its token is not part of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// The session's name; it opens nothing.
    id: Uuid,
    /// How the user proved who they are: `sms`, `email`, `pwd`, `fed` or `carrier`.
    #[schema(value_type = Vec<String>, example = json!(["sms"]))]
    amr: [&'static str; 1],
    /// When they last did (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    auth_time: Timestamp,
}

/// A session that was handed out. The token is seen here and never again.
#[derive(Serialize, ToSchema)]
#[schema(as = Admission)]
pub(crate) struct AdmissionBody {
    /// The token, for `Authorization: Bearer`.
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the session ends for want of use.
    #[schema(example = 604_800)]
    expires_in: u64,
    user: UserBody,
    session: SessionBody,
    /// What the client should offer: `complete_profile`, `set_password`, `link_phone`, `merge`.
    #[schema(value_type = Vec<String>)]
    next_steps: Vec<&'static str>,
}

/// The profile of a new user; one who is known keeps theirs.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Profile)]
pub(crate) struct ProfileRequest {
    /// 1 to 64 characters.
    nickname: Option<String>,
    /// An `https` address.
    avatar_url: Option<String>,
}

/// What the client says of its device: a hint for people, proof of nothing.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Device)]
pub(crate) struct DeviceRequest {
    /// The client's own name for the device.
    #[schema(min_length = 1, max_length = 128)]
    id: Option<String>,
    /// A name for people.
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        let Profile { nickname, avatar_url } = &user.profile;
        Self {
            id: *user.id.as_uuid(),
            nickname: nickname.as_ref().map(|it| it.as_str().to_owned()),
            avatar_url: avatar_url.as_ref().map(|it| it.as_str().to_owned()),
            state: user.state.as_str(),
            created_at: user.created_at,
            has_password: user.has_password,
            profile_complete: user.profile_complete(),
        }
    }
}

impl From<&Session> for SessionBody {
    fn from(session: &Session) -> Self {
        Self {
            id: *session.id.as_uuid(),
            amr: [session.method.amr()],
            auth_time: session.auth_time,
        }
    }
}

impl AdmissionBody {
    /// What the person gets to see of their session.
    pub(crate) fn new(app: &App, admission: &Admission) -> Self {
        let Admission { token, session, user, proposes_merge } = admission;
        let left = session.ends_at().duration_since(app.ports.clock.now());
        // Rounded up: what is told at once is the whole time.
        let whole = left.as_secs() + i64::from(left.subsec_nanos() > 0);
        let require_phone = app.ports.policy.require_phone;
        let steps = user.next_steps(require_phone, session.method, *proposes_merge);
        Self {
            access_token: token.reveal().to_owned(),
            token_type: "Bearer",
            expires_in: u64::try_from(whole).unwrap_or(0),
            user: user.into(),
            session: session.into(),
            next_steps: steps.into_iter().map(domain::user::NextStep::as_str).collect(),
        }
    }
}

/// Reads a profile that a new user brings along.
pub(crate) fn profile(request: Option<ProfileRequest>) -> Result<Profile, Problem> {
    let ProfileRequest { nickname, avatar_url } = request.unwrap_or_default();
    let refused = |it| Problem::profile(it, "profile.");
    Ok(Profile {
        nickname: nickname.map(|it| Nickname::parse(&it)).transpose().map_err(refused)?,
        avatar_url: avatar_url.map(|it| AvatarUrl::parse(&it)).transpose().map_err(refused)?,
    })
}

/// Puts together where a request comes from.
pub(crate) fn origin(ip: IpAddr, device: Option<DeviceRequest>) -> Result<Origin, Problem> {
    let DeviceRequest { id, name } = device.unwrap_or_default();
    let device = Device { id: short(id, 128, "device.id")?, name: short(name, 64, "device.name")? };
    Ok(Origin { ip, device })
}

/// Takes a text of at most `most` characters, none of them a control.
fn short(
    text: Option<String>,
    most: usize,
    field: &'static str,
) -> Result<Option<String>, Problem> {
    let fits =
        |it: &String| (1..=most).contains(&it.chars().count()) && !it.contains(char::is_control);
    match text {
        Some(it) if !fits(&it) => Err(Problem::field(field, FieldCode::Invalid)),
        other => Ok(other),
    }
}
