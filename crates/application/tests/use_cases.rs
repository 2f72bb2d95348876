//! The use cases on fakes, one port swapped where a test asks for it.
#![cfg(test)]

#[path = "use_cases/browser_flow.rs"]
mod browser_flow;
#[path = "use_cases/carrier.rs"]
mod carrier;
#[path = "use_cases/challenge.rs"]
mod challenge;
#[path = "use_cases/client_assertion.rs"]
mod client_assertion;
#[path = "use_cases/consent.rs"]
mod consent;
#[path = "use_cases/keyring.rs"]
mod keyring;
#[path = "use_cases/login.rs"]
mod login;
#[path = "use_cases/oauth.rs"]
mod oauth;
#[path = "use_cases/outbox.rs"]
mod outbox;
#[path = "use_cases/password.rs"]
mod password;
#[path = "use_cases/register.rs"]
mod register;
#[path = "use_cases/retention.rs"]
mod retention;
#[path = "use_cases/session.rs"]
mod session;
#[path = "use_cases/third_party.rs"]
mod third_party;

use std::net::Ipv4Addr;

use adapters_memory::Fakes;
use application::authenticate::{Access, Caller, authenticate};
use application::challenge::request_challenge;
use application::login::{LoggedIn, Login, Newcomers, login};
use application::{Admission, Error};
use domain::credential::code::{Code, CodeCredential, Purpose};
use domain::credential::{Credential, PasswordCredential};
use domain::id::ChallengeId;
use domain::identifier::Identifier;
use domain::message::{CodeMessage, Recipient};
use domain::origin::{Device, Origin};
use domain::password::PasswordAttempt;
use domain::phone::{PhoneNumber, PhonePolicy, Region};
use domain::secret::SessionToken;
use ports::Ports;

fn phones() -> PhonePolicy {
    PhonePolicy { default_region: Region::CN, allowed_regions: vec![Region::CN] }
}

fn phone(of: u32) -> PhoneNumber {
    PhoneNumber::parse(&format!("138{of:08}"), &phones()).unwrap()
}

fn origin() -> Origin {
    Origin { ip: Ipv4Addr::new(192, 0, 2, 7).into(), device: Device::default() }
}

/// Asks for a code and reads it as it was posted.
async fn sent(fakes: &Fakes, ports: &Ports, of: u32, purpose: Purpose) -> CodeMessage {
    let to = Recipient::Phone(phone(of));
    request_challenge(ports, to, purpose, &origin()).await.unwrap();
    fakes.postbox.posted().pop().unwrap().message
}

fn by_code(message: &CodeMessage) -> Login {
    presenting(message.challenge_id, message.code.clone())
}

fn presenting(id: ChallengeId, code: Code) -> Login {
    Login {
        credential: CodeCredential { challenge_id: Some(id), code }.into(),
        newcomer: Newcomers::default(),
        origin: origin(),
    }
}

fn by_password(identifier: &str, password: &str) -> Login {
    Login {
        credential: Credential::Password(PasswordCredential {
            identifier: Identifier::parse(identifier, None, &phones()).unwrap(),
            password: PasswordAttempt::parse(password).unwrap(),
        }),
        newcomer: Newcomers::default(),
        origin: origin(),
    }
}

/// Logs a phone in by a code that was just sent to it.
async fn logged_in(fakes: &Fakes, ports: &Ports, of: u32) -> LoggedIn {
    let message = sent(fakes, ports, of, Purpose::Login).await;
    login(ports, by_code(&message)).await.unwrap()
}

async fn check(ports: &Ports, token: &SessionToken) -> Result<Caller, Error> {
    authenticate(ports, token, Access::Session).await
}
