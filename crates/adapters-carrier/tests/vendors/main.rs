//! Every vendor with its stand-in: the contract, and what the stand-in does not let pass.
#![cfg(test)]

mod contract;
#[cfg(feature = "test-sdk")]
mod sdk;
mod tampered;

use std::sync::{Arc, OnceLock};

use adapters_carrier::PrivateKey;
use adapters_carrier::aliyun::{Aliyun, AliyunSettings, Signature, Surface};
use adapters_carrier::camara::{Camara, CamaraSettings};
use adapters_carrier::cmcc::{Cmcc, CmccSettings};
use adapters_carrier::jverify::{Jverify, JverifySettings};
use domain::{Timestamp, later};
use ports::carrier::CarrierVerifier;
use ports::clock::Clock;
use ports::testing::CountingEntropy;
use test_vendors::StandIn;
use test_vendors::carrier::{Carriers, ID, REDIRECT_URI, SECRET, private_key_pem};

/// A clock that tells the time of day, as the stand-ins' do.
struct TimeOfDay;

impl Clock for TimeOfDay {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        later(Timestamp::UNIX_EPOCH, since)
    }
}

/// A vendor, and how it is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    AliyunApp,
    AliyunAppByRpc,
    AliyunWeb,
    JverifyApp,
    JverifyWeb,
    CmccByMd5,
    CmccByRsa,
    CamaraBySecret,
    CamaraByKey,
}

impl Which {
    const fn name(self) -> &'static str {
        match self {
            Self::AliyunApp | Self::AliyunAppByRpc => "aliyun",
            Self::AliyunWeb => "aliyun_h5",
            Self::JverifyApp => "jverify",
            Self::JverifyWeb => "jverify_h5",
            Self::CmccByMd5 | Self::CmccByRsa => "cmcc",
            Self::CamaraBySecret | Self::CamaraByKey => "camara",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::AliyunApp | Self::AliyunAppByRpc | Self::AliyunWeb => "/aliyun",
            Self::JverifyApp | Self::JverifyWeb => "/jverify",
            Self::CmccByMd5 | Self::CmccByRsa => "/cmcc",
            Self::CamaraBySecret | Self::CamaraByKey => "/camara",
        }
    }

    /// The adapter for an address.
    fn at(self, endpoint: String, secret: &str, clock: Arc<dyn Clock>) -> Arc<dyn CarrierVerifier> {
        // One for all adapters: a vendor takes no word twice.
        static ENTROPY: OnceLock<Arc<CountingEntropy>> = OnceLock::new();
        let entropy = Arc::clone(ENTROPY.get_or_init(Arc::default));
        let key = || Arc::new(PrivateKey::parse(&private_key_pem()).unwrap());
        match self {
            Self::AliyunApp | Self::AliyunAppByRpc | Self::AliyunWeb => {
                let settings = AliyunSettings {
                    endpoint,
                    access_key_id: ID.to_owned(),
                    access_key_secret: secret.into(),
                    surface: if self == Self::AliyunWeb { Surface::Web } else { Surface::App },
                    signature: match self {
                        Self::AliyunAppByRpc => Signature::Rpc,
                        _ => Signature::Acs3,
                    },
                };
                Arc::new(Aliyun::new(settings, clock, entropy).unwrap())
            }
            Self::JverifyApp | Self::JverifyWeb => {
                let settings = JverifySettings {
                    endpoint,
                    app_key: ID.to_owned(),
                    master_secret: secret.into(),
                    private_key: key(),
                    is_web: self == Self::JverifyWeb,
                };
                Arc::new(Jverify::new(settings).unwrap())
            }
            Self::CmccByMd5 | Self::CmccByRsa => {
                let settings = CmccSettings {
                    endpoint,
                    app_id: ID.to_owned(),
                    app_key: secret.into(),
                    private_key: (self == Self::CmccByRsa).then(key),
                };
                Arc::new(Cmcc::new(settings, clock, entropy).unwrap())
            }
            Self::CamaraBySecret | Self::CamaraByKey => {
                let settings = CamaraSettings {
                    endpoint,
                    client_id: ID.to_owned(),
                    client_secret: secret.into(),
                    private_key: (self == Self::CamaraByKey).then(key),
                    key_id: Some("key-1".to_owned()),
                    redirect_uri: Some(REDIRECT_URI.to_owned()),
                };
                Arc::new(Camara::new(settings, clock, entropy).unwrap())
            }
        }
    }
}

/// A stand-in of all vendors.
async fn stand_in() -> (StandIn, Carriers) {
    let carriers = Carriers::default();
    let stand_in = StandIn::start(carriers.routes()).await.unwrap();
    (stand_in, carriers)
}

/// The adapter of a vendor that is served by a stand-in.
fn right(which: Which, stand_in: &StandIn) -> Arc<dyn CarrierVerifier> {
    which.at(stand_in.url(which.path()), SECRET, Arc::new(TimeOfDay))
}
