//! `fallback`, beside a carrier's credential: where a code goes if the carrier proves nothing.

use actix_web::HttpResponse;
use application::fallback::{Fallback, Outcome};
use domain::credential::code::Purpose;
use domain::credential::{Credential, IdentityCredential};
use domain::origin::Origin;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::metrics;
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

/// Counts what a credential came to, and answers; where a code was sent, as if it was asked for.
pub(crate) fn answer<T>(
    operation: &'static str,
    method: &'static str,
    came: Result<Outcome<T>, Problem>,
    done: impl FnOnce(T) -> HttpResponse,
) -> Result<HttpResponse, Problem> {
    match came {
        Ok(Outcome::Done(it)) => {
            metrics::tried(operation, method, None);
            Ok(done(it))
        }
        Ok(Outcome::Sent { sent, instead_of }) => {
            metrics::tried(operation, method, Some(&instead_of.into()));
            Ok(HttpResponse::Accepted().json(challenges::Answer::from(sent)))
        }
        Err(problem) => {
            metrics::tried(operation, method, Some(&problem));
            Err(problem)
        }
    }
}
