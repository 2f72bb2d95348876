//! Every vendor keeps every promise of the port.

use std::sync::Arc;
use std::time::Duration;

use ports::carrier::CarrierVerifier;
use ports::testing::contract::carrier::{Kind, Network, Purpose, Weather};
use test_vendors::carrier::{Carriers, Case, VERIFIER, token};
use test_vendors::{Fault, StandIn, carrier};

use super::{Which, right, stand_in};

struct Standing {
    which: Which,
    stand_in: StandIn,
    carriers: Carriers,
    verifier: Arc<dyn CarrierVerifier>,
}

impl Network for Standing {
    fn verifier(&self) -> Arc<dyn CarrierVerifier> {
        Arc::clone(&self.verifier)
    }

    fn token(&self, purpose: Purpose, kind: Kind) -> Option<String> {
        let purpose = match purpose {
            Purpose::Login => carrier::Purpose::Login,
            Purpose::Match => carrier::Purpose::Match,
        };
        let is_camara = self.which.name() == "camara";
        let case = match kind {
            // Where codes are bound to a flow, they are.
            Kind::Good if self.which == Which::CamaraByKey => Case::Bound,
            Kind::Good => Case::Good,
            Kind::Expired => Case::Expired,
            Kind::Used => Case::Used,
            Kind::OtherApp => Case::OtherApp,
            Kind::WrongCarrier => Case::WrongCarrier,
            Kind::Masked => Case::Masked,
            // It serves every country.
            Kind::Foreign if is_camara => return None,
            Kind::Foreign => Case::Foreign,
            Kind::Malformed => Case::Malformed,
            Kind::Nothing => Case::Nothing,
            Kind::Unsure => Case::Unsure,
            Kind::Riddle => Case::Riddle,
        };
        let token = token(self.which.name(), purpose, case, "13800138000");
        Some(if case == Case::Bound { format!("{token}#{VERIFIER}") } else { token })
    }

    fn set(&self, weather: Weather) {
        let faults = self.stand_in.faults();
        faults.clear();
        let fault = match weather {
            Weather::Fine => return,
            Weather::Down => Fault::Status(500),
            Weather::Slow => Fault::SlowAfter(Duration::from_secs(4)),
            Weather::Html => Fault::Html,
            Weather::Truncated => Fault::Truncated,
        };
        faults.set(self.which.path(), fault);
    }

    fn exchanges(&self) -> usize {
        self.carriers.exchanges(self.which.name())
    }
}

async fn standing(which: Which) -> Arc<dyn Network> {
    let (stand_in, carriers) = stand_in().await;
    let verifier = right(which, &stand_in);
    assert_eq!(verifier.vendor(), which.name());
    Arc::new(Standing { which, stand_in, carriers, verifier })
}

mod aliyun_in_apps {
    ports::carrier_contract!(super::standing(super::Which::AliyunApp));
}

mod aliyun_in_apps_by_rpc {
    ports::carrier_contract!(super::standing(super::Which::AliyunAppByRpc));
}

mod aliyun_on_pages {
    ports::carrier_contract!(super::standing(super::Which::AliyunWeb));
}

mod jverify_in_apps {
    ports::carrier_contract!(super::standing(super::Which::JverifyApp));
}

mod jverify_on_pages {
    ports::carrier_contract!(super::standing(super::Which::JverifyWeb));
}

mod cmcc_by_md5 {
    ports::carrier_contract!(super::standing(super::Which::CmccByMd5));
}

mod cmcc_by_rsa {
    ports::carrier_contract!(super::standing(super::Which::CmccByRsa));
}

mod camara_by_secret {
    ports::carrier_contract!(super::standing(super::Which::CamaraBySecret));
}

mod camara_by_key {
    ports::carrier_contract!(super::standing(super::Which::CamaraByKey));
}
