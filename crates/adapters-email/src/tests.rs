//! The sender against a real mail server.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use domain::Duration;
use domain::email::EmailAddress;
use domain::message::{CodeMessage, Message, Notice, NoticeMessage, Recipient};
use lettre::transport::smtp::client::Certificate;
use ports::sender::{MessageSender, SendError};
use ports::testing::contract::sender::{Vendor, mailbox, message};
use ports::testing::{CountingEntropy, START, race};
use serde_json::{Value, json};
use test_servers::{Smtp, SmtpOptions, SmtpTls};

use crate::sender::Patience;
use crate::{SmtpSender, SmtpSettings};

#[expect(clippy::disallowed_methods, reason = "the test command tells where Python is")]
fn python() -> PathBuf {
    let python = std::env::var_os("LATCHKEY_TEST_PYTHON");
    python.expect("run the tests with `cargo xtask test`").into()
}

fn server(options: &SmtpOptions) -> Smtp {
    Smtp::start(&python(), options).unwrap()
}

fn settings(url: &str) -> SmtpSettings {
    SmtpSettings::parse(&url.into(), "钥匙 <no-reply@example.com>").unwrap()
}

fn sender(url: &str) -> SmtpSender {
    SmtpSender::new(settings(url), Arc::new(CountingEntropy::default())).unwrap()
}

fn to(server: &Smtp) -> SmtpSender {
    sender(&format!("smtp://127.0.0.1:{}", server.port()))
}

fn code_to(address: &str) -> Message {
    let to = Recipient::Mailbox(EmailAddress::parse(address).unwrap());
    Message::Code(CodeMessage { to, ..message(42) })
}

fn code() -> Message {
    Message::Code(CodeMessage { to: mailbox(), ..message(42) })
}

fn mails(server: &Smtp) -> Vec<Value> {
    server.mails().unwrap().iter().map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn header<'a>(mail: &'a Value, name: &str) -> &'a str {
    let headers = mail["headers"].as_array().unwrap();
    headers.iter().find(|it| it[0] == name).and_then(|it| it[1].as_str()).unwrap_or_default()
}

#[expect(clippy::unused_async, reason = "suites await what makes a vendor")]
async fn fresh() -> Vendor {
    let server = server(&SmtpOptions::default());
    let sender = Arc::new(to(&server));
    let accepted = move || mails(&server).iter().map(|it| it["parts"].to_string()).collect();
    Vendor { sender, to: mailbox(), accepted: Arc::new(accepted) }
}

ports::sender_contract!(fresh());

#[tokio::test]
async fn a_code_arrives_in_both_parts_and_both_languages() {
    let server = server(&SmtpOptions::default());
    to(&server).send(&code()).await.unwrap();
    let [mail] = mails(&server).try_into().unwrap();
    assert_eq!(
        (&mail["from"], &mail["to"]),
        (&json!("no-reply@example.com"), &json!(["ada@example.com"]))
    );
    assert_eq!((&mail["type"], &mail["defects"]), (&json!("multipart/alternative"), &json!([])));
    assert_eq!(header(&mail, "Subject"), "登录验证码 / Your login code");
    assert_eq!(header(&mail, "From"), "钥匙 <no-reply@example.com>");
    assert_eq!(header(&mail, "To"), "ada@example.com");
    assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
    assert!(header(&mail, "Message-ID").ends_with("@example.com>"), "{mail}");
    assert!(!header(&mail, "Date").is_empty(), "{mail}");
    assert!(mail["raw"].as_str().unwrap().is_ascii());
    let parts = mail["parts"].as_array().unwrap();
    for (part, kind) in parts.iter().zip(["text/plain", "text/html"]) {
        assert_eq!(part[0], kind);
        for text in ["000042", "您正在登录", "5 分钟", "Your code to log in is", "5 minutes"]
        {
            assert!(part[1].as_str().unwrap().contains(text), "{text}: {part}");
        }
    }
    assert_eq!(parts.len(), 2);
}

/// EDGE-12: headers and recipients are those that we write, whatever an address is made of.
#[tokio::test]
async fn nothing_of_an_address_becomes_another_header_or_recipient() {
    let server = server(&SmtpOptions::default());
    let sender = to(&server);
    let addresses =
        ["a!#$%&'*+-/=?^_`{|}~z@example.com", "<b>\r\nbcc: c@example.com", "d@example.com"];
    let mut sent = Vec::new();
    for address in addresses.into_iter().filter_map(|it| EmailAddress::parse(it).ok()) {
        let to = Recipient::Mailbox(address.clone());
        for message in [
            Message::Code(CodeMessage { to: to.clone(), ..message(42) }),
            Message::Notice(NoticeMessage { to, notice: Notice::NewDevice, at: START }),
        ] {
            sender.send(&message).await.unwrap();
            sent.push(json!([address.as_str()]));
        }
    }
    assert_eq!(sent.len(), 4, "the one with a line's end is no address");
    let mails = mails(&server);
    assert_eq!(mails.iter().map(|it| it["to"].clone()).collect::<Vec<_>>(), sent);
    for mail in &mails {
        let headers = mail["headers"].as_array().unwrap();
        let mut names: Vec<_> = headers.iter().map(|it| it[0].as_str().unwrap()).collect();
        names.sort_unstable();
        let ours = [
            "Auto-Submitted",
            "Content-Type",
            "Date",
            "From",
            "MIME-Version",
            "Message-ID",
            "Subject",
            "To",
        ];
        assert_eq!(names, ours);
    }
}

/// The class of an error, by its name.
fn class(sent: &Result<(), SendError>) -> &'static str {
    match sent {
        Ok(()) => "accepted",
        Err(SendError::BadRecipient { .. }) => "bad recipient",
        Err(SendError::Limited { .. }) => "limited",
        Err(SendError::Misconfigured { .. }) => "misconfigured",
        Err(SendError::Exhausted { .. }) => "exhausted",
        Err(SendError::NotOffered { .. }) => "not offered",
        Err(SendError::Unavailable { .. }) => "unavailable",
        Err(SendError::Ambiguous { .. }) => "ambiguous",
    }
}

#[tokio::test]
async fn what_the_server_answers_says_what_to_do_next() {
    let server = server(&SmtpOptions::default());
    let sender = to(&server);
    for (name, expected) in [
        ("unknown", "bad recipient"),
        ("full", "limited"),
        ("later", "unavailable"),
        ("stopping", "unavailable"),
        ("stranger", "misconfigured"),
        ("gone", "bad recipient"),
        ("disliked", "misconfigured"),
        ("jammed", "unavailable"),
        ("closing", "ambiguous"),
        ("ada", "accepted"),
    ] {
        let sent = sender.send(&code_to(&format!("{name}@example.com"))).await;
        assert_eq!(class(&sent), expected, "{name}");
    }
    assert_eq!(mails(&server).len(), 1);
}

fn impatient(mut sender: SmtpSender) -> SmtpSender {
    let little = Duration::from_millis(300);
    sender.patience = Patience { before_text: little, after_text: little };
    sender
}

/// OTP-10: a server that hangs is told, and by whether the text had left.
#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let mut server = server(&SmtpOptions::default());
    let sender = impatient(to(&server));
    assert_eq!(class(&sender.send(&code_to("silent@example.com")).await), "ambiguous");
    assert_eq!(class(&sender.send(&code()).await), "accepted");
    server.freeze().unwrap();
    assert_eq!(class(&sender.send(&code()).await), "unavailable", "on a connection that rests");
    assert_eq!(class(&sender.send(&code()).await), "unavailable", "on a new connection");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let mut server = server(&SmtpOptions::default());
    let sender = to(&server);
    assert_eq!(class(&sender.send(&code()).await), "accepted");
    server.stop().unwrap();
    assert_eq!(class(&sender.send(&code()).await), "unavailable");
    let nowhere = crate::tests::sender("smtp://mail.invalid");
    assert_eq!(class(&impatient(nowhere).send(&code()).await), "unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_used_again_and_each_by_one_mail_at_a_time() {
    let server = server(&SmtpOptions::default());
    let sender = Arc::new(to(&server));
    for _ in 0..3 {
        sender.send(&code()).await.unwrap();
    }
    let used: Vec<_> = mails(&server).iter().map(|it| it["connection"].clone()).collect();
    assert!(used.len() == 3 && used.iter().all(|it| *it == used[0]), "{used:?}");
    let sent = race(20, &sender, |sender, _| async move { sender.send(&code()).await }).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    assert_eq!(mails(&server).len(), 23);
}

#[tokio::test]
async fn a_server_that_wants_a_login_gets_it() {
    let login = Some("ada@example.com:p:w".to_owned());
    let server = server(&SmtpOptions { login, ..SmtpOptions::default() });
    for (user, expected) in [
        ("ada%40example.com:p%3Aw@", "accepted"),
        ("", "misconfigured"),
        ("ada%40example.com:wrong@", "misconfigured"),
    ] {
        let url = format!("smtp://{user}127.0.0.1:{}", server.port());
        assert_eq!(class(&sender(&url).send(&code()).await), expected, "{user}");
    }
    assert_eq!(
        mails(&server).iter().map(|it| &it["login"]).collect::<Vec<_>>(),
        ["ada@example.com"]
    );
}

fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// A mail goes out encrypted for a server that is trusted, and else not at all.
#[tokio::test]
async fn only_a_trusted_server_gets_a_mail_where_encryption_is_asked_for() {
    for (way, url) in [
        (SmtpTls::Starttls, "smtp://127.0.0.1:{}?tls=required"),
        (SmtpTls::Starttls, "smtp://127.0.0.1:{}?tls=opportunistic"),
        (SmtpTls::Smtps, "smtps://127.0.0.1:{}"),
    ] {
        let (certificate, key) = certificate();
        let tls = Some((way, certificate.clone(), key));
        let server = server(&SmtpOptions { tls, ..SmtpOptions::default() });
        let url = url.replace("{}", &server.port().to_string());
        assert_eq!(class(&sender(&url).send(&code()).await), "misconfigured", "{url}");
        assert!(mails(&server).is_empty());
        let root = Certificate::from_pem(certificate.as_bytes()).unwrap();
        let entropy = Arc::new(CountingEntropy::default());
        let trusting = SmtpSender::trusting(settings(&url), entropy, Some(root)).unwrap();
        assert_eq!(class(&trusting.send(&code()).await), "accepted", "{url}");
        assert_eq!(mails(&server)[0]["encrypted"], true);
    }
    let plain = server(&SmtpOptions::default());
    for (url, expected) in [
        ("smtp://127.0.0.1:{}?tls=required", "misconfigured"),
        ("smtps://127.0.0.1:{}", "misconfigured"),
        ("smtp://127.0.0.1:{}?tls=opportunistic", "accepted"),
    ] {
        let url = url.replace("{}", &plain.port().to_string());
        assert_eq!(class(&sender(&url).send(&code()).await), expected, "{url}");
    }
    assert_eq!(mails(&plain).len(), 1);
}

/// What is logged in this process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// LOG-01: neither an address nor a code, nor the password for the server.
#[tokio::test]
async fn no_line_has_an_address_or_a_code() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let server = server(&SmtpOptions::default());
    for user in ["", "somebody:hunter2@"] {
        let sender = sender(&format!("smtp://{user}127.0.0.1:{}", server.port()));
        for name in ["unknown", "full", "stopping", "gone", "jammed", "closing", "ada"] {
            let _ = sender.send(&code_to(&format!("{name}@mail.example.com"))).await;
        }
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("the mail server gave no good answer"), "{text}");
    for secret in ["mail.example.com", "000042", "hunter2"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
