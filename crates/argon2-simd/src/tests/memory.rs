//! What is kept between hashes, and what is not taken at all.

use crate::{Argon2, HashError, Input, Memory, Params, Variant};
use rstest::rstest;

const INPUT: Input<'_> =
    Input { password: b"correct horse battery", salt: &[7; 16], secret: b"", associated: b"" };

fn hash(memory: &mut Memory, memory_kib: u32) -> [u8; 32] {
    let argon2 = Argon2::new(Variant::Id, Params::new(memory_kib, 1, 1).unwrap());
    let mut hash = [0; 32];
    argon2.hash(&INPUT, memory, &mut hash).unwrap();
    hash
}

#[test]
fn memory_is_taken_by_the_first_hash_and_kept_until_it_is_released() {
    let mut memory = Memory::new();
    assert_eq!(memory.kib(), 0);
    let before = hash(&mut memory, 64);
    assert_eq!(memory.kib(), 64);
    hash(&mut memory, 32);
    assert_eq!(memory.kib(), 64, "what is enough is kept");
    hash(&mut memory, 128);
    assert_eq!(memory.kib(), 128);
    memory.release();
    assert_eq!(memory.kib(), 0);
    assert_eq!(hash(&mut memory, 64), before);
}

/// The memory is the process's while it is kept, and no longer.
#[cfg(target_os = "linux")]
#[test]
fn what_is_released_is_the_operating_systems_again() {
    const KIB: u32 = 128 * 1024;
    let before = resident_kib();
    let mut memory = Memory::new();
    assert!(resident_kib() < before + KIB / 2, "nothing is taken before it is needed");
    hash(&mut memory, KIB);
    assert!(resident_kib() > before + KIB / 2);
    memory.release();
    assert!(resident_kib() < before + KIB / 2);
}

#[cfg(target_os = "linux")]
fn resident_kib() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[rstest]
#[case::a_short_salt(7, 32)]
#[case::a_short_hash(8, 3)]
#[case::no_hash(8, 0)]
fn a_length_that_argon2_does_not_take_is_refused(#[case] salt: usize, #[case] length: usize) {
    let argon2 = Argon2::new(Variant::Id, Params::new(8, 1, 1).unwrap());
    let (salt, mut hash) = (vec![0; salt], vec![0; length]);
    let input = Input { salt: &salt, ..INPUT };
    let refused = argon2.hash(&input, &mut Memory::new(), &mut hash);
    assert!(matches!(refused, Err(HashError::Length)));
}
