//! The sender: it keeps a few connections open, and uses each for one mail at a time.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::Duration;
use domain::message::Message;
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use ports::entropy::Entropy;
use ports::sender::{MessageSender, SendError};
use tokio::time::{Instant, timeout};

use crate::dialogue::{VENDOR, announce, deliver, open};
use crate::mail::{Mail, Unwritable, write};
use crate::settings::{SmtpSettings, SmtpSettingsError};

/// How long the server may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From connecting to the moment before the text, altogether.
    pub(crate) before_text: Duration,
    /// For the answer to the text.
    pub(crate) after_text: Duration,
}

impl Default for Patience {
    /// The first is shorter than a vendor is given altogether (OTP-10), so that a server that hangs
    /// is told from one that may have sent.
    fn default() -> Self {
        Self { before_text: Duration::from_secs(4), after_text: Duration::from_secs(5) }
    }
}

/// The most connections that rest.
const MOST_RESTING: usize = 8;
/// How long a connection that rested may take to show that it is still good.
const WAKING: Duration = Duration::from_secs(1);
/// How long a connection may rest; servers hang up on silent clients after a few minutes.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Hands messages to a mail server.
///
/// `Ok` means that the server has taken the mail on itself, not that it is in the mailbox. A code
/// that is sent again is another mail with the same code.
pub struct SmtpSender {
    settings: SmtpSettings,
    tls: TlsParameters,
    hello: ClientId,
    entropy: Arc<dyn Entropy>,
    pub(crate) patience: Patience,
    resting: Mutex<Vec<Resting>>,
}

/// A connection that waits for its next mail.
struct Resting {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl SmtpSender {
    /// Makes a sender; nothing is connected yet. Servers are trusted by the certificates of this
    /// machine.
    pub fn new(
        settings: SmtpSettings,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, SmtpSettingsError> {
        Self::trusting(settings, entropy, None)
    }

    /// The same, trusting one more certificate.
    pub(crate) fn trusting(
        settings: SmtpSettings,
        entropy: Arc<dyn Entropy>,
        root: Option<Certificate>,
    ) -> Result<Self, SmtpSettingsError> {
        let mut tls = TlsParameters::builder(settings.host.clone());
        if let Some(root) = root {
            tls = tls.add_root_certificate(root);
        }
        let tls = tls.build().map_err(|_| SmtpSettingsError::Tls)?;
        let hello = settings.hello.clone().map_or_else(ClientId::default, ClientId::Domain);
        let patience = Patience::default();
        Ok(Self { settings, tls, hello, entropy, patience, resting: Mutex::default() })
    }

    /// Goes as far as it goes without sending: from then on the connection waits for the text.
    async fn offer(&self, mail: &Mail) -> Result<AsyncSmtpConnection, SendError> {
        let mut connection = match self.wake().await {
            Some(it) => it,
            None => open(&self.settings, &self.tls, &self.hello).await?,
        };
        announce(&mut connection, &self.settings.from.email, &mail.to).await?;
        Ok(connection)
    }

    /// A connection that rested and is still good. If the newest is not, the others are no better,
    /// and a mail has no time to try them all.
    async fn wake(&self) -> Option<AsyncSmtpConnection> {
        let Resting { mut connection, since } = self.lock().pop()?;
        let is_good = since.elapsed() < LONGEST_REST
            && timeout(WAKING, connection.test_connected()).await.unwrap_or(false);
        if is_good {
            return Some(connection);
        }
        self.lock().clear();
        None
    }

    /// Keeps a connection whose mail was accepted; one that had an error is closed instead.
    fn rest(&self, connection: AsyncSmtpConnection) {
        let since = Instant::now();
        let mut resting = self.lock();
        resting.retain(|it| it.since.elapsed() < LONGEST_REST);
        if resting.len() < MOST_RESTING {
            resting.push(Resting { connection, since });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Resting>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MessageSender for SmtpSender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let vendor = VENDOR;
        let mail = write(message, &self.settings.from, &*self.entropy).map_err(|it| match it {
            Unwritable::NoMailbox => SendError::Misconfigured { vendor },
            Unwritable::Address => SendError::BadRecipient { vendor },
        })?;
        let offered = timeout(self.patience.before_text, self.offer(&mail)).await;
        let mut connection = offered.unwrap_or(Err(SendError::Unavailable { vendor }))?;
        let delivered =
            timeout(self.patience.after_text, deliver(&mut connection, &mail.text)).await;
        delivered.unwrap_or(Err(SendError::Ambiguous { vendor }))?;
        self.rest(connection);
        Ok(())
    }
}

impl fmt::Debug for SmtpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSender").field("settings", &self.settings).finish_non_exhaustive()
    }
}
