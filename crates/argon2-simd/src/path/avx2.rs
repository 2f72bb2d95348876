//! The block function with AVX2: four words a register, in the order of RFC 9106.
//!
//! A block is eight rows of eight pairs of words. BLAKE2b's round runs along the rows, then along
//! the columns of pairs, and takes its sixteen words in four fours, a to d. A register has two
//! neighbouring pairs of one row: a four of its row, and halves of the fours of two columns.
//!
//! A block takes 32 registers and there are sixteen: two rows or two columns are computed at a time,
//! the others wait on the stack.

#![expect(clippy::indexing_slicing, reason = "sums of constants and counters, all below 32")]

use std::arch::x86_64::{
    __m256i, _mm_cvtsi128_si64, _mm256_add_epi64, _mm256_alignr_epi8, _mm256_castsi256_si128,
    _mm256_loadu_si256, _mm256_mul_epu32, _mm256_or_si256, _mm256_permute4x64_epi64,
    _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_shuffle_epi32,
    _mm256_srli_epi64, _mm256_storeu_si256, _mm256_xor_si256,
};
use std::array::from_fn;
use std::hint::black_box;

use super::prefetch;
use crate::block::Block;
use crate::segment::{Stretch, at, at_mut};

/// Register `4 * r + c` has row `r` and the columns `2 * c` and `2 * c + 1`.
type State = [__m256i; 32];

/// A four of two rows or of two columns.
type Four = [__m256i; 2];

/// Fills a stretch of blocks.
#[target_feature(enable = "avx2")]
pub(super) fn fill(blocks: &mut [Block], stretch: &Stretch<'_>) {
    let turns = Turns::new();
    let mut state = load(at(blocks, stretch.previous()));
    let mut reference = stretch.reference(stretch.first, first_word(&state));
    for place in stretch.first..stretch.end {
        let index = stretch.index(place);
        state = xor(&state, &load(at(blocks, reference)));
        let mut kept = state;
        if stretch.keeps_old {
            kept = xor(&kept, &load(at(blocks, index)));
        }
        // What is to be written is waited for as well.
        if place + 2 < stretch.end {
            prefetch(at(blocks, index + 2));
        }
        for row in [0, 2, 4, 6] {
            rows(&mut state, row, &turns);
        }
        columns(&mut state, 0, &turns);
        // The first word is there, and says which block comes next: its way begins now, while the
        // other columns are computed.
        let word = first_word(&state) ^ first_word(&kept);
        reference = stretch.reference(place + 1, word);
        prefetch(at(blocks, reference));
        for column in [1, 2, 3] {
            columns(&mut state, column, &turns);
        }
        state = xor(&state, &kept);
        store(&state, at_mut(blocks, index));
    }
}

/// A round along each of two rows.
#[inline]
#[target_feature(enable = "avx2")]
fn rows(state: &mut State, row: usize, turns: &Turns) {
    let place = |four: usize, i: usize| 4 * (row + i) + four;
    let [mut a, mut b, mut c, mut d]: [Four; 4] =
        from_fn(|four| from_fn(|i| state[place(four, i)]));
    quarter(&mut a, &mut b, &mut c, &mut d, turns);
    // To the diagonals. They could be had by turning b, c and d; but b comes last and is wanted
    // first, so that the others are turned about it.
    a = a.map(|it| _mm256_permute4x64_epi64::<0b10_01_00_11>(it));
    c = c.map(|it| _mm256_permute4x64_epi64::<0b00_11_10_01>(it));
    d = d.map(|it| _mm256_permute4x64_epi64::<0b01_00_11_10>(it));
    quarter(&mut a, &mut b, &mut c, &mut d, turns);
    a = a.map(|it| _mm256_permute4x64_epi64::<0b00_11_10_01>(it));
    c = c.map(|it| _mm256_permute4x64_epi64::<0b10_01_00_11>(it));
    d = d.map(|it| _mm256_permute4x64_epi64::<0b01_00_11_10>(it));
    for (four, registers) in [a, b, c, d].into_iter().enumerate() {
        for (i, register) in registers.into_iter().enumerate() {
            state[place(four, i)] = register;
        }
    }
}

/// A round along the columns `2 * pair` and `2 * pair + 1`.
#[inline]
#[target_feature(enable = "avx2")]
fn columns(state: &mut State, pair: usize, turns: &Turns) {
    let place = |four: usize, i: usize| 4 * (2 * four + i) + pair;
    let [mut a, mut b, mut c, mut d]: [Four; 4] =
        from_fn(|four| from_fn(|i| state[place(four, i)]));
    quarter(&mut a, &mut b, &mut c, &mut d, turns);
    (a, c, d) = (by_three(a), by_one(c), [d[1], d[0]]);
    quarter(&mut a, &mut b, &mut c, &mut d, turns);
    (a, c, d) = (by_one(a), by_three(c), [d[1], d[0]]);
    for (four, registers) in [a, b, c, d].into_iter().enumerate() {
        for (i, register) in registers.into_iter().enumerate() {
            state[place(four, i)] = register;
        }
    }
}

/// The word of a column's four at `i` is taken from `(i + 1) % 4`.
#[inline]
#[target_feature(enable = "avx2")]
fn by_one([low, high]: Four) -> Four {
    [_mm256_alignr_epi8::<8>(high, low), _mm256_alignr_epi8::<8>(low, high)]
}

/// The word of a column's four at `i` is taken from `(i + 3) % 4`.
#[inline]
#[target_feature(enable = "avx2")]
fn by_three([low, high]: Four) -> Four {
    [_mm256_alignr_epi8::<8>(low, high), _mm256_alignr_epi8::<8>(high, low)]
}

/// Half a round.
#[inline]
#[target_feature(enable = "avx2")]
fn quarter(a: &mut Four, b: &mut Four, c: &mut Four, d: &mut Four, turns: &Turns) {
    add(a, b);
    *d = from_fn(|i| _mm256_shuffle_epi32::<0b10_11_00_01>(_mm256_xor_si256(d[i], a[i])));
    add(c, d);
    *b = from_fn(|i| _mm256_shuffle_epi8(_mm256_xor_si256(b[i], c[i]), turns.by_24));
    add(a, b);
    *d = from_fn(|i| _mm256_shuffle_epi8(_mm256_xor_si256(d[i], a[i]), turns.by_16));
    add(c, d);
    *b = from_fn(|i| {
        let it = _mm256_xor_si256(b[i], c[i]);
        _mm256_or_si256(_mm256_add_epi64(it, it), _mm256_srli_epi64::<63>(it))
    });
}

/// `x += y + 2 * low(x) * low(y)`.
#[inline]
#[target_feature(enable = "avx2")]
fn add(x: &mut Four, y: &Four) {
    *x = from_fn(|i| {
        let product = _mm256_mul_epu32(x[i], y[i]);
        let sum = _mm256_add_epi64(x[i], y[i]);
        _mm256_add_epi64(sum, _mm256_add_epi64(product, product))
    });
}

/// Where the bytes of a word come from when it is turned to the right by so many bits.
struct Turns {
    by_24: __m256i,
    by_16: __m256i,
}

impl Turns {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        let by_24 = _mm256_setr_epi8(
            3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, //
            3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10,
        );
        let by_16 = _mm256_setr_epi8(
            2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, //
            2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9,
        );
        // The compiler would make two instructions of the one, if it knew.
        Self { by_24: black_box(by_24), by_16: black_box(by_16) }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor(left: &State, right: &State) -> State {
    from_fn(|i| _mm256_xor_si256(left[i], right[i]))
}

#[inline]
#[target_feature(enable = "avx2")]
fn first_word(state: &State) -> u64 {
    _mm_cvtsi128_si64(_mm256_castsi256_si128(state[0])).cast_unsigned()
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(block: &Block) -> State {
    let mut state = [_mm256_setzero_si256(); 32];
    let (parts, _) = block.0.as_chunks::<4>();
    for (register, words) in state.iter_mut().zip(parts) {
        // SAFETY: four words are as long as a register, and a reference can be read.
        *register = unsafe { _mm256_loadu_si256(words.as_ptr().cast()) };
    }
    state
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(state: &State, block: &mut Block) {
    let (parts, _) = block.0.as_chunks_mut::<4>();
    for (register, words) in state.iter().zip(parts) {
        // SAFETY: four words are as long as a register, and the reference is exclusive.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), *register) };
    }
}
