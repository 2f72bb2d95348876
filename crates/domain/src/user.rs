//! The person behind the ways in.

use crate::Timestamp;
use crate::id::UserId;
use crate::profile::Profile;
use crate::session::Method;

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserState {
    /// It may.
    Active,
    /// An operator has switched it off.
    Disabled,
    /// It was taken in by another account, which its id means from then on.
    Merged,
    /// Its owner deleted it.
    Deleted,
}

impl UserState {
    /// The stable name, in stores and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Merged => "merged",
            Self::Deleted => "deleted",
        }
    }

    /// Reads the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Active, Self::Disabled, Self::Merged, Self::Deleted]
            .into_iter()
            .find(|it| it.as_str() == name)
    }
}

/// A user, as answers show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their name for other systems; never an identifier of theirs.
    pub id: UserId,
    /// What they show of themselves.
    pub profile: Profile,
    /// Whether the account may be used.
    pub state: UserState,
    /// When they registered.
    pub created_at: Timestamp,
    /// Whether a password is set.
    pub has_password: bool,
    /// Whether a verified phone number is theirs.
    pub has_phone: bool,
}

/// What a client should offer next, most wanted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// A nickname is missing.
    CompleteProfile,
    /// No password is set.
    SetPassword,
    /// The service wants a phone number.
    LinkPhone,
    /// What they logged in with is another account's as well: both may be theirs.
    Merge,
}

impl NextStep {
    /// The stable name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CompleteProfile => "complete_profile",
            Self::SetPassword => "set_password",
            Self::LinkPhone => "link_phone",
            Self::Merge => "merge",
        }
    }
}

impl User {
    /// True once a nickname is set.
    #[must_use]
    pub const fn profile_complete(&self) -> bool {
        self.profile.nickname.is_some()
    }

    /// What is still to be done. One tap proves too little to set a password (TAP-03).
    #[must_use]
    pub fn next_steps(
        &self,
        require_phone: bool,
        method: Method,
        proposes_merge: bool,
    ) -> Vec<NextStep> {
        [
            (require_phone && !self.has_phone, NextStep::LinkPhone),
            (!self.profile_complete(), NextStep::CompleteProfile),
            (!self.has_password && method != Method::Carrier, NextStep::SetPassword),
            (proposes_merge, NextStep::Merge),
        ]
        .into_iter()
        .filter_map(|(open, step)| open.then_some(step))
        .collect()
    }
}
