//! A mail: its headers, and the same text as plain text and as HTML.

use std::fmt::Write as _;

use domain::message::{Message, Recipient};
use lettre::address::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use ports::entropy::{Entropy, bytes};

use crate::words::{Words, of_code, of_notice};

/// A mail that is ready to go.
#[derive(Debug)]
pub(crate) struct Mail {
    /// Whom it goes to.
    pub(crate) to: Address,
    /// Headers and body, in ASCII.
    pub(crate) text: Vec<u8>,
}

/// Why there is no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwritable {
    /// The message does not go to a mailbox.
    NoMailbox,
    /// The address or the sender cannot stand in a mail.
    Address,
}

/// RFC 3834: no machine answers it.
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Writes the mail of a message.
pub(crate) fn write(
    message: &Message,
    from: &Mailbox,
    entropy: &dyn Entropy,
) -> Result<Mail, Unwritable> {
    let Recipient::Mailbox(to) = message.to() else { return Err(Unwritable::NoMailbox) };
    let to: Address = to.as_str().parse().map_err(|_| Unwritable::Address)?;
    let (words, code) = match message {
        Message::Code(it) => (of_code(it), Some(it.code.reveal())),
        Message::Notice(it) => (of_notice(it), None),
    };
    let [zh, en] = &words;
    // Not of the challenge's id, without which a code is worth nothing (OTP-06).
    let id = hex::encode(bytes::<16>(entropy));
    let mail = lettre::Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(format!("{} / {}", zh.title, en.title))
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .date_now()
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(plain(&words, code), html(&words, code)))
        .map_err(|_| Unwritable::Address)?;
    Ok(Mail { to, text: mail.formatted() })
}

fn plain(words: &[Words], code: Option<&str>) -> String {
    let section = |it: &Words| {
        let code = code.map(|it| format!("\r\n\r\n    {it}\r\n")).unwrap_or_default();
        format!("{}\r\n\r\n{}{code}\r\n{}\r\n", it.title, it.lead, it.rest)
    };
    words.iter().map(section).collect::<Vec<_>>().join("\r\n--\r\n\r\n")
}

/// No image, no style sheet and no link: nothing is fetched, and nothing is there to be clicked.
fn html(words: &[Words], code: Option<&str>) -> String {
    let mut page = "<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\"></head>\r\n<body \
                    style=\"font-family:sans-serif;max-width:32em\">\r\n"
        .to_owned();
    for it in words {
        let (language, title) = (it.language, escaped(it.title));
        let (lead, rest) = (escaped(&it.lead), escaped(&it.rest));
        let code = code
            .map(|it| {
                let code = escaped(it);
                format!("<p style=\"font-size:2em;letter-spacing:.2em\"><b>{code}</b></p>\r\n")
            })
            .unwrap_or_default();
        // Writing to a text does not fail.
        let _ = write!(
            page,
            "<div lang=\"{language}\">\r\n<h1 style=\"font-size:1.2em\">{title}</h1>\r\n\
             <p>{lead}</p>\r\n{code}<p>{rest}</p>\r\n</div>\r\n"
        );
    }
    page.push_str("</body></html>\r\n");
    page
}

/// A text as HTML shows it.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            it => safe.push(it),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use domain::email::EmailAddress;
    use domain::message::CodeMessage;
    use ports::testing::CountingEntropy;
    use ports::testing::contract::sender::{mailbox, message};
    use proptest::prelude::*;

    use super::*;

    fn from() -> Mailbox {
        "钥匙 <no-reply@example.com>".parse().unwrap()
    }

    fn written(number: u32) -> String {
        let message = Message::Code(CodeMessage { to: mailbox(), ..message(number) });
        let mail = write(&message, &from(), &CountingEntropy::default()).unwrap();
        String::from_utf8(mail.text).unwrap()
    }

    #[test]
    fn headers_are_ascii_and_have_no_code() {
        let text = written(424_242);
        assert!(text.is_ascii());
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        for name in ["Date: ", "Message-ID: <", "Subject: =?utf-8?", "MIME-Version: 1.0"] {
            assert!(head.contains(name), "{name}: {head}");
        }
        assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");
        assert!(head.contains("@example.com>\r\n") && !head.contains("424242"), "{head}");
    }

    #[test]
    fn a_phone_gets_no_mail() {
        let unwritable = write(&Message::Code(message(1)), &from(), &CountingEntropy::default());
        assert_eq!(unwritable.map(drop), Err(Unwritable::NoMailbox));
    }

    proptest! {
        /// ID-02, EDGE-12: whoever has a valid address gets a mail, at that address and no other.
        #[test]
        fn every_address_can_be_written_to(
            typed in r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{1,20}@([a-z0-9ü-]{1,10}\.){1,3}[a-z]{2,5}",
        ) {
            if let Ok(address) = EmailAddress::parse(&typed) {
                let to = Recipient::Mailbox(address.clone());
                let message = Message::Code(CodeMessage { to, ..message(42) });
                let mail = write(&message, &from(), &CountingEntropy::default()).unwrap();
                prop_assert_eq!(<Address as AsRef<str>>::as_ref(&mail.to), address.as_str());
                let head = String::from_utf8(mail.text).unwrap();
                let (head, _) = head.split_once("\r\n\r\n").unwrap();
                prop_assert_eq!(head.matches("\r\nTo: ").count(), 1);
            }
        }
    }

    #[test]
    fn what_html_would_read_is_escaped() {
        let words = Words {
            language: "en",
            title: "a<b",
            lead: "\"c\" & 'd'".to_owned(),
            rest: "<script>".to_owned(),
        };
        let page = html(&[words], Some("1<2"));
        for text in ["a&lt;b", "&quot;c&quot; &amp; &#39;d&#39;", "&lt;script&gt;", "1&lt;2"] {
            assert!(page.contains(text), "{page}");
        }
    }
}
