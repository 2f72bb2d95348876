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
        let said = match error.code() {
            Some(code) => format!("{} {code}", error.category()),
            None if error.is_timeout() => "timed out".to_owned(),
            None if error.is_connection_refusal() => "connection refused".to_owned(),
            None if error.is_connection_dropped() => "connection lost".to_owned(),
            None => error.category().to_owned(),
        };
        Self { kind: kind(&error), said: Said(said), doubt: doubt(&error) }
    }
}

impl From<RunError<RedisError>> for Failure {
    fn from(error: RunError<RedisError>) -> Self {
        match error {
            RunError::User(error) => error.into(),
            RunError::TimedOut => Self::unavailable("no socket in time", Doubt::None),
        }
    }
}

impl Failure {
    fn unavailable(said: &str, doubt: Doubt) -> Self {
        Self { kind: Kind::Unavailable, said: Said(said.to_owned()), doubt }
    }

    /// The server failed so often in a row that it is left alone for a moment.
    pub(crate) fn left_alone() -> Self {
        Self::unavailable("left alone after failures", Doubt::None)
    }

    /// A call that took too long in all. It may still be carried out.
    pub(crate) fn timed_out() -> Self {
        Self::unavailable("timed out", Doubt::Socket)
    }
}

/// Tells a server that cannot serve now from a request that it never will.
fn kind(error: &RedisError) -> Kind {
    match (error.kind(), error.code()) {
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

/// Tells what a server says of its state from a socket that failed. What comes before the first
/// command, as where a password is wrong, stays with its socket.
fn doubt(error: &RedisError) -> Doubt {
    match error.code() {
        Some("READONLY" | "MASTERDOWN") => Doubt::Sockets,
        Some(
            "OOM" | "MISCONF" | "NOREPLICAS" | "BUSY" | "LOADING" | "CLUSTERDOWN" | "TRYAGAIN"
            | "WRONGTYPE",
        ) => Doubt::None,
        _ if error.is_connection_dropped() && !error.is_connection_refusal() => Doubt::Sockets,
        _ => Doubt::Socket,
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
    #[case::full("OOM command not allowed when used memory > 'maxmemory'.", Doubt::None)]
    #[case::loading("LOADING Redis is loading the dataset in memory", Doubt::None)]
    #[case::demoted("READONLY You can't write against a read only replica.", Doubt::Sockets)]
    #[case::full_house("ERR max number of clients reached", Doubt::Socket)]
    #[case::password("WRONGPASS invalid username-password pair", Doubt::Socket)]
    fn an_answer_says_something_of_the_socket(#[case] line: &str, #[case] doubt: Doubt) {
        assert_eq!(server(line).doubt, doubt);
    }

    #[rstest]
    #[case::lost(ErrorKind::BrokenPipe, Doubt::Sockets)]
    #[case::reset(ErrorKind::ConnectionReset, Doubt::Sockets)]
    #[case::refused(ErrorKind::ConnectionRefused, Doubt::Socket)]
    #[case::late(ErrorKind::TimedOut, Doubt::Socket)]
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
