//! `POST /v1/challenges`: sends a code.

use actix_web::{HttpResponse, web};
use application::challenge::{Sent, request_challenge};
use domain::credential::code::Purpose;
use domain::email::EmailAddress;
use domain::identifier::IdentifierError;
use domain::message::{Channel, Recipient};
use domain::phone::PhoneNumber;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::edge::ClientIp;
use crate::json::Json;
use crate::problem::{FieldCode, Problem};
use crate::shapes::{DeviceRequest, origin};

/// Where a code goes and what it is for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChallengeRequest)]
pub(crate) struct Request {
    /// How it travels: `sms` or `email`.
    #[schema(example = "sms")]
    channel: String,
    /// The phone number or the e-mail address, in any spelling.
    #[schema(example = "13800138000")]
    target: String,
    /// The verb that it is good for, and for no other: `login` (the default), `link`,
    /// `reauthenticate`, `reset_password` or `merge`.
    #[schema(example = "login")]
    purpose: Option<String>,
    /// The device that asks; without one, all share one.
    device: Option<DeviceRequest>,
}

/// A code that is on its way.
#[derive(Serialize, ToSchema)]
#[schema(as = Challenge)]
pub(crate) struct Answer {
    /// The challenge that the code answers.
    challenge_id: String,
    /// Seconds for which the code is good.
    #[schema(example = 300)]
    expires_in: u64,
    /// Seconds until another one may be asked for.
    #[schema(example = 60)]
    resend_in: u64,
}

/// Sends a code to a phone or a mailbox.
///
/// Asking again for the same target is the resend. The answer never tells whether an account
/// exists.
#[utoipa::path(
    post, path = "/v1/challenges", operation_id = "request_challenge", tag = "Log in",
    request_body = Request,
    responses(
        (status = 202, description = "The code is on its way.", body = Answer),
        (status = 403, response = crate::openapi::Refused),
        (status = 429, response = crate::openapi::Throttled),
    ),
)]
pub(crate) async fn post(
    app: web::Data<App>,
    ip: ClientIp,
    Json(request): Json<Request>,
) -> Result<HttpResponse, Problem> {
    let purpose = match &request.purpose {
        Some(it) => Purpose::parse(it).ok_or(Problem::field("purpose", FieldCode::Invalid))?,
        None => Purpose::Login,
    };
    let to = recipient(&request.channel, &request.target, ["channel", "target"], &app)?;
    let origin = origin(ip.0, request.device)?;
    let sent = request_challenge(&app.ports, to, purpose, &origin).await?;
    Ok(HttpResponse::Accepted().json(Answer::from(sent)))
}

impl From<Sent> for Answer {
    fn from(sent: Sent) -> Self {
        Self {
            challenge_id: sent.challenge_id.to_string(),
            expires_in: sent.expires_in.as_secs(),
            resend_in: sent.resend_in.as_secs(),
        }
    }
}

/// Reads a target as what its channel reaches, where the channel is there; `fields` are the names
/// of the two members.
pub(crate) fn recipient(
    channel: &str,
    target: &str,
    fields: [&'static str; 2],
    app: &App,
) -> Result<Recipient, Problem> {
    let phones = &app.ports.policy.phones;
    let [of_channel, of_target] = fields;
    match Channel::parse(channel).filter(|it| app.channels.contains(it)) {
        Some(Channel::Sms) => PhoneNumber::parse(target, phones)
            .map(Recipient::Phone)
            .map_err(|it| Problem::identifier(IdentifierError::Phone(it), of_target)),
        Some(Channel::Email) => EmailAddress::parse(target)
            .map(Recipient::Mailbox)
            .map_err(|it| Problem::identifier(IdentifierError::Email(it), of_target)),
        None => Err(Problem::field(of_channel, FieldCode::Invalid)),
    }
}
