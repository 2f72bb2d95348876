//! What people were told: each has ways in and sessions, and of each it is known whether the
//! service acknowledged it, acknowledged its end, or left it open by giving no answer.

use std::time::Instant;

/// What is known of a way in or a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was acknowledged.
    Sure,
    /// A request that changes it had no answer, or a 503: it may stand or not.
    Open,
    /// Its end was acknowledged.
    Over,
}

/// How somebody proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Means {
    /// A code to a phone or to a mailbox.
    Code(String),
    /// A user name with [`PASSWORD`].
    Name(String),
    /// An account at a third party, by its number there.
    Provider(u64),
}

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// One way in.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// How.
    pub(crate) means: Means,
    /// The identity's id, where the service told it.
    pub(crate) identity: Option<String>,
    /// Whether it is there.
    pub(crate) standing: Standing,
    /// When a proof by it was asked for last.
    pub(crate) asked: Option<Instant>,
}

/// One session.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// What it is held by.
    pub(crate) token: String,
    /// The place of the way in that it was born from, among the person's.
    pub(crate) born_of: usize,
    /// Whether it is alive.
    pub(crate) standing: Standing,
    /// What became of it, and when, for whoever looks into a fault.
    pub(crate) story: Vec<(&'static str, Instant)>,
}

impl Session {
    /// It has another standing, by some verb.
    pub(crate) fn becomes(&mut self, standing: Standing, by: &'static str) {
        self.standing = standing;
        self.story.push((by, Instant::now()));
    }

    /// What became of it, in words.
    pub(crate) fn told(&self) -> String {
        let told = self.story.iter().map(|(by, at)| format!("{by} {:.1?} ago", at.elapsed()));
        told.collect::<Vec<_>>().join(", ")
    }
}

/// One person of a storm, and all that the service said to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    /// The user's id, once a registration or a login was acknowledged.
    pub(crate) user: Option<String>,
    /// Another user that this one may have become: a merge without an answer.
    pub(crate) perhaps: Option<String>,
    /// Ways in, the first one being that of the registration.
    pub(crate) ways: Vec<Way>,
    /// Sessions.
    pub(crate) sessions: Vec<Session>,
    /// Whether somebody else took this account in.
    pub(crate) is_absorbed: bool,
    /// Whether it took somebody else's account in, and has sessions that were the other's.
    pub(crate) has_absorbed: bool,
    /// Whether another one may have become this one: then nobody takes this one in.
    pub(crate) is_waited_for: bool,
}

impl Person {
    /// Somebody who will register by this.
    pub(crate) fn new(means: Means) -> Self {
        let way = Way { means, identity: None, standing: Standing::Open, asked: None };
        Self { ways: vec![way], ..Self::default() }
    }

    /// Whether all is settled of who this is.
    pub(crate) fn is_free(&self) -> bool {
        !self.is_absorbed && self.perhaps.is_none()
    }

    /// The places of ways in with a standing.
    pub(crate) fn ways_that_are(&self, standing: Standing) -> Vec<usize> {
        let found = self.ways.iter().enumerate().filter(|(_, it)| it.standing == standing);
        found.map(|(place, _)| place).collect()
    }

    /// The places of sessions with a standing.
    pub(crate) fn sessions_that_are(&self, standing: Standing) -> Vec<usize> {
        let found = self.sessions.iter().enumerate().filter(|(_, it)| it.standing == standing);
        found.map(|(place, _)| place).collect()
    }

    /// What becomes of all sessions at once, but of one and of those that are over.
    pub(crate) fn end_sessions(
        &mut self,
        but: Option<usize>,
        standing: Standing,
        by: &'static str,
    ) {
        for (place, it) in self.sessions.iter_mut().enumerate() {
            if Some(place) != but && it.standing != Standing::Over {
                it.becomes(standing, by);
            }
        }
    }

    /// Whether a user's id is one that this person may have.
    pub(crate) fn may_be(&self, user: &str) -> bool {
        [&self.user, &self.perhaps].into_iter().flatten().any(|it| it == user)
    }
}
