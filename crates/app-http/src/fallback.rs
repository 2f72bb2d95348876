//! `fallback`, beside a carrier's credential: where a code goes if the carrier proves nothing.

use actix_web::HttpResponse;
use application::challenge::Sent;
use application::fallback::Fallback;
use domain::credential::code::Purpose;
use domain::credential::{Credential, IdentityCredential};
use domain::origin::Origin;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::{FieldCode, Problem};
use crate::routes::challenges::{self, recipient};

/// A message in the carrier's place.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Fallback)]
pub(crate) struct FallbackRequest {
    /// `sms`.
    #[schema(example = "sms")]
    channel: String,
    /// The phone number, in any spelling.
    #[schema(example = "13800138000")]
    target: String,
}

/// Reads the member `fallback`, which only a carrier's credential has beside it.
pub(crate) fn read(
    request: Option<FallbackRequest>,
    credential: &Credential,
    purpose: Purpose,
    origin: &Origin,
    app: &App,
) -> Result<Option<Fallback>, Problem> {
    let Some(FallbackRequest { channel, target }) = request else { return Ok(None) };
    if !matches!(credential, Credential::Identity(IdentityCredential::Carrier(_))) {
        return Err(Problem::field("fallback", FieldCode::Invalid));
    }
    if channel != "sms" {
        return Err(Problem::field("fallback.channel", FieldCode::Invalid));
    }
    let to = recipient(&channel, &target, ["fallback.channel", "fallback.target"], app)?;
    Ok(Some(Fallback { to, purpose, origin: origin.clone() }))
}

/// The answer where a code was sent: that of asking for one.
pub(crate) fn sent(it: Sent) -> HttpResponse {
    HttpResponse::Accepted().json(challenges::Answer::from(it))
}
