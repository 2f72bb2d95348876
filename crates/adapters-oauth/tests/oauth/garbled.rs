//! Answers with something in them changed.

use ports::identity_provider::Way;
use ports::testing::contract::identity_provider::Vendor as _;
use rstest::rstest;
use test_vendors::Fault;

use crate::world::World;

/// How many changes are tried.
const CHANGES: u64 = 150;

/// What an answer names is a name or an error; where the vendor signs, it is nobody else's name
/// (EXT-05, EXT-07).
#[rstest]
#[case::wechat("wechat", "wx1", false)]
#[case::wechat_mini("wechat_mini", "wx1", false)]
#[case::qq("qq", "101000001", false)]
#[case::weibo("weibo", "1", false)]
#[case::netease("netease", "netease-app", false)]
#[case::alipay("alipay", "2021000000000001", true)]
#[case::douyin("douyin", "awexample", false)]
#[case::apple("apple", "com.example.web", true)]
#[case::google("google", "1-a.apps.googleusercontent.com", true)]
#[case::github("github", "Iv1.0123456789abcdef", false)]
#[case::oidc("oidc", "client", true)]
#[tokio::test(flavor = "multi_thread")]
async fn a_garbled_answer_names_nobody_else(
    #[case] kind: &'static str,
    #[case] app: &'static str,
    #[case] is_signed: bool,
) {
    let world = World::new(kind, app).await;
    // Knows the vendor's keys already; the other ones have to ask for them.
    let knows = world.provider();
    let good = || world.good(Way::Code, 1);
    let right = knows.identify(&good()).await.unwrap();
    let mut refused = 0;
    for number in 0..CHANGES {
        let provider = if number % 5 == 0 { world.provider() } else { knows.clone() };
        world.stand_in.faults().set("/", Fault::Garbled(number));
        let told = provider.identify(&good()).await;
        world.stand_in.faults().clear();
        match told {
            Ok(account) if is_signed => assert_eq!(account.ids, right.ids, "{number}"),
            Ok(_) => {}
            Err(_) => refused += 1,
        }
        // The next answer is read, and the breaker does not open. Keys that were garbled are kept for a
        // while, by those who asked for them.
        let next = knows.identify(&good()).await;
        assert_eq!(next.map(|it| it.ids).ok(), Some(right.ids.clone()), "{number}");
    }
    assert!(refused > 30, "{refused} of {CHANGES}");
}
