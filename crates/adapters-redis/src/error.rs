//! How calls to Redis fail. Nothing here tells a key or a value.

use bb8_redis::bb8::RunError;
use ports::error::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use thiserror::Error;

use crate::doubts::Doubt;

/// What the driver, or the server through it, said of a failure: its kind and code alone, since
/// the full texts may quote values.
#[derive(Debug, Error)]
#[error("{0}")]
struct Said(String);

/// A call that failed, on its way to [`StoreError`].
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    said: Said,
    /// What it says of the socket.
    pub(crate) doubt: Doubt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unavailable,
    Rejected,
    Corrupt,
}

impl From<Failure> for StoreError {
    fn from(Failure { kind, said, .. }: Failure) -> Self {
        let (store, source) = ("redis", Box::new(said));
        match kind {
            Kind::Unavailable => Self::Unavailable { store, source },
            Kind::Rejected => Self::Rejected { store, source },
            Kind::Corrupt => Self::Corrupt { what: "redis key" },
        }
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        let code = code(&error);
        let code = code.as_deref();
        let said = match code {
            Some(code) => format!("{} {code}", error.category()),
            None if error.is_timeout() => "timed out".to_owned(),
            None if error.is_connection_refusal() => "connection refused".to_owned(),
            None if error.is_connection_dropped() => "connection lost".to_owned(),
            None => error.category().to_owned(),
        };
        Self { kind: kind(&error, code), said: Said(said), doubt: doubt(&error, code) }
    }
}

impl From<RunError<RedisError>> for Failure {
    fn from(error: RunError<RedisError>) -> Self {
        match error {
            RunError::User(error) => error.into(),
            RunError::TimedOut => Self::unavailable("no socket in time"),
        }
    }
}

impl Failure {
    fn unavailable(said: &str) -> Self {
        let (kind, doubt) = (Kind::Unavailable, Doubt::Useless);
        Self { kind, said: Said(said.to_owned()), doubt }
    }

    /// The server failed so often in a row that it is left alone for a moment.
    pub(crate) fn left_alone() -> Self {
        Self::unavailable("left alone after failures")
    }

    /// A call that took too long in all. It may still be carried out.
    pub(crate) fn timed_out() -> Self {
        Self::unavailable("timed out")
    }
}

/// The code of a server's answer; of several commands', the first.
fn code(error: &RedisError) -> Option<String> {
    if let Some(code) = error.code() {
        return Some(code.to_owned());
    }
    error.clone().into_server_errors()?.first().map(|(_, it)| it.code().to_owned())
}

/// Tells a server that cannot serve now from a request that it never will.
fn kind(error: &RedisError, code: Option<&str>) -> Kind {
    match (error.kind(), code) {
        (
            ErrorKind::Io
            | ErrorKind::AuthenticationFailed
            | ErrorKind::ClusterConnectionNotFound
            | ErrorKind::MasterNameNotFoundBySentinel
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::TryAgain,
            ),
            _,
        )
        | (_, Some("OOM" | "MISCONF" | "NOREPLICAS" | "BUSY" | "NOAUTH" | "WRONGPASS")) => {
            Kind::Unavailable
        }
        (_, Some("WRONGTYPE")) => Kind::Corrupt,
        // The server's full house has no code of its own.
        _ if error.detail().is_some_and(|it| it.starts_with("max number of clients")) => {
            Kind::Unavailable
        }
        _ => Kind::Rejected,
    }
}

/// What a failure says of its socket. A master that is none any more, or wants a password that it
/// did not want before, answers; another connection may find better.
fn doubt(error: &RedisError, code: Option<&str>) -> Doubt {
    match code {
        Some("READONLY" | "MASTERDOWN" | "NOAUTH") => Doubt::Useless,
        Some(_) => Doubt::Answered,
        None if error.is_connection_dropped() && !error.is_connection_refusal() => Doubt::Ended,
        None => Doubt::Useless,
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io::ErrorKind;

    use rstest::rstest;

    use super::*;

    fn server(line: &str) -> Failure {
        let error = redis::parse_redis_value(format!("-{line}\r\n").as_bytes())
            .and_then(redis::Value::extract_error)
            .unwrap_err();
        error.into()
    }

    #[test]
    fn a_server_that_cannot_serve_now_is_unavailable() {
        for line in [
            "LOADING Redis is loading the dataset in memory",
            "READONLY You can't write against a read only replica.",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "MISCONF Redis is configured to save RDB snapshots",
            "NOAUTH Authentication required.",
            "BUSY Redis is busy running a script.",
            "CLUSTERDOWN The cluster is down",
            "ERR max number of clients reached",
        ] {
            assert_eq!(server(line).kind, Kind::Unavailable, "{line}");
        }
    }

    #[rstest]
    #[case::full("OOM command not allowed when used memory > 'maxmemory'.", Doubt::Answered)]
    #[case::forbidden("NOPERM this user has no permissions", Doubt::Answered)]
    #[case::demoted("READONLY You can't write against a read only replica.", Doubt::Useless)]
    fn an_answer_says_something_of_the_socket(#[case] line: &str, #[case] doubt: Doubt) {
        assert_eq!(server(line).doubt, doubt);
    }

    #[rstest]
    #[case::lost(ErrorKind::BrokenPipe, Doubt::Ended)]
    #[case::reset(ErrorKind::ConnectionReset, Doubt::Ended)]
    #[case::refused(ErrorKind::ConnectionRefused, Doubt::Useless)]
    #[case::late(ErrorKind::TimedOut, Doubt::Useless)]
    fn no_answer_says_something_of_the_socket(#[case] kind: ErrorKind, #[case] doubt: Doubt) {
        assert_eq!(Failure::from(RedisError::from(std::io::Error::from(kind))).doubt, doubt);
    }

    #[test]
    fn a_request_that_makes_no_sense_is_rejected() {
        for line in ["ERR unknown command 'NOSUCH'", "NOPERM no permission", "CROSSSLOT Keys"] {
            assert_eq!(server(line).kind, Kind::Rejected, "{line}");
        }
        assert_eq!(server("WRONGTYPE Operation against a key").kind, Kind::Corrupt);
    }

    #[test]
    fn no_text_of_the_server_is_told() {
        let error = StoreError::from(server("ERR wrong value 'hush' of key 'secret'"));
        let told = format!("{error:?} {error} {}", error.source().unwrap());
        assert!(!told.contains("hush") && !told.contains("secret"), "{told}");
    }
}
