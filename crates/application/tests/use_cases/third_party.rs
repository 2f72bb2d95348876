//! Third-party credentials on every verb, against a provider that says what a test wants.

use std::sync::Arc;

use application::identities::list_identities;
use application::link::{Link, link};
use application::merge::{Merge, merge};
use application::reauthenticate::reauthenticate;
use application::unlink::unlink;
use async_trait::async_trait;
use domain::Duration;
use domain::credential::IdentityCredential;
use domain::credential::third_party::ProviderCredential;
use domain::merge::ProfileFrom;
use domain::policy::{EnabledProvider, Policy, Ways};
use domain::provider::{
    ProviderAccount, ProviderKind, ProviderName, ProviderProof, SpentProof, ThirdPartyId, Way,
};
use domain::session::Method;
use domain::user::NextStep;
use ports::Provider;
use ports::identity_provider::{
    Authorization, Departure, IdentityProvider, ProviderError, ProviderFacts,
};
use rstest::rstest;

use super::*;

const TEAM: &str = "team";

/// A provider whose codes say whose account they are of, as `openid@app/unionid`.
pub(super) struct Says(ProviderFacts);

fn name(of: &str) -> ProviderName {
    ProviderName::parse(of).unwrap()
}

impl Says {
    pub(super) fn new(of: &str) -> Self {
        Self(ProviderFacts {
            name: name(of),
            kind: ProviderKind::WeChat,
            title: "WeChat",
            ways: vec![Way::Code, Way::IdToken, Way::Browser],
            namespaces: vec!["a".to_owned(), "b".to_owned(), TEAM.to_owned()],
            needs_redirect_uri: false,
            needs_openid: false,
            code_parameter: "code",
            issuers: vec!["https://provider.example".to_owned()],
        })
    }
}

#[async_trait]
impl IdentityProvider for Says {
    fn facts(&self) -> &ProviderFacts {
        &self.0
    }

    async fn authorize(&self, asked: &Authorization) -> Result<Departure, ProviderError> {
        let Authorization { redirect_uri, state, .. } = asked;
        let location = format!("https://provider.example/{}?{redirect_uri}#{state}", self.0.name);
        Ok(Departure { location, names_issuer: false })
    }

    async fn identify(&self, proof: &ProviderProof) -> Result<ProviderAccount, ProviderError> {
        let (code, spent) = match proof {
            ProviderProof::Code { code, .. } => (code, None),
            ProviderProof::IdToken { id_token, .. } => {
                let until = domain::later(ports::testing::START, Duration::from_hours(1));
                let made_at = ports::testing::START;
                (id_token, Some(SpentProof { digest: [7; 32], made_at, until }))
            }
            ProviderProof::Token { .. } => return Err(ProviderError::Refused),
        };
        match code.as_str() {
            "refused" => return Err(ProviderError::Refused),
            "down" => return Err(ProviderError::Unavailable),
            "nonsense" => return Err(ProviderError::BadResponse),
            _ => {}
        }
        let (openid, unionid) = code.split_once('/').unwrap_or((code, ""));
        let (openid, app) = openid.split_once('@').unwrap_or((openid, "a"));
        let id = |namespace: &str, it: &str| ThirdPartyId::new(ProviderKind::WeChat, namespace, it);
        let ids = [id(app, openid), id(TEAM, unionid)];
        Ok(ProviderAccount {
            ids: ids.into_iter().flatten().collect(),
            nickname: Some("小明\u{202e}".to_owned()),
            avatar_url: Some("http://provider.example/avatar".to_owned()),
            tokens: None,
            spent,
        })
    }
}

/// Ports with one such provider.
pub(super) fn with_provider(is_enabled: bool) -> (Fakes, Ports) {
    let mut fakes = Fakes::default();
    let adapter = Arc::new(Says::new("wechat"));
    fakes.providers.insert(name("wechat"), Provider { adapter, is_enabled });
    let ports = fakes.ports();
    let kind = ProviderKind::WeChat;
    let namespaces = vec!["a".to_owned(), "b".to_owned(), TEAM.to_owned()];
    let providers = vec![EnabledProvider { name: name("wechat"), kind, namespaces }];
    let ways = Ways { providers, ..Ways::OWN };
    let policy = Policy { ways, ..(*ports.policy).clone() };
    (fakes, Ports { policy: Arc::new(policy), ..ports })
}

fn code(of: &str) -> Credential {
    let proof = ProviderProof::Code {
        code: of.to_owned().into(),
        redirect_uri: None,
        code_verifier: None,
        nonce: None,
        user: None,
    };
    let credential = ProviderCredential { provider: name("wechat"), proof };
    Credential::Identity(IdentityCredential::Provider(credential))
}

fn id_token(of: &str) -> Credential {
    let proof = ProviderProof::IdToken { id_token: of.to_owned().into(), nonce: None };
    let credential = ProviderCredential { provider: name("wechat"), proof };
    Credential::Identity(IdentityCredential::Provider(credential))
}

async fn log_in(ports: &Ports, credential: Credential) -> Result<LoggedIn, Error> {
    login(ports, Login { credential, newcomer: Newcomers::default(), origin: origin() }).await
}

fn steps(came: &LoggedIn) -> Vec<NextStep> {
    let Admission { session, user, proposes_merge, .. } = &came.admission;
    user.next_steps(false, session.method, *proposes_merge)
}

/// A new user takes nickname and avatar as far as they are fit to be shown; a known one is let in.
#[tokio::test]
async fn a_third_party_account_registers_and_logs_in() {
    let (fakes, ports) = with_provider(true);
    let first = log_in(&ports, code("xiaoming")).await.unwrap();
    assert!(first.is_new_user);
    let profile = &first.admission.user.profile;
    assert_eq!(profile.nickname.as_ref().map(domain::profile::Nickname::as_str), Some("小明"));
    assert_eq!(profile.avatar_url, None, "clear http is not taken");
    assert_eq!(first.admission.session.method, Method::Provider(name("wechat")));
    fakes.clock.advance(Duration::from_mins(1));
    let again = log_in(&ports, code("xiaoming")).await.unwrap();
    assert!(!again.is_new_user && again.admission.user.id == first.admission.user.id);
    let caller = check(&ports, &again.admission.token).await.unwrap();
    let identities = list_identities(&ports, &caller).await.unwrap();
    let [identity] = identities.as_slice() else { panic!("{identities:?}") };
    assert_eq!(identity.masked, "xi****ng");
    assert_eq!(identity.display_name.as_deref(), Some("小明"));
}

/// EXT-05: a refusal has its answer and makes no user.
#[rstest]
#[case("refused", Error::ProviderIdentityInvalid)]
#[case("", Error::ProviderIdentityInvalid)]
#[case("0", Error::ProviderIdentityInvalid)]
#[case("down", Error::ProviderUnavailable)]
#[case("nonsense", Error::ProviderBadResponse)]
#[tokio::test]
async fn a_refusal_makes_nobody(#[case] of: &str, #[case] expected: Error) {
    let (fakes, ports) = with_provider(true);
    let refused = log_in(&ports, code(of)).await.unwrap_err();
    assert_eq!(refused.to_string(), expected.to_string());
    assert!(fakes.database.events().is_empty());
}

#[tokio::test]
async fn a_provider_that_is_switched_off_proves_nothing() {
    let (_, ports) = with_provider(false);
    let refused = log_in(&ports, code("xiaoming")).await;
    assert!(matches!(refused, Err(Error::ProviderDisabled)), "{refused:?}");
}

/// SDK-05: thirty calls a minute from one address.
#[tokio::test]
async fn an_address_asks_so_often_a_minute() {
    let (_, ports) = with_provider(true);
    for _ in 0..30 {
        log_in(&ports, code("refused")).await.unwrap_err();
    }
    let refused = log_in(&ports, code("xiaoming")).await;
    assert!(matches!(refused, Err(Error::RateLimited { .. })), "{refused:?}");
}

/// EXT-06: whatever the order in which openids and unionid come, it is one user, as long as each
/// login has a name that is known or none that is.
#[rstest]
#[case(&["o1@a", "o1@a/u", "o2@b/u", "o2@b"])]
#[case(&["o1@a/u", "o2@b/u", "o2@b", "o1@a"])]
#[case(&["o1@a/u", "o1@a", "o2@b/u"])]
#[case(&["o2@b/u", "o1@a/u", "o1@a", "o2@b"])]
#[tokio::test]
async fn in_every_order_it_is_one_user(#[case] logins: &[&str]) {
    let (fakes, ports) = with_provider(true);
    let mut users = std::collections::BTreeSet::new();
    for of in logins {
        let came = log_in(&ports, code(of)).await.unwrap();
        users.insert(came.admission.user.id);
        assert!(!steps(&came).contains(&NextStep::Merge), "{of}");
        fakes.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(users.len(), 1, "{logins:?}");
}

/// EXT-06: two users that turn out to be one are told so; nothing moves by itself, and the person
/// may merge them.
#[tokio::test]
async fn two_users_that_are_one_person_are_offered_a_merge() {
    let (_, ports) = with_provider(true);
    let one = log_in(&ports, code("o1@a/u")).await.unwrap();
    let other = log_in(&ports, code("o2@b")).await.unwrap();
    assert_ne!(one.admission.user.id, other.admission.user.id);
    let both = log_in(&ports, code("o2@b/u")).await.unwrap();
    assert_eq!(both.admission.user.id, other.admission.user.id, "the openid's owner");
    assert!(steps(&both).contains(&NextStep::Merge));
    let unmoved = log_in(&ports, code("o9@a/u")).await.unwrap();
    assert_eq!(unmoved.admission.user.id, one.admission.user.id);
    let caller = check(&ports, &both.admission.token).await.unwrap();
    let asked = Merge {
        credential: code("o2@b/u"),
        profile_from: ProfileFrom::This,
        dry_run: false,
        origin: origin(),
    };
    let merged = merge(&ports, &caller, asked).await.unwrap();
    assert_eq!(merged.moved.len(), 1);
    let after = log_in(&ports, code("o1@a/u")).await.unwrap();
    assert_eq!(after.admission.user.id, other.admission.user.id);
    assert!(!steps(&after).contains(&NextStep::Merge));
}

/// LINK-03: an account of a third party is linked with all its names, or is somebody else's.
#[tokio::test]
async fn an_account_is_linked_proves_again_and_is_unlinked() {
    let (fakes, ports) = with_provider(true);
    let me = logged_in(&fakes, &ports, 1).await.admission;
    let caller = check(&ports, &me.token).await.unwrap();
    let asked = |of| Link { credential: code(of), replace: None, origin: origin() };
    let linked = link(&ports, &caller, asked("o1@a/u")).await.unwrap();
    assert!(linked.is_new);
    assert!(!link(&ports, &caller, asked("o2@b/u")).await.unwrap().is_new, "by its unionid");
    let stranger = logged_in(&fakes, &ports, 2).await.admission;
    let other = check(&ports, &stranger.token).await.unwrap();
    let taken = link(&ports, &other, asked("o3@a/u")).await;
    assert!(matches!(taken, Err(Error::IdentityInUse)), "{taken:?}");
    // Somebody else's account is refused like a wrong one.
    let wrong = reauthenticate(&ports, &other, code("o1@a"), origin()).await;
    assert!(matches!(wrong, Err(Error::ProviderIdentityInvalid)), "{wrong:?}");
    fakes.clock.advance(Duration::from_mins(1));
    let again = reauthenticate(&ports, &caller, code("o1@a"), origin()).await.unwrap();
    let caller = check(&ports, &again.token).await.unwrap();
    unlink(&ports, &caller, linked.identity.identity.id, origin()).await.unwrap();
    assert!(log_in(&ports, code("o1@a/u")).await.unwrap().is_new_user, "all its names are free");
}

/// LINK-06: a third-party account is a way in while its provider is enabled.
#[tokio::test]
async fn the_last_way_in_stays() {
    let (fakes, ports) = with_provider(true);
    let came = log_in(&ports, code("o1@a")).await.unwrap();
    let caller = check(&ports, &came.admission.token).await.unwrap();
    let identity = list_identities(&ports, &caller).await.unwrap().remove(0).identity;
    let last = unlink(&ports, &caller, identity.id, origin()).await;
    assert!(matches!(last, Err(Error::LastMethod)), "{last:?}");
    let message = sent(&fakes, &ports, 1, Purpose::Link).await;
    let phone = CodeCredential { challenge_id: Some(message.challenge_id), code: message.code };
    let asked = Link { credential: phone.into(), replace: None, origin: origin() };
    let phone = link(&ports, &caller, asked).await.unwrap().identity.identity.id;
    let off = Policy { ways: Ways::OWN, ..(*ports.policy).clone() };
    let off = Ports { policy: Arc::new(off), ..ports.clone() };
    let last = unlink(&off, &caller, phone, origin()).await;
    assert!(matches!(last, Err(Error::LastMethod)), "what is switched off lets nobody in");
    unlink(&ports, &caller, phone, origin()).await.unwrap();
}

/// LINK-01: who shows an ID token was there when it was made, and that may be too long ago.
#[tokio::test]
async fn an_old_id_token_logs_in_and_proves_nothing_again() {
    let (fakes, ports) = with_provider(true);
    let other = logged_in(&fakes, &ports, 1).await.admission;
    let other = check(&ports, &other.token).await.unwrap();
    fakes.clock.advance(Duration::from_mins(9));
    let me = log_in(&ports, id_token("o1@a")).await.unwrap().admission;
    assert_eq!(me.session.auth_time, ports::testing::START);
    let me = check(&ports, &me.token).await.unwrap();
    fakes.clock.advance(Duration::from_secs(59));
    let asked = |credential| Merge {
        credential,
        profile_from: ProfileFrom::This,
        dry_run: true,
        origin: origin(),
    };
    let of_another = |number| reauthenticate(&ports, &me, id_token(number), origin());
    // It is looked at whose it is.
    let wrong = of_another("o2@a").await;
    assert!(matches!(wrong, Err(Error::ProviderIdentityInvalid)), "{wrong:?}");
    merge(&ports, &other, asked(id_token("o1@a"))).await.unwrap();
    fakes.clock.advance(Duration::from_secs(1));
    let stale = reauthenticate(&ports, &me, id_token("o1@a"), origin()).await;
    assert!(matches!(stale, Err(Error::ProviderIdentityInvalid)), "{stale:?}");
    let again = reauthenticate(&ports, &me, code("o1@a"), origin()).await.unwrap();
    let me = check(&ports, &again.token).await.unwrap();
    let stale = merge(&ports, &me, asked(id_token("o1@a"))).await;
    assert!(matches!(stale, Err(Error::ProviderIdentityInvalid)), "{stale:?}");
    let fresh = merge(&ports, &me, asked(code("o1@a"))).await;
    assert!(matches!(fresh, Err(Error::MergeConflict)), "it is mine: {fresh:?}");
}

/// SDK-04: an ID token logs in once.
#[tokio::test]
async fn an_id_token_is_good_once() {
    let (_, ports) = with_provider(true);
    log_in(&ports, id_token("o1@a")).await.unwrap();
    let again = log_in(&ports, id_token("o1@a")).await;
    assert!(matches!(again, Err(Error::ProviderIdentityInvalid)), "{again:?}");
}
