//! Everything that is not an answer: problem details (RFC 9457), in the client's language.
//!
//! A [`Problem`] says what went wrong; `render` turns it into a response where the request's id
//! and language are known, which is at the edge. The cause goes to the log, never into the body.

mod code;
mod language;
mod mapping;
mod rfc;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use domain::session::Method;
use ports::error::StoreError;
use ports::hasher::HashError;
use ports::postbox::PostboxError;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use code::{Code, FieldCode};
pub(crate) use language::Language;
pub(crate) use mapping::PasswordField;
pub(crate) use rfc::{RfcError, RfcErrorBody};

/// The longest wait that a client is told. A lock that only a reset ends has no end to tell.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) struct Problem {
    code: Code,
    errors: Vec<Field>,
    retry_after: Option<Duration>,
    next: &'static [&'static str],
    methods: Vec<String>,
    allow: Option<&'static str>,
    close: bool,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// One member of the request that is at fault.
#[derive(Debug)]
struct Field {
    path: Cow<'static, str>,
    code: FieldCode,
}

/// The body of a problem.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// A name for the kind of problem, as a URI; it leads nowhere.
    #[schema(example = "urn:latchkey:problem:code_invalid")]
    r#type: String,
    /// The problem in a few words, in the language of `Accept-Language` (en, zh-CN).
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 401)]
    status: u16,
    /// The stable name of the problem.
    #[schema(example = "code_invalid")]
    code: &'static str,
    /// The problem in a sentence, for people.
    detail: &'static str,
    /// The name of this request, as in the header `X-Request-Id`.
    request_id: String,
    /// The members of the request that are at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldBody>,
    /// Seconds until another try makes sense, as in the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// What the client may do instead.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    next: &'static [&'static str],
    /// How the user can prove who they are, as in the login history.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<String>,
}

/// One member of the request that is at fault.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemField)]
struct FieldBody {
    /// Its path, as in `credential.code`.
    field: String,
    /// What is wrong with it: `missing`, `unknown`, `wrong_type`, `invalid`, or the problem's code.
    code: &'static str,
    /// The same in a sentence.
    detail: &'static str,
}

impl Problem {
    /// A problem with nothing more to say than its code.
    pub(crate) const fn new(code: Code) -> Self {
        Self {
            code,
            errors: Vec::new(),
            retry_after: None,
            next: &[],
            methods: Vec::new(),
            allow: None,
            close: false,
            cause: None,
        }
    }

    /// A member of the body that does not fit its shape.
    pub(crate) fn field(path: impl Into<Cow<'static, str>>, code: FieldCode) -> Self {
        Self::new(Code::ValidationFailed).at(path, code)
    }

    /// The same, naming a member that is at fault.
    pub(crate) fn at(mut self, path: impl Into<Cow<'static, str>>, code: FieldCode) -> Self {
        self.errors.push(Field { path: path.into(), code });
        self
    }

    /// A member that is well-formed and not acceptable, under a code of its own.
    pub(crate) fn refused(code: Code, path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code).at(path, FieldCode::Own(code))
    }

    /// A method that the resource does not have.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed) }
    }

    /// A bug of ours, or what a store cannot hold.
    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new(Code::Internal) }
    }

    /// The same, with what the client may do instead.
    const fn next(mut self, next: &'static [&'static str]) -> Self {
        self.next = next;
        self
    }

    /// The same, with what would prove enough.
    fn methods(self, methods: &[Method]) -> Self {
        Self { methods: methods.iter().map(|it| it.as_str().to_owned()).collect(), ..self }
    }

    /// The same, for a later try.
    pub(crate) fn after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// The same, with its cause for the log.
    fn because(self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// The same, after which the connection is closed.
    pub(crate) const fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Its code.
    pub(crate) const fn code(&self) -> Code {
        self.code
    }

    /// What failed, by a stable name; `None` where nothing did.
    pub(crate) fn dependency(&self) -> Option<&'static str> {
        let cause = self.cause.as_deref()?;
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return match error {
                StoreError::Unavailable { store, .. }
                | StoreError::Overloaded { store }
                | StoreError::ReadOnly { store, .. }
                | StoreError::Contended { store }
                | StoreError::Rejected { store, .. } => Some(store),
                StoreError::Corrupt { .. } => None,
            };
        }
        if let Some(error) = cause.downcast_ref::<PostboxError>() {
            return match error {
                PostboxError::Full => Some("postbox"),
                PostboxError::Down { channel, .. } => Some(channel.as_str()),
            };
        }
        cause.downcast_ref::<HashError>().map(|HashError::Busy| "hasher")
    }

    /// Its cause and the causes of that, for the log; `None` for a plain refusal.
    pub(crate) fn causes(&self) -> Option<String> {
        let mut next: Option<&dyn std::error::Error> = Some(&**self.cause.as_ref()?);
        let mut said = String::new();
        while let Some(error) = next {
            if !said.is_empty() {
                said.push_str(": ");
            }
            said.push_str(&error.to_string());
            next = error.source();
        }
        Some(said)
    }

    /// Seconds to wait, rounded up so that a call at that time is evaluated.
    fn wait_secs(&self) -> Option<u64> {
        let wait = self.retry_after?.min(LONGEST_WAIT);
        Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// Turns it into a response.
    pub(crate) fn render(&self, request_id: &str, language: Language) -> HttpResponse {
        let code = self.code;
        let text = code.text(language);
        let wait = self.wait_secs();
        let errors = self.errors.iter().map(|it| FieldBody {
            field: it.path.clone().into_owned(),
            code: it.code.as_str(),
            detail: it.code.detail(language),
        });
        let mut response = HttpResponse::build(code.status());
        response
            .insert_header((header::CONTENT_TYPE, "application/problem+json"))
            .insert_header((header::CONTENT_LANGUAGE, language.tag()));
        if let Some(wait) = wait {
            response.insert_header((header::RETRY_AFTER, wait));
        }
        if let Some(allow) = self.allow {
            response.insert_header((header::ALLOW, allow));
        }
        if code.status() == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if self.close {
            response.force_close();
        }
        response.json(ProblemBody {
            r#type: format!("urn:latchkey:problem:{}", code.as_str()),
            title: text.title,
            status: code.status().as_u16(),
            code: code.as_str(),
            detail: text.detail,
            request_id: request_id.to_owned(),
            errors: errors.collect(),
            retry_after: wait,
            next: self.next,
            methods: self.methods.clone(),
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    /// An empty answer, which the edge replaces by the rendered one.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.code.status())
    }
}

#[cfg(test)]
mod tests {
    use domain::message::Channel;

    use super::*;

    #[test]
    fn a_wait_is_rounded_up_and_never_endless() {
        let wait = |it| Problem::new(Code::RateLimited).after(it).wait_secs();
        assert_eq!(wait(Duration::ZERO), Some(1));
        assert_eq!(wait(Duration::from_millis(1001)), Some(2));
        assert_eq!(wait(Duration::from_mins(1)), Some(60));
        assert_eq!(wait(Duration::MAX), Some(86_400));
    }

    /// LOG-06: what is behind a 503 has a name.
    #[test]
    fn what_failed_is_named() {
        let named = |it: application::Error| Problem::from(it).dependency();
        let down = PostboxError::Down { channel: Channel::Email, retry_after: Duration::ZERO };
        assert_eq!(named(StoreError::Contended { store: "database" }.into()), Some("database"));
        assert_eq!(named(StoreError::Overloaded { store: "redis" }.into()), Some("redis"));
        assert_eq!(named(HashError::Busy.into()), Some("hasher"));
        assert_eq!(named(PostboxError::Full.into()), Some("postbox"));
        assert_eq!(named(down.into()), Some("email"));
        assert_eq!(named(application::Error::NotFound), None);
    }

    #[test]
    fn the_causes_are_told_from_the_outermost_to_the_innermost() {
        let inner = std::io::Error::other("inner");
        let problem = Problem::internal(std::io::Error::other(inner));
        assert_eq!(problem.causes().as_deref(), Some("inner"));
        assert_eq!(Problem::new(Code::NotFound).causes(), None);
    }
}
