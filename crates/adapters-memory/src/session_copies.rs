//! Copies of sessions, in process.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use async_trait::async_trait;
use domain::secret::TokenHash;
use domain::session::SignedIn;
use ports::error::StoreError;
use ports::session_copies::{COPY_LIFE, FORGET_LIFE, SessionCopies};

use crate::{Sweeps, lock};

/// Session copies of this process. Their lives are its own time, which nobody sets back.
#[derive(Debug, Default)]
pub struct MemorySessionCopies(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    held: HashMap<TokenHash, Held>,
    sweeps: Sweeps,
}

#[derive(Debug)]
struct Held {
    /// `None` keeps the token's copies out.
    copy: Option<Arc<SignedIn>>,
    /// When it was stored; its life begins there.
    since: Instant,
}

#[async_trait]
impl SessionCopies for MemorySessionCopies {
    async fn find(&self, token: &TokenHash) -> Result<Option<SignedIn>, StoreError> {
        let found = lock(&self.0).find(token, Instant::now());
        Ok(found.map(Arc::unwrap_or_clone))
    }

    async fn put(&self, token: &TokenHash, copy: &SignedIn) -> Result<(), StoreError> {
        let copy = Arc::new(copy.clone());
        lock(&self.0).put(*token, copy, Instant::now());
        Ok(())
    }

    async fn replace(&self, token: &TokenHash, copy: &SignedIn) -> Result<(), StoreError> {
        let copy = Arc::new(copy.clone());
        lock(&self.0).replace(token, copy, Instant::now());
        Ok(())
    }

    async fn forget(&self, tokens: &[TokenHash]) -> Result<(), StoreError> {
        lock(&self.0).forget(tokens, Instant::now());
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Held {
    fn is_live(&self, now: Instant) -> bool {
        let life = if self.copy.is_some() { COPY_LIFE } else { FORGET_LIFE };
        now.saturating_duration_since(self.since) < life
    }
}

impl State {
    fn find(&self, token: &TokenHash, now: Instant) -> Option<Arc<SignedIn>> {
        self.held.get(token).filter(|it| it.is_live(now))?.copy.clone()
    }

    fn put(&mut self, token: TokenHash, copy: Arc<SignedIn>, now: Instant) {
        let put = Held { copy: Some(copy), since: now };
        match self.held.entry(token) {
            Entry::Occupied(held) if held.get().is_live(now) => return,
            Entry::Occupied(mut dead) => drop(dead.insert(put)),
            Entry::Vacant(free) => drop(free.insert(put)),
        }
        self.swept(now);
    }

    fn replace(&mut self, token: &TokenHash, copy: Arc<SignedIn>, now: Instant) {
        if let Some(held) = self.held.get_mut(token).filter(|it| it.is_live(now))
            && let Some(older) = &mut held.copy
        {
            *older = copy;
        }
    }

    fn forget(&mut self, tokens: &[TokenHash], now: Instant) {
        for token in tokens {
            self.held.insert(*token, Held { copy: None, since: now });
            self.swept(now);
        }
    }

    /// Counts a write and sweeps when it is time.
    fn swept(&mut self, now: Instant) {
        if self.sweeps.due() {
            self.held.retain(|_, it| it.is_live(now));
            self.sweeps.done(self.held.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use domain::Duration;
    use domain::id::{IdentityId, SessionId, UserId};
    use domain::origin::{Device, Origin};
    use domain::profile::Profile;
    use domain::session::{Method, Session};
    use domain::user::{User, UserState};
    use ports::testing::at;

    use super::*;

    ports::session_copies_contract!(async { Arc::new(MemorySessionCopies::default()) });

    const TOKEN: TokenHash = TokenHash::new([1; 32]);

    fn copy() -> Arc<SignedIn> {
        let user = User {
            id: UserId::new(at(0), [1; 10]),
            profile: Profile::default(),
            state: UserState::Active,
            created_at: at(0),
            has_password: false,
            has_phone: true,
        };
        let session = Session {
            id: SessionId::new(at(0), [1; 10]),
            user_id: user.id,
            identity_id: IdentityId::new(at(0), [1; 10]),
            method: Method::Sms,
            auth_time: at(0),
            created_at: at(0),
            last_seen_at: at(0),
            idle_ends_at: at(9),
            absolute_ends_at: None,
            origin: Origin { ip: Ipv4Addr::LOCALHOST.into(), device: Device::default() },
        };
        Arc::new(SignedIn { session, user })
    }

    /// SES-04: a copy lives 60 seconds, and being replaced does not lengthen its life.
    #[test]
    fn a_copy_lives_its_life_and_no_longer() {
        let (mut state, begin) = (State::default(), Instant::now());
        let after = |seconds| begin + Duration::from_secs(seconds);
        state.put(TOKEN, copy(), begin);
        state.replace(&TOKEN, copy(), after(30));
        assert!(state.find(&TOKEN, after(59)).is_some());
        assert!(state.find(&TOKEN, after(60)).is_none());
        state.replace(&TOKEN, copy(), after(60));
        assert!(state.find(&TOKEN, after(60)).is_none());
        state.put(TOKEN, copy(), after(60));
        assert!(state.find(&TOKEN, after(119)).is_some());
    }

    #[test]
    fn a_forgotten_token_is_kept_out_for_its_time() {
        let (mut state, begin) = (State::default(), Instant::now());
        state.forget(&[TOKEN], begin);
        for (second, found) in [(19, false), (20, true)] {
            let now = begin + Duration::from_secs(second);
            state.put(TOKEN, copy(), now);
            assert_eq!(state.find(&TOKEN, now).is_some(), found, "after {second} s");
        }
    }

    /// What is dead takes no memory for long.
    #[test]
    fn dead_copies_are_swept() {
        let (mut state, begin) = (State::default(), Instant::now());
        for number in 0..10_000_u64 {
            let token = TokenHash::new(number.to_be_bytes().repeat(4).try_into().unwrap());
            let now = begin + Duration::from_secs(number);
            state.put(token, copy(), now);
            state.forget(&[token], now);
        }
        assert!(state.held.len() < 2_000, "{} are kept", state.held.len());
    }
}
