//! Copies of sessions, on Redis.

use std::borrow::Cow;
use std::net::IpAddr;

use async_trait::async_trait;
use domain::id::{IdentityId, SessionId, UserId};
use domain::origin::{Device, Origin};
use domain::profile::{AvatarUrl, Nickname, Profile};
use domain::secret::TokenHash;
use domain::session::{Method, Session, SignedIn};
use domain::user::{User, UserState};
use domain::{Duration, Timestamp};
use ports::error::StoreError;
use ports::session_copies::{COPY_LIFE, FORGET_LIFE, SessionCopies};
use redis::Script;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Redis;
use crate::arguments::micros;

const COPY: &str = "session";
/// What stands where copies are kept out; no JSON begins like this.
const KEPT_OUT: &[u8] = b"-";

const CORRUPT: StoreError = StoreError::Corrupt { what: "redis session copy" };

/// Session copies on Redis: one GET finds one, one SET stores one.
#[derive(Debug, Clone)]
pub struct RedisSessionCopies {
    redis: Redis,
    replace: Script,
}

impl RedisSessionCopies {
    /// Session copies on a server.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis, replace: Script::new(include_str!("replace.lua")) }
    }

    fn key(&self, token: &TokenHash) -> Vec<u8> {
        self.redis.key(COPY, token.as_bytes())
    }
}

#[async_trait]
impl SessionCopies for RedisSessionCopies {
    async fn find(&self, token: &TokenHash) -> Result<Option<SignedIn>, StoreError> {
        let mut get = redis::cmd("GET");
        get.arg(self.key(token));
        let held: Option<Vec<u8>> = self.redis.command(named!("session_copies.find"), &get).await?;
        held.filter(|it| it != KEPT_OUT).map(|it| read(&it)).transpose()
    }

    async fn put(&self, token: &TokenHash, copy: &SignedIn) -> Result<(), StoreError> {
        let mut set = redis::cmd("SET");
        set.arg(self.key(token)).arg(write(copy)?).arg("NX").arg("PX").arg(px(COPY_LIFE));
        self.redis.command(named!("session_copies.put"), &set).await
    }

    async fn replace(&self, token: &TokenHash, copy: &SignedIn) -> Result<(), StoreError> {
        let mut script = self.replace.key(self.key(token));
        script.arg(write(copy)?).arg(KEPT_OUT);
        self.redis.script(named!("session_copies.replace"), &script).await
    }

    async fn forget(&self, tokens: &[TokenHash]) -> Result<(), StoreError> {
        if tokens.is_empty() {
            return Ok(());
        }
        let mut sets = redis::pipe();
        for token in tokens {
            sets.cmd("SET").arg(self.key(token)).arg(KEPT_OUT).arg("PX").arg(px(FORGET_LIFE));
        }
        self.redis.pipeline(named!("session_copies.forget"), &sets).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.redis.ping().await
    }
}

/// Whole milliseconds. No slack: here Redis' own time is what a life is measured by.
fn px(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX)
}

/// A copy as it is stored. Times are microseconds since 1970; no token and no identifier is in it.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    session_id: Uuid,
    user_id: Uuid,
    identity_id: Uuid,
    method: Cow<'a, str>,
    auth_time: i64,
    created_at: i64,
    last_seen_at: i64,
    idle_ends_at: i64,
    absolute_ends_at: Option<i64>,
    ip: IpAddr,
    device_id: Option<Cow<'a, str>>,
    device_name: Option<Cow<'a, str>>,
    nickname: Option<Cow<'a, str>>,
    avatar_url: Option<Cow<'a, str>>,
    state: Cow<'a, str>,
    registered_at: i64,
    has_password: bool,
    has_phone: bool,
}

fn write(SignedIn { session, user }: &SignedIn) -> Result<Vec<u8>, StoreError> {
    let row = Row {
        session_id: *session.id.as_uuid(),
        user_id: *user.id.as_uuid(),
        identity_id: *session.identity_id.as_uuid(),
        method: session.method.as_str().into(),
        auth_time: micros(session.auth_time),
        created_at: micros(session.created_at),
        last_seen_at: micros(session.last_seen_at),
        idle_ends_at: micros(session.idle_ends_at),
        absolute_ends_at: session.absolute_ends_at.map(micros),
        ip: session.origin.ip,
        device_id: session.origin.device.id.as_deref().map(Cow::from),
        device_name: session.origin.device.name.as_deref().map(Cow::from),
        nickname: user.profile.nickname.as_ref().map(|it| it.as_str().into()),
        avatar_url: user.profile.avatar_url.as_ref().map(|it| it.as_str().into()),
        state: user.state.as_str().into(),
        registered_at: micros(user.created_at),
        has_password: user.has_password,
        has_phone: user.has_phone,
    };
    serde_json::to_vec(&row).map_err(|_| CORRUPT)
}

fn read(held: &[u8]) -> Result<SignedIn, StoreError> {
    let row: Row<'_> = serde_json::from_slice(held).map_err(|_| CORRUPT)?;
    let at = |it| Timestamp::from_microsecond(it).map_err(|_| CORRUPT);
    let nickname = row.nickname.map(|it| Nickname::parse(&it)).transpose();
    let avatar_url = row.avatar_url.map(|it| AvatarUrl::parse(&it)).transpose();
    let user = User {
        id: UserId::from_uuid(row.user_id),
        profile: Profile {
            nickname: nickname.map_err(|_| CORRUPT)?,
            avatar_url: avatar_url.map_err(|_| CORRUPT)?,
        },
        state: UserState::parse(&row.state).ok_or(CORRUPT)?,
        created_at: at(row.registered_at)?,
        has_password: row.has_password,
        has_phone: row.has_phone,
    };
    let device = Device {
        id: row.device_id.map(Cow::into_owned),
        name: row.device_name.map(Cow::into_owned),
    };
    let session = Session {
        id: SessionId::from_uuid(row.session_id),
        user_id: user.id,
        identity_id: IdentityId::from_uuid(row.identity_id),
        method: Method::parse(&row.method).ok_or(CORRUPT)?,
        auth_time: at(row.auth_time)?,
        created_at: at(row.created_at)?,
        last_seen_at: at(row.last_seen_at)?,
        idle_ends_at: at(row.idle_ends_at)?,
        absolute_ends_at: row.absolute_ends_at.map(at).transpose()?,
        origin: Origin { ip: row.ip, device },
    };
    Ok(SignedIn { session, user })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_copy_is_corrupt_and_not_told() {
        for held in [&b""[..], b"{}", b"hush", b"{\"session_id\":\"hush\"}"] {
            let error = read(held).unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { .. }));
            assert!(!format!("{error:?}").contains("hush"));
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_held_breaks_us(held: Vec<u8>, text in "(?s:.){0,40}", number: i64) {
            let text = serde_json::Value::from(text);
            let nil = Uuid::nil();
            let row = format!(
                r#"{{"session_id":"{nil}","user_id":"{nil}","identity_id":"{nil}","method":{text},
                "auth_time":{number},"created_at":{number},"last_seen_at":0,"idle_ends_at":{number},
                "absolute_ends_at":null,"ip":"::1","device_id":{text},"device_name":{text},
                "nickname":{text},"avatar_url":{text},"state":"active","registered_at":0,
                "has_password":true,"has_phone":true}}"#
            );
            for held in [held, row.into_bytes()] {
                if let Err(error) = read(&held) {
                    let is_corrupt = matches!(error, StoreError::Corrupt { .. });
                    prop_assert!(is_corrupt, "{error:?}");
                }
            }
        }
    }
}
