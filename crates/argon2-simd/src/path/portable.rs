//! The block function in plain Rust, for every machine.

#![forbid(unsafe_code)]

use crate::block::{Block, WORDS};
use crate::segment::{Stretch, at, at_mut};

/// Fills a stretch of blocks.
pub(super) fn fill(blocks: &mut [Block], stretch: &Stretch<'_>) {
    let mut state = at(blocks, stretch.previous()).0;
    for place in stretch.first..stretch.end {
        let index = stretch.index(place);
        let [word, ..] = state;
        xor(&mut state, &at(blocks, stretch.reference(place, word)).0);
        let mut kept = state;
        if stretch.keeps_old {
            xor(&mut kept, &at(blocks, index).0);
        }
        rounds(&mut state);
        xor(&mut state, &kept);
        at_mut(blocks, index).0 = state;
    }
}

fn xor(words: &mut [u64; WORDS], others: &[u64; WORDS]) {
    for (word, other) in words.iter_mut().zip(others) {
        *word ^= other;
    }
}

/// BLAKE2b's round without a message, on sixteen words.
///
/// A macro and not a function, because the words must not be gathered: that takes a fifth longer.
macro_rules! round {
    ($s:ident: $($v:expr),*) => {
        round!(@words $($s[$v]),*);
    };
    (@words $v0:expr, $v1:expr, $v2:expr, $v3:expr, $v4:expr, $v5:expr, $v6:expr, $v7:expr,
        $v8:expr, $v9:expr, $v10:expr, $v11:expr, $v12:expr, $v13:expr, $v14:expr, $v15:expr) => {
        round!(@quarter $v0, $v4, $v8, $v12);
        round!(@quarter $v1, $v5, $v9, $v13);
        round!(@quarter $v2, $v6, $v10, $v14);
        round!(@quarter $v3, $v7, $v11, $v15);
        round!(@quarter $v0, $v5, $v10, $v15);
        round!(@quarter $v1, $v6, $v11, $v12);
        round!(@quarter $v2, $v7, $v8, $v13);
        round!(@quarter $v3, $v4, $v9, $v14);
    };
    (@quarter $a:expr, $b:expr, $c:expr, $d:expr) => {
        $a = mix($a, $b);
        $d = ($d ^ $a).rotate_right(32);
        $c = mix($c, $d);
        $b = ($b ^ $c).rotate_right(24);
        $a = mix($a, $b);
        $d = ($d ^ $a).rotate_right(16);
        $c = mix($c, $d);
        $b = ($b ^ $c).rotate_right(63);
    };
}

/// A round along each row, then one along each column of pairs.
fn rounds(s: &mut [u64; WORDS]) {
    for r in (0..WORDS).step_by(16) {
        round!(s: r, r + 1, r + 2, r + 3, r + 4, r + 5, r + 6, r + 7,
            r + 8, r + 9, r + 10, r + 11, r + 12, r + 13, r + 14, r + 15);
    }
    for c in (0..16).step_by(2) {
        round!(s: c, c + 1, c + 16, c + 17, c + 32, c + 33, c + 48, c + 49,
            c + 64, c + 65, c + 80, c + 81, c + 96, c + 97, c + 112, c + 113);
    }
}

/// BLAKE2b's addition made dear: `x + y + 2 * low(x) * low(y)`.
#[inline]
const fn mix(x: u64, y: u64) -> u64 {
    let product = (x & 0xffff_ffff).wrapping_mul(y & 0xffff_ffff);
    x.wrapping_add(y).wrapping_add(product.wrapping_mul(2))
}
