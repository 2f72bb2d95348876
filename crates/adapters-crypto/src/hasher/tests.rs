//! The hasher: its costs, its bounds, and each scheme.

use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use std::time::Instant;

use domain::password::PasswordPolicy;
use ports::testing::race;
use rstest::rstest;
use tokio::task::JoinHandle;

use super::legacy::{LegacyDigest, Salting};
use super::*;

const SECRET: &str = "correct horse battery";
/// Argon2id of [`SECRET`], m=64, t=2, p=1, by another implementation.
const ARGON: &str = "$argon2id$v=19$m=64,t=2,p=1$c29tZSBzYWx0IG9mIGl0Lg$JlmNt+r0bqRPfRDFHA6T5yBw3fbKbIB1n70JbtwfO4o";
/// PBKDF2-HMAC-SHA-256 of [`SECRET`], by another implementation.
const PBKDF2: &str =
    "$pbkdf2-sha256$i=1000,l=32$c29tZSBzYWx0IG9mIGl0Lg$n8FmoWG7PNkrEUEPYBzc8/XOGtpsL80nYfV3EKuPliQ";
/// bcrypt of `abc`, from the test vectors of jBCrypt.
const BCRYPT_OF_ABC: &str = "$2a$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi";

fn settings() -> HasherSettings {
    HasherSettings {
        memory_kib: 64,
        iterations: 2,
        parallelism: 1,
        threads: 2,
        queue: 100,
        wait: Duration::from_secs(20),
        keep: Duration::from_hours(1),
    }
}

fn hasher() -> Arc<ArgonHasher> {
    Arc::new(ArgonHasher::start(&settings()).unwrap())
}

#[expect(clippy::unused_async, reason = "suites await what makes a port")]
async fn fresh() -> Arc<dyn Hasher> {
    hasher()
}

ports::hasher_contract!(fresh());

fn attempt(text: &str) -> PasswordAttempt {
    PasswordAttempt::parse(text).unwrap()
}

fn stored(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

fn password(text: &str) -> Password {
    let policy = PasswordPolicy { min_length: 8, service_words: Vec::new() };
    Password::parse(text, &policy, &[]).unwrap()
}

/// The verdict, and how many full-cost hashes it took.
async fn verdict(hasher: &ArgonHasher, text: &str, stored: Option<PasswordHash>) -> (Verdict, u64) {
    let before = hasher.hashes();
    let verdict = hasher.verify(&attempt(text), stored).await.unwrap();
    (verdict, hasher.hashes() - before)
}

/// The hash that a right password of an old scheme is stored by from now on.
async fn upgraded(hasher: &ArgonHasher, text: &str, stored: PasswordHash) -> PasswordHash {
    let (verdict, spent) = verdict(hasher, text, Some(stored)).await;
    let Verdict::Right { upgrade: Some(upgrade) } = verdict else {
        panic!("right, with an upgrade: {verdict:?}");
    };
    assert_eq!(spent, 2, "one to know, one to renew");
    assert!(upgrade.as_str().starts_with("$argon2id$v=19$m=64,t=2,p=1$"));
    upgrade
}

/// PWD-04: the stored form is the one that every Argon2 reads and writes.
#[tokio::test]
async fn a_hash_of_another_implementation_is_read() {
    let hasher = hasher();
    let (right, _) = verdict(&hasher, SECRET, Some(stored(ARGON))).await;
    assert_eq!(right, Verdict::Right { upgrade: None });
    let made = hasher.hash(&password(SECRET)).await.unwrap();
    assert_eq!(made.as_str().len(), ARGON.len());
    assert_eq!(hasher.hashes(), 2);
}

/// PWD-06: unknown identifier and no password (nothing stored), empty password, unknown scheme,
/// legacy scheme, wrong password. A disabled user's hash is stored like any other.
#[rstest]
#[case::nothing_stored(SECRET, None)]
#[case::nothing_stored_and_empty("", None)]
#[case::empty("", Some(ARGON))]
#[case::wrong("wrong horse battery", Some(ARGON))]
#[case::unknown_scheme(SECRET, Some("$6$salt$hash"))]
#[case::damaged(SECRET, Some("$argon2id$v=19$m=64,t=2,p=1$c29t"))]
#[case::beyond_the_bounds(
    SECRET,
    Some(
        "$argon2id$v=19$m=4294967295,t=9,p=1$c29tZSBzYWx0IG9mIGl0Lg$JlmNt+r0bqRPfRDFHA6T5yBw3fbKbIB1n70JbtwfO4o"
    )
)]
#[case::legacy_pbkdf2("wrong horse battery", Some(PBKDF2))]
#[case::legacy_bcrypt("abd", Some(BCRYPT_OF_ABC))]
#[case::legacy_bcrypt_empty("", Some(BCRYPT_OF_ABC))]
#[tokio::test]
async fn a_wrong_answer_costs_exactly_one_hash(#[case] text: &str, #[case] held: Option<&str>) {
    assert_eq!(verdict(&hasher(), text, held.map(stored)).await, (Verdict::Wrong, 1));
}

/// PWD-06: the same for a password that was imported as a digest.
#[tokio::test]
async fn a_wrong_answer_to_an_imported_digest_costs_exactly_one_hash() {
    let hasher = hasher();
    let scheme = LegacyScheme { digest: LegacyDigest::Md5, salting: Salting::None };
    let digest = scheme.digest_of(SECRET);
    let held = hasher.wrap_legacy(scheme, &digest).await.unwrap();
    assert_eq!(verdict(&hasher, "wrong", Some(held.clone())).await, (Verdict::Wrong, 1));
    assert_eq!(verdict(&hasher, "", Some(held)).await, (Verdict::Wrong, 1));
}

/// PWD-07, PWD-08: each scheme is right once, and Argon2id from then on.
#[rstest]
#[case(LegacyDigest::Md5, Salting::None)]
#[case(LegacyDigest::Md5, Salting::Suffix(b"na$cl".to_vec()))]
#[case(LegacyDigest::Md5, Salting::Prefix(vec![0xff, 0, 7]))]
#[case(LegacyDigest::Md5, Salting::Double)]
#[case(LegacyDigest::Sha1, Salting::None)]
#[case(LegacyDigest::Sha256, Salting::Suffix(Vec::new()))]
#[tokio::test]
async fn an_imported_digest_is_renewed(#[case] digest: LegacyDigest, #[case] salting: Salting) {
    let hasher = hasher();
    let scheme = LegacyScheme { digest, salting };
    let digest = scheme.digest_of(SECRET).to_uppercase();
    let held = hasher.wrap_legacy(scheme, &digest).await.unwrap();
    assert!(!held.as_str().to_uppercase().contains(&digest), "the digest does not lie there");
    let upgrade = upgraded(&hasher, SECRET, held).await;
    let (again, spent) = verdict(&hasher, SECRET, Some(upgrade)).await;
    assert_eq!((again, spent), (Verdict::Right { upgrade: None }, 1));
}

#[tokio::test]
async fn what_is_no_digest_is_not_wrapped() {
    let scheme = LegacyScheme { digest: LegacyDigest::Md5, salting: Salting::None };
    let wrapped = hasher().wrap_legacy(scheme, SECRET).await;
    assert_eq!(wrapped.unwrap_err(), WrapError::NotADigest);
}

/// PWD-07, PWD-08.
#[rstest]
#[case(SECRET, PBKDF2)]
#[case("abc", BCRYPT_OF_ABC)]
#[case("abc", "$2b$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi")]
#[case("abc", "$2y$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi")]
#[tokio::test]
async fn a_tagged_scheme_is_renewed(#[case] text: &str, #[case] held: &str) {
    upgraded(&hasher(), text, stored(held)).await;
}

#[rstest]
#[case::more_memory(128, 2, true)]
#[case::more_passes(64, 3, true)]
#[case::the_same(64, 2, false)]
#[case::less_of_both(32, 1, false)]
#[tokio::test]
async fn a_hash_by_weaker_parameters_is_renewed(
    #[case] memory_kib: u32,
    #[case] iterations: u32,
    #[case] renewed: bool,
) {
    let today = HasherSettings { memory_kib, iterations, ..settings() };
    let hasher = ArgonHasher::start(&today).unwrap();
    let (verdict, spent) = verdict(&hasher, SECRET, Some(stored(ARGON))).await;
    assert!(matches!(verdict, Verdict::Right { upgrade } if upgrade.is_some() == renewed));
    assert_eq!(spent, 1 + u64::from(renewed));
}

/// PWD-08: somebody without a password has none, whatever another system made of that.
#[tokio::test]
async fn nothing_is_nobodys_password() {
    let hasher = hasher();
    let scheme = LegacyScheme { digest: LegacyDigest::Md5, salting: Salting::None };
    let held = hasher.wrap_legacy(scheme, "d41d8cd98f00b204e9800998ecf8427e").await.unwrap();
    assert_eq!(verdict(&hasher, "", Some(held)).await, (Verdict::Wrong, 1));
}

/// PWD-02: a legacy digest was made of what was typed then, in whatever form.
#[rstest]
#[case::as_received("re\u{301}sume\u{301}", "re\u{301}sume\u{301}")]
#[case::then_nfc("r\u{e9}sum\u{e9}", "re\u{301}sume\u{301}")]
#[tokio::test]
async fn a_legacy_digest_is_tried_as_received_then_in_nfc(#[case] then: &str, #[case] now: &str) {
    let hasher = hasher();
    let scheme = LegacyScheme { digest: LegacyDigest::Md5, salting: Salting::None };
    let digest = scheme.digest_of(then);
    let held = hasher.wrap_legacy(scheme, &digest).await.unwrap();
    let (found, _) = verdict(&hasher, now, Some(held)).await;
    let Verdict::Right { upgrade: Some(upgrade) } = found else { panic!("{found:?}") };
    let (composed, _) = verdict(&hasher, "r\u{e9}sum\u{e9}", Some(upgrade)).await;
    assert_eq!(composed, Verdict::Right { upgrade: None });
}

/// PWD-06: a text of two forms costs two, and does not tell a legacy account from any other.
#[tokio::test]
async fn a_second_form_costs_the_same_everywhere() {
    let hasher = hasher();
    for held in [None, Some(stored(ARGON)), Some(stored(PBKDF2)), Some(stored("$6$salt$hash"))] {
        assert_eq!(verdict(&hasher, "re\u{301}sume\u{301}", held).await, (Verdict::Wrong, 2));
    }
}

#[rstest]
#[case::memory(HasherSettings { memory_kib: 262_145, ..settings() })]
#[case::no_memory(HasherSettings { memory_kib: 7, ..settings() })]
#[case::passes(HasherSettings { iterations: 11, ..settings() })]
#[case::no_passes(HasherSettings { iterations: 0, ..settings() })]
#[case::lanes(HasherSettings { parallelism: 5, ..settings() })]
fn parameters_that_would_not_be_read_again_are_refused(#[case] settings: HasherSettings) {
    assert!(matches!(ArgonHasher::start(&settings), Err(StartError::Parameters)));
}

/// A thread that is kept busy until it is released.
struct Held {
    release: mpsc::Sender<()>,
    running: JoinHandle<Result<(), HashError>>,
}

/// Keeps one thread busy.
async fn hold(hasher: &Arc<ArgonHasher>) -> Held {
    let (release, released) = mpsc::channel::<()>();
    let (started, start) = tokio::sync::oneshot::channel();
    let hasher = Arc::clone(hasher);
    let running = tokio::spawn(async move {
        let work = move |_: &mut Bench| {
            let _ = started.send(());
            let _ = released.recv();
        };
        hasher.threads.run(work).await
    });
    start.await.unwrap();
    Held { release, running }
}

impl Held {
    async fn release(self) {
        self.release.send(()).unwrap();
        assert_eq!(self.running.await.unwrap(), Ok(()));
    }
}

fn one_thread(queue: usize, wait: Duration) -> Arc<ArgonHasher> {
    let settings = HasherSettings { threads: 1, queue, wait, ..settings() };
    Arc::new(ArgonHasher::start(&settings).unwrap())
}

fn waiting(hasher: &Arc<ArgonHasher>) -> JoinHandle<Result<PasswordHash, HashError>> {
    let hasher = Arc::clone(hasher);
    tokio::spawn(async move { hasher.hash(&password(SECRET)).await })
}

/// PWD-05: a full queue is told.
#[tokio::test]
async fn a_full_queue_is_busy() {
    let hasher = one_thread(3, Duration::from_millis(20));
    let held = hold(&hasher).await;
    let queued: Vec<_> = (0..3).map(|_| waiting(&hasher)).collect();
    // The tasks of a test take their turns in order.
    tokio::task::yield_now().await;
    assert_eq!(hasher.verify(&attempt(SECRET), None).await, Err(HashError::Busy));
    assert_eq!(hasher.hash(&password(SECRET)).await, Err(HashError::Busy));
    assert_eq!(hasher.hashes(), 0, "the thread is still held");
    held.release().await;
    for it in queued {
        assert!(it.await.unwrap().is_ok(), "what was queued is done");
    }
    assert!(hasher.hash(&password(SECRET)).await.is_ok(), "and there is room again");
}

/// PWD-05: a place whose turn would come too late is not given.
#[tokio::test]
async fn a_late_turn_is_busy() {
    let hasher = one_thread(10, Duration::from_millis(2));
    let held = hold(&hasher).await;
    let held_at = Instant::now();
    while held_at.elapsed() <= Duration::from_millis(20) {
        tokio::task::yield_now().await;
    }
    held.release().await;
    let held = hold(&hasher).await;
    assert_eq!(hasher.hash(&password(SECRET)).await, Err(HashError::Busy));
    held.release().await;
    assert!(hasher.hash(&password(SECRET)).await.is_ok(), "a thread that is free is no wait");
}

/// PWD-05: who has a place is served, however long others take.
#[tokio::test]
async fn a_place_is_kept() {
    let hasher = one_thread(1, Duration::from_millis(20));
    let place = hasher.reserve().await.unwrap();
    let held = hold(&hasher).await;
    assert_eq!(hasher.hash(&password(SECRET)).await, Err(HashError::Busy));
    held.release().await;
    let verdict = place.verify(&attempt(SECRET), Some(stored(ARGON))).await;
    assert_eq!(verdict, Verdict::Right { upgrade: None });
}

/// PWD-05: a place that is given back unused goes to whoever waits for one.
#[tokio::test]
async fn a_place_that_is_given_back_is_anothers() {
    let hasher = one_thread(0, Duration::from_secs(20));
    let place = hasher.reserve().await.unwrap();
    let next: Vec<_> = (0..3).map(|_| waiting(&hasher)).collect();
    tokio::task::yield_now().await;
    assert_eq!(hasher.hashes(), 0);
    drop(place);
    for it in next {
        assert!(it.await.unwrap().is_ok());
    }
}

/// PWD-05: nobody's password is not hashed.
#[tokio::test]
async fn a_caller_that_went_away_is_skipped() {
    let hasher = one_thread(10, Duration::from_secs(20));
    let held = hold(&hasher).await;
    for _ in 0..5 {
        let gone = waiting(&hasher);
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    held.release().await;
    hasher.hash(&password(SECRET)).await.unwrap();
    assert_eq!(hasher.hashes(), 1);
}

/// What the only thread of a hasher keeps, in KiB.
async fn kept(hasher: &ArgonHasher) -> usize {
    hasher.threads.run(|bench| bench.kept_kib()).await.unwrap()
}

/// PWD-05: work memory is taken by the first hash, and kept while there is work.
#[tokio::test]
async fn memory_is_taken_by_the_first_hash_and_kept() {
    let hasher = one_thread(10, Duration::from_secs(20));
    assert_eq!(kept(&hasher).await, 0);
    hasher.hash(&password(SECRET)).await.unwrap();
    assert_eq!(kept(&hasher).await, 64);
}

/// PWD-05: a thread without work gives its memory back.
#[tokio::test]
async fn memory_is_given_back_when_there_is_no_work() {
    let settings = HasherSettings { threads: 1, keep: Duration::ZERO, ..settings() };
    let hasher = ArgonHasher::start(&settings).unwrap();
    hasher.hash(&password(SECRET)).await.unwrap();
    // A question that comes before the thread has looked for work finds it still at work.
    let mut questions = 0;
    while kept(&hasher).await > 0 {
        questions += 1;
        assert!(questions < 200, "the memory is kept");
        tokio::time::sleep(Duration::from_millis(questions)).await;
    }
    assert!(hasher.hash(&password(SECRET)).await.is_ok(), "and taken again");
}

/// PWD-05: 200 at once never run on more threads than there are.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_run_at_once_than_there_are_threads() {
    let cores = available_parallelism().map_or(1, usize::from);
    let settings = HasherSettings { threads: 1000, queue: 1000, ..settings() };
    let hasher = Arc::new(ArgonHasher::start(&settings).unwrap());
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let results = race(200, &hasher, |hasher, _| {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        async move {
            let work = move |bench: &mut Bench| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let hash = bench.hash(SECRET);
                running.fetch_sub(1, Ordering::SeqCst);
                hash
            };
            hasher.threads.run(work).await
        }
    })
    .await;
    let done = results.iter().filter(|it| it.is_ok()).count();
    assert!(most.load(Ordering::SeqCst) <= cores);
    assert!(done >= LONGEST_QUEUE, "{done} done: a queue that is full is no queue that is lost");
    assert_eq!(hasher.hashes(), done as u64);
}

/// REL-10: a panic costs its caller the answer, and nobody else.
#[tokio::test]
async fn a_thread_outlives_a_panic() {
    let hasher = one_thread(10, Duration::from_secs(20));
    let doomed = Arc::clone(&hasher);
    let panicked = tokio::spawn(async move {
        doomed.threads.run(|_| panic!("a bug in the test")).await.map(|(): ()| ())
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert!(hasher.hash(&password(SECRET)).await.is_ok());
}
