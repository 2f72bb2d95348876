//! Third-party identity providers, behind `ports::identity_provider::IdentityProvider`.
//!
//! A provider is a file of facts (addresses, names of parameters, the subject, the table of
//! errors) over one shared client: [`client`] calls, [`answer`] reads, [`failure`] says what a no
//! means, [`adapter`] holds all calls of one login together. `OpenID` Connect adds [`discovery`],
//! [`keys`] and [`id_token`]. `docs/providers.md` says how to add one.

mod adapter;
mod address;
mod alipay;
mod answer;
mod apple;
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
