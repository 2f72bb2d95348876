//! What went wrong, to the letter of the standards of OAuth 2: `error` and `error_description`.
//!
//! Routes under `/oauth2/` and `/.well-known/` answer with these alone; a problem that comes from
//! what all routes share is put into their words (RFC 6749, 5.2; RFC 6750, 3).

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use application::oauth::OauthError;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Code, Language, Problem};
use crate::metrics;

/// How the caller can prove itself, told with a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Challenge {
    /// A client, by its secret.
    Client,
    /// A token that was not there.
    NoToken,
    /// A token, and what is wrong with it.
    Token,
}

/// Why a program got no answer.
#[derive(Debug)]
pub(crate) struct RfcError {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
    challenge: Option<Challenge>,
    /// What all routes share: waits, methods, causes for the log.
    problem: Option<Box<Problem>>,
}

/// The body of it.
#[derive(Serialize, ToSchema)]
#[schema(as = OauthError)]
pub(crate) struct RfcErrorBody {
    /// The name that the standards give it.
    #[schema(example = "invalid_grant")]
    error: &'static str,
    /// The same in a sentence, for developers.
    error_description: &'static str,
}

impl RfcError {
    const fn new(status: StatusCode, error: &'static str, description: &'static str) -> Self {
        Self { status, error, description, challenge: None, problem: None }
    }

    /// A request that cannot be read.
    pub(crate) const fn request(description: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// Another error of the standards, with status 400.
    pub(crate) const fn refused(error: &'static str, description: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, description)
    }

    /// A client that is unknown, or did not prove itself.
    pub(crate) fn client() -> Self {
        let description = "The client is not known, or did not prove itself.";
        let error = Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description);
        Self { challenge: Some(Challenge::Client), ..error }
    }

    /// A call without a token.
    pub(crate) fn no_token() -> Self {
        let description = "A token is needed, in the header Authorization.";
        let error = Self::new(StatusCode::UNAUTHORIZED, "invalid_token", description);
        Self { challenge: Some(Challenge::NoToken), ..error }
    }

    /// A token that opens nothing.
    pub(crate) fn token() -> Self {
        let description = "The token is unknown, over, or not good for this.";
        let error = Self::new(StatusCode::UNAUTHORIZED, "invalid_token", description);
        Self { challenge: Some(Challenge::Token), ..error }
    }

    /// A token that opens something else.
    pub(crate) fn scope() -> Self {
        let description = "The token has not the scope that this needs.";
        let error = Self::new(StatusCode::FORBIDDEN, "insufficient_scope", description);
        Self { challenge: Some(Challenge::Token), ..error }
    }

    /// Turns it into a response, and tells the log what only we may know.
    pub(crate) fn render(&self) -> HttpResponse {
        self.render_with(self.problem.as_deref())
    }

    /// A problem of what all routes share, in these words.
    pub(crate) fn render_problem(problem: &Problem) -> HttpResponse {
        Self::of(problem).render_with(Some(problem))
    }

    /// The status stays; what may pass is told apart from what will not.
    fn of(problem: &Problem) -> Self {
        let status = problem.code().status();
        let error = match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                "temporarily_unavailable"
            }
            StatusCode::INTERNAL_SERVER_ERROR => "server_error",
            _ => "invalid_request",
        };
        Self::new(status, error, problem.code().text(Language::En).detail)
    }

    fn render_with(&self, problem: Option<&Problem>) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        let challenge = match self.challenge {
            Some(Challenge::Client) => {
                Some("Basic realm=\"latchkey\", charset=\"UTF-8\"".to_owned())
            }
            Some(Challenge::NoToken) => Some("Bearer realm=\"latchkey\"".to_owned()),
            Some(Challenge::Token) => {
                let Self { error, description, .. } = self;
                Some(format!(
                    "Bearer realm=\"latchkey\", error=\"{error}\", error_description=\"{description}\""
                ))
            }
            None => None,
        };
        if let Some(challenge) = challenge {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Some(problem) = problem {
            if let Some(wait) = problem.wait_secs() {
                response.insert_header((header::RETRY_AFTER, wait));
            }
            if let Some(allow) = problem.allow {
                response.insert_header((header::ALLOW, allow));
            }
            if problem.close {
                response.force_close();
            }
            if self.status == StatusCode::SERVICE_UNAVAILABLE {
                metrics::unavailable(problem);
            }
            let code = problem.code().as_str();
            match problem.causes() {
                Some(cause) if problem.code() == Code::Internal => tracing::error!(code, cause),
                Some(cause) => tracing::warn!(code, cause),
                None => tracing::debug!(code),
            }
        }
        response.json(RfcErrorBody { error: self.error, error_description: self.description })
    }
}

impl From<Problem> for RfcError {
    fn from(problem: Problem) -> Self {
        let error = Self::of(&problem);
        Self { problem: Some(Box::new(problem)), ..error }
    }
}

impl From<OauthError> for RfcError {
    fn from(error: OauthError) -> Self {
        match error {
            OauthError::InvalidClient => Self::client(),
            OauthError::TwoMethods => Self::request("A client proves itself in one way."),
            OauthError::InvalidGrant => Self::refused(
                "invalid_grant",
                "The code or refresh token is unknown, used or over, or not good for this.",
            ),
            OauthError::InvalidScope => {
                Self::refused("invalid_scope", "The scope is wider than what was granted.")
            }
            OauthError::Throttled { retry_after } => {
                Problem::new(Code::RateLimited).after(retry_after).into()
            }
            OauthError::Store(error) => Problem::from(error).into(),
            OauthError::Signer(error) => Problem::internal(error).into(),
            OauthError::Other(application::Error::SessionInvalid) => Self::token(),
            OauthError::Other(error) => Problem::from(error).into(),
        }
    }
}

impl From<application::Error> for RfcError {
    fn from(error: application::Error) -> Self {
        OauthError::from(error).into()
    }
}

impl fmt::Display for RfcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error)
    }
}

impl ResponseError for RfcError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    /// The whole answer: the edge leaves it as it is.
    fn error_response(&self) -> HttpResponse {
        self.render()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn told(error: impl Into<RfcError>) -> (u16, &'static str, String) {
        let error = error.into();
        let response = error.render();
        let header = |it| {
            let value = response.headers().get(it).and_then(|it| it.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let challenge = header(header::WWW_AUTHENTICATE);
        let wait = header(header::RETRY_AFTER);
        (response.status().as_u16(), error.error, format!("{challenge}{wait}"))
    }

    #[test]
    fn each_error_has_its_status_and_its_header() {
        let basic = "Basic realm=\"latchkey\", charset=\"UTF-8\"".to_owned();
        assert_eq!(told(OauthError::InvalidClient), (401, "invalid_client", basic));
        assert_eq!(told(OauthError::InvalidGrant), (400, "invalid_grant", String::new()));
        let throttled = OauthError::Throttled { retry_after: Duration::from_millis(1_500) };
        assert_eq!(told(throttled), (429, "temporarily_unavailable", "2".to_owned()));
        let store = ports::error::StoreError::Overloaded { store: "database" };
        assert_eq!(told(store_error(store)), (503, "temporarily_unavailable", "1".to_owned()));
        let none = "Bearer realm=\"latchkey\"".to_owned();
        assert_eq!(told(RfcError::no_token()), (401, "invalid_token", none));
        let (status, error, challenge) = told(application::Error::SessionInvalid);
        assert_eq!((status, error), (401, "invalid_token"));
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert_eq!(told(Problem::new(Code::NotFound)).0, 404);
        assert_eq!(told(Problem::new(Code::NotFound)).1, "invalid_request");
        assert_eq!(told(Problem::internal("x")).1, "server_error");
    }

    fn store_error(error: ports::error::StoreError) -> OauthError {
        error.into()
    }
}
