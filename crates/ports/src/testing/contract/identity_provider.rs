//! The promises of `identity_provider`.
//!
//! A provider is tested together with its vendor's stand-in, which makes proofs good and bad, and
//! troubles.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use domain::provider::ProviderAccount;
use zeroize::Zeroizing;

use crate::identity_provider::{IdentityProvider, ProviderError, ProviderProof, Way};
use crate::testing::race;

/// What is wrong with a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// Nobody ever gave it out.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was made for another app.
    OtherApp,
    /// The id beside it is another account's.
    WrongOpenid,
    /// The vendor names the account with what is no name.
    Nobody(Nobody),
    /// The vendor's second answer is about somebody else.
    OtherPerson,
}

/// What is no name of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nobody {
    /// `null`.
    Null,
    /// The empty text.
    Empty,
    /// Blanks.
    Blank,
    /// The number 0.
    Zero,
    /// The text `0`.
    ZeroText,
    /// A list.
    List,
    /// 256 letters.
    Long,
}

impl Bad {
    /// Everything that is refused.
    pub const ALL: [Self; 12] = [
        Self::Unknown,
        Self::Expired,
        Self::OtherApp,
        Self::WrongOpenid,
        Self::Nobody(Nobody::Null),
        Self::Nobody(Nobody::Empty),
        Self::Nobody(Nobody::Blank),
        Self::Nobody(Nobody::Zero),
        Self::Nobody(Nobody::ZeroText),
        Self::Nobody(Nobody::List),
        Self::Nobody(Nobody::Long),
        Self::OtherPerson,
    ];
}

/// How a vendor misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A page with status 200.
    Html,
    /// Half an answer.
    Truncated,
    /// No body.
    Empty,
    /// The connection ends in the middle of the answer.
    Cut,
    /// Megabytes.
    Huge,
    /// Another address.
    Redirect,
    /// Status 500.
    Down,
    /// Status 429.
    Throttled,
    /// No answer in time.
    Slow,
    /// What is asked is done, and the answer does not come in time.
    SlowAfter,
}

/// A vendor's stand-in and the settings of a provider that speaks to it.
pub trait Vendor: Send + Sync {
    /// A provider whose breaker has seen nothing yet.
    fn provider(&self) -> Arc<dyn IdentityProvider>;

    /// The same, that waits for an answer shorter than [`Trouble::Slow`] takes.
    fn hasty(&self) -> Arc<dyn IdentityProvider>;

    /// A good proof of a person's account, new at each call.
    fn good(&self, way: Way, person: u64) -> ProviderProof;

    /// A bad proof; `None` where the way cannot have such a one.
    fn bad(&self, way: Way, bad: Bad) -> Option<ProviderProof>;

    /// The paths that a proof is looked at with, in their order; the first spends a code.
    fn calls(&self, way: Way) -> Vec<String>;

    /// From now on calls of a path meet trouble; `None` ends all troubles.
    fn trouble(&self, path: &str, trouble: Option<Trouble>);

    /// How many codes were tried to be exchanged.
    fn exchanges(&self) -> usize;
}

impl fmt::Debug for dyn Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vendor({})", self.provider().facts().name)
    }
}

/// The ways of proofs that a provider takes.
fn ways(provider: &Arc<dyn IdentityProvider>) -> Vec<Way> {
    provider.facts().ways.iter().copied().filter(|it| *it != Way::Browser).collect()
}

async fn identify(vendor: &Arc<dyn Vendor>, way: Way, person: u64) -> ProviderAccount {
    vendor.provider().identify(&vendor.good(way, person)).await.expect("an account")
}

/// What was answered, without the account.
fn outcome(answered: Result<ProviderAccount, ProviderError>) -> Result<(), ProviderError> {
    answered.map(|_| ())
}

/// EXT-06: an account has the same names at each login, by whichever way it comes, in the
/// namespaces that are told; another account has others.
pub async fn an_account_keeps_its_names(vendor: Arc<dyn Vendor>) {
    let provider = vendor.provider();
    let facts = provider.facts();
    let mut first = None;
    for way in ways(&provider) {
        let known = identify(&vendor, way, 1).await;
        let id = known.ids.first().cloned().expect("a name");
        assert_eq!(first.get_or_insert_with(|| id.clone()), &id, "{way:?}");
        for id in &known.ids {
            assert_eq!(id.kind(), facts.kind);
            assert!(facts.namespaces.iter().any(|it| it == id.namespace()), "{id:?}");
        }
        assert_eq!(identify(&vendor, way, 1).await.ids, known.ids, "{way:?}");
        let other = identify(&vendor, way, 2).await;
        assert!(other.ids.iter().all(|it| !known.ids.contains(it)), "{way:?}");
    }
}

/// SDK-04: a code is good once, also for many who show it at the same moment.
pub async fn a_code_is_good_once(vendor: Arc<dyn Vendor>) {
    let provider = vendor.provider();
    let proof = vendor.good(Way::Code, 1);
    provider.identify(&proof).await.expect("an account");
    let again = outcome(provider.identify(&proof).await);
    assert!(matches!(again, Err(ProviderError::Refused)), "{again:?}");
    let proof = vendor.good(Way::Code, 1);
    let answers = race(10, &provider, move |provider, _| {
        let proof = proof.clone();
        async move { outcome(provider.identify(&proof).await) }
    })
    .await;
    assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 1, "{answers:?}");
}

/// SDK-04: an ID token is told as spent, the same one as the same.
pub async fn an_id_token_is_told_as_spent(vendor: Arc<dyn Vendor>) {
    let provider = vendor.provider();
    for way in ways(&provider) {
        let proof = vendor.good(way, 1);
        let spent = provider.identify(&proof).await.expect("an account").spent;
        assert_eq!(spent.is_some(), way == Way::IdToken, "{way:?}");
        if way == Way::IdToken {
            let again = provider.identify(&proof).await.expect("an account").spent;
            assert!(again == spent);
            let other = identify(&vendor, way, 2).await.spent;
            assert!(other.map(|it| it.digest) != spent.map(|it| it.digest));
        }
    }
}

/// EXT-05, SDK-01, SDK-02: what is not good is refused.
pub async fn what_is_not_good_is_refused(vendor: Arc<dyn Vendor>) {
    let provider = vendor.provider();
    for way in ways(&provider) {
        for bad in Bad::ALL {
            let Some(proof) = vendor.bad(way, bad) else { continue };
            let answer = outcome(provider.identify(&proof).await);
            assert!(matches!(answer, Err(ProviderError::Refused)), "{way:?} {bad:?}: {answer:?}");
        }
    }
}

/// SDK-02: a way that is not offered is refused, whatever is shown.
pub async fn a_way_that_is_not_offered_is_refused(vendor: Arc<dyn Vendor>) {
    let provider = vendor.provider();
    let offered = ways(&provider);
    let text = || Zeroizing::new("text".to_owned());
    let token = ProviderProof::Token {
        access_token: text(),
        openid: Some("1".to_owned()),
        expires_in: None,
        refresh_token: None,
    };
    for proof in [token, ProviderProof::IdToken { id_token: text(), nonce: None }] {
        if !offered.contains(&proof.way()) {
            let answer = outcome(provider.identify(&proof).await);
            assert!(matches!(answer, Err(ProviderError::Refused)), "{proof:?}: {answer:?}");
        }
    }
}

async fn meets(vendor: &Arc<dyn Vendor>, trouble: Trouble) -> Vec<(String, ProviderError)> {
    let mut met = Vec::new();
    for way in ways(&vendor.provider()) {
        for path in vendor.calls(way) {
            let provider =
                if trouble == Trouble::Slow { vendor.hasty() } else { vendor.provider() };
            let proof = vendor.good(way, 1);
            vendor.trouble(&path, Some(trouble));
            let answer = outcome(provider.identify(&proof).await);
            vendor.trouble(&path, None);
            let what = format!("{trouble:?} at {path} by {way:?}");
            met.push((what.clone(), answer.err().unwrap_or_else(|| panic!("{what}: an account"))));
        }
    }
    met
}

/// EXT-05: what makes no sense is told so, at whichever call it comes.
pub async fn nonsense_is_told_as_nonsense(vendor: Arc<dyn Vendor>) {
    for trouble in
        [Trouble::Html, Trouble::Truncated, Trouble::Empty, Trouble::Huge, Trouble::Redirect]
    {
        for (what, error) in meets(&vendor, trouble).await {
            assert!(matches!(error, ProviderError::BadResponse), "{what}: {error:?}");
        }
    }
}

/// EXT-04: a vendor that is down, busy or slow is unavailable, at whichever call it is.
pub async fn an_outage_is_told_as_one(vendor: Arc<dyn Vendor>) {
    for trouble in [Trouble::Down, Trouble::Throttled, Trouble::Slow] {
        for (what, error) in meets(&vendor, trouble).await {
            assert!(matches!(error, ProviderError::Unavailable), "{what}: {error:?}");
        }
    }
    // Whether anything of the answer had come is chance: it is half an answer, or none.
    for (what, error) in meets(&vendor, Trouble::Cut).await {
        assert!(!matches!(error, ProviderError::Refused), "{what}: {error:?}");
    }
}

/// EXT-04: a code that may have been spent is not shown to the vendor again.
pub async fn a_code_is_exchanged_once_whatever_comes_of_it(vendor: Arc<dyn Vendor>) {
    let path = vendor.calls(Way::Code).into_iter().next().expect("a call");
    let proof = vendor.good(Way::Code, 1);
    let before = vendor.exchanges();
    vendor.trouble(&path, Some(Trouble::SlowAfter));
    let answer = outcome(vendor.hasty().identify(&proof).await);
    vendor.trouble(&path, None);
    assert!(matches!(answer, Err(ProviderError::Unavailable)), "{answer:?}");
    assert_eq!(vendor.exchanges() - before, 1);
}

/// SDK-05: a vendor that is down is left alone, and asked again when it is back.
pub async fn a_vendor_that_comes_back_is_asked_again(vendor: Arc<dyn Vendor>) {
    let provider = vendor.provider();
    let path = vendor.calls(Way::Code).into_iter().next().expect("a call");
    vendor.trouble(&path, Some(Trouble::Down));
    for _ in 0..8 {
        let answer = outcome(provider.identify(&vendor.good(Way::Code, 1)).await);
        assert!(matches!(answer, Err(ProviderError::Unavailable)), "{answer:?}");
    }
    vendor.trouble(&path, None);
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    provider.identify(&vendor.good(Way::Code, 1)).await.expect("it is back");
}

/// EXT-10: 200 logins at once, by all ways, and each gives the account whose proof was shown.
pub async fn parallel_logins_never_cross(vendor: Arc<dyn Vendor>) {
    let provider = vendor.provider();
    let ways = ways(&provider);
    let mut known = Vec::new();
    for person in 1..=10 {
        known.push(identify(&vendor, Way::Code, person).await.ids.first().cloned());
    }
    assert_eq!(known.iter().collect::<HashSet<_>>().len(), 10);
    let proofs: Vec<_> = ways
        .iter()
        .cycle()
        .zip((1..=10).cycle())
        .take(200)
        .map(|(way, person)| vendor.good(*way, person))
        .collect();
    let people: Vec<_> = known.iter().cycle().take(200).cloned().collect();
    let answers = race(200, &provider, move |provider, racer| {
        let proof = proofs.get(racer).cloned();
        async move { provider.identify(&proof.expect("a proof")).await }
    })
    .await;
    for (answer, person) in answers.into_iter().zip(people) {
        assert!(answer.expect("an account").ids.first().cloned() == person);
    }
}

/// Makes every promise of a provider a test, each on a stand-in of its own.
#[macro_export]
macro_rules! identity_provider_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            identity_provider,
            $make,
            [
                an_account_keeps_its_names,
                a_code_is_good_once,
                an_id_token_is_told_as_spent,
                what_is_not_good_is_refused,
                a_way_that_is_not_offered_is_refused,
                nonsense_is_told_as_nonsense,
                an_outage_is_told_as_one,
                a_code_is_exchanged_once_whatever_comes_of_it,
                a_vendor_that_comes_back_is_asked_again,
                parallel_logins_never_cross,
            ]
        );
    };
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use domain::provider::{ProviderKind, ProviderName, ThirdPartyId};

    use super::*;
    use crate::identity_provider::{Authorization, Departure, ProviderFacts};
    use crate::testing::breaks;

    /// Believes everything, and gives every proof a new account.
    struct Gullible {
        facts: ProviderFacts,
        seen: Arc<AtomicUsize>,
    }

    #[async_trait]
    impl IdentityProvider for Gullible {
        fn facts(&self) -> &ProviderFacts {
            &self.facts
        }

        async fn authorize(&self, _: &Authorization) -> Result<Departure, ProviderError> {
            Ok(Departure { location: String::new(), names_issuer: false })
        }

        async fn identify(&self, _: &ProviderProof) -> Result<ProviderAccount, ProviderError> {
            // It tries everything twice.
            let seen = self.seen.fetch_add(2, Ordering::SeqCst) + 1;
            let id = ThirdPartyId::new(ProviderKind::Qq, "elsewhere", &seen.to_string());
            Ok(ProviderAccount {
                ids: vec![id.unwrap()],
                nickname: None,
                avatar_url: None,
                tokens: None,
                spent: None,
            })
        }
    }

    #[derive(Default)]
    struct Fooled(Arc<AtomicUsize>);

    impl Vendor for Fooled {
        fn provider(&self) -> Arc<dyn IdentityProvider> {
            let facts = ProviderFacts {
                name: ProviderName::parse("fooled").unwrap(),
                kind: ProviderKind::Qq,
                title: "Fooled",
                ways: vec![Way::Code, Way::IdToken],
                namespaces: vec!["here".to_owned()],
                needs_redirect_uri: false,
                needs_openid: false,
                code_parameter: "code",
                issuers: Vec::new(),
            };
            Arc::new(Gullible { facts, seen: Arc::clone(&self.0) })
        }

        fn hasty(&self) -> Arc<dyn IdentityProvider> {
            self.provider()
        }

        fn good(&self, way: Way, _: u64) -> ProviderProof {
            let text = Zeroizing::new("text".to_owned());
            match way {
                Way::IdToken => ProviderProof::IdToken { id_token: text, nonce: None },
                _ => ProviderProof::Code {
                    code: text,
                    redirect_uri: None,
                    code_verifier: None,
                    nonce: None,
                    user: None,
                },
            }
        }

        fn bad(&self, way: Way, _: Bad) -> Option<ProviderProof> {
            Some(self.good(way, 1))
        }

        fn calls(&self, _: Way) -> Vec<String> {
            vec!["/".to_owned()]
        }

        fn trouble(&self, _: &str, _: Option<Trouble>) {}

        fn exchanges(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_gullible_provider_breaks_every_promise() {
        let vendor = || Arc::new(Fooled::default()) as Arc<dyn Vendor>;
        assert!(breaks(an_account_keeps_its_names(vendor())).await);
        assert!(breaks(a_code_is_good_once(vendor())).await);
        assert!(breaks(an_id_token_is_told_as_spent(vendor())).await);
        assert!(breaks(what_is_not_good_is_refused(vendor())).await);
        assert!(breaks(a_way_that_is_not_offered_is_refused(vendor())).await);
        assert!(breaks(nonsense_is_told_as_nonsense(vendor())).await);
        assert!(breaks(an_outage_is_told_as_one(vendor())).await);
        assert!(breaks(a_code_is_exchanged_once_whatever_comes_of_it(vendor())).await);
        assert!(breaks(a_vendor_that_comes_back_is_asked_again(vendor())).await);
        assert!(breaks(parallel_logins_never_cross(vendor())).await);
    }
}
