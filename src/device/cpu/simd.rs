//! Vectorised draws over a row: Philox words, Bernoulli states, uniforms and signs. Written as
//! plain loops over fixed-size lanes and compiled for every instruction set, see
//! `instructions.rs`. Only products and sums are used, never a fused multiply-add, so every instruction set
//! gives the same bits.

use super::activation::sigmoid;
use crate::{
    device::Draw,
    random::{M0, M1, Stream, W0, W1, blocks, key, uniform},
};

/// Pairs of Philox blocks drawn at a time, for long rows and for short ones: whole numbers of SIMD
/// registers on every CPU.
const PAIRS: usize = 32;
const FEW_PAIRS: usize = 8;

/// Where the draws of one row come from.
#[derive(Clone, Copy)]
pub(super) struct RowDraw {
    pub seed: u64,
    pub step: u32,
    pub chain: u32,
    pub stream: Stream,
}

impl RowDraw {
    /// The draws of a row of a batch.
    pub fn of(draw: Draw, row: usize) -> Self {
        Self { seed: draw.seed, step: draw.step, chain: row as u32, stream: draw.stream }
    }
}

/// The four words of the Philox blocks `first ..` of a row.
#[inline(always)]
fn philox_lanes<const PAIRS: usize>(draw: RowDraw, first: u32) -> [[u64; PAIRS]; 4] {
    let (chain, stream) = ([both(draw.chain); PAIRS], [both(draw.stream as u32); PAIRS]);
    philox_rounds([[both(draw.step); PAIRS], chain, count_from(first), stream], draw.seed)
}

/// The four words of one Philox block of the chains from that of `draw` on.
#[inline(always)]
pub(super) fn chain_words<const PAIRS: usize>(draw: RowDraw, block: u32) -> [[u64; PAIRS]; 4] {
    let (block, stream) = ([both(block); PAIRS], [both(draw.stream as u32); PAIRS]);
    philox_rounds([[both(draw.step); PAIRS], count_from(draw.chain), block, stream], draw.seed)
}

#[inline(always)]
fn both(x: u32) -> u64 {
    u64::from(x) | (u64::from(x) << 32)
}

/// first, first + 1, …
#[inline(always)]
fn count_from<const PAIRS: usize>(first: u32) -> [u64; PAIRS] {
    std::array::from_fn(|pair| {
        let lane = first.wrapping_add(2 * pair as u32);
        u64::from(lane) | (u64::from(lane.wrapping_add(1)) << 32)
    })
}

/// Philox blocks from their counters.
///
/// Two lanes share a 64-bit integer, so that SIMD multiplies without moving lanes about.
#[inline(always)]
fn philox_rounds<const PAIRS: usize>(counters: [[u64; PAIRS]; 4], seed: u64) -> [[u64; PAIRS]; 4] {
    const LOW: u64 = 0xffff_ffff;
    let [mut c0, mut c1, mut c2, mut c3] = counters;
    let [mut k0, mut k1] = key(seed);
    for round in 0..10 {
        if round > 0 {
            k0 = k0.wrapping_add(W0);
            k1 = k1.wrapping_add(W1);
        }
        let (key0, key1) = (both(k0), both(k1));
        for pair in 0..PAIRS {
            let even0 = u64::from(M0) * (c0[pair] & LOW);
            let odd0 = u64::from(M0) * (c0[pair] >> 32);
            let even1 = u64::from(M1) * (c2[pair] & LOW);
            let odd1 = u64::from(M1) * (c2[pair] >> 32);
            c0[pair] = ((even1 >> 32) | (odd1 & !LOW)) ^ c1[pair] ^ key0;
            c1[pair] = (even1 & LOW) | (odd1 << 32);
            c2[pair] = ((even0 >> 32) | (odd0 & !LOW)) ^ c3[pair] ^ key1;
            c3[pair] = (even0 & LOW) | (odd0 << 32);
        }
    }
    [c0, c1, c2, c3]
}

/// Fills `words` with the words of a row's units, in the order of the units.
#[inline(always)]
pub(super) fn row_words(draw: RowDraw, words: &mut [u32]) {
    if blocks(words.len()) <= 2 * FEW_PAIRS {
        row_words_by::<FEW_PAIRS>(draw, words);
    } else {
        row_words_by::<PAIRS>(draw, words);
    }
}

#[inline(always)]
fn row_words_by<const PAIRS: usize>(draw: RowDraw, words: &mut [u32]) {
    let (units, per_word) = (words.len(), blocks(words.len()));
    for first in (0..per_word).step_by(2 * PAIRS) {
        let lanes = philox_lanes::<PAIRS>(draw, first as u32);
        for (word, pairs) in lanes.iter().enumerate() {
            let start = (word * per_word + first).min(units);
            let end = (word * per_word + (first + 2 * PAIRS).min(per_word)).min(units);
            let (two, one) = words[start..end].as_chunks_mut::<2>();
            for (two, pair) in two.iter_mut().zip(pairs) {
                *two = [*pair as u32, (*pair >> 32) as u32];
            }
            if let [last] = one {
                *last = pairs[two.len()] as u32;
            }
        }
    }
}

/// Replaces the probabilities of a row by draws. `words` is scratch.
#[inline(always)]
pub(super) fn bernoulli_row(p: &[f32], out: &mut [f32], draw: RowDraw, words: &mut Vec<u32>) {
    words.resize(out.len(), 0);
    row_words(draw, words);
    for ((out, p), word) in out.iter_mut().zip(p).zip(words.iter()) {
        *out = f32::from(uniform(*word) < *p);
    }
}

/// Fills a row with what `map` makes of its words. `words` is scratch.
#[inline(always)]
pub(super) fn map_words(
    out: &mut [f32],
    draw: RowDraw,
    words: &mut Vec<u32>,
    map: impl Fn(u32) -> f32,
) {
    words.resize(out.len(), 0);
    row_words(draw, words);
    for (out, word) in out.iter_mut().zip(words.iter()) {
        *out = map(*word);
    }
}

/// Replaces the pre-activations of a row by draws of Bernoulli(sigmoid(scale·(x + bias))), and
/// keeps the probabilities in `means` where wanted. `words` is scratch.
#[inline(always)]
pub(super) fn sample_row(
    row: &mut [f32],
    bias: &[f32],
    scale: f32,
    draw: RowDraw,
    means: Option<&mut [f32]>,
    words: &mut Vec<u32>,
) {
    words.resize(row.len(), 0);
    row_words(draw, words);
    let each = row.iter_mut().zip(bias).zip(words.iter());
    match means {
        None => {
            for ((x, bias), word) in each {
                *x = f32::from(uniform(*word) < sigmoid(scale * (*x + *bias)).0);
            }
        }
        Some(means) => {
            for (((x, bias), word), mean) in each.zip(means) {
                *mean = sigmoid(scale * (*x + *bias)).0;
                *x = f32::from(uniform(*word) < *mean);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::philox;

    #[test]
    fn the_lanes_are_philox_and_each_unit_sees_its_own_word() {
        let draw =
            RowDraw { seed: 0x0123_4567_89ab_cdef, step: 5, chain: 9, stream: Stream::Visible };
        for units in [1, 2, 3, 4, 5, 63, 64, 65, 255, 256, 257, 784] {
            let mut seen = vec![0; units];
            row_words(draw, &mut seen);
            for (unit, word) in seen.iter().enumerate() {
                let block = (unit % blocks(units)) as u32;
                let expected = philox([5, 9, block, Stream::Visible as u32], key(draw.seed));
                assert_eq!(*word, expected[unit / blocks(units)]);
            }
        }
    }
}
