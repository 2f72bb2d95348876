//! Third-party identity providers, behind `ports::identity_provider::IdentityProvider`.
//!
//! A provider is a file of facts (addresses, names of parameters, the subject, the table of
//! errors) over one shared client: `client.rs` calls, `answer.rs` reads, `failure.rs` says what a no
//! means, `adapter.rs` holds all calls of one login together. `OpenID` Connect adds `discovery.rs`,
//! `keys.rs` and `id_token.rs`. `docs/providers.md` says how to add one.

mod adapter;
mod address;
mod alipay;
mod answer;
mod apple;
mod checks;
mod client;
mod discovery;
mod douyin;
mod failure;
mod github;
mod google;
mod id_token;
mod kept;
mod keys;
mod kind;
mod netease;
mod oidc;
mod qq;
mod settings;
mod wechat;
mod weibo;

pub use settings::{ProviderSettings, SettingsError, Surroundings, Times, provider};
