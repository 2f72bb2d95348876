//! Every provider keeps the promises of the port.

use std::sync::Arc;

use ports::testing::contract::identity_provider::Vendor;

use crate::world::World;

async fn vendor(kind: &'static str, app: &'static str) -> Arc<dyn Vendor> {
    Arc::new(World::new(kind, app).await)
}

macro_rules! kinds {
    ($($name:ident = $kind:literal, $app:literal;)*) => { $(
        mod $name {
            ports::identity_provider_contract!(super::vendor($kind, $app));
        }
    )* };
}

kinds! {
    wechat = "wechat", "wx0123456789abcdef";
    wechat_mp = "wechat_mp", "wx0123456789abcdef";
    wechat_app = "wechat_app", "wx0123456789abcdef";
    wechat_mini = "wechat_mini", "wx0123456789abcdef";
    qq = "qq", "101000001";
    weibo = "weibo", "1000000001";
    netease = "netease", "netease-app";
    alipay = "alipay", "2021000000000001";
    alipay_of_an_app_with_its_own_ids = "alipay", "new2021000000000001";
    douyin = "douyin", "awexample";
    apple = "apple", "com.example.web";
    google = "google", "1-a.apps.googleusercontent.com";
    github = "github", "Iv1.0123456789abcdef";
    oidc = "oidc", "a client: with an odd name";
}
