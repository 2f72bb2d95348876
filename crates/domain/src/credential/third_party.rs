//! Accounts at third-party providers: what is shown of one, and what it proves.

use super::VerifiedIdentity;
use crate::identifier::{Identifier, IdentifierKind};
use crate::provider::{ProviderAccount, ProviderName, ProviderProof};
use crate::secret::IdentifierKey;
use crate::session::Method;

/// What a provider gave to a client, as the client presents it.
#[derive(Debug)]
pub struct ProviderCredential {
    /// The configured provider.
    pub provider: ProviderName,
    /// What it gave.
    pub proof: ProviderProof,
}

/// The identity that a provider's answer proves; `None` if it named nobody.
#[must_use]
pub fn proves(account: &ProviderAccount, provider: ProviderName) -> Option<VerifiedIdentity> {
    let mut ids = account.ids.iter().cloned().map(Identifier::ThirdParty);
    let identifier = ids.next()?;
    Some(VerifiedIdentity { identifier, others: ids.collect(), method: Method::Provider(provider) })
}

/// Whose identity it is, by the owners of its names in the order of the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<A> {
    /// Nobody's: its first login registers.
    Nobody,
    /// One user's.
    One(A),
    /// The first name's owner is let in; another name is another user's. Nothing moves by itself:
    /// whether both are one person is for the person to prove.
    Contested(A),
}

/// Decides who comes in where the names of one identity may have several owners (EXT-06).
///
/// `found` holds the names that somebody has; `user` tells whose account it is.
#[must_use]
pub fn owner<A, U: PartialEq>(
    names: &[IdentifierKey],
    found: Vec<(IdentifierKey, A)>,
    user: impl Fn(&A) -> U,
) -> Owner<A> {
    let place = |key: &IdentifierKey| names.iter().position(|it| it == key).unwrap_or(usize::MAX);
    let mut found = found;
    found.sort_by_key(|(key, _)| place(key));
    let mut accounts = found.into_iter().map(|(_, it)| it);
    let Some(first) = accounts.next() else { return Owner::Nobody };
    if accounts.any(|it| user(&it) != user(&first)) {
        Owner::Contested(first)
    } else {
        Owner::One(first)
    }
}

/// What is kept for showing an account at a third party: its name there, and how it calls itself.
#[must_use]
pub fn shown_text(identifier: &Identifier, nickname: Option<&str>) -> String {
    match (identifier.kind(), nickname) {
        (IdentifierKind::ThirdParty(_), Some(nickname)) => {
            format!("{}\n{nickname}", identifier.as_str())
        }
        _ => identifier.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::provider::{ProviderKind, ThirdPartyId};

    fn key(number: u8) -> IdentifierKey {
        IdentifierKey::new([number; 32])
    }

    /// EXT-06: openid (1) before unionid (2), whoever is found first.
    #[rstest]
    #[case::nobody(&[], Owner::Nobody)]
    #[case::openid(&[(1, 'a')], Owner::One('a'))]
    #[case::unionid(&[(2, 'b')], Owner::One('b'))]
    #[case::both_of_one(&[(2, 'a'), (1, 'a')], Owner::One('a'))]
    #[case::two_users(&[(2, 'b'), (1, 'a')], Owner::Contested('a'))]
    fn the_first_name_decides(#[case] found: &[(u8, char)], #[case] owned: Owner<char>) {
        let found = found.iter().map(|(number, it)| (key(*number), *it)).collect();
        assert_eq!(owner(&[key(1), key(2)], found, |it| *it), owned);
    }

    #[test]
    fn a_provider_that_names_nobody_proves_nothing() {
        let name = ProviderName::parse("wechat").unwrap();
        let mut account = ProviderAccount {
            ids: Vec::new(),
            nickname: None,
            avatar_url: None,
            tokens: None,
            spent: None,
        };
        assert_eq!(proves(&account, name), None);
        let id = |namespace, it| ThirdPartyId::new(ProviderKind::WeChat, namespace, it).unwrap();
        account.ids = vec![id("wx1", "openid"), id("team", "unionid")];
        let proven = proves(&account, name).unwrap();
        let names: Vec<_> = proven.identifiers().map(Identifier::as_str).collect();
        assert_eq!(names, ["openid", "unionid"]);
        assert_eq!(proven.method(), Method::Provider(name));
    }
}
