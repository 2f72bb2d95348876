//! The queries of codes and tokens, each keyed by one hash or one session.
//!
//! What changes a session's token or ends takes the lock of its account first: whatever ends
//! sessions does so as well, and then sees the token as it is.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::Timestamp;
use domain::id::SessionId;
use domain::id::UserId;
use domain::oauth::client::Ends;
use domain::oauth::code::{Code, Grant, Refusal};
use domain::oauth::refresh::{self, GRACE, Refreshed, narrowed};
use domain::oauth::scope::Scopes;
use domain::secret::TokenHash;
use domain::session::{MOST_SESSIONS, Session, SignedIn};
use ports::grants::{
    Betrayed, Child, Exchange, Exchanged, Found, Granted, Issued, NewAccess, NewCode, Refresh,
    Renewed, Taken,
};

use super::consent_queries;
use super::engine::Conn;
use super::queries::{find_session_by_id, in_transaction, lock_user};
use crate::error::{Failure, corrupt};
use crate::grant_rows::{AccessRow, CodeRow, RefreshRow, scope};
use crate::rows::{SessionRow, signed_in, token_hash};
use crate::schema::{identities, oauth_access_tokens, oauth_codes, oauth_refresh_tokens, sessions};
use crate::types::{IdValue, MomentValue};

/// Rows of one table that go in one go.
const PURGED_AT_ONCE: i64 = 500;

/// Writes a code; see the port's `issue`.
pub(super) async fn issue(conn: &mut Conn, new: &NewCode) -> Result<Issued, Failure> {
    in_transaction(conn, async |conn: &mut Conn| {
        let mut ended = Vec::new();
        if let Some(child) = &new.child {
            lock_user(conn, IdValue(*child.session.user_id.as_uuid())).await?;
            if !may_begin(conn, child, new.at).await? {
                return Ok(Issued::Stale);
            }
            let user_id = child.session.user_id;
            if let Some(need) = &child.need
                && !consent_queries::covers(conn, user_id, &new.code.grant.client_id, need).await?
            {
                return Ok(Issued::Unconsented);
            }
            let row = SessionRow::of(&child.session, &child.token);
            diesel::insert_into(sessions::table).values(row).execute(conn).await?;
            ended = push_out(conn, &child.session).await?;
        }
        let id = IdValue(*new.code.grant.session_id.as_uuid());
        if find_session_by_id(conn, id, new.at).await?.is_none() {
            return Ok(Issued::Stale);
        }
        diesel::insert_into(oauth_codes::table)
            .values(CodeRow::of(&new.code))
            .execute(conn)
            .await?;
        Ok(Issued::Done { ended })
    })
    .await
}

/// True if the session that another is to begin from lives, and its identity is there still.
async fn may_begin(conn: &mut Conn, child: &Child, at: Timestamp) -> Result<bool, Failure> {
    let parent = find_session_by_id(conn, IdValue(*child.parent.as_uuid()), at).await?;
    let session = &child.session;
    let user_id = IdValue(*session.user_id.as_uuid());
    let identity: Option<IdValue> = identities::table
        .find(IdValue(*session.identity_id.as_uuid()))
        .filter(identities::user_id.eq(user_id))
        .select(identities::id)
        .first(conn)
        .await
        .optional()?;
    let is_own = parent.is_some_and(|(parent, ..)| parent.user_id == user_id);
    Ok(is_own && identity.is_some())
}

/// Ends the sessions over the most, the longest unused, and gives their tokens (SES-05).
async fn push_out(conn: &mut Conn, new: &Session) -> Result<Vec<TokenHash>, Failure> {
    let over: Vec<(IdValue, Vec<u8>)> = sessions::table
        .filter(sessions::user_id.eq(IdValue(*new.user_id.as_uuid())))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::idle_ends_at.gt(MomentValue(new.created_at)))
        .filter(sessions::id.ne(IdValue(*new.id.as_uuid())))
        .order((sessions::last_seen_at.desc(), sessions::id.desc()))
        .offset(i64::try_from(MOST_SESSIONS - 1).unwrap_or(i64::MAX))
        .limit(i64::MAX)
        .select((sessions::id, sessions::token_hash))
        .load(conn)
        .await?;
    for (id, _) in &over {
        diesel::update(sessions::table.find(id))
            .set(sessions::ended_at.eq(MomentValue(new.created_at)))
            .execute(conn)
            .await?;
    }
    over.iter().map(|(_, token)| token_hash(token)).collect()
}

/// Whose a session is; the owner's row is locked. `None` for a session that is gone meanwhile, and
/// what hung on it with it.
async fn lock_owner(conn: &mut Conn, session_id: IdValue) -> Result<Option<UserId>, Failure> {
    let user_id: Option<IdValue> =
        sessions::table.find(session_id).select(sessions::user_id).first(conn).await.optional()?;
    let Some(user_id) = user_id else { return Ok(None) };
    lock_user(conn, user_id).await?;
    Ok(Some(UserId::from_uuid(user_id.0)))
}

async fn code(conn: &mut Conn, hash: &TokenHash) -> Result<Option<CodeRow>, Failure> {
    let found = oauth_codes::table
        .find(hash.as_bytes().as_slice())
        .select(CodeRow::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(found)
}

/// Exchanges a code; see the port's `exchange`.
pub(super) async fn exchange(conn: &mut Conn, it: &Exchange) -> Result<Exchanged, Failure> {
    in_transaction(conn, async |conn: &mut Conn| {
        let Some(row) = code(conn, &it.code).await? else { return Ok(Exchanged::Unfit) };
        let session_id = row.session_id;
        let Some(user_id) = lock_owner(conn, session_id).await? else {
            return Ok(Exchanged::Unfit);
        };
        // As it is now that nobody else is at it; one that is gone is long over.
        let Some(row) = code(conn, &it.code).await? else { return Ok(Exchanged::Unfit) };
        let is_used = row.used_at.is_some();
        let Code { grant, nonce, .. } = {
            let code = row.code()?;
            let found = find_session_by_id(conn, session_id, it.at).await?;
            match code.check(is_used, found.is_some(), &it.shown, it.at) {
                Ok(()) => code,
                Err(Refusal::Unfit) => return Ok(Exchanged::Unfit),
                Err(Refusal::Used) => {
                    let session_id = code.grant.session_id;
                    return Ok(Exchanged::Used(Betrayed { user_id, session_id }));
                }
            }
        };
        let token = match it.taken {
            Taken::Session(token) => Some(token),
            Taken::Pair { .. } => None,
        };
        let Some(signed_in) = adopt(conn, session_id, token, it.ends, it.at).await? else {
            return Ok(Exchanged::Unfit);
        };
        let kept_until = signed_in.session.absolute_ends_at.map(MomentValue);
        let used = diesel::update(oauth_codes::table.find(it.code.as_bytes().as_slice()))
            .filter(oauth_codes::used_at.is_null())
            .set((
                oauth_codes::used_at.eq(Some(MomentValue(it.at))),
                oauth_codes::kept_until.eq(kept_until),
            ))
            .execute(conn)
            .await?;
        if used == 0 {
            // Nobody else can be at it.
            return Err(corrupt("oauth_codes.used_at"));
        }
        if let Taken::Pair { access, refresh } = &it.taken {
            insert_access(conn, access, session_id, grant.scope).await?;
            diesel::insert_into(oauth_refresh_tokens::table)
                .values(RefreshRow::new(refresh, session_id, kept_until))
                .execute(conn)
                .await?;
        }
        Ok(Exchanged::Done { granted: Box::new(Granted { grant, signed_in }), nonce })
    })
    .await
}

/// Gives a live session new ends, and a new token where there is one.
async fn adopt(
    conn: &mut Conn,
    id: IdValue,
    token: Option<TokenHash>,
    ends: Ends,
    at: Timestamp,
) -> Result<Option<SignedIn>, Failure> {
    let Some(row) = find_session_by_id(conn, id, at).await? else { return Ok(None) };
    let mut found = signed_in(row)?;
    let ends = ends.within(found.session.absolute_ends_at);
    found.session.idle_ends_at = ends.idle;
    found.session.absolute_ends_at = ends.absolute;
    found.session.last_seen_at = at;
    let live = sessions::table.find(id).filter(sessions::ended_at.is_null());
    let changed = diesel::update(live)
        .set((
            sessions::idle_ends_at.eq(MomentValue(ends.idle)),
            sessions::absolute_ends_at.eq(ends.absolute.map(MomentValue)),
            sessions::last_seen_at.eq(MomentValue(at)),
        ))
        .execute(conn)
        .await?;
    if changed == 0 {
        return Ok(None);
    }
    if let Some(token) = token {
        diesel::update(sessions::table.find(id))
            .set(sessions::token_hash.eq(token.as_bytes().as_slice()))
            .execute(conn)
            .await?;
    }
    Ok(Some(found))
}

async fn insert_access(
    conn: &mut Conn,
    access: &NewAccess,
    session_id: IdValue,
    scope: Scopes,
) -> Result<(), Failure> {
    let row = AccessRow {
        token_hash: access.hash.as_bytes().to_vec(),
        session_id,
        scope: scope.to_string(),
        expires_at: MomentValue(access.expires_at),
    };
    diesel::insert_into(oauth_access_tokens::table).values(row).execute(conn).await?;
    Ok(())
}

async fn refresh_token(conn: &mut Conn, hash: &TokenHash) -> Result<Option<RefreshRow>, Failure> {
    let found = oauth_refresh_tokens::table
        .find(hash.as_bytes().as_slice())
        .select(RefreshRow::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(found)
}

/// Refreshes; see the port's `refresh`.
pub(super) async fn refresh(conn: &mut Conn, it: &Refresh) -> Result<Renewed, Failure> {
    in_transaction(conn, async |conn: &mut Conn| {
        let Some(row) = refresh_token(conn, &it.token).await? else { return Ok(Renewed::Unfit) };
        let session_id = row.session_id;
        let Some(user_id) = lock_owner(conn, session_id).await? else {
            return Ok(Renewed::Unfit);
        };
        let Some(row) = refresh_token(conn, &it.token).await? else { return Ok(Renewed::Unfit) };
        let id = SessionId::from_uuid(session_id.0);
        let Some(grant) = of_session(conn, &id).await? else { return Ok(Renewed::Unfit) };
        let is_live = find_session_by_id(conn, session_id, it.at).await?.is_some();
        let again = match row.held().refresh(is_live && grant.client_id == it.client_id, it.at) {
            Ok(Refreshed::Rotate) => None,
            Ok(Refreshed::Again(next)) => Some(next),
            Err(refresh::Refusal::Unfit) => return Ok(Renewed::Unfit),
            Err(refresh::Refusal::Used) => {
                return Ok(Renewed::Used(Betrayed { user_id, session_id: id }));
            }
        };
        let Some(scope) = narrowed(grant.scope, it.scope) else { return Ok(Renewed::Wider) };
        let Some(signed_in) = adopt(conn, session_id, None, it.ends, it.at).await? else {
            return Ok(Renewed::Unfit);
        };
        if again.is_none() {
            rotate(conn, it, session_id, &signed_in.session).await?;
        }
        insert_access(conn, &it.access, session_id, scope).await?;
        let granted = Box::new(Granted { grant: Grant { scope, ..grant }, signed_in });
        Ok(Renewed::Done { granted, again })
    })
    .await
}

async fn rotate(
    conn: &mut Conn,
    it: &Refresh,
    session_id: IdValue,
    session: &Session,
) -> Result<(), Failure> {
    let rotated = diesel::update(oauth_refresh_tokens::table.find(it.token.as_bytes().as_slice()))
        .filter(oauth_refresh_tokens::rotated_at.is_null())
        .set((
            oauth_refresh_tokens::rotated_at.eq(Some(MomentValue(it.at))),
            oauth_refresh_tokens::successor.eq(Some(it.sealed.as_bytes())),
        ))
        .execute(conn)
        .await?;
    if rotated == 0 {
        // Nobody else can be at it.
        return Err(corrupt("oauth_refresh_tokens.rotated_at"));
    }
    let kept_until = session.absolute_ends_at.map(MomentValue);
    diesel::insert_into(oauth_refresh_tokens::table)
        .values(RefreshRow::new(&it.next, session_id, kept_until))
        .execute(conn)
        .await?;
    Ok(())
}

/// Finds an access token.
pub(super) async fn find_access(
    conn: &mut Conn,
    (token, now): &(TokenHash, Timestamp),
) -> Result<Option<Found>, Failure> {
    let row: Option<AccessRow> = oauth_access_tokens::table
        .find(token.as_bytes().as_slice())
        .filter(oauth_access_tokens::expires_at.gt(MomentValue(*now)))
        .select(AccessRow::as_select())
        .first(conn)
        .await
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let Some(mut granted) = granted(conn, row.session_id, *now).await? else { return Ok(None) };
    granted.grant.scope = scope(&row.scope)?;
    Ok(Some(Found { granted, expires_at: row.expires_at.0, is_current: true }))
}

/// Finds a refresh token.
pub(super) async fn find_refresh(
    conn: &mut Conn,
    (token, now): &(TokenHash, Timestamp),
) -> Result<Option<Found>, Failure> {
    let Some(row) = refresh_token(conn, token).await? else { return Ok(None) };
    let Some(granted) = granted(conn, row.session_id, *now).await? else { return Ok(None) };
    let (expires_at, held) = (granted.signed_in.session.ends_at(), row.held());
    Ok(Some(Found { granted, expires_at, is_current: held.rotated_at.is_none() }))
}

async fn granted(
    conn: &mut Conn,
    session_id: IdValue,
    now: Timestamp,
) -> Result<Option<Granted>, Failure> {
    let Some(row) = find_session_by_id(conn, session_id, now).await? else { return Ok(None) };
    let signed_in = signed_in(row)?;
    let grant = of_session(conn, &signed_in.session.id).await?;
    Ok(grant.map(|grant| Granted { grant, signed_in }))
}

/// What a session stands for.
pub(super) async fn of_session(conn: &mut Conn, id: &SessionId) -> Result<Option<Grant>, Failure> {
    let row: Option<CodeRow> = oauth_codes::table
        .filter(oauth_codes::session_id.eq(IdValue(*id.as_uuid())))
        .select(CodeRow::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(|it| it.code().map(|it| it.grant)).transpose()
}

/// Ends an access token.
pub(super) async fn end_access(conn: &mut Conn, token: &TokenHash) -> Result<(), Failure> {
    diesel::delete(oauth_access_tokens::table.find(token.as_bytes().as_slice()))
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes what is over.
pub(super) async fn purge(conn: &mut Conn, now: &Timestamp) -> Result<u64, Failure> {
    let now_value = MomentValue(*now);
    let codes: Vec<Vec<u8>> = oauth_codes::table
        .filter(oauth_codes::kept_until.le(now_value))
        .limit(PURGED_AT_ONCE)
        .select(oauth_codes::code_hash)
        .load(conn)
        .await?;
    let tokens: Vec<Vec<u8>> = oauth_refresh_tokens::table
        .filter(oauth_refresh_tokens::kept_until.le(now_value))
        .limit(PURGED_AT_ONCE)
        .select(oauth_refresh_tokens::token_hash)
        .load(conn)
        .await?;
    let access: Vec<Vec<u8>> = oauth_access_tokens::table
        .filter(oauth_access_tokens::expires_at.le(now_value))
        .limit(PURGED_AT_ONCE)
        .select(oauth_access_tokens::token_hash)
        .load(conn)
        .await?;
    let gone = codes.len() + tokens.len() + access.len();
    // What is exchanged meanwhile is kept: its row says so.
    diesel::delete(oauth_codes::table.filter(oauth_codes::code_hash.eq_any(codes)))
        .filter(oauth_codes::kept_until.le(now_value))
        .execute(conn)
        .await?;
    diesel::delete(
        oauth_refresh_tokens::table.filter(oauth_refresh_tokens::token_hash.eq_any(tokens)),
    )
    .execute(conn)
    .await?;
    diesel::delete(
        oauth_access_tokens::table.filter(oauth_access_tokens::token_hash.eq_any(access)),
    )
    .execute(conn)
    .await?;
    let grace_began = MomentValue(now.checked_sub(GRACE).unwrap_or(Timestamp::MIN));
    let sealed = oauth_refresh_tokens::table
        .filter(oauth_refresh_tokens::successor.is_not_null())
        .filter(oauth_refresh_tokens::rotated_at.le(grace_began));
    diesel::update(sealed)
        .set(oauth_refresh_tokens::successor.eq(None::<Vec<u8>>))
        .execute(conn)
        .await?;
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}
