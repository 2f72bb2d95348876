//! The binary from outside, on every topology: one file a route, and what holds across them.
#![cfg(test)]

mod audit;
mod browser_flow;
mod budgets;
mod canary;
mod carrier;
mod challenges;
mod consents;
mod delete;
mod deployment;
mod docs;
mod edge;
mod email;
mod faults;
mod identities;
mod limits;
mod login;
mod master_secret;
mod me;
mod merge;
mod metrics;
mod nodes;
mod notices;
mod oauth2;
mod oauth2_assertion;
mod oauth2_authorize;
mod oauth2_clients;
mod oauth2_ends;
mod oauth2_races;
mod operation;
mod password;
mod password_reset;
mod plans;
mod providers;
mod races;
mod reauthenticate;
mod recycled;
mod register;
mod session;
mod sessions;
mod sms;
mod sms_attack;
mod traces;
mod webhooks;
mod without_redis;

/// Waits until an address was told all of these, and fails if it was not.
async fn notices(client: &tests::Client, to: &str, wanted: &[&str]) {
    let mut told = Vec::new();
    for _ in 0..200 {
        let kept = client.get(&format!("/dev/messages?to={to}")).await.expect("an answer");
        let messages = kept.body["messages"].as_array().cloned().unwrap_or_default();
        told = messages
            .iter()
            .filter(|it| it["code"].is_null())
            .filter_map(|it| it["purpose"].as_str().map(str::to_owned))
            .collect();
        if wanted.iter().all(|it| told.iter().any(|told| told == it)) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{to} was to be told {wanted:?}, and was told {told:?}");
}

/// The body of an answer without what differs from run to run.
fn shape(body: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    let mut body = body.clone();
    let blank = |value: &mut Value| {
        if !value.is_null() {
            *value = Value::from("…");
        }
    };
    for pointer in [
        "/access_token",
        "/challenge_id",
        "/request_id",
        "/session/auth_time",
        "/session/id",
        "/user/created_at",
        "/user/id",
    ] {
        if let Some(value) = body.pointer_mut(pointer) {
            blank(value);
        }
    }
    body
}
