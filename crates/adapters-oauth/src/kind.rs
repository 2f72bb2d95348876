//! The kinds of provider: which keys, ways and addresses each has.

use domain::provider::ProviderKind;
use ports::identity_provider::Way;

use crate::wechat::Surface;
use crate::{alipay, apple, douyin, github, google, netease, qq, wechat, weibo};

/// The vendors, by the names in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    WeChat(Surface),
    Qq,
    Weibo,
    NetEase,
    Alipay,
    Douyin,
    Apple,
    Google,
    GitHub,
    Oidc,
}

impl Kind {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "wechat" => Self::WeChat(Surface::Website),
            "wechat_mp" => Self::WeChat(Surface::Page),
            "wechat_app" => Self::WeChat(Surface::App),
            "wechat_mini" => Self::WeChat(Surface::Mini),
            "qq" => Self::Qq,
            "weibo" => Self::Weibo,
            "netease" => Self::NetEase,
            "alipay" => Self::Alipay,
            "douyin" => Self::Douyin,
            "apple" => Self::Apple,
            "google" => Self::Google,
            "github" => Self::GitHub,
            "oidc" => Self::Oidc,
            _ => return None,
        })
    }

    /// The keys that belong to it, beside `kind` and `store_tokens`.
    pub(crate) const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::WeChat(_) | Self::Douyin => {
                &["app_id", "app_secret", "authorize_url", "api_url", "platform"]
            }
            Self::Qq => {
                &["app_id", "app_ids", "app_secret", "authorize_url", "api_url", "platform"]
            }
            Self::Weibo | Self::Google => {
                &["app_id", "app_ids", "app_secret", "authorize_url", "api_url"]
            }
            Self::NetEase | Self::GitHub => &["app_id", "app_secret", "authorize_url", "api_url"],
            Self::Alipay => {
                &["app_id", "private_key", "alipay_public_key", "authorize_url", "api_url"]
            }
            Self::Apple => &[
                "app_id",
                "app_ids",
                "team_id",
                "key_id",
                "private_key",
                "authorize_url",
                "api_url",
            ],
            Self::Oidc => &["issuer", "client_id", "client_ids", "client_secret"],
        }
    }

    pub(crate) fn ways(self) -> Vec<Way> {
        match self {
            Self::WeChat(surface) => surface.ways(),
            Self::Qq | Self::Weibo | Self::GitHub => vec![Way::Browser, Way::Code, Way::Token],
            // Nothing in their answers names the app that a token is of (SDK-02).
            Self::NetEase | Self::Alipay | Self::Douyin => vec![Way::Browser, Way::Code],
            Self::Apple | Self::Google | Self::Oidc => vec![Way::Browser, Way::Code, Way::IdToken],
        }
    }

    pub(crate) const fn kind(self) -> ProviderKind {
        match self {
            Self::WeChat(_) => ProviderKind::WeChat,
            Self::Qq => ProviderKind::Qq,
            Self::Weibo => ProviderKind::Weibo,
            Self::NetEase => ProviderKind::NetEase,
            Self::Alipay => ProviderKind::Alipay,
            Self::Douyin => ProviderKind::Douyin,
            Self::Apple => ProviderKind::Apple,
            Self::Google => ProviderKind::Google,
            Self::GitHub => ProviderKind::GitHub,
            Self::Oidc => ProviderKind::Oidc,
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::WeChat(_) => "WeChat",
            Self::Qq => "QQ",
            Self::Weibo => "Weibo",
            Self::NetEase => "NetEase",
            Self::Alipay => "Alipay",
            Self::Douyin => "Douyin",
            Self::Apple => "Apple",
            Self::Google => "Google",
            Self::GitHub => "GitHub",
            Self::Oidc => "OpenID Connect",
        }
    }

    /// The addresses of the real vendor.
    pub(crate) const fn addresses(self) -> (&'static str, &'static str) {
        match self {
            Self::WeChat(_) => (wechat::AUTHORIZE, wechat::API),
            Self::Qq => (qq::BASE, qq::BASE),
            Self::Weibo => (weibo::BASE, weibo::BASE),
            Self::NetEase => (netease::BASE, netease::BASE),
            Self::Alipay => (alipay::AUTHORIZE, alipay::API),
            Self::Douyin => (douyin::BASE, douyin::BASE),
            Self::Apple => (apple::BASE, apple::BASE),
            Self::Google => (google::AUTHORIZE, ""),
            Self::GitHub => (github::AUTHORIZE, github::API),
            Self::Oidc => ("", ""),
        }
    }
}
