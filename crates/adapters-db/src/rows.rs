//! Rows, and what they become in the domain.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::prelude::{AsChangeset, Insertable, Queryable, Selectable};
use diesel::query_builder::AstPass;
use diesel::sql_types::{Integer, Nullable, Text};
use diesel::sqlite::Sqlite;
use domain::Timestamp;
use domain::change::{AuditLine, Change, NewIdentity};
use domain::event::{Login, LoginEvent, Outcome};
use domain::id::{EventId, IdentityId, SessionId, UserId};
use domain::identifier::IdentifierKind;
use domain::identity::{Identity, Name};
use domain::login::{Account, Entry, Registration, Trace};
use domain::message::Notice;
use domain::origin::{Device, Origin};
use domain::outbox::{Event, News, Outgoing};
use domain::profile::{AvatarUrl, Nickname, Profile, ProfilePatch};
use domain::provider::SpentProof;
use domain::secret::{IdentifierKey, Sealed, TokenHash};
use domain::session::{Method, Session, SignedIn};
use domain::user::{User, UserState};

use crate::error::{Failure, corrupt};
use crate::outbox_row::OutboxRow;
use crate::schema::{
    audit_events, identifiers, identities, login_events, passwords, sessions, spent_proofs, users,
};
use crate::types::{IdValue, IpValue, Moment, MomentValue};

/// A user without what other tables know of them.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = users, check_for_backend(Pg, Sqlite))]
pub(crate) struct UserRow {
    id: IdValue,
    nickname: Option<String>,
    avatar_url: Option<String>,
    state: String,
    pub(crate) security_epoch: i32,
    created_at: MomentValue,
}

impl UserRow {
    /// The user; `has_password` and `has_phone` are looked up beside the row.
    pub(crate) fn user(self, has_password: bool, has_phone: bool) -> Result<User, Failure> {
        let nickname = self.nickname.as_deref().map(Nickname::parse).transpose();
        let avatar_url = self.avatar_url.as_deref().map(AvatarUrl::parse).transpose();
        Ok(User {
            id: UserId::from_uuid(self.id.0),
            profile: Profile {
                nickname: nickname.map_err(|_| corrupt("users.nickname"))?,
                avatar_url: avatar_url.map_err(|_| corrupt("users.avatar_url"))?,
            },
            state: UserState::parse(&self.state).ok_or_else(|| corrupt("users.state"))?,
            created_at: self.created_at.0,
            has_password,
            has_phone,
        })
    }

    /// All columns but the id, as values of a SELECT.
    pub(crate) fn push_values<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<Nullable<Text>, _>(&self.nickname)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.avatar_url)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.state)?;
        out.push_sql(", ");
        out.push_bind_param::<Integer, _>(&self.security_epoch)?;
        out.push_sql(", ");
        out.push_bind_param::<Moment, _>(&self.created_at)
    }

    fn of(user: &User) -> Self {
        let profile = &user.profile;
        Self {
            id: IdValue(*user.id.as_uuid()),
            nickname: profile.nickname.as_ref().map(|it| it.as_str().to_owned()),
            avatar_url: profile.avatar_url.as_ref().map(|it| it.as_str().to_owned()),
            state: user.state.as_str().to_owned(),
            security_epoch: 0,
            created_at: MomentValue(user.created_at),
        }
    }
}

/// What only a change of the account needs to know of a user.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(Pg, Sqlite))]
pub(crate) struct StateRow {
    pub(crate) revision: i32,
    pub(crate) resets_since: Option<MomentValue>,
    pub(crate) links_since: Option<MomentValue>,
}

/// A user found by an identifier: the row, the identity, has a password, has a phone, last login,
/// last use of a session, and of those that are gone.
pub(crate) type AccountRow =
    (UserRow, IdValue, bool, bool, Option<MomentValue>, Option<MomentValue>, Option<MomentValue>);

/// What a look-up by identifier gives.
pub(crate) fn account(
    (user, identity, has_password, has_phone, last_login, last_visit, last_gone): AccountRow,
) -> Result<Account, Failure> {
    let security_epoch = user.security_epoch;
    let created_at = user.created_at.0;
    let moments = [last_login, last_visit, last_gone].into_iter().flatten().map(|it| it.0);
    Ok(Account {
        user: user.user(has_password, has_phone)?,
        identity_id: IdentityId::from_uuid(identity.0),
        security_epoch,
        last_seen_at: moments.fold(created_at, Timestamp::max),
    })
}

/// A session.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions, check_for_backend(Pg, Sqlite))]
pub(crate) struct SessionRow {
    pub(crate) id: IdValue,
    pub(crate) user_id: IdValue,
    pub(crate) identity_id: IdValue,
    pub(crate) token_hash: Vec<u8>,
    pub(crate) method: String,
    pub(crate) auth_time: MomentValue,
    pub(crate) created_at: MomentValue,
    pub(crate) last_seen_at: MomentValue,
    pub(crate) idle_ends_at: MomentValue,
    pub(crate) absolute_ends_at: Option<MomentValue>,
    pub(crate) ip: IpValue,
    pub(crate) device_id: Option<String>,
    pub(crate) device_name: Option<String>,
}

impl SessionRow {
    pub(crate) fn of(session: &Session, token: &TokenHash) -> Self {
        Self {
            id: IdValue(*session.id.as_uuid()),
            user_id: IdValue(*session.user_id.as_uuid()),
            identity_id: IdValue(*session.identity_id.as_uuid()),
            token_hash: token.as_bytes().to_vec(),
            method: session.method.as_str().to_owned(),
            auth_time: MomentValue(session.auth_time),
            created_at: MomentValue(session.created_at),
            last_seen_at: MomentValue(session.last_seen_at),
            idle_ends_at: MomentValue(session.idle_ends_at),
            absolute_ends_at: session.absolute_ends_at.map(MomentValue),
            ip: IpValue(session.origin.ip),
            device_id: session.origin.device.id.clone(),
            device_name: session.origin.device.name.clone(),
        }
    }

    pub(crate) fn session(self) -> Result<Session, Failure> {
        Ok(Session {
            id: SessionId::from_uuid(self.id.0),
            user_id: UserId::from_uuid(self.user_id.0),
            identity_id: IdentityId::from_uuid(self.identity_id.0),
            method: Method::parse(&self.method).ok_or_else(|| corrupt("sessions.method"))?,
            auth_time: self.auth_time.0,
            created_at: self.created_at.0,
            last_seen_at: self.last_seen_at.0,
            idle_ends_at: self.idle_ends_at.0,
            absolute_ends_at: self.absolute_ends_at.map(|it| it.0),
            origin: Origin {
                ip: self.ip.0,
                device: Device { id: self.device_id, name: self.device_name },
            },
        })
    }
}

/// A session and its owner: has a password, has a phone.
pub(crate) type SignedInRow = (SessionRow, UserRow, bool, bool);

/// What a look-up by token gives.
pub(crate) fn signed_in(
    (session, user, password, phone): SignedInRow,
) -> Result<SignedIn, Failure> {
    Ok(SignedIn { session: session.session()?, user: user.user(password, phone)? })
}

/// An audit line.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = login_events)]
pub(crate) struct EventRow {
    pub(crate) id: IdValue,
    pub(crate) user_id: Option<IdValue>,
    pub(crate) identity_id: Option<IdValue>,
    pub(crate) identifier: Vec<u8>,
    pub(crate) method: String,
    pub(crate) outcome: &'static str,
    pub(crate) ip: IpValue,
    pub(crate) device_id: Option<String>,
    pub(crate) device_name: Option<String>,
    pub(crate) at: MomentValue,
}

impl EventRow {
    pub(crate) fn of(event: &LoginEvent) -> Self {
        Self {
            id: IdValue(*event.id.as_uuid()),
            user_id: event.user_id.map(|it| IdValue(*it.as_uuid())),
            identity_id: event.identity_id.map(|it| IdValue(*it.as_uuid())),
            identifier: event.identifier.as_bytes().to_vec(),
            method: event.method.as_str().to_owned(),
            outcome: event.outcome.as_str(),
            ip: IpValue(event.origin.ip),
            device_id: event.origin.device.id.clone(),
            device_name: event.origin.device.name.clone(),
            at: MomentValue(event.at),
        }
    }
}

/// A login as its user sees it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = login_events, check_for_backend(Pg, Sqlite))]
pub(crate) struct LoginRow {
    id: IdValue,
    method: String,
    outcome: String,
    ip: IpValue,
    device_id: Option<String>,
    device_name: Option<String>,
    at: MomentValue,
}

impl LoginRow {
    pub(crate) fn login(self) -> Result<Login, Failure> {
        Ok(Login {
            id: EventId::from_uuid(self.id.0),
            method: Method::parse(&self.method).ok_or_else(|| corrupt("login_events.method"))?,
            outcome: Outcome::parse(&self.outcome)
                .ok_or_else(|| corrupt("login_events.outcome"))?,
            origin: Origin {
                ip: self.ip.0,
                device: Device { id: self.device_id, name: self.device_name },
            },
            at: self.at.0,
        })
    }
}

/// A way in, without its provider's tokens.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = identities, check_for_backend(Pg, Sqlite))]
pub(crate) struct IdentityRow {
    pub(crate) id: IdValue,
    pub(crate) user_id: IdValue,
    pub(crate) kind: String,
    pub(crate) display: Vec<u8>,
    pub(crate) verified_at: Option<MomentValue>,
    pub(crate) linked_at: MomentValue,
    pub(crate) last_used_at: Option<MomentValue>,
    pub(crate) last_ip: Option<IpValue>,
}

impl IdentityRow {
    pub(crate) fn identity(self) -> Result<Identity, Failure> {
        Ok(Identity {
            id: IdentityId::from_uuid(self.id.0),
            kind: IdentifierKind::parse(&self.kind).ok_or_else(|| corrupt("identities.kind"))?,
            display: Sealed::new(self.display),
            verified_at: self.verified_at.map(|it| it.0),
            linked_at: self.linked_at.0,
            last_used_at: self.last_used_at.map(|it| it.0),
            last_ip: self.last_ip.map(|it| it.0),
        })
    }
}

/// A way in that is new to its user, and its names.
#[derive(Debug, Clone)]
pub(crate) struct NewIdentityRows {
    pub(crate) identity: IdentityRow,
    pub(crate) identifiers: Vec<IdentifierRow>,
    pub(crate) tokens: Option<Vec<u8>>,
}

impl NewIdentityRows {
    /// Linked by a proof made at `at`.
    pub(crate) fn of(new: &NewIdentity, user_id: UserId, at: Timestamp) -> Self {
        let (id, user_id) = (IdValue(*new.id.as_uuid()), IdValue(*user_id.as_uuid()));
        Self {
            identity: IdentityRow {
                id,
                user_id,
                kind: new.kind.as_str().to_owned(),
                display: new.display.as_bytes().to_vec(),
                verified_at: Some(MomentValue(at)),
                linked_at: MomentValue(at),
                last_used_at: None,
                last_ip: None,
            },
            identifiers: identifier_rows(&new.names, new.kind, id, user_id),
            tokens: new.tokens.as_ref().map(|it| it.as_bytes().to_vec()),
        }
    }
}

/// A line of the audit log.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = audit_events)]
pub(crate) struct AuditRow {
    id: IdValue,
    user_id: IdValue,
    action: &'static str,
    object_id: Option<IdValue>,
    ip: Option<IpValue>,
    device_id: Option<String>,
    device_name: Option<String>,
    at: MomentValue,
    client_id: Option<String>,
}

impl AuditRow {
    pub(crate) fn of(line: &AuditLine) -> Self {
        let origin = line.origin.as_ref();
        Self {
            id: IdValue(*line.id.as_uuid()),
            user_id: IdValue(*line.user_id.as_uuid()),
            action: line.action.as_str(),
            object_id: line.object.map(IdValue),
            ip: origin.map(|it| IpValue(it.ip)),
            device_id: origin.and_then(|it| it.device.id.clone()),
            device_name: origin.and_then(|it| it.device.name.clone()),
            at: MomentValue(line.at),
            client_id: line.client_id.as_ref().map(|it| it.as_str().to_owned()),
        }
    }
}

/// A name of a way in.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = identifiers)]
pub(crate) struct IdentifierRow {
    pub(crate) value: Vec<u8>,
    pub(crate) kind: &'static str,
    pub(crate) namespace: String,
    pub(crate) identity_id: IdValue,
    pub(crate) user_id: IdValue,
}

/// The names of one identity, in the order in which all write them: racers wait for each other, and
/// never in a circle.
fn identifier_rows(
    names: &[Name],
    kind: IdentifierKind,
    identity_id: IdValue,
    user_id: IdValue,
) -> Vec<IdentifierRow> {
    let row = |it: &Name| IdentifierRow {
        value: it.key.as_bytes().to_vec(),
        kind: kind.as_str(),
        namespace: it.namespace.clone(),
        identity_id,
        user_id,
    };
    let mut rows: Vec<_> = names.iter().map(row).collect();
    rows.sort_unstable_by(|one, other| one.value.cmp(&other.value));
    rows
}

/// A proof that is used up.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = spent_proofs)]
pub(crate) struct SpentRow {
    pub(crate) digest: Vec<u8>,
    pub(crate) until: MomentValue,
}

impl SpentRow {
    pub(crate) fn of(spent: &SpentProof) -> Self {
        Self { digest: spent.digest.to_vec(), until: MomentValue(spent.until) }
    }
}

/// A password.
#[derive(Debug, Clone, Insertable, AsChangeset)]
#[diesel(table_name = passwords)]
pub(crate) struct PasswordRow {
    pub(crate) user_id: IdValue,
    pub(crate) hash: String,
    pub(crate) changed_at: MomentValue,
}

/// All rows of a new user.
#[derive(Debug, Clone)]
pub(crate) struct RegistrationRows {
    pub(crate) user: UserRow,
    pub(crate) identity: IdentityRow,
    pub(crate) identifiers: Vec<IdentifierRow>,
    pub(crate) password: Option<PasswordRow>,
    pub(crate) login: LoginRows,
    /// What other systems are told; none where nobody is told.
    pub(crate) registered: Option<OutboxRow>,
    pub(crate) taken_from: Option<Change>,
}

impl RegistrationRows {
    pub(crate) fn of(registration: &Registration) -> Self {
        let entry = &registration.entry;
        let user_id = IdValue(*registration.user.id.as_uuid());
        let identity_id = IdValue(*entry.session.identity_id.as_uuid());
        let at = MomentValue(entry.session.created_at);
        Self {
            user: UserRow::of(&registration.user),
            identity: IdentityRow {
                id: identity_id,
                user_id,
                kind: registration.kind.as_str().to_owned(),
                display: registration.display.as_bytes().to_vec(),
                verified_at: registration.verified_at.map(MomentValue),
                linked_at: at,
                last_used_at: Some(at),
                last_ip: Some(IpValue(entry.session.origin.ip)),
            },
            identifiers: identifier_rows(
                &registration.names,
                registration.kind,
                identity_id,
                user_id,
            ),
            password: registration.password.as_ref().map(|it| PasswordRow {
                user_id,
                hash: it.as_str().to_owned(),
                changed_at: at,
            }),
            login: LoginRows::of(entry),
            registered: registration.registered.map(|id| {
                let kind = registration.kind;
                let news = News::Event(Event::Registered { kind });
                let (user_id, at) = (registration.user.id, entry.event.at);
                OutboxRow::of(&Outgoing { id, user_id, at, news })
            }),
            taken_from: registration.taken_from.clone(),
        }
    }
}

/// All rows of a login.
#[derive(Debug, Clone)]
pub(crate) struct LoginRows {
    pub(crate) session: SessionRow,
    pub(crate) event: EventRow,
    pub(crate) security_epoch: i32,
    /// Names that the identity was not known by: key and namespace.
    pub(crate) names: Vec<(Vec<u8>, String)>,
    pub(crate) tokens: Option<Vec<u8>>,
    pub(crate) spent: Option<SpentRow>,
    /// What other systems are told; none where nobody is told.
    pub(crate) logged_in: Option<OutboxRow>,
    /// What the person is told where the device is new.
    pub(crate) new_device: OutboxRow,
}

fn trace_names(trace: &Trace) -> Vec<(Vec<u8>, String)> {
    let row = |it: &Name| (it.key.as_bytes().to_vec(), it.namespace.clone());
    let mut rows: Vec<_> = trace.names.iter().map(row).collect();
    rows.sort_unstable();
    rows
}

impl LoginRows {
    pub(crate) fn of(entry: &Entry) -> Self {
        let (user_id, at) = (entry.session.user_id, entry.event.at);
        let row = |id, news| OutboxRow::of(&Outgoing { id, user_id, at, news });
        let logged_in = News::Event(Event::LoggedIn { method: entry.event.method });
        let new_device = News::Notice { notice: Notice::NewDevice, to: None };
        Self {
            session: SessionRow::of(&entry.session, &entry.token),
            event: EventRow::of(&entry.event),
            security_epoch: entry.security_epoch,
            names: trace_names(&entry.trace),
            tokens: entry.trace.tokens.as_ref().map(|it| it.as_bytes().to_vec()),
            spent: entry.trace.spent.as_ref().map(SpentRow::of),
            logged_in: entry.logged_in.map(|id| row(id, logged_in)),
            new_device: row(entry.new_device, new_device),
        }
    }
}

/// The columns of a profile that change: `None` leaves one, `Some(None)` clears it.
#[expect(clippy::option_option, reason = "diesel's form of leave, clear or set")]
#[derive(Debug, Clone, AsChangeset)]
#[diesel(table_name = users)]
pub(crate) struct ProfileChange {
    nickname: Option<Option<String>>,
    avatar_url: Option<Option<String>>,
}

impl ProfileChange {
    /// `None` if nothing changes.
    pub(crate) fn of(patch: &ProfilePatch) -> Option<Self> {
        let nickname = patch.nickname.as_ref();
        let avatar_url = patch.avatar_url.as_ref();
        (nickname.is_some() || avatar_url.is_some()).then(|| Self {
            nickname: nickname.map(|it| it.as_ref().map(|it| it.as_str().to_owned())),
            avatar_url: avatar_url.map(|it| it.as_ref().map(|it| it.as_str().to_owned())),
        })
    }
}

/// Reads a stored token hash.
pub(crate) fn token_hash(bytes: &[u8]) -> Result<TokenHash, Failure> {
    bytes.try_into().map(TokenHash::new).map_err(|_| corrupt("sessions.token_hash"))
}

/// Reads a stored identifier key.
pub(crate) fn identifier_key(bytes: &[u8]) -> Result<IdentifierKey, Failure> {
    bytes.try_into().map(IdentifierKey::new).map_err(|_| corrupt("identifiers.value"))
}
