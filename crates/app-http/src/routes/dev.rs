//! `GET /dev/messages`: what was sent, for developers. This route exists in development alone.

use actix_web::web;
use adapters_sms::Kept;
use domain::Timestamp;
use domain::identifier::Identifier;
use domain::message::{self, Recipient};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::problem::{Code, FieldCode, Problem};
use crate::query::Query;

/// Whose messages.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Request {
    /// The phone number or e-mail address, in any spelling.
    #[param(required)]
    to: Option<String>,
}

/// Messages, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Messages {
    messages: Vec<Message>,
}

/// A message as it was sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct Message {
    /// Where it went.
    to: String,
    /// How.
    channel: &'static str,
    /// What its code is good for; the name of a notice.
    purpose: &'static str,
    /// The challenge that its code answers; `null` for a notice.
    #[schema(required)]
    challenge_id: Option<String>,
    /// The code; `null` for a notice.
    #[schema(required)]
    code: Option<String>,
    /// When (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// Lists what was sent. Development only.
#[utoipa::path(
    get, path = "/dev/messages", operation_id = "dev_messages", tag = "Operation",
    params(Request),
    responses(
        (status = 200, description = "The messages, newest first.", body = Messages),
        (status = 403, response = crate::openapi::Refused),
        (status = 404, response = crate::openapi::Refused),
        (status = 422, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn get(
    app: web::Data<App>,
    Query(request): Query<Request>,
) -> Result<web::Json<Messages>, Problem> {
    let to = request.to.ok_or(Problem::field("to", FieldCode::Missing))?;
    let Some(inbox) = &app.inbox else { return Err(Problem::new(Code::NotFound)) };
    // A plus sign that nobody encoded arrives as a blank: a number's first, an address's inner one.
    let typed = match to.strip_prefix(' ') {
        _ if to.contains(['@', '＠']) => to.trim().replace(' ', "+"),
        Some(rest) => format!("+{rest}"),
        None => to,
    };
    let to = match Identifier::parse(&typed, None, &app.ports.policy.phones) {
        Ok(Identifier::Phone(it)) => Recipient::Phone(it),
        Ok(Identifier::Email(it)) => Recipient::Mailbox(it),
        Ok(Identifier::Username(_) | Identifier::ThirdParty(_)) => {
            return Err(Problem::refused(Code::PhoneInvalid, "to"));
        }
        Err(refusal) => return Err(Problem::identifier(refusal, "to")),
    };
    let messages = inbox.newest_for(&to).iter().map(Message::from).collect();
    Ok(web::Json(Messages { messages }))
}

impl From<&Kept> for Message {
    fn from(kept: &Kept) -> Self {
        let to = kept.message.to();
        let (purpose, challenge_id, code) = match &kept.message {
            message::Message::Code(it) => (
                it.purpose.as_str(),
                Some(it.challenge_id.to_string()),
                Some(it.code.reveal().to_owned()),
            ),
            message::Message::Notice(it) => (it.notice.as_str(), None, None),
        };
        Self {
            to: to.as_str().to_owned(),
            channel: to.channel().as_str(),
            purpose,
            challenge_id,
            code,
            at: kept.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::message::{Notice, NoticeMessage};
    use ports::testing::START;
    use ports::testing::contract::sender::mailbox;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_notice_has_no_code_and_no_challenge() {
        let notice = NoticeMessage { to: mailbox(), notice: Notice::NewDevice, at: START };
        let kept = Kept { message: message::Message::Notice(notice), at: START };
        let shown = json!({
            "to": "ada@example.com",
            "channel": "email",
            "purpose": "new_device",
            "challenge_id": null,
            "code": null,
            "at": "2026-01-01T00:00:00Z",
        });
        assert_eq!(serde_json::to_value(Message::from(&kept)).unwrap(), shown);
    }
}
