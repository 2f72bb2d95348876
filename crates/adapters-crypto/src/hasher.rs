//! Passwords hashed with Argon2id, on threads of their own behind a bounded queue.
//!
//! [`threads`] has the queue, [`bench`] what a thread does with one password, [`stored`] reads what
//! is in the store, and [`legacy`] computes what other systems left behind.

mod bench;
pub(crate) mod legacy;
mod stored;
mod threads;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

use argon2_simd::Params;
use async_trait::async_trait;
use domain::Duration;
use domain::password::{Password, PasswordAttempt, PasswordHash, Verdict};
use ports::hasher::{HashError, HashPlace, Hasher};
use ports::operation;
use ports::watch::Operation;
use thiserror::Error;

use bench::Bench;
use legacy::LegacyScheme;
use threads::{Place, Threads};

/// The longest queue, in passwords (PWD-05).
const LONGEST_QUEUE: usize = 100;

/// How passwords are hashed, and how many at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HasherSettings {
    /// Argon2's memory of one hash, in KiB; at most 256 MiB.
    pub memory_kib: u32,
    /// Argon2's passes over that memory; at most 10.
    pub iterations: u32,
    /// Argon2's lanes, computed one after the other; at most 4.
    pub parallelism: u32,
    /// Threads that hash; never more than the machine has cores, never fewer than one.
    pub threads: usize,
    /// Passwords that may wait for a thread; never more than 100.
    pub queue: usize,
    /// How long one may have to wait: half of it for a place, and half in the queue, by the usual
    /// time of a hash.
    pub wait: Duration,
    /// How long a thread without work keeps its memory.
    pub keep: Duration,
}

/// How much a hasher has to do at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasherState {
    /// Its threads.
    pub threads: usize,
    /// Threads that hash.
    pub busy: usize,
    /// Passwords that have a place and no thread yet.
    pub waiting: usize,
}

/// Why a hasher does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Argon2 does not take the parameters, or a hash made by them would not be read again.
    #[error("the password hash parameters are out of bounds")]
    Parameters,
    /// The machine gives no thread.
    #[error("a password hash thread does not start")]
    Thread {
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// Why a foreign digest was not wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WrapError {
    /// Not the scheme's digest in hexadecimal, or a salt of more than 256 bytes.
    #[error("not a digest of its scheme")]
    NotADigest,
    /// The hasher has no room now.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// Argon2id v1.3 (RFC 9106), on threads that take their work memory for the first hash and keep it
/// while there is work.
///
/// A place is given while the queue is not full, and not so long that its turn would come too late;
/// whoever has one is served, unless they go away (PWD-05). Dropping the hasher and its places ends
/// the threads.
pub struct ArgonHasher {
    threads: Threads,
    hashes: Arc<AtomicU64>,
}

impl ArgonHasher {
    /// Starts the threads.
    pub fn start(settings: &HasherSettings) -> Result<Self, StartError> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism)
            .ok()
            .filter(stored::is_affordable)
            .ok_or(StartError::Parameters)?;
        let cores = available_parallelism().map_or(1, usize::from);
        let hashes = Arc::new(AtomicU64::new(0));
        let threads = Threads::start(
            settings.threads.clamp(1, cores),
            settings.queue.min(LONGEST_QUEUE),
            settings.wait,
            settings.keep,
            || Bench::new(params, Arc::clone(&hashes)),
        )
        .map_err(|source| StartError::Thread { source })?;
        Ok(Self { threads, hashes })
    }

    /// How much there is to do at this moment.
    #[must_use]
    pub fn state(&self) -> HasherState {
        self.threads.state()
    }

    /// How many full-cost hashes were computed so far, of any scheme (PWD-06).
    #[must_use]
    pub fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::SeqCst)
    }

    /// Makes what is stored of a digest from another system: the digest hashed once more, since a
    /// fast digest may not lie in a store as it is (PWD-07).
    ///
    /// `digest` is in hexadecimal of either case. A good login replaces the result by a hash of
    /// today's scheme.
    pub async fn wrap_legacy(
        &self,
        scheme: LegacyScheme,
        digest: &str,
    ) -> Result<PasswordHash, WrapError> {
        let digest = scheme.read_digest(digest).ok_or(WrapError::NotADigest)?;
        let wrapped = self.threads.run(move |bench| {
            let hash = bench.hash(&digest);
            PasswordHash::new(format!("{}{}", scheme.tag(), hash.as_str()))
        });
        Ok(wrapped.await?)
    }
}

impl std::fmt::Debug for ArgonHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArgonHasher").field("hashes", &self.hashes).finish_non_exhaustive()
    }
}

#[async_trait]
impl Hasher for ArgonHasher {
    async fn reserve(&self) -> Result<Box<dyn HashPlace>, HashError> {
        Ok(Box::new(operation!("hasher", "reserve").watch(self.threads.reserve()).await?))
    }
}

/// Whoever has a place is answered.
async fn watched<T>(operation: &Operation, work: impl Future<Output = T>) -> T {
    let Ok(done) = operation.watch(async { Ok::<_, Infallible>(work.await) }).await;
    done
}

#[async_trait]
impl HashPlace for Place {
    async fn hash(self: Box<Self>, password: &Password) -> PasswordHash {
        let password = password.clone();
        watched(operation!("hasher", "hash"), self.run(move |bench| bench.hash(password.reveal())))
            .await
    }

    async fn verify(
        self: Box<Self>,
        attempt: &PasswordAttempt,
        stored: Option<PasswordHash>,
    ) -> Verdict {
        let attempt = attempt.clone();
        let verdict = self.run(move |bench| bench.verify(&attempt, stored.as_ref()));
        watched(operation!("hasher", "verify"), verdict).await
    }
}

#[cfg(test)]
mod tests;
