//! An account, whole: what a rule needs to plan a change of it.

use crate::Timestamp;
use crate::id::IdentityId;
use crate::identifier::IdentifierKind;
use crate::identity::Identity;
use crate::outbox::Address;
use crate::secret::{IdentifierKey, TokenHash};
use crate::session::Method;
use crate::user::User;

/// The most identities of one user (LINK-10).
pub const MOST_IDENTITIES: usize = 20;

/// An account as it was loaded. A change that is planned on it is written only if it still is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    /// Its owner.
    pub user: User,
    /// Counts the changes after which a proof made before them opens nothing any more.
    pub security_epoch: i32,
    /// Counts all changes of ways in, password and state.
    pub revision: i32,
    /// The ways in, the first linked first.
    pub identities: Vec<Identity>,
    /// What they are known by.
    pub keys: Vec<(IdentifierKey, IdentityId)>,
    /// The tokens of the live sessions.
    pub tokens: Vec<TokenHash>,
    /// A code made before this moment resets no password.
    pub resets_since: Option<Timestamp>,
    /// A code made before this moment links nothing.
    pub links_since: Option<Timestamp>,
}

impl AccountState {
    /// An identity of it.
    #[must_use]
    pub fn identity(&self, id: IdentityId) -> Option<&Identity> {
        self.identities.iter().find(|it| it.id == id)
    }

    /// The identity that an identifier belongs to.
    #[must_use]
    pub fn identity_of(&self, key: &IdentifierKey) -> Option<&Identity> {
        let (_, id) = self.keys.iter().find(|(it, _)| it == key)?;
        self.identity(*id)
    }

    /// An identifier of it, by which its attempts are counted.
    #[must_use]
    pub fn any_key(&self) -> Option<IdentifierKey> {
        self.keys.first().map(|(key, _)| *key)
    }

    /// How its owner can prove who they are.
    #[must_use]
    pub fn methods(&self) -> Vec<Method> {
        self.methods_without(None)
    }

    /// How its owner could still prove who they are if an identity were gone.
    ///
    /// A password is a way in as long as there is an identifier to say it with (LINK-06).
    #[must_use]
    pub fn methods_without(&self, gone: Option<IdentityId>) -> Vec<Method> {
        let left = || self.identities.iter().filter(|it| Some(it.id) != gone);
        let proves = |kind| left().any(|it| it.kind == kind && it.verified_at.is_some());
        [
            (proves(IdentifierKind::Phone), Method::Sms),
            (proves(IdentifierKind::Email), Method::Email),
            (self.user.has_password && left().next().is_some(), Method::Password),
        ]
        .into_iter()
        .filter_map(|(is_there, method)| is_there.then_some(method))
        .collect()
    }

    /// The addresses whose owner has proved them.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        self.identities.iter().filter_map(Identity::address)
    }
}

impl Identity {
    /// Where its owner can be told something; `None` for what is no proved address.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        let is_address = match self.kind {
            IdentifierKind::Phone | IdentifierKind::Email => self.verified_at.is_some(),
            IdentifierKind::Username => false,
        };
        is_address.then(|| Address {
            identity_id: self.id,
            kind: self.kind,
            display: self.display.clone(),
        })
    }
}
