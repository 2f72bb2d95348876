//! Stand-ins of vendors that deliver text messages.
//!
//! Each verifies what its vendor verifies (signature, clock, nonce, key, form of number and
//! template), answers with the vendor's own shapes and codes, and keeps what it took. What a
//! number ends with, or [`Taker::refuse`], makes it refuse.

mod aliyun;
mod outbox;
mod tencent;
mod twilio;
mod webhook;
mod wire;

use actix_web::guard;
use actix_web::web::{self, ServiceConfig};

pub use outbox::{Refusal, Sent, Taker};

/// The keys that the stand-ins know.
pub mod keys {
    /// Alibaba Cloud's: id and secret.
    pub const ALIYUN: (&str, &str) = ("testId", "testSecret");
    /// Tencent Cloud's: id and secret.
    pub const TENCENT: (&str, &str) = ("AKIDEXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
    /// Twilio's: account and token.
    pub const TWILIO: (&str, &str) = ("AC00000000000000000000000000000001", "12345");
    /// The number that Twilio's account has.
    pub const TWILIO_FROM: &str = "+15005550006";
    /// The secret of webhooks.
    pub const WEBHOOK: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
}

/// All of them: `/aliyun`, `/tencent`, `/twilio` and `/webhook`; clones share what they took.
#[derive(Debug, Clone, Default)]
pub struct Sms {
    /// Alibaba Cloud's.
    pub aliyun: Taker,
    /// Tencent Cloud's.
    pub tencent: Taker,
    /// Twilio's.
    pub twilio: Taker,
    /// A team's own.
    pub webhook: Taker,
}

impl Sms {
    /// Their routes. Libraries that know no path have the address itself: Tencent Cloud's are told
    /// from Alibaba Cloud's by the header that names the action.
    pub fn routes(&self) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
        let it = self.clone();
        move |config| {
            let Self { aliyun, tencent, twilio, webhook } = it.clone();
            config
                .service(
                    web::resource("/")
                        .guard(guard::Header("x-tc-action", "SendSms"))
                        .app_data(web::Data::new(tencent.clone()))
                        .route(web::post().to(tencent::send)),
                )
                .service(
                    web::resource(["/", "/aliyun", "/aliyun/"])
                        .app_data(web::Data::new(aliyun))
                        .route(web::route().to(aliyun::send)),
                )
                .service(
                    web::resource(["/tencent", "/tencent/"])
                        .app_data(web::Data::new(tencent))
                        .route(web::post().to(tencent::send)),
                )
                .service(
                    web::resource("/twilio/2010-04-01/Accounts/{account}/Messages.json")
                        .app_data(web::Data::new(twilio))
                        .route(web::post().to(twilio::send)),
                )
                .service(
                    web::resource("/webhook")
                        .app_data(web::Data::new(webhook))
                        .route(web::post().to(webhook::send)),
                );
        }
    }
}
