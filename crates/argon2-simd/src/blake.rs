//! What Argon2 has BLAKE2b for: its first hash, and hashes of any length.

use blake2::digest::block_api::{UpdateCore as _, VariableOutputCore as _};
use blake2::digest::block_buffer::LazyBuffer;
use blake2::{Blake2b512, Blake2bVarCore, Digest as _};

use crate::{Input, Params, Variant};

/// The version of Argon2: 1.3.
const VERSION: u32 = 0x13;

/// The hash of everything that goes in: H0 of RFC 9106, section 3.2.
pub(crate) type First = [u8; 64];

/// Hashes everything that goes in, and the length of what is to come out.
pub(crate) fn first(
    variant: Variant,
    params: &Params,
    input: &Input<'_>,
    hash_length: usize,
) -> First {
    let mut hash = Blake2b512::new();
    hash.update(params.lanes().to_le_bytes());
    hash.update(le32(hash_length));
    for number in [params.memory_kib(), params.passes(), VERSION, variant.number()] {
        hash.update(number.to_le_bytes());
    }
    for text in [input.password, input.salt, input.secret, input.associated] {
        hash.update(le32(text.len()));
        hash.update(text);
    }
    hash.finalize().into()
}

/// Fills `out` with a hash of the parts: H' of RFC 9106, section 3.3.
pub(crate) fn long(parts: &[&[u8]], out: &mut [u8]) {
    let length = le32(out.len());
    if out.len() <= 64 {
        return short([&length[..]].iter().chain(parts), out);
    }
    let mut hash = Blake2b512::new_with_prefix(length);
    for part in parts {
        hash.update(part);
    }
    // The first half of each link, and all of the last, which is as long as what is left.
    let mut link: [u8; 64] = hash.finalize().into();
    let mut rest = out;
    loop {
        let (half, more) = rest.split_at_mut(32);
        half.copy_from_slice(&link[..32]);
        rest = more;
        if rest.len() <= 64 {
            return short([&link[..]].iter(), rest);
        }
        link = Blake2b512::digest(link).into();
    }
}

/// BLAKE2b with an output of 1 to 64 bytes.
fn short<'a>(parts: impl Iterator<Item = &'a &'a [u8]>, out: &mut [u8]) {
    #[expect(clippy::expect_used, reason = "all callers ask for 1 to 64 bytes")]
    let mut core = Blake2bVarCore::new(out.len()).expect("an output of BLAKE2b");
    let mut buffer = LazyBuffer::default();
    for part in parts {
        buffer.digest_blocks(part, |blocks| core.update_blocks(blocks));
    }
    let mut whole = blake2::digest::Output::<Blake2b512>::default();
    core.finalize_variable_core(&mut buffer, &mut whole);
    for (to, from) in out.iter_mut().zip(whole) {
        *to = from;
    }
}

/// A length as it is hashed. Lengths of more than 32 bits were refused before.
fn le32(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}
