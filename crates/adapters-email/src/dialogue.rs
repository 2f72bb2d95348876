//! One conversation with the mail server, and what its errors mean.
//!
//! The step is what tells: until the mail's text has left us an error says that nothing was sent,
//! after it only an answer of the server's does.

use std::error::Error as _;
use std::fmt;
use std::io;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use ports::sender::SendError;
use secrecy::ExposeSecret as _;

use crate::settings::{SmtpSettings, Tls};

/// What errors and logs call us.
pub(crate) const VENDOR: &str = "smtp";

/// How far a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The connection, its encryption if it begins with it, the greetings.
    Connect,
    /// STARTTLS.
    Encrypt,
    /// AUTH.
    Login,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, which asks whether the text may come.
    Data,
    /// The text.
    Text,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Encrypt => "encrypt",
            Self::Login => "log in",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Data => "data",
            Self::Text => "text",
        })
    }
}

/// Connects, encrypts as the settings say, and logs in.
pub(crate) async fn open(
    settings: &SmtpSettings,
    tls: &TlsParameters,
    hello: &ClientId,
) -> Result<AsyncSmtpConnection, SendError> {
    let server = (settings.host.as_str(), settings.port);
    let wrapped = (settings.tls == Tls::Wrapped).then(|| tls.clone());
    let mut connection = AsyncSmtpConnection::connect_tokio1(server, None, hello, wrapped, None)
        .await
        .map_err(|it| meaning(Step::Connect, &it))?;
    let starttls = match settings.tls {
        Tls::Required => true,
        Tls::Offered => connection.can_starttls(),
        Tls::Wrapped | Tls::Never => false,
    };
    if starttls {
        let encrypted = connection.starttls(tls.clone(), hello).await;
        encrypted.map_err(|it| meaning(Step::Encrypt, &it))?;
    }
    if let Some((user, password)) = &settings.login {
        let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
        let known = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
        known.map_err(|it| meaning(Step::Login, &it))?;
    }
    Ok(connection)
}

/// Names sender and recipient, and goes on until the server waits for the text.
pub(crate) async fn announce(
    connection: &mut AsyncSmtpConnection,
    from: &Address,
    to: &Address,
) -> Result<(), SendError> {
    let mail = Mail::new(Some(from.clone()), Vec::new());
    connection.command(mail).await.map_err(|it| meaning(Step::Sender, &it))?;
    let recipient = Rcpt::new(to.clone(), Vec::new());
    connection.command(recipient).await.map_err(|it| meaning(Step::Recipient, &it))?;
    connection.command(Data).await.map_err(|it| meaning(Step::Data, &it))?;
    Ok(())
}

/// Sends the text. Once it has begun, only an answer says that it was not sent.
pub(crate) async fn deliver(
    connection: &mut AsyncSmtpConnection,
    text: &[u8],
) -> Result<(), SendError> {
    connection.message(text).await.map_err(|it| meaning(Step::Text, &it)).map(drop)
}

/// What an error at a step means, told to the log without the server's words, which may have the
/// recipient in them (LOG-01).
fn meaning(step: Step, error: &Error) -> SendError {
    let vendor = VENDOR;
    let status = error.status().map(|it| it.to_string());
    if status.is_none() && matches!(step, Step::Connect | Step::Encrypt) {
        // Nobody was named yet, and these words are our own libraries'.
        tracing::warn!(%step, %error, "the mail server cannot be spoken to");
    } else {
        tracing::warn!(%step, status, "the mail server gave no good answer");
    }
    let about_the_mailbox = |class: char| {
        let words = error.source().map(ToString::to_string).unwrap_or_default();
        // RFC 3463: x.1.x is about the address, x.2.x about the mailbox.
        words.starts_with(&format!("{class}.1.")) || words.starts_with(&format!("{class}.2."))
    };
    // RFC 4954: what is said to those who did not log in, or not well.
    let about_our_login = matches!(status.as_deref(), Some("530" | "534" | "535" | "538"));
    match step {
        Step::Recipient if error.is_permanent() && !about_our_login => {
            SendError::BadRecipient { vendor }
        }
        Step::Text if error.is_permanent() && about_the_mailbox('5') => {
            SendError::BadRecipient { vendor }
        }
        // A full mailbox is no trouble of the server's: it must not make the channel look down.
        Step::Recipient | Step::Text if error.is_transient() && about_the_mailbox('4') => {
            SendError::Limited { vendor }
        }
        _ if error.is_permanent() => SendError::Misconfigured { vendor },
        _ if error.is_transient() => SendError::Unavailable { vendor },
        Step::Text => SendError::Ambiguous { vendor },
        // No STARTTLS, or no way to log in that we know.
        _ if error.is_client() || is_about_tls(error) => SendError::Misconfigured { vendor },
        Step::Connect
        | Step::Encrypt
        | Step::Login
        | Step::Sender
        | Step::Recipient
        | Step::Data => SendError::Unavailable { vendor },
    }
}

/// True for a certificate that is not trusted, and for a server that speaks something else.
fn is_about_tls(error: &Error) -> bool {
    let mut next = error.source();
    while let Some(it) = next {
        if it.downcast_ref().is_some_and(|it: &io::Error| it.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        next = it.source();
    }
    false
}
