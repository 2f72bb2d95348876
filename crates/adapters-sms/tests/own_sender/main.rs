//! A team's own sender keeps the promises of all senders, in under a hundred lines.

#![cfg(test)]

mod sender;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use domain::message::{CodeMessage, Message};
use ports::sender::{MessageSender as _, SendError};
use ports::testing::contract::sender::{Vendor, message, phone};
use rstest::rstest;

use sender::ExampleSender;

type Taken = Arc<Mutex<Vec<String>>>;

/// The vendor: takes what comes with the right key, and answers what it is told to.
fn start(status: u16, answer: &'static str) -> (String, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/send", listener.local_addr().unwrap());
    let taken = Taken::default();
    let keeps = Arc::clone(&taken);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = BufReader::new(stream);
            let (mut length, mut has_key, mut line) = (0, false, String::new());
            while stream.read_line(&mut line).is_ok_and(|it| it > 2) {
                let head = line.trim().to_lowercase();
                has_key |= head == "x-api-key: right";
                if let Some(it) = head.strip_prefix("content-length: ") {
                    length = it.parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = if has_key { answer } else { r#"{"result":"wrong key"}"# };
            if answer.contains("accepted") {
                keeps.lock().unwrap().push(String::from_utf8(body).unwrap());
            }
            let head = "content-type: application/json\r\nconnection: close";
            let length = answer.len();
            let all = format!(
                "HTTP/1.1 {status} -\r\n{head}\r\ncontent-length: {length}\r\n\r\n{answer}"
            );
            stream.get_mut().write_all(all.as_bytes()).unwrap();
        }
    });
    (url, taken)
}

const ACCEPTED: &str = r#"{"result":"accepted"}"#;

#[expect(clippy::unused_async, reason = "suites await what makes a vendor")]
async fn fresh() -> Vendor {
    let (url, taken) = start(200, ACCEPTED);
    Vendor {
        sender: Arc::new(ExampleSender::new(&url, "right").unwrap()),
        to: phone(),
        accepted: Arc::new(move || taken.lock().unwrap().clone()),
    }
}

ports::sender_contract!(fresh());

#[rstest]
#[case::number(200, r#"{"result":"no such number"}"#, |it: &SendError| matches!(it, SendError::BadRecipient { .. }))]
#[case::limit(200, r#"{"result":"too many to this number"}"#, |it: &SendError| matches!(it, SendError::Limited { .. }))]
#[case::balance(402, r#"{"result":"no balance"}"#, |it: &SendError| matches!(it, SendError::Exhausted { .. }))]
#[case::down(503, "<html>", |it: &SendError| matches!(it, SendError::Unavailable { .. }))]
#[case::portal(200, "<html>", |it: &SendError| matches!(it, SendError::Ambiguous { .. }))]
#[tokio::test]
async fn each_answer_has_its_class(
    #[case] status: u16,
    #[case] answer: &'static str,
    #[case] is_expected: fn(&SendError) -> bool,
) {
    let (url, taken) = start(status, answer);
    let code = Message::Code(CodeMessage { to: phone(), ..message(42) });
    let error = ExampleSender::new(&url, "right").unwrap().send(&code).await.unwrap_err();
    assert!(is_expected(&error), "{error}");
    assert!(taken.lock().unwrap().is_empty());
    let (url, _) = start(200, ACCEPTED);
    let error = ExampleSender::new(&url, "wrong").unwrap().send(&code).await.unwrap_err();
    assert!(matches!(error, SendError::Misconfigured { .. }), "{error}");
}

#[test]
fn the_example_is_short() {
    let lines = include_str!("sender.rs").lines().count();
    assert!(lines < 100, "{lines} lines");
}

/// What docs/senders.md shows is what was compiled.
#[test]
fn the_docs_name_the_example() {
    let docs = include_str!("../../../../docs/senders.md");
    assert!(docs.contains("crates/adapters-sms/tests/own_sender/sender.rs"));
}
