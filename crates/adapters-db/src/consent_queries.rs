//! The queries of consents, each keyed by one user. The row of the user is the lock, as for codes
//! and their exchange.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::Timestamp;
use domain::change::AuditLine;
use domain::id::{SessionId, UserId};
use domain::oauth::client::ClientId;
use domain::oauth::consent::{Consent, Need};
use domain::secret::TokenHash;
use ports::sessions::RECENT;

use super::changes::audit;
use super::engine::Conn;
use super::queries::{find_session_by_id, in_transaction, lock_user};
use crate::consent_row::ConsentRow;
use crate::error::Failure;
use crate::rows::token_hash;
use crate::schema::{oauth_codes, oauth_consents, sessions};
use crate::types::{IdValue, MomentValue};

async fn find(
    conn: &mut Conn,
    user_id: UserId,
    client_id: &ClientId,
) -> Result<Option<Consent>, Failure> {
    let found: Option<ConsentRow> = oauth_consents::table
        .find((IdValue(*user_id.as_uuid()), client_id.as_str()))
        .select(ConsentRow::as_select())
        .first(conn)
        .await
        .optional()?;
    found.map(ConsentRow::consent).transpose()
}

/// True if a user, who is locked, agreed to what a code for a program needs.
pub(super) async fn covers(
    conn: &mut Conn,
    user_id: UserId,
    client_id: &ClientId,
    need: &Need,
) -> Result<bool, Failure> {
    let held = find(conn, user_id, client_id).await?;
    Ok(held.is_some_and(|it| it.covers(need)))
}

/// Writes a consent; see the port's `give`.
pub(super) async fn give(
    conn: &mut Conn,
    (new, session, line): &(Consent, SessionId, AuditLine),
) -> Result<Option<Consent>, Failure> {
    in_transaction(conn, async |conn: &mut Conn| {
        let user_id = IdValue(*new.user_id.as_uuid());
        lock_user(conn, user_id).await?;
        let asking = find_session_by_id(conn, IdValue(*session.as_uuid()), line.at).await?;
        if asking.is_none_or(|(asking, ..)| asking.user_id != user_id) {
            return Ok(None);
        }
        let held = find(conn, new.user_id, &new.client_id).await?;
        let given = new.clone().widening(held.as_ref());
        let row = ConsentRow::of(&given);
        diesel::insert_into(oauth_consents::table)
            .values(row.clone())
            .on_conflict((oauth_consents::user_id, oauth_consents::client_id))
            .do_update()
            .set(row)
            .execute(conn)
            .await?;
        audit(conn, line).await?;
        Ok(Some(given))
    })
    .await
}

/// The consents of a user, the last given first.
pub(super) async fn list(conn: &mut Conn, user_id: &UserId) -> Result<Vec<Consent>, Failure> {
    let found: Vec<ConsentRow> = oauth_consents::table
        .filter(oauth_consents::user_id.eq(IdValue(*user_id.as_uuid())))
        .order((oauth_consents::granted_at.desc(), oauth_consents::client_id))
        .select(ConsentRow::as_select())
        .load(conn)
        .await?;
    found.into_iter().map(ConsentRow::consent).collect()
}

/// Takes a consent back and ends what stands for the program's grants; see the port's `withdraw`.
pub(super) async fn withdraw(
    conn: &mut Conn,
    (user_id, client_id, line): &(UserId, ClientId, AuditLine),
) -> Result<Option<Vec<TokenHash>>, Failure> {
    let owner = IdValue(*user_id.as_uuid());
    let lately = MomentValue(line.at.checked_sub(RECENT).unwrap_or(Timestamp::MIN));
    in_transaction(conn, async |conn: &mut Conn| {
        // A code that is issued or exchanged at the same time is there already, or never.
        lock_user(conn, owner).await?;
        let removed = diesel::delete(oauth_consents::table.find((owner, client_id.as_str())))
            .execute(conn)
            .await?;
        let held: Vec<IdValue> = sessions::table
            .inner_join(oauth_codes::table.on(oauth_codes::session_id.eq(sessions::id)))
            .filter(sessions::user_id.eq(owner))
            .filter(oauth_codes::client_id.eq(client_id.as_str()))
            .select(sessions::id)
            .load(conn)
            .await?;
        let ended = diesel::update(sessions::table.filter(sessions::id.eq_any(&held)))
            .filter(sessions::ended_at.is_null())
            .set(sessions::ended_at.eq(MomentValue(line.at)))
            .execute(conn)
            .await?;
        if removed + ended > 0 {
            audit(conn, line).await?;
        }
        let dead: Vec<Vec<u8>> = sessions::table
            .filter(sessions::id.eq_any(&held))
            .filter(sessions::ended_at.gt(lately))
            .select(sessions::token_hash)
            .load(conn)
            .await?;
        let is_known = removed > 0 || !dead.is_empty();
        let dead = dead.iter().map(|it| token_hash(it)).collect::<Result<_, _>>()?;
        Ok(is_known.then_some(dead))
    })
    .await
}

/// Forgets the consents of a user.
pub(super) async fn forget(conn: &mut Conn, user_id: UserId) -> Result<(), Failure> {
    let own = oauth_consents::table.filter(oauth_consents::user_id.eq(IdValue(*user_id.as_uuid())));
    diesel::delete(own).execute(conn).await?;
    Ok(())
}
