//! The block function with AVX-512: a whole block in sixteen registers.
//!
//! A block is eight rows of eight pairs of words. BLAKE2b's round runs along the rows, then along
//! the columns of pairs, and takes its sixteen words in four fours, a to d. A register here has two
//! words of a pair, of two neighbouring columns, of two neighbouring rows: so its eight lanes have
//! the same part in both directions, and nothing is transposed in between. The price is that blocks
//! lie in memory in an order of their own, see [`position`].

#![expect(clippy::indexing_slicing, reason = "sums of constants and counters, all below 16")]

use std::arch::x86_64::{
    __m512i, _mm_cvtsi128_si64, _mm512_add_epi64, _mm512_castsi512_si128, _mm512_loadu_si512,
    _mm512_mul_epu32, _mm512_permutex_epi64, _mm512_permutexvar_epi64, _mm512_ror_epi64,
    _mm512_setr_epi64, _mm512_setzero_si512, _mm512_storeu_si512, _mm512_xor_si512,
};
use std::array::from_fn;

use super::prefetch;
use crate::block::Block;
use crate::segment::{Stretch, at, at_mut};

/// Register `4 * r + c` has the rows `2 * r` and `2 * r + 1` and the columns `2 * c` and `2 * c + 1`.
type State = [__m512i; 16];

/// Where a block has a word of the RFC's block.
pub(super) const fn position(word: usize) -> usize {
    let (row, column) = (word / 16, word % 16 / 2);
    let register = row / 2 * 4 + column / 2;
    register * 8 + row % 2 * 4 + column % 2 * 2 + word % 2
}

/// Fills a stretch of blocks.
#[target_feature(enable = "avx512f")]
pub(super) fn fill(blocks: &mut [Block], stretch: &Stretch<'_>) {
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
        rows(&mut state);
        columns::<0, 1>(&mut state);
        // The first word is there, and says which block comes next: its way begins now, while the
        // other columns are computed.
        let word = first_word(&state) ^ first_word(&kept);
        reference = stretch.reference(place + 1, word);
        prefetch(at(blocks, reference));
        columns::<1, 3>(&mut state);
        state = xor(&state, &kept);
        store(&state, at_mut(blocks, index));
    }
}

/// A round along each row. The lanes of a half register are one of its fours.
#[inline]
#[target_feature(enable = "avx512f")]
fn rows(state: &mut State) {
    let [mut a, mut b, mut c, mut d] = from_fn(|four| from_fn(|i| state[4 * i + four]));
    quarter::<4>(&mut a, &mut b, &mut c, &mut d);
    // To the diagonals. They could be had by turning b, c and d; but b comes last and is wanted
    // first, so that the others are turned about it.
    a = a.map(|it| _mm512_permutex_epi64::<BY_THREE>(it));
    c = c.map(|it| _mm512_permutex_epi64::<BY_ONE>(it));
    d = d.map(|it| _mm512_permutex_epi64::<BY_TWO>(it));
    quarter::<4>(&mut a, &mut b, &mut c, &mut d);
    a = a.map(|it| _mm512_permutex_epi64::<BY_ONE>(it));
    c = c.map(|it| _mm512_permutex_epi64::<BY_THREE>(it));
    d = d.map(|it| _mm512_permutex_epi64::<BY_TWO>(it));
    for (four, registers) in [a, b, c, d].into_iter().enumerate() {
        for (i, register) in registers.into_iter().enumerate() {
            state[4 * i + four] = register;
        }
    }
}

/// Lane `i` is taken from lane `(i + 1) % 4`.
const BY_ONE: i32 = 0b00_11_10_01;
/// Lane `i` is taken from lane `(i + 2) % 4`.
const BY_TWO: i32 = 0b01_00_11_10;
/// Lane `i` is taken from lane `(i + 3) % 4`.
const BY_THREE: i32 = 0b10_01_00_11;

/// A round along each of `2 * N` columns, from column `2 * FROM`. The lanes of a four are the pairs
/// of two rows.
#[inline]
#[target_feature(enable = "avx512f")]
fn columns<const FROM: usize, const N: usize>(state: &mut State) {
    let by_one = _mm512_setr_epi64(1, 4, 3, 6, 5, 0, 7, 2);
    let by_two = _mm512_setr_epi64(4, 5, 6, 7, 0, 1, 2, 3);
    let by_three = _mm512_setr_epi64(5, 0, 7, 2, 1, 4, 3, 6);
    let [mut a, mut b, mut c, mut d] = from_fn(|four| from_fn(|i| state[4 * four + FROM + i]));
    quarter::<N>(&mut a, &mut b, &mut c, &mut d);
    a = a.map(|it| _mm512_permutexvar_epi64(by_three, it));
    c = c.map(|it| _mm512_permutexvar_epi64(by_one, it));
    d = d.map(|it| _mm512_permutexvar_epi64(by_two, it));
    quarter::<N>(&mut a, &mut b, &mut c, &mut d);
    a = a.map(|it| _mm512_permutexvar_epi64(by_one, it));
    c = c.map(|it| _mm512_permutexvar_epi64(by_three, it));
    d = d.map(|it| _mm512_permutexvar_epi64(by_two, it));
    for (four, registers) in [a, b, c, d].into_iter().enumerate() {
        for (i, register) in registers.into_iter().enumerate() {
            state[4 * four + FROM + i] = register;
        }
    }
}

/// Half a round of `N` registers a four, which do not wait for each other.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarter<const N: usize>(
    a: &mut [__m512i; N],
    b: &mut [__m512i; N],
    c: &mut [__m512i; N],
    d: &mut [__m512i; N],
) {
    step::<N, 32>(a, b, d);
    step::<N, 24>(c, d, b);
    step::<N, 16>(a, b, d);
    step::<N, 63>(c, d, b);
}

/// `x += y + 2 * low(x) * low(y)`, then `z = (z ^ x) >>> BITS`.
#[inline]
#[target_feature(enable = "avx512f")]
fn step<const N: usize, const BITS: i32>(
    x: &mut [__m512i; N],
    y: &[__m512i; N],
    z: &mut [__m512i; N],
) {
    for i in 0..N {
        let product = _mm512_mul_epu32(x[i], y[i]);
        let sum = _mm512_add_epi64(x[i], y[i]);
        x[i] = _mm512_add_epi64(sum, _mm512_add_epi64(product, product));
    }
    for i in 0..N {
        z[i] = _mm512_ror_epi64::<BITS>(_mm512_xor_si512(z[i], x[i]));
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor(left: &State, right: &State) -> State {
    from_fn(|i| _mm512_xor_si512(left[i], right[i]))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn first_word(state: &State) -> u64 {
    _mm_cvtsi128_si64(_mm512_castsi512_si128(state[0])).cast_unsigned()
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(block: &Block) -> State {
    let mut state = [_mm512_setzero_si512(); 16];
    let (parts, _) = block.0.as_chunks::<8>();
    for (register, words) in state.iter_mut().zip(parts) {
        // SAFETY: eight words are as long as a register, and a reference can be read.
        *register = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
    }
    state
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(state: &State, block: &mut Block) {
    let (parts, _) = block.0.as_chunks_mut::<8>();
    for (register, words) in state.iter().zip(parts) {
        // SAFETY: eight words are as long as a register, and the reference is exclusive.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), *register) };
    }
}
