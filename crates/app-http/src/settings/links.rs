//! What goes over a network to the stores: in production only what nobody between can read
//! (CFG-02, CFG-03).

use adapters_db::postgres::{self, Link};
use adapters_redis::RedisSettings;
use secrecy::ExposeSecret as _;

use super::sections::Store;
use super::{Profile, SettingsError};

/// Refuses in production a store on another machine without verified TLS. An address that cannot
/// be read is refused where the store is opened.
pub(super) fn check(store: &Store, profile: Profile) -> Result<(), SettingsError> {
    if profile == Profile::Development {
        return Ok(());
    }
    let database = store.database_url.expose_secret();
    if !database.starts_with("sqlite:") && matches!(postgres::link(database), Ok(Link::Open)) {
        let problem = "must end with ?sslmode=verify-full in production, unless the server is on \
                       this machine";
        return Err(SettingsError::key("store.database_url", problem));
    }
    if let Ok(false) = RedisSettings::new(store.redis_url.clone()).is_private() {
        let problem =
            "must begin with rediss:// in production, unless the server is on this machine";
        return Err(SettingsError::key("store.redis_url", problem));
    }
    Ok(())
}
