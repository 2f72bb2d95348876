//! Changes of accounts: loaded whole, written whole.

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::account::AccountState;
use domain::change::{AuditLine, Base, Change};
use domain::ending::{Fate, Holding};
use domain::id::{IdentityId, SessionId, UserId};
use domain::identity::Name;
use domain::outbox::Outgoing;
use domain::profile::{AvatarUrl, Nickname};
use domain::secret::TokenHash;
use domain::user::UserState;
use domain::{Timestamp, ending::AccountEvent};
use ports::accounts::{Changed, Registered};
use ports::sessions::RECENT;

use super::consent_queries;
use super::engine::Conn;
use super::queries::{in_transaction, spend};
use crate::error::{Failure, corrupt};
use crate::outbox_row::OutboxRow;
use crate::rows::{
    AuditRow, IdentityRow, NewIdentityRows, PasswordRow, StateRow, UserRow, identifier_key,
    token_hash,
};
use crate::schema::{
    audit_events, identifiers, identities, outbox, password_attempts, passwords, sessions, users,
};
use crate::types::{IdValue, MomentValue};

/// Deleted accounts whose identifiers are freed in one go.
const FREED_AT_ONCE: i64 = 100;

/// Loads an account whole.
pub(super) async fn load(
    conn: &mut Conn,
    (user_id, now): &(UserId, Timestamp),
) -> Result<Option<AccountState>, Failure> {
    let id = IdValue(*user_id.as_uuid());
    let lately = MomentValue(now.checked_sub(RECENT).unwrap_or(Timestamp::MIN));
    let now = MomentValue(*now);
    let user: Option<(UserRow, StateRow, bool)> = users::table
        .find(id)
        .select((
            UserRow::as_select(),
            StateRow::as_select(),
            exists(passwords::table.filter(passwords::user_id.eq(users::id))),
        ))
        .first(conn)
        .await
        .optional()?;
    let Some((user, state, has_password)) = user else { return Ok(None) };
    let found: Vec<(IdentityRow, Vec<u8>, String)> = identities::table
        .inner_join(identifiers::table.on(identifiers::identity_id.eq(identities::id)))
        .filter(identities::user_id.eq(id))
        .order(identities::id)
        .select((IdentityRow::as_select(), identifiers::value, identifiers::namespace))
        .load(conn)
        .await?;
    let tokens: Vec<Vec<u8>> = sessions::table
        .filter(sessions::user_id.eq(id))
        .filter(sessions::ended_at.is_null().or(sessions::ended_at.gt(lately)))
        .filter(sessions::idle_ends_at.gt(now))
        .select(sessions::token_hash)
        .load(conn)
        .await?;
    let mut ways_in = Vec::with_capacity(found.len());
    let mut names = Vec::with_capacity(found.len());
    for (row, key, namespace) in found {
        let identity = row.identity()?;
        names.push((Name { key: identifier_key(&key)?, namespace }, identity.id));
        if ways_in.last().is_none_or(|it: &domain::identity::Identity| it.id != identity.id) {
            ways_in.push(identity);
        }
    }
    let has_phone = ways_in.iter().any(|it| it.kind == domain::identifier::IdentifierKind::Phone);
    let security_epoch = user.security_epoch;
    Ok(Some(AccountState {
        user: user.user(has_password, has_phone)?,
        security_epoch,
        revision: state.revision,
        identities: ways_in,
        names,
        tokens: tokens.iter().map(|it| token_hash(it)).collect::<Result<_, _>>()?,
        resets_since: state.resets_since.map(|it| it.0),
        links_since: state.links_since.map(|it| it.0),
    }))
}

/// Why a change is taken back.
enum Undone {
    Because(Changed),
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Undone {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Writes a change; see the port's `change`.
pub(super) async fn change(conn: &mut Conn, change: &Change) -> Result<Changed, Failure> {
    let mut undone = None;
    let written =
        in_transaction(conn, async |conn: &mut Conn| match write_in(conn, change).await? {
            done @ Changed::Done { .. } => Ok(done),
            because => {
                undone = Some(because);
                Err(diesel::result::Error::RollbackTransaction.into())
            }
        })
        .await;
    undone.map_or(written, Ok)
}

/// Writes a change and the new user who gets what it frees, or neither.
pub(super) async fn then(
    conn: &mut Conn,
    change: &Change,
    register: impl AsyncFnOnce(&mut Conn) -> Result<Registered, Failure>,
) -> Result<Registered, Failure> {
    let mut is_taken = false;
    let written = in_transaction(conn, async |conn: &mut Conn| {
        let freed = matches!(write_in(conn, change).await?, Changed::Done { .. });
        if freed && register(conn).await? == Registered::New {
            return Ok(Registered::New);
        }
        is_taken = true;
        Err(diesel::result::Error::RollbackTransaction.into())
    })
    .await;
    if is_taken { Ok(Registered::Taken) } else { written }
}

/// Writes a change inside of a transaction, which is to be taken back unless it is done.
async fn write_in(conn: &mut Conn, change: &Change) -> Result<Changed, Failure> {
    match write(conn, change).await {
        Ok(dead) => Ok(Changed::Done { dead }),
        Err(Undone::Because(it)) => Ok(it),
        Err(Undone::Failed(failure)) => Err(failure),
    }
}

/// Writes a change and gives the tokens that are dead.
async fn write(conn: &mut Conn, change: &Change) -> Result<Vec<TokenHash>, Undone> {
    // The rows of the users are the locks, taken in the order of their ids whoever asks.
    let mut bases = vec![(&change.base, change.state)];
    bases.extend(change.absorbed.as_ref().map(|it| (it, UserState::Merged)));
    bases.sort_unstable_by_key(|(base, _)| base.user_id);
    for (base, to) in bases {
        let about = if change.absorbed.as_ref() == Some(base) {
            AccountEvent::Absorbed
        } else {
            change.about
        };
        lock(conn, base, to, about, change.void_before).await?;
    }
    let user_id = IdValue(*change.base.user_id.as_uuid());
    let mut dead =
        end_sessions(conn, change.base.user_id, |id, born_of| change.fate(id, born_of), change)
            .await?;
    let gone: Vec<IdValue> = change.unlinked.iter().map(|it| IdValue(*it.as_uuid())).collect();
    unlink(conn, user_id, &gone).await?;
    if let Some(new) = &change.linked {
        link(conn, NewIdentityRows::of(new, change.base.user_id, change.at)).await?;
    }
    if !spend(conn, change.spent.as_ref()).await? {
        return Err(Undone::Because(Changed::Spent));
    }
    if let Some(absorbed) = &change.absorbed {
        dead.extend(absorb(conn, change, absorbed).await?);
    }
    if let Some(password) = &change.password {
        let hash = password.as_str().to_owned();
        let row = PasswordRow { user_id, hash, changed_at: MomentValue(change.at) };
        diesel::insert_into(passwords::table)
            .values(row.clone())
            .on_conflict(passwords::user_id)
            .do_update()
            .set(row)
            .execute(conn)
            .await?;
        forget_attempts(conn, &change.base.user_id).await?;
    }
    if change.state == UserState::Deleted {
        diesel::delete(passwords::table.find(user_id)).execute(conn).await?;
        forget_attempts(conn, &change.base.user_id).await?;
        diesel::update(users::table.find(user_id))
            .set(users::frees_at.eq(change.frees_at.map(MomentValue)))
            .execute(conn)
            .await?;
    }
    if let Some(profile) = &change.profile {
        diesel::update(users::table.find(user_id))
            .set((
                users::nickname.eq(profile.nickname.as_ref().map(Nickname::as_str)),
                users::avatar_url.eq(profile.avatar_url.as_ref().map(AvatarUrl::as_str)),
            ))
            .execute(conn)
            .await?;
    }
    for line in &change.audit {
        audit(conn, line).await?;
    }
    tell(conn, &change.outgoing).await?;
    Ok(dead)
}

/// Locks an account that still is what it was, and writes what the event does to all that is on
/// its way to it.
async fn lock(
    conn: &mut Conn,
    base: &Base,
    to: UserState,
    about: AccountEvent,
    at: Timestamp,
) -> Result<(), Undone> {
    let ends = |holding| about.fate(holding) == Fate::Ended;
    let row = users::table
        .find(IdValue(*base.user_id.as_uuid()))
        .filter(users::state.eq(base.state.as_str()))
        .filter(users::revision.eq(base.revision));
    let locked = diesel::update(row)
        .set((
            users::revision.eq(users::revision + 1),
            users::state.eq(to.as_str()),
            users::security_epoch
                .eq(users::security_epoch + i32::from(ends(Holding::LoginInFlight))),
        ))
        .execute(conn)
        .await?;
    if locked == 0 {
        return Err(Undone::Because(Changed::Stale));
    }
    // Never back: a change that was planned earlier may be written later.
    let (user, at) = (users::table.find(IdValue(*base.user_id.as_uuid())), MomentValue(at));
    if ends(Holding::ResetCode) {
        diesel::update(user)
            .filter(users::resets_since.is_null().or(users::resets_since.lt(at)))
            .set(users::resets_since.eq(at))
            .execute(conn)
            .await?;
    }
    if ends(Holding::LinkCode) {
        diesel::update(user)
            .filter(users::links_since.is_null().or(users::links_since.lt(at)))
            .set(users::links_since.eq(at))
            .execute(conn)
            .await?;
    }
    if ends(Holding::Consent) {
        consent_queries::forget(conn, base.user_id).await?;
    }
    Ok(())
}

/// Asks the truth table about each session of a user and gives the tokens that are dead.
async fn end_sessions(
    conn: &mut Conn,
    user_id: UserId,
    fate: impl Fn(SessionId, IdentityId) -> Fate,
    change: &Change,
) -> Result<Vec<TokenHash>, Undone> {
    let user_id = IdValue(*user_id.as_uuid());
    let live: Vec<(IdValue, IdValue, Vec<u8>)> = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null())
        .select((sessions::id, sessions::identity_id, sessions::token_hash))
        .load(conn)
        .await?;
    let is_base = user_id.0 == *change.base.user_id.as_uuid();
    if is_base
        && let Some(asking) = change.session
        && !live.iter().any(|(id, ..)| id.0 == *asking.as_uuid())
    {
        return Err(Undone::Because(Changed::SessionEnded));
    }
    let (mut dead, mut ended) = (Vec::new(), Vec::new());
    for (id, born_of, token) in live {
        match fate(SessionId::from_uuid(id.0), IdentityId::from_uuid(born_of.0)) {
            Fate::Kept => continue,
            Fate::Ended => ended.push(id),
            Fate::Rotated => {
                let new = change.token.ok_or_else(|| corrupt("change.token"))?;
                diesel::update(sessions::table.find(id))
                    .set(sessions::token_hash.eq(new.as_bytes().as_slice()))
                    .execute(conn)
                    .await?;
            }
        }
        dead.push(token_hash(&token)?);
    }
    if !ended.is_empty() {
        diesel::update(sessions::table.filter(sessions::id.eq_any(ended)))
            .set(sessions::ended_at.eq(MomentValue(change.at)))
            .execute(conn)
            .await?;
    }
    Ok(dead)
}

/// Moves what the absorbed account has, and makes its id mean the other.
async fn absorb(
    conn: &mut Conn,
    change: &Change,
    absorbed: &Base,
) -> Result<Vec<TokenHash>, Undone> {
    let survivor = IdValue(*change.base.user_id.as_uuid());
    let retired = IdValue(*absorbed.user_id.as_uuid());
    let moved: Vec<IdValue> = change.moved.iter().map(|it| IdValue(*it.as_uuid())).collect();
    diesel::update(identities::table.filter(identities::id.eq_any(&moved)))
        .filter(identities::user_id.eq(retired))
        .set(identities::user_id.eq(survivor))
        .execute(conn)
        .await?;
    diesel::update(identifiers::table.filter(identifiers::identity_id.eq_any(&moved)))
        .filter(identifiers::user_id.eq(retired))
        .set(identifiers::user_id.eq(survivor))
        .execute(conn)
        .await?;
    diesel::delete(passwords::table.find(retired)).execute(conn).await?;
    forget_attempts(conn, &absorbed.user_id).await?;
    // Whoever was merged into the one that goes now is the survivor as well.
    diesel::update(users::table.filter(users::merged_into.eq(retired).or(users::id.eq(retired))))
        .set(users::merged_into.eq(survivor))
        .execute(conn)
        .await?;
    let fate = |_, _| AccountEvent::Absorbed.fate(Holding::OtherSession);
    end_sessions(conn, absorbed.user_id, fate, change).await
}

/// Writes an identity with all its names, which are to be free.
async fn link(conn: &mut Conn, new: NewIdentityRows) -> Result<(), Undone> {
    let NewIdentityRows { identity, identifiers: names, tokens } = new;
    diesel::insert_into(identities::table)
        .values((identity, identities::tokens.eq(tokens)))
        .execute(conn)
        .await?;
    // One statement each: SQLite's driver takes no batch, and there are two at most.
    for name in names {
        let claimed = diesel::insert_into(identifiers::table)
            .values(name)
            .on_conflict(identifiers::value)
            .do_nothing()
            .execute(conn)
            .await?;
        if claimed == 0 {
            return Err(Undone::Because(Changed::Taken));
        }
    }
    Ok(())
}

/// Takes identities of a user away, and what they are known by.
async fn unlink(conn: &mut Conn, user_id: IdValue, gone: &[IdValue]) -> Result<(), Failure> {
    if gone.is_empty() {
        return Ok(());
    }
    diesel::delete(identifiers::table.filter(identifiers::identity_id.eq_any(gone)))
        .filter(identifiers::user_id.eq(user_id))
        .execute(conn)
        .await?;
    diesel::delete(identities::table.filter(identities::id.eq_any(gone)))
        .filter(identities::user_id.eq(user_id))
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets the failed passwords of a user.
pub(super) async fn forget_attempts(conn: &mut Conn, user_id: &UserId) -> Result<(), Failure> {
    let subject = user_id.as_uuid().as_bytes().as_slice();
    diesel::delete(password_attempts::table.find(subject)).execute(conn).await?;
    Ok(())
}

/// Writes a line of the audit log.
pub(super) async fn audit(conn: &mut Conn, line: &AuditLine) -> Result<(), Failure> {
    diesel::insert_into(audit_events::table).values(AuditRow::of(line)).execute(conn).await?;
    Ok(())
}

/// Writes what is to be told.
pub(super) async fn tell(conn: &mut Conn, outgoing: &[Outgoing]) -> Result<(), Failure> {
    // One statement each: SQLite's driver takes no batch, and there are three at most.
    for entry in outgoing {
        diesel::insert_into(outbox::table).values(OutboxRow::of(entry)).execute(conn).await?;
    }
    Ok(())
}

/// The user that an id means.
pub(super) async fn resolve(conn: &mut Conn, user_id: &UserId) -> Result<Option<UserId>, Failure> {
    let found: Option<Option<IdValue>> = users::table
        .find(IdValue(*user_id.as_uuid()))
        .select(users::merged_into)
        .first(conn)
        .await
        .optional()?;
    Ok(found.map(|into| into.map_or(*user_id, |it| UserId::from_uuid(it.0))))
}

/// Frees the identifiers of deleted accounts whose grace is over.
pub(super) async fn free_deleted(conn: &mut Conn, now: &Timestamp) -> Result<u64, Failure> {
    let due: Vec<IdValue> = users::table
        .filter(users::frees_at.le(MomentValue(*now)))
        .order(users::frees_at)
        .limit(FREED_AT_ONCE)
        .select(users::id)
        .load(conn)
        .await?;
    for user_id in &due {
        in_transaction(conn, async |conn: &mut Conn| {
            diesel::update(users::table.find(user_id))
                .set(users::frees_at.eq(None::<MomentValue>))
                .execute(conn)
                .await?;
            diesel::delete(identifiers::table.filter(identifiers::user_id.eq(user_id)))
                .execute(conn)
                .await?;
            diesel::delete(identities::table.filter(identities::user_id.eq(user_id)))
                .execute(conn)
                .await?;
            Ok(())
        })
        .await?;
    }
    Ok(u64::try_from(due.len()).unwrap_or(u64::MAX))
}
