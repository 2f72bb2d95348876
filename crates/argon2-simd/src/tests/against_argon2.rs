//! Every path gives what the crate `argon2` gives, bit for bit, whatever the parameters.

use crate::{Argon2, Input, Memory, Params, Path, Variant};
use proptest::collection::vec;
use proptest::prelude::*;

/// What the crate `argon2` makes of it.
fn theirs(variant: Variant, cost: [u32; 3], input: &Input<'_>, length: usize) -> Vec<u8> {
    let algorithm = match variant {
        Variant::D => argon2::Algorithm::Argon2d,
        Variant::I => argon2::Algorithm::Argon2i,
        Variant::Id => argon2::Algorithm::Argon2id,
    };
    let [memory_kib, passes, lanes] = cost;
    let mut params = argon2::ParamsBuilder::new();
    params.m_cost(memory_kib).t_cost(passes).p_cost(lanes);
    params.data(argon2::AssociatedData::new(input.associated).unwrap());
    let argon2 = argon2::Argon2::new_with_secret(
        input.secret,
        algorithm,
        argon2::Version::V0x13,
        params.build().unwrap(),
    );
    let mut hash = vec![0; length];
    argon2.unwrap().hash_password_into(input.password, input.salt, &mut hash).unwrap();
    hash
}

/// The same on a path of ours.
fn ours(
    variant: Variant,
    [memory_kib, passes, lanes]: [u32; 3],
    path: Path,
    input: &Input<'_>,
    memory: &mut Memory,
    length: usize,
) -> Vec<u8> {
    let params = Params::new(memory_kib, passes, lanes).unwrap();
    let mut hash = vec![0; length];
    Argon2::new(variant, params).on(path).hash(input, memory, &mut hash).unwrap();
    hash
}

/// Memory of 8 KiB a lane and up, passes, lanes.
fn cost() -> impl Strategy<Value = [u32; 3]> {
    (1_u32..=4, 1_u32..=4).prop_flat_map(|(passes, lanes)| {
        // Now and then enough for a segment to need more than one block of addresses.
        let memory_kib = prop_oneof![4 => 8 * lanes..=200, 1 => 200_u32..=2500];
        memory_kib.prop_map(move |it| [it, passes, lanes])
    })
}

fn variant() -> impl Strategy<Value = Variant> {
    prop_oneof![Just(Variant::D), Just(Variant::I), Just(Variant::Id)]
}

proptest! {
    #[test]
    fn every_path_agrees_with_argon2(
        variant in variant(),
        cost in cost(),
        password in vec(any::<u8>(), 0..200),
        salt in vec(any::<u8>(), 8..100),
        secret in vec(any::<u8>(), 0..100),
        associated in vec(any::<u8>(), 0..=32),
        length in 4_usize..=200,
    ) {
        let (password, salt, secret, associated) = (&*password, &*salt, &*secret, &*associated);
        let input = Input { password, salt, secret, associated };
        let expected = theirs(variant, cost, &input, length);
        for path in Path::all() {
            let found = ours(variant, cost, path, &input, &mut Memory::new(), length);
            prop_assert_eq!(&found, &expected, "{:?}", path);
        }
    }

    /// What an earlier hash left in the memory, by whatever path, changes nothing.
    #[test]
    fn memory_may_be_used_again(
        costs in vec((variant(), cost()), 2..5),
        salt in any::<[u8; 16]>(),
    ) {
        let input = Input { password: b"correct horse battery", salt: &salt, ..Input::default() };
        let mut memory = Memory::new();
        for (variant, cost) in costs {
            let expected = theirs(variant, cost, &input, 32);
            for path in Path::all() {
                let found = ours(variant, cost, path, &input, &mut memory, 32);
                prop_assert_eq!(&found, &expected, "{:?}", path);
            }
        }
    }
}

/// The cost that passwords are hashed at, which no property above comes near.
#[test]
fn todays_cost_agrees_with_argon2() {
    let input = Input { password: b"correct horse battery", salt: &[7; 16], ..Input::default() };
    for cost in [[19_456, 2, 1], [19_459, 1, 3]] {
        let expected = theirs(Variant::Id, cost, &input, 32);
        for path in Path::all() {
            let found = ours(Variant::Id, cost, path, &input, &mut Memory::new(), 32);
            assert_eq!(found, expected, "{path:?}");
        }
    }
}
