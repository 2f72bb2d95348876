//! Stand-ins of vendors that verify phone numbers.
//!
//! A token tells what is to come of it: [`token`] writes one. Keys, signatures, clocks, apps and
//! single use are verified as the vendors do. All of them are served below a path each, and Alibaba
//! Cloud at the root as well, since its own SDK knows no path.

#![expect(
    clippy::expect_used,
    clippy::format_collect,
    clippy::indexing_slicing,
    reason = "all of this is test code; the members of a JSON object that is built are there"
)]

mod aliyun;
mod camara;
mod cmcc;
mod jverify;
mod rsa;
mod wire;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::{self, ServiceConfig};

pub use rsa::private_key_pem;

/// The name of the app, the account or the client, at each vendor.
pub const ID: &str = "stand-in-id";
/// Its secret.
pub const SECRET: &str = "stand-in-secret-0F0E0D0C0B0A0908";
/// The verifier of the flow that ended in a token of the case `bound` (RFC 7636).
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The address at which the device's flow ended.
pub const REDIRECT_URI: &str = "https://app.example.com/carrier";

static TOKENS: AtomicU64 = AtomicU64::new(0);

/// What is to come of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// The number.
    Good,
    /// The number, if the flow's verifier comes as well; at CAMARA alone.
    Bound,
    /// It is expired.
    Expired,
    /// It was used.
    Used,
    /// It is another app's.
    OtherApp,
    /// The SIM is not served.
    WrongCarrier,
    /// A number with stars.
    Masked,
    /// A number of Hong Kong.
    Foreign,
    /// What is no number.
    Malformed,
    /// All is well, and there is no number.
    Nothing,
    /// Neither yes nor no.
    Unsure,
    /// A code that is in no document.
    Riddle,
    /// The carrier behind the vendor is down.
    Busy,
    /// The account is empty.
    Unpaid,
}

const CASES: [(Case, &str); 14] = [
    (Case::Good, "good"),
    (Case::Bound, "bound"),
    (Case::Expired, "expired"),
    (Case::Used, "used"),
    (Case::OtherApp, "other-app"),
    (Case::WrongCarrier, "wrong-carrier"),
    (Case::Masked, "masked"),
    (Case::Foreign, "foreign"),
    (Case::Malformed, "malformed"),
    (Case::Nothing, "nothing"),
    (Case::Unsure, "unsure"),
    (Case::Riddle, "riddle"),
    (Case::Busy, "busy"),
    (Case::Unpaid, "unpaid"),
];

/// What the app asked the vendor's SDK for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The SIM's number.
    Login,
    /// Whether a number is the SIM's.
    Match,
}

/// A token that nobody had before, for the SIM of a mainland number in its local form, as in
/// `aliyun.login.good.13800138000.7`.
#[must_use]
pub fn token(vendor: &str, purpose: Purpose, case: Case, phone: &str) -> String {
    let number = TOKENS.fetch_add(1, Ordering::SeqCst);
    let case = CASES.iter().find(|(it, _)| *it == case).map_or("good", |(_, name)| name);
    let purpose = match purpose {
        Purpose::Login => "login",
        Purpose::Match => "match",
    };
    format!("{vendor}.{purpose}.{case}.{phone}.{number}")
}

/// All vendors of one test; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Carriers(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    spent: HashSet<String>,
    nonces: HashSet<String>,
    exchanges: HashMap<String, usize>,
    /// Access tokens that were given and not used yet, and what for.
    access: HashMap<String, String>,
}

/// What a token is good for, after it was spent.
#[derive(Debug, PartialEq, Eq)]
enum Spent {
    /// The number, in its local form.
    Number(String),
    /// Nothing, and why.
    Refused(Why),
}

/// Why a vendor gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Unknown, expired or used.
    Dead,
    /// Another app's, or asked for for another purpose.
    Foreign,
    /// The SIM is not served.
    WrongCarrier,
    /// The carrier is down.
    Busy,
    /// The account is empty.
    Unpaid,
    /// A code that is in no document.
    Riddle,
    /// Neither yes nor no.
    Unsure,
    /// All is well, and there is no number.
    Nothing,
}

impl Carriers {
    /// The routes of all vendors.
    pub fn routes(&self) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
        let held = web::Data::new(self.clone());
        move |it| {
            it.app_data(held.clone())
                .service(web::scope("/aliyun").route("/", web::to(aliyun::serve)))
                .service(web::scope("/jverify").configure(jverify::routes))
                .service(web::scope("/cmcc").configure(cmcc::routes))
                .service(web::scope("/camara").configure(camara::routes))
                .route("/", web::to(aliyun::serve));
        }
    }

    /// How often a vendor was asked to exchange a token.
    #[must_use]
    pub fn exchanges(&self, vendor: &str) -> usize {
        self.held().exchanges.get(vendor).copied().unwrap_or_default()
    }

    fn count(&self, vendor: &str) {
        *self.held().exchanges.entry(vendor.to_owned()).or_default() += 1;
    }

    /// True for a word that has not been seen before.
    fn is_new(&self, nonce: &str) -> bool {
        self.held().nonces.insert(nonce.to_owned())
    }

    /// Spends a token. It is dead afterwards, whatever came of it.
    fn spend(&self, vendor: &str, purpose: &str, token: &str) -> Spent {
        let parts: Vec<&str> = token.split('.').collect();
        let [of, asked, case, phone, _] = parts.as_slice() else {
            return Spent::Refused(Why::Dead);
        };
        if *of != vendor || !self.held().spent.insert(token.to_owned()) {
            return Spent::Refused(Why::Dead);
        }
        if *asked != purpose {
            return Spent::Refused(Why::Foreign);
        }
        let case = CASES.iter().find(|(_, name)| name == case).map(|(it, _)| *it);
        let number = |it: &str| Spent::Number(it.to_owned());
        match case {
            Some(Case::Good | Case::Bound) => number(phone),
            Some(Case::Masked) => number("138****8000"),
            Some(Case::Foreign) => number("+85251234567"),
            Some(Case::Malformed) => number("12345"),
            Some(Case::OtherApp) => Spent::Refused(Why::Foreign),
            Some(Case::WrongCarrier) => Spent::Refused(Why::WrongCarrier),
            Some(Case::Nothing) => Spent::Refused(Why::Nothing),
            Some(Case::Unsure) => Spent::Refused(Why::Unsure),
            Some(Case::Riddle) => Spent::Refused(Why::Riddle),
            Some(Case::Busy) => Spent::Refused(Why::Busy),
            Some(Case::Unpaid) => Spent::Refused(Why::Unpaid),
            Some(Case::Expired | Case::Used) | None => Spent::Refused(Why::Dead),
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_spent_once_and_for_its_vendor_and_purpose() {
        let carriers = Carriers::default();
        let one = token("aliyun", Purpose::Login, Case::Good, "13800138000");
        let spend = |vendor, purpose, token: &str| carriers.spend(vendor, purpose, token);
        assert_eq!(spend("jverify", "login", &one), Spent::Refused(Why::Dead));
        assert_eq!(spend("aliyun", "login", &one), Spent::Number("13800138000".to_owned()));
        assert_eq!(spend("aliyun", "login", &one), Spent::Refused(Why::Dead));
        let another = token("aliyun", Purpose::Login, Case::Good, "13800138000");
        assert_eq!(spend("aliyun", "match", &another), Spent::Refused(Why::Foreign));
        assert_eq!(spend("aliyun", "match", &another), Spent::Refused(Why::Dead));
        assert_eq!(spend("aliyun", "login", "a.b.c"), Spent::Refused(Why::Dead));
    }
}
