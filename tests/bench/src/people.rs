//! Who logs in, and what each of them asks: made ready before anything is measured.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use test_vendors::oauth::{Ask, Person};

use crate::http::{self, Connection};
use crate::stage::{APP, PROVIDER, Stage};

/// Connections by which people are made ready.
const CONNECTIONS: usize = 16;
/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The addresses that requests come from, each once.
static ADDRESSES: AtomicU32 = AtomicU32::new(0);

/// A client's address that none had before, within 10.0.0.0/8.
pub(crate) fn address() -> String {
    let number = ADDRESSES.fetch_add(1, Ordering::Relaxed) % (1 << 24);
    Ipv4Addr::from_bits((10 << 24) + number).to_string()
}

/// The number of the n-th person who is known.
pub(crate) fn known(number: usize) -> String {
    format!("+86138{number:08}")
}

/// The number of the n-th person who is new.
pub(crate) fn new(number: usize) -> String {
    format!("+86139{number:08}")
}

/// `POST /v1/login` with a credential.
pub(crate) fn login(credential: &Value) -> Vec<u8> {
    http::post("/v1/login", &json!({"credential": credential}), &address())
}

/// `POST /v1/login` with a password.
pub(crate) fn password(phone: &str, password: &str) -> Vec<u8> {
    login(&json!({"type": "password", "identifier": phone, "password": password}))
}

/// `GET /v1/me`.
pub(crate) fn me(token: &str) -> Vec<u8> {
    http::get("/v1/me", token, &address())
}

/// A login of somebody who has an account at the provider: a code is good for one.
pub(crate) fn provider(stage: &Stage, number: usize) -> Vec<u8> {
    let person = Person::new(u64::try_from(number).unwrap_or(u64::MAX));
    let code = stage.desk.code("wechat", APP, &person, Ask::default());
    login(&json!({"type": "provider_code", "provider": PROVIDER, "code": code}))
}

/// A login by code for each number: codes are asked for, and read where development keeps them.
pub(crate) async fn codes(server: SocketAddr, phones: Vec<String>) -> Result<Vec<Vec<u8>>> {
    let logins = each(server, phones, async |connection, phone| {
        let (id, code) = challenge(connection, &phone).await?;
        Ok(login(&json!({"type": "code", "challenge_id": id, "code": code})))
    });
    logins.await
}

/// Asks for a code and reads it: the challenge's id and the code.
pub(crate) async fn challenge(
    connection: &mut Connection,
    phone: &str,
) -> Result<(String, String)> {
    let asked = json!({"channel": "sms", "target": phone});
    let answer = connection.ask(&http::post("/v1/challenges", &asked, &address())).await?;
    let status = answer.status;
    let body: Value = serde_json::from_slice(answer.body)?;
    if status != 202 {
        bail!("no code for {phone}: {body}");
    }
    let id = text(&body, "/challenge_id")?;
    let path = format!("/dev/messages?to={}", phone.replace('+', "%2B"));
    let answer = connection.ask(&http::get(&path, "", &address())).await?;
    let kept: Value = serde_json::from_slice(answer.body)?;
    let messages = kept.pointer("/messages").and_then(Value::as_array).context("no messages")?;
    let message = messages.iter().find(|it| text(it, "/challenge_id").is_ok_and(|it| it == id));
    Ok((id, text(message.context("the message is not kept any more")?, "/code")?))
}

/// Sends each request and gives the texts at a place in the answers.
pub(crate) async fn answers(
    server: SocketAddr,
    requests: Vec<Vec<u8>>,
    pointer: &'static str,
) -> Result<Vec<String>> {
    let asked = each(server, requests, async move |connection, request| {
        let answer = connection.ask(&request).await?;
        let body: Value = serde_json::from_slice(answer.body)?;
        text(&body, pointer)
    });
    asked.await
}

/// Does something with each item, by a few connections at a time, in no order.
async fn each<T, R>(
    server: SocketAddr,
    items: Vec<T>,
    work: impl AsyncFn(&mut Connection, T) -> Result<R>,
) -> Result<Vec<R>> {
    let (items, done) = (RefCell::new(items.into_iter()), RefCell::new(Vec::new()));
    let callers = (0..CONNECTIONS).map(async |_| {
        let mut connection = Connection::open(server).await?;
        loop {
            let next = items.borrow_mut().next();
            let Some(item) = next else { return Ok::<_, anyhow::Error>(()) };
            let result = work(&mut connection, item).await?;
            done.borrow_mut().push(result);
        }
    });
    try_join_all(callers).await?;
    Ok(done.into_inner())
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).with_context(|| format!("no text at {pointer}: {value}"))
}
