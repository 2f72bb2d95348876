//! An account, whole: what a rule needs to plan a change of it.

use crate::Timestamp;
use crate::id::IdentityId;
use crate::identifier::IdentifierKind;
use crate::identity::{Identity, Name};
use crate::outbox::Address;
use crate::policy::Ways;
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
    pub names: Vec<(Name, IdentityId)>,
    /// The tokens of the sessions that are live or ended lately: all that may have a copy.
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
        let (_, id) = self.names.iter().find(|(it, _)| it.key == *key)?;
        self.identity(*id)
    }

    /// An identifier of it, by which its attempts are counted.
    #[must_use]
    pub fn any_key(&self) -> Option<IdentifierKey> {
        self.names.first().map(|(it, _)| it.key)
    }

    /// How its owner can prove who they are.
    #[must_use]
    pub fn methods(&self, ways: &Ways) -> Vec<Method> {
        self.methods_without(None, ways)
    }

    /// How its owner could still prove who they are if an identity were gone, by the ways that the
    /// service offers (LINK-06).
    ///
    /// A password is a way in as long as there is an identifier to say it with.
    #[must_use]
    pub fn methods_without(&self, gone: Option<IdentityId>, ways: &Ways) -> Vec<Method> {
        let left = || self.identities.iter().filter(|it| Some(it.id) != gone);
        let proves = |kind| left().any(|it| it.kind == kind && it.verified_at.is_some());
        let (phone, email) = (proves(IdentifierKind::Phone), proves(IdentifierKind::Email));
        let username = ways.usernames && left().any(|it| it.kind == IdentifierKind::Username);
        let own = [
            (phone && ways.sms, Method::Sms),
            (email && ways.email, Method::Email),
            (self.user.has_password && (phone || email || username), Method::Password),
        ];
        let own = own.into_iter().filter_map(|(is_there, method)| is_there.then_some(method));
        let is_left = |it: &IdentityId| Some(*it) != gone;
        let serves = |namespace: &str, kind| {
            self.names.iter().filter(|(_, id)| is_left(id)).any(|(name, id)| {
                name.namespace == namespace && self.identity(*id).is_some_and(|it| it.kind == kind)
            })
        };
        let providers = ways.providers.iter().filter(|it| {
            let kind = IdentifierKind::ThirdParty(it.kind);
            it.namespaces.iter().any(|namespace| serves(namespace, kind))
        });
        own.chain(providers.map(|it| Method::Provider(it.name))).collect()
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
            IdentifierKind::Username | IdentifierKind::ThirdParty(_) => false,
        };
        is_address.then(|| Address {
            identity_id: self.id,
            kind: self.kind,
            display: self.display.clone(),
        })
    }
}
