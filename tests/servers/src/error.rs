//! Why a server could not be started or steered.

use std::fmt;
use std::io;

/// Why a server could not be started or steered.
///
/// Its `Debug` form is the message and the source in plain words, because that is what a test
/// prints when it `expect`s a server.
pub enum Error {
    /// A program is neither on `PATH` nor in the places where packages put it.
    Missing {
        /// The program's name, such as `redis-server`.
        program: &'static str,
    },
    /// The system refused something.
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program that prepares or ends by itself failed.
    Failed {
        /// The program.
        what: String,
        /// What it printed.
        output: String,
    },
    /// A server ended while it started: mostly a taken port or a setting it does not know.
    Ended {
        /// Which server.
        what: &'static str,
        /// The end of its log.
        log: String,
    },
    /// A server runs and did not answer in time.
    Slow {
        /// Which server.
        what: &'static str,
        /// The end of its log.
        log: String,
    },
    /// The server was stopped before, and the call needs it to run.
    NotRunning {
        /// Which server.
        what: &'static str,
    },
    /// The process runs as root, and there is no user to run a server as.
    NoUser,
    /// No free port was found.
    NoPort,
}

impl Error {
    /// Makes an [`Error::Io`] of what the system said; for `map_err`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { program } => {
                write!(f, "`{program}` was not found: run `cargo xtask setup`")
            }
            Self::Io { what, .. } => write!(f, "could not {what}"),
            Self::Failed { what, output } => write!(f, "`{what}` failed:\n{output}"),
            Self::Ended { what, log } => write!(f, "{what} ended while it started:\n{log}"),
            Self::Slow { what, log } => write!(f, "{what} did not answer in time:\n{log}"),
            Self::NotRunning { what } => write!(f, "{what} does not run"),
            Self::NoUser => f.write_str(
                "this runs as root, and there is neither a user `postgres` nor a user `nobody` \
                 to run a server as",
            ),
            Self::NoPort => f.write_str("found no free port"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { source, .. } => write!(f, "{self}: {source}"),
            _ => write!(f, "{self}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
