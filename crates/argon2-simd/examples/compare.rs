//! Counts hashes a second: the crate `argon2`, and each path of this machine.
//!
//! `cargo run --release -p argon2-simd --example compare`. All of them take turns, so that a busy
//! machine slows all of them; the number is the median of the rounds. Seconds are those of the
//! clock, and those that a thread spent on a core, which others on the machine do not lengthen.

use std::fs;
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use argon2_simd::{Argon2, Input, Memory, Params, Path, Variant};

/// Today's cost (PWD-04).
const COST: [u32; 3] = [19_456, 2, 1];
/// Rounds in which each takes its turn.
const ROUNDS: usize = 11;
/// How many hashes a thread computes in its turn.
const TURN: u32 = 12;

const PASSWORD: &[u8] = b"correct horse battery";
const SALT: &[u8] = b"c29tZSBzYWx0IG9m";

/// Somebody who takes turns: hashes so often, and says how long it took.
struct Runner {
    name: String,
    turn: Box<dyn Fn(u32) -> Spent + Sync>,
}

/// What hashes took.
#[derive(Clone, Copy)]
struct Spent {
    by_the_clock: Duration,
    on_a_core: Duration,
}

fn main() -> io::Result<()> {
    let paths = || Path::all().collect::<Vec<_>>().into_iter().rev();
    let mut runners = vec![
        Runner { name: "argon2, fresh memory".to_owned(), turn: Box::new(theirs_fresh) },
        Runner { name: "argon2, kept memory".to_owned(), turn: Box::new(theirs) },
    ];
    runners.extend(paths().map(|path| Runner {
        name: format!("{path:?}, kept memory"),
        turn: Box::new(move |hashes| ours(path, true, hashes)),
    }));
    runners.extend(paths().next_back().map(|path| Runner {
        name: format!("{path:?}, fresh memory"),
        turn: Box::new(move |hashes| ours(path, false, hashes)),
    }));
    let mut out = io::stdout();
    writeln!(out, "threads | who | a second | a core's second")?;
    for threads in [1, 2] {
        let mut rates: Vec<Vec<[f64; 2]>> = runners.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (runner, rates) in runners.iter().zip(&mut rates) {
                rates.push(rate(runner, threads));
            }
        }
        for (runner, rates) in runners.iter().zip(&rates) {
            let [by_the_clock, on_a_core] = [0, 1].map(|kind| median(rates, kind));
            writeln!(out, "{threads} | {} | {by_the_clock:.0} | {on_a_core:.0}", runner.name)?;
        }
    }
    Ok(())
}

/// Hashes a second of all threads together.
#[expect(clippy::expect_used, reason = "a rate without a thread would be a wrong one")]
fn rate(runner: &Runner, threads: u32) -> [f64; 2] {
    let spent: Vec<Spent> = thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(|| (runner.turn)(TURN))).collect();
        all.into_iter().map(|it| it.join().expect("a thread that hashes")).collect()
    });
    let rate = |spent: Duration| f64::from(TURN) / spent.as_secs_f64();
    [
        spent.iter().map(|it| rate(it.by_the_clock)).sum(),
        spent.iter().map(|it| rate(it.on_a_core)).sum::<f64>() / f64::from(threads),
    ]
}

fn median(rates: &[[f64; 2]], kind: usize) -> f64 {
    let mut sorted: Vec<f64> = rates.iter().filter_map(|it| it.get(kind)).copied().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Hashes once to have what is kept, then so often under the watch.
fn watched(hashes: u32, mut hash: impl FnMut()) -> Spent {
    hash();
    let (since, before) = (Instant::now(), on_a_core());
    for _ in 0..hashes {
        hash();
    }
    Spent { by_the_clock: since.elapsed(), on_a_core: on_a_core().saturating_sub(before) }
}

/// How long this thread has been on a core; nothing where Linux does not say it.
fn on_a_core() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|it| it.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn theirs(hashes: u32) -> Spent {
    let argon2 = argon2();
    let mut memory = vec![argon2::Block::default(); argon2.params().block_count()];
    let mut hash = [0; 32];
    watched(hashes, || {
        let done =
            argon2.hash_password_into_with_memory(PASSWORD, SALT, &mut hash, &mut memory[..]);
        assert!(done.is_ok(), "argon2 takes the input");
    })
}

fn theirs_fresh(hashes: u32) -> Spent {
    let argon2 = argon2();
    let mut hash = [0; 32];
    watched(hashes, || {
        let done = argon2.hash_password_into(PASSWORD, SALT, &mut hash);
        assert!(done.is_ok(), "argon2 takes the input");
    })
}

#[expect(clippy::expect_used, reason = "the cost is a constant")]
fn argon2() -> argon2::Argon2<'static> {
    let [memory_kib, passes, lanes] = COST;
    let params = argon2::Params::new(memory_kib, passes, lanes, None).expect("today's cost");
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
}

#[expect(clippy::expect_used, reason = "the cost is a constant")]
fn ours(path: Path, keeps: bool, hashes: u32) -> Spent {
    let [memory_kib, passes, lanes] = COST;
    let params = Params::new(memory_kib, passes, lanes).expect("today's cost");
    let argon2 = Argon2::new(Variant::Id, params).on(path);
    let input = Input { password: PASSWORD, salt: SALT, ..Input::default() };
    let (mut memory, mut hash) = (Memory::new(), [0; 32]);
    watched(hashes, || {
        if !keeps {
            memory.release();
        }
        let done = argon2.hash(&input, &mut memory, &mut hash);
        assert!(done.is_ok(), "argon2 takes the input");
    })
}
