//! Stand-ins of third-party identity providers.
//!
//! All vendors share one [`Desk`]: the people, the apps, the codes and tokens that were handed out.
//! A vendor is a file that speaks its wire: what it verifies and how it says no. Each is served
//! below a path of its own: `/wechat`, `/qq`, `/weibo`, `/netease`, `/alipay`, `/douyin`, `/apple`,
//! `/google`, `/github`, `/oidc`.

mod alipay;
mod demo;
mod desk;
mod douyin;
mod github;
mod keys;
mod netease;
mod oidc;
mod page;
mod qq;
mod wechat;
mod weibo;
mod wire;

use actix_web::web::{Data, ServiceConfig};

pub use alipay::AlipayKeys;
pub use demo::Demo;
pub use desk::{App, Ask, Desk, Grant, Person};
pub use keys::{EcKey, SigningKey, sign_by_text};
pub use oidc::Forgery;

/// The routes of all vendors.
pub fn routes(desk: &Desk) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let desk = Data::new(desk.clone());
    move |it| {
        it.app_data(desk.clone());
        for vendor in [
            wechat::routes,
            qq::routes,
            weibo::routes,
            netease::routes,
            alipay::routes,
            douyin::routes,
            github::routes,
            oidc::routes,
        ] {
            it.configure(vendor);
        }
    }
}
