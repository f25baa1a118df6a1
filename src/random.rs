//! The project's one random number generator: Philox4x32-10, counter-based.
//!
//! Key = the seed; counter = (step, chain, unit block, [`Stream`]). A word depends on nothing but
//! these numbers, so runs repeat, resumed runs continue the same chains, and the CPU and the GPU
//! draw the same words. Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
//! as 1, 2, 3", SC 2011.
//!
//! A row of `n` units is split into `blocks(n)` blocks of four words: unit `u` takes word
//! `u / blocks(n)` of block `u % blocks(n)`. Neighbouring units then lie in neighbouring blocks,
//! which is the layout that both SIMD lanes and GPU threads want.

use std::convert::Infallible;

use rand::rand_core::{TryRng, utils};

/// Multipliers and Weyl increments of Philox4x32.
pub(crate) const M0: u32 = 0xD251_1F53;
pub(crate) const M1: u32 = 0xCD9E_8D57;
pub(crate) const W0: u32 = 0x9E37_79B9;
pub(crate) const W1: u32 = 0xBB67_AE85;

/// What a draw is for. Each purpose has its own stream, so no two of them ever share a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Stream {
    /// Initial parameters.
    Parameters = 0,
    /// Minibatch order.
    Shuffle = 1,
    /// Hidden units in a Gibbs sweep.
    Hidden = 2,
    /// Visible units in a Gibbs sweep.
    Visible = 3,
    /// Dynamic binarisation of data.
    Binarize = 4,
    /// Starting states of chains.
    ChainStart = 5,
    /// Built-in data sets.
    Data = 6,
    /// Evaluation (reconstructions, held-out draws).
    Evaluate = 7,
    /// The noise of samplers.
    Noise = 8,
    /// Whether proposals are accepted.
    Accept = 9,
    /// Probes and perturbations of objectives.
    Probe = 10,
    /// Whether neighbouring replicas change places.
    Exchange = 11,
}

/// One Philox4x32-10 block: four words from a counter and a key.
#[inline(always)]
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for round in 0..10 {
        if round > 0 {
            k0 = k0.wrapping_add(W0);
            k1 = k1.wrapping_add(W1);
        }
        let p0 = u64::from(M0) * u64::from(c0);
        let p1 = u64::from(M1) * u64::from(c2);
        (c0, c1, c2, c3) =
            ((p1 >> 32) as u32 ^ c1 ^ k0, p1 as u32, (p0 >> 32) as u32 ^ c3 ^ k1, p0 as u32);
    }
    [c0, c1, c2, c3]
}

/// Maps a word to a uniform strictly inside (0, 1), exact in f32: (word >> 9 + ½)·2⁻²³.
// By way of i32, which every SIMD instruction set converts.
#[inline(always)]
pub fn uniform(word: u32) -> f32 {
    ((word >> 9) as i32 as f32 + 0.5) * (1.0 / 8_388_608.0)
}

/// A word as its low and high 16 bits, which f32 holds exactly.
pub(crate) fn split_halves(word: u32) -> [f32; 2] {
    [(word & 0xffff) as f32, (word >> 16) as f32]
}

/// The word of [`split_halves`].
pub(crate) fn join_halves([low, high]: [f32; 2]) -> u32 {
    low as u32 | ((high as u32) << 16)
}

/// The seed as a Philox key.
#[inline]
pub fn key(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// How many Philox blocks cover a row of `units` units.
#[inline]
pub fn blocks(units: usize) -> usize {
    units.div_ceil(4)
}

/// A sequential generator over one stream, for work on the host: shuffles, initial weights,
/// built-in data. It implements [`rand::Rng`], so `rand`'s distributions and shuffles run on it.
#[derive(Clone, Debug)]
pub struct HostRng {
    key: [u32; 2],
    stream: Stream,
    substream: u64,
    block: u32,
    words: [u32; 4],
    used: usize,
}

impl HostRng {
    /// Starts the sequence `substream` (an epoch, say) of `stream` under `seed`.
    pub fn new(seed: u64, stream: Stream, substream: u64) -> Self {
        Self { key: key(seed), stream, substream, block: 0, words: [0; 4], used: 4 }
    }

    /// A draw from the standard normal law, by the Box–Muller transform.
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * f64::from(uniform(self.word())).ln()).sqrt();
        let angle = std::f64::consts::TAU * f64::from(uniform(self.word()));
        (radius * angle.cos()) as f32
    }

    /// A uniform strictly inside (0, 1).
    pub fn uniform(&mut self) -> f32 {
        uniform(self.word())
    }

    fn word(&mut self) -> u32 {
        if self.used == 4 {
            let counter = [
                self.substream as u32,
                (self.substream >> 32) as u32,
                self.block,
                self.stream as u32,
            ];
            self.words = philox(counter, self.key);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }
}

impl TryRng for HostRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_u64_via_u32(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u32())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random123, `tests/kat_vectors`, rows `philox4x32 10`.
    #[test]
    fn philox_gives_the_published_known_answers() {
        let f = u32::MAX;
        assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(philox([f; 4], [f; 2]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
        assert_eq!(
            philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
        );
    }

    #[test]
    fn uniforms_lie_strictly_inside_the_unit_interval() {
        assert_eq!(uniform(0), 5.960_464_5e-8);
        assert_eq!(uniform(0x8000_0000), 0.500_000_06);
        assert_eq!(uniform(u32::MAX), 1.0 - 2f32.powi(-24));
    }

    #[test]
    fn host_streams_and_substreams_differ_and_repeat() {
        let draw = |stream, substream| {
            let mut rng = HostRng::new(7, stream, substream);
            (0..64).map(|_| rng.word()).collect::<Vec<_>>()
        };
        assert_eq!(draw(Stream::Data, 0), draw(Stream::Data, 0));
        assert_ne!(draw(Stream::Data, 0), draw(Stream::Data, 1));
        assert_ne!(draw(Stream::Data, 0), draw(Stream::Shuffle, 0));
    }
}
