//! The queries that both engines share, each keyed by one user or one identifier.

use diesel::dsl::{exists, max};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncConnection, RunQueryDsl, TransactionManager as _};
use domain::Timestamp;
use domain::change::AuditLine;
use domain::ending::{Fate, Holding};
use domain::event::Outcome;
use domain::id::{EventId, SessionId, UserId};
use domain::identifier::IdentifierKind;
use domain::outbox::Outgoing;
use domain::password::PasswordHash;
use domain::provider::SpentProof;
use domain::secret::{IdentifierKey, TokenHash};
use domain::session::{Method, Slide};
use ports::accounts::{Changed, Reauthentication};
use ports::sessions::RECENT;

use super::changes::{audit, tell};
use super::engine::{Conn, begin, time_of_day};
use crate::error::Failure;
use crate::rows::{
    AccountRow, EventRow, IdentityRow, LoginRow, ProfileChange, SessionRow, SignedInRow, SpentRow,
    UserRow, token_hash,
};
use crate::schema::{
    audit_events, identifiers, identities, last_visits, latest_moment, login_events,
    password_attempts, passwords, sessions, spent_proofs, users,
};
use crate::types::{IdValue, MomentValue};

const ACTIVE: &str = "active";
const PHONE: &str = IdentifierKind::Phone.as_str();

/// True where the user has a password.
macro_rules! has_password {
    () => {
        exists(passwords::table.filter(passwords::user_id.eq(users::id)))
    };
}

/// The last use of any identity of the user that was written down.
macro_rules! last_login {
    () => {
        identities::table
            .filter(identities::user_id.eq(users::id))
            .select(max(identities::last_used_at))
            .single_value()
    };
}

/// The last use of any session of the user that was written down, of those that ended as well.
macro_rules! last_visit {
    () => {
        sessions::table
            .filter(sessions::user_id.eq(users::id))
            .select(max(sessions::last_seen_at))
            .single_value()
    };
}

/// The last use of the sessions of the user that are gone.
macro_rules! last_gone {
    () => {
        last_visits::table
            .filter(last_visits::user_id.eq(users::id))
            .select(max(last_visits::at))
            .single_value()
    };
}

/// True where the user has a phone.
macro_rules! has_phone {
    () => {
        exists(
            identities::table
                .filter(identities::user_id.eq(users::id))
                .filter(identities::kind.eq(PHONE)),
        )
    };
}

/// What an [`AccountRow`] is read from.
macro_rules! account_columns {
    () => {
        (
            UserRow::as_select(),
            identifiers::identity_id,
            has_password!(),
            has_phone!(),
            last_login!(),
            last_visit!(),
            last_gone!(),
        )
    };
}

/// Runs `work` in a transaction, which a failure takes back.
pub(super) async fn in_transaction<R>(
    conn: &mut Conn,
    work: impl AsyncFnOnce(&mut Conn) -> Result<R, Failure>,
) -> Result<R, Failure> {
    type Manager = <Conn as AsyncConnection>::TransactionManager;
    begin(conn).await?;
    match work(conn).await {
        Ok(done) => {
            Manager::commit_transaction(conn).await?;
            Ok(done)
        }
        Err(failure) => {
            Manager::rollback_transaction(conn).await?;
            Err(failure)
        }
    }
}

/// Finds who has an identifier; one statement.
pub(super) async fn find_account(
    conn: &mut Conn,
    key: &IdentifierKey,
) -> Result<Option<AccountRow>, Failure> {
    let found = identifiers::table
        .inner_join(users::table)
        .filter(identifiers::value.eq(key.as_bytes().as_slice()))
        .select(account_columns!())
        .first(conn)
        .await
        .optional()?;
    Ok(found)
}

/// Finds who has each of some identifiers; one statement.
pub(super) async fn find_accounts(
    conn: &mut Conn,
    keys: &[IdentifierKey],
) -> Result<Vec<(Vec<u8>, AccountRow)>, Failure> {
    let keys: Vec<_> = keys.iter().map(|it| it.as_bytes().as_slice()).collect();
    let found = identifiers::table
        .inner_join(users::table)
        .filter(identifiers::value.eq_any(keys))
        .select((identifiers::value, account_columns!()))
        .load(conn)
        .await?;
    Ok(found)
}

/// Finds a live session by its token; one statement.
pub(super) async fn find_session(
    conn: &mut Conn,
    (token, now): &(TokenHash, Timestamp),
) -> Result<Option<SignedInRow>, Failure> {
    let now = MomentValue(*now);
    let found = sessions::table
        .inner_join(users::table)
        .filter(sessions::token_hash.eq(token.as_bytes().as_slice()))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::idle_ends_at.gt(now))
        .filter(sessions::absolute_ends_at.is_null().or(sessions::absolute_ends_at.gt(now)))
        .filter(users::state.eq(ACTIVE))
        .select((SessionRow::as_select(), UserRow::as_select(), has_password!(), has_phone!()))
        .first(conn)
        .await
        .optional()?;
    Ok(found)
}

/// Finds a live session by its name; one statement.
pub(super) async fn find_session_by_id(
    conn: &mut Conn,
    id: IdValue,
    now: Timestamp,
) -> Result<Option<SignedInRow>, Failure> {
    let now = MomentValue(now);
    let found = sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::idle_ends_at.gt(now))
        .filter(sessions::absolute_ends_at.is_null().or(sessions::absolute_ends_at.gt(now)))
        .filter(users::state.eq(ACTIVE))
        .select((SessionRow::as_select(), UserRow::as_select(), has_password!(), has_phone!()))
        .first(conn)
        .await
        .optional()?;
    Ok(found)
}

/// Locks an account for the rest of a transaction, so that whatever ends its sessions comes before
/// or after it.
pub(super) async fn lock_user(conn: &mut Conn, user_id: IdValue) -> Result<(), Failure> {
    diesel::update(users::table.find(user_id))
        .set(users::revision.eq(users::revision))
        .execute(conn)
        .await?;
    Ok(())
}

/// Pushes a live session's end on; never back.
pub(super) async fn slide_session(
    conn: &mut Conn,
    (id, slide): &(SessionId, Slide),
) -> Result<(), Failure> {
    let end = MomentValue(slide.idle_ends_at);
    diesel::update(sessions::table.find(IdValue(*id.as_uuid())))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::last_seen_at.lt(MomentValue(slide.last_seen_at)))
        .filter(sessions::last_seen_at.le(MomentValue(slide.based_on)))
        .filter(sessions::idle_ends_at.le(end))
        .set((
            sessions::last_seen_at.eq(MomentValue(slide.last_seen_at)),
            sessions::idle_ends_at.eq(end),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The live sessions of a user, the last used first.
pub(super) async fn list_sessions(
    conn: &mut Conn,
    (user_id, now): &(UserId, Timestamp),
) -> Result<Vec<SessionRow>, Failure> {
    let now = MomentValue(*now);
    let found = sessions::table
        .filter(sessions::user_id.eq(IdValue(*user_id.as_uuid())))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::idle_ends_at.gt(now))
        .filter(sessions::absolute_ends_at.is_null().or(sessions::absolute_ends_at.gt(now)))
        .order((sessions::last_seen_at.desc(), sessions::id.desc()))
        .select(SessionRow::as_select())
        .load(conn)
        .await?;
    Ok(found)
}

/// Ends a session of a user and gives its token: the last one that it had.
pub(super) async fn end_one_session(
    conn: &mut Conn,
    (user_id, id, line): &(UserId, SessionId, AuditLine),
) -> Result<Option<Vec<u8>>, Failure> {
    let id = IdValue(*id.as_uuid());
    let user_id = IdValue(*user_id.as_uuid());
    in_transaction(conn, async |conn: &mut Conn| {
        let ended = diesel::update(sessions::table.find(id))
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::ended_at.is_null())
            .set(sessions::ended_at.eq(MomentValue(line.at)))
            .returning(sessions::token_hash)
            .get_result(conn)
            .await
            .optional()?;
        if ended.is_some() {
            audit(conn, line).await?;
            return Ok(ended);
        }
        // One that is over: trying again removes its copy.
        let found = sessions::table
            .find(id)
            .filter(sessions::user_id.eq(user_id))
            .select(sessions::token_hash)
            .first(conn)
            .await
            .optional()?;
        Ok(found)
    })
    .await
}

/// Ends all sessions of a user but one, and gives the tokens of all that ended lately.
pub(super) async fn end_all_sessions(
    conn: &mut Conn,
    (user_id, kept, line): &(UserId, Option<SessionId>, AuditLine),
) -> Result<Vec<Vec<u8>>, Failure> {
    let user_id = IdValue(*user_id.as_uuid());
    let at = MomentValue(line.at);
    // No session has the nil id: then none is kept.
    let kept = IdValue(kept.map_or(uuid::Uuid::nil(), |it| *it.as_uuid()));
    let lately = MomentValue(line.at.checked_sub(RECENT).unwrap_or(Timestamp::MIN));
    in_transaction(conn, async |conn: &mut Conn| {
        // A session that begins from one of these at the same time is there already, or never.
        lock_user(conn, user_id).await?;
        let ended = diesel::update(sessions::table)
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::id.ne(kept))
            .set(sessions::ended_at.eq(at))
            .execute(conn)
            .await?;
        if line.action.fate(Holding::LinkCode) == Fate::Ended {
            diesel::update(users::table.find(user_id))
                .set(users::links_since.eq(at))
                .execute(conn)
                .await?;
        }
        if ended > 0 {
            audit(conn, line).await?;
        }
        Ok(())
    })
    .await?;
    let ended = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.gt(lately))
        .filter(sessions::id.ne(kept))
        .select(sessions::token_hash)
        .load(conn)
        .await?;
    Ok(ended)
}

/// The identities of a user, the first linked first.
pub(super) async fn identities(
    conn: &mut Conn,
    user_id: &UserId,
) -> Result<Vec<IdentityRow>, Failure> {
    let found = identities::table
        .filter(identities::user_id.eq(IdValue(*user_id.as_uuid())))
        .order(identities::id)
        .select(IdentityRow::as_select())
        .load(conn)
        .await?;
    Ok(found)
}

/// The logins of a user, newest first.
pub(super) async fn logins(
    conn: &mut Conn,
    (user_id, before, limit): &(UserId, Option<EventId>, u32),
) -> Result<Vec<LoginRow>, Failure> {
    // No event has the highest id: then all are before it.
    let before = IdValue(before.map_or(uuid::Uuid::max(), |it| *it.as_uuid()));
    let found = login_events::table
        .filter(login_events::user_id.eq(IdValue(*user_id.as_uuid())))
        .filter(login_events::id.lt(before))
        .order(login_events::id.desc())
        .limit(i64::from(*limit))
        .select(LoginRow::as_select())
        .load(conn)
        .await?;
    Ok(found)
}

/// Tells whether a device has logged in to the account of an identifier; one statement.
pub(super) async fn knows_device(
    conn: &mut Conn,
    (key, device_id, since): &(IdentifierKey, String, Timestamp),
) -> Result<bool, Failure> {
    let owner = identifiers::table
        .filter(identifiers::value.eq(key.as_bytes().as_slice()))
        .select(identifiers::user_id)
        .single_value();
    // Ids are in order of time: with the first that there could be, the index leaves out the rest.
    let first = EventId::new(*since, [0; 10]);
    let known = diesel::select(exists(
        login_events::table
            .filter(login_events::user_id.eq(owner))
            .filter(login_events::id.ge(IdValue(*first.as_uuid())))
            .filter(login_events::outcome.eq(Outcome::Success.as_str()))
            .filter(login_events::device_id.eq(device_id))
            .filter(login_events::at.ge(MomentValue(*since))),
    ))
    .get_result(conn)
    .await?;
    Ok(known)
}

/// Writes a login event.
async fn insert_event(conn: &mut Conn, event: &EventRow) -> Result<(), Failure> {
    diesel::insert_into(login_events::table).values(event.clone()).execute(conn).await?;
    Ok(())
}

/// Writes the event of a login that failed, and what is told of it.
pub(super) async fn record(
    conn: &mut Conn,
    (event, outgoing): &(EventRow, Vec<Outgoing>),
) -> Result<(), Failure> {
    if outgoing.is_empty() {
        return insert_event(conn, event).await;
    }
    in_transaction(conn, async |conn: &mut Conn| {
        insert_event(conn, event).await?;
        tell(conn, outgoing).await
    })
    .await
}

/// Swaps a hash if it still is the old one.
pub(super) async fn upgrade_hash(
    conn: &mut Conn,
    (user_id, old, new): &(UserId, PasswordHash, PasswordHash),
) -> Result<bool, Failure> {
    let swapped = diesel::update(passwords::table.find(IdValue(*user_id.as_uuid())))
        .filter(passwords::hash.eq(old.as_str()))
        .set(passwords::hash.eq(new.as_str()))
        .execute(conn)
        .await?;
    Ok(swapped == 1)
}

/// Notes that a proof is used up, if there is one; false if it was before.
pub(super) async fn spend(conn: &mut Conn, spent: Option<&SpentProof>) -> Result<bool, Failure> {
    let Some(spent) = spent else { return Ok(true) };
    let noted = diesel::insert_into(spent_proofs::table)
        .values(SpentRow::of(spent))
        .on_conflict(spent_proofs::digest)
        .do_nothing()
        .execute(conn)
        .await?;
    Ok(noted == 1)
}

/// Moves a session to its new token and notes the proof.
pub(super) async fn reauthenticate(
    conn: &mut Conn,
    proof: &Reauthentication,
) -> Result<Changed, Failure> {
    let mut is_spent = false;
    let done = in_transaction(conn, async |conn: &mut Conn| {
        let session_id = IdValue(*proof.session_id.as_uuid());
        let user_id = IdValue(*proof.user_id.as_uuid());
        // The row of the user is the lock, so that a change of the account sees the new token.
        let as_proved = diesel::update(users::table.find(user_id))
            .filter(users::state.eq(ACTIVE))
            .filter(users::security_epoch.eq(proof.security_epoch))
            .set(users::security_epoch.eq(proof.security_epoch))
            .execute(conn)
            .await?;
        let proved_by = identities::table.filter(identities::user_id.eq(user_id)).filter(
            identities::id.nullable().eq(proof.event.identity_id.map(|it| IdValue(*it.as_uuid()))),
        );
        let is_own: bool = diesel::select(exists(proved_by)).get_result(conn).await?;
        if as_proved == 0 || !is_own {
            return Ok(None);
        }
        let before: Option<Vec<u8>> = sessions::table
            .filter(sessions::id.eq(session_id))
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::ended_at.is_null())
            .select(sessions::token_hash)
            .first(conn)
            .await
            .optional()?;
        let Some(before) = before else { return Ok(None) };
        // Whoever moves the token first wins; an end that came between wins over both.
        let moved = diesel::update(sessions::table.find(session_id))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::token_hash.eq(&before))
            .set((
                sessions::token_hash.eq(proof.token.as_bytes().as_slice()),
                sessions::auth_time.eq(MomentValue(proof.event.at)),
            ))
            .execute(conn)
            .await?;
        if moved == 0 {
            return Ok(None);
        }
        if !spend(conn, proof.spent.as_ref()).await? {
            is_spent = true;
            return Err(diesel::result::Error::RollbackTransaction.into());
        }
        insert_event(conn, &EventRow::of(&proof.event)).await?;
        if proof.event.method == Method::Password {
            let subject = proof.user_id.as_uuid().as_bytes().as_slice();
            diesel::delete(password_attempts::table.find(subject)).execute(conn).await?;
        }
        token_hash(&before).map(Some)
    })
    .await;
    if is_spent {
        return Ok(Changed::Spent);
    }
    Ok(done?.map_or(Changed::Stale, |it| Changed::Done { dead: vec![it] }))
}

/// A user as they are now, and the tokens of their live sessions.
pub(super) type PatchedRow = (UserRow, bool, bool, Vec<Vec<u8>>);

/// Changes a profile.
pub(super) async fn patch_profile(
    conn: &mut Conn,
    (user_id, change, told): &(UserId, Option<ProfileChange>, Option<Outgoing>),
) -> Result<Option<PatchedRow>, Failure> {
    let user_id = IdValue(*user_id.as_uuid());
    if let Some(change) = change {
        in_transaction(conn, async |conn: &mut Conn| {
            let active = users::table.find(user_id).filter(users::state.eq(ACTIVE));
            let changed = diesel::update(active).set(change.clone()).execute(conn).await?;
            tell(conn, if changed > 0 { told.as_slice() } else { &[] }).await
        })
        .await?;
    }
    let user: Option<(UserRow, bool, bool)> = users::table
        .find(user_id)
        .filter(users::state.eq(ACTIVE))
        .select((UserRow::as_select(), has_password!(), has_phone!()))
        .first(conn)
        .await
        .optional()?;
    let Some((user, has_password, has_phone)) = user else { return Ok(None) };
    let tokens = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null())
        .select(sessions::token_hash)
        .load(conn)
        .await?;
    Ok(Some((user, has_password, has_phone, tokens)))
}

/// The latest moment that was written or that the engine tells. Names are made of their moments, so
/// that the last one of each table has the latest.
pub(super) async fn latest(conn: &mut Conn, (): &()) -> Result<Option<Timestamp>, Failure> {
    let login: Option<MomentValue> = login_events::table
        .order(login_events::id.desc())
        .select(login_events::at)
        .first(conn)
        .await
        .optional()?;
    let change: Option<MomentValue> = audit_events::table
        .order(audit_events::id.desc())
        .select(audit_events::at)
        .first(conn)
        .await
        .optional()?;
    let noted: Option<MomentValue> =
        latest_moment::table.find(1).select(latest_moment::at).first(conn).await.optional()?;
    let told = time_of_day(conn).await?;
    Ok([login, change, noted].into_iter().flatten().map(|it| it.0).chain(told).max())
}

/// Moves the latest moment on; one that is later stays.
pub(super) async fn note(conn: &mut Conn, moment: &Timestamp) -> Result<(), Failure> {
    // That of an upsert, which the prelude's is not.
    use diesel::query_dsl::methods::FilterDsl as _;

    diesel::insert_into(latest_moment::table)
        .values((latest_moment::id.eq(1), latest_moment::at.eq(MomentValue(*moment))))
        .on_conflict(latest_moment::id)
        .do_update()
        .set(latest_moment::at.eq(excluded(latest_moment::at)))
        .filter(latest_moment::at.lt(excluded(latest_moment::at)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Answers.
pub(super) async fn ping(conn: &mut Conn, (): &()) -> Result<(), Failure> {
    diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1"))
        .get_result::<i32>(conn)
        .await?;
    Ok(())
}
