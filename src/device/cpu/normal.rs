//! Standard normals by the Box–Muller transform, as plain loops over lanes like `simd.rs`. Products
//! and sums only, never a fused multiply-add, so every instruction set gives the same bits.
//!
//! A Philox block of four words gives four normals: words 0 and 1 those of the units that own
//! words 0 and 1, words 2 and 3 those of the units that own words 2 and 3. The first word of a
//! pair gives the radius √(−2 log u), the second the angle 2πu; the first unit takes the cosine,
//! the second the sine. No normal is beyond √(48 log 2) = 5.77, where u is smallest.
//!
//! The polynomials are those of Cephes (Moshier 1989): `logf` on [√½, √2), `sinf` and `cosf` on
//! [−π/4, π/4].

use super::simd::{RowDraw, row_words};
use crate::random::{blocks, uniform};

/// √(−2 log u), u the uniform of the word.
#[inline(always)]
fn radius(word: u32) -> f32 {
    // u = (1 + x)·2^exponent with 1 + x in [√½, √2); SQRT_HALF holds the bits of √½.
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let shifted = uniform(word).to_bits().wrapping_sub(SQRT_HALF);
    let exponent = (shifted as i32 >> 23) as f32;
    let x = f32::from_bits((shifted & 0x007f_ffff) + SQRT_HALF) - 1.0;
    let p = 7.037_683_6e-2;
    let p = p * x - 1.151_461e-1;
    let p = p * x + 1.167_699_9e-1;
    let p = p * x - 1.242_014_1e-1;
    let p = p * x + 1.424_932_3e-1;
    let p = p * x - 1.666_805_8e-1;
    let p = p * x + 2.000_071_5e-1;
    let p = p * x - 2.499_999_4e-1;
    let p = p * x + 3.333_333e-1;
    let square = x * x;
    // log 2 in two parts, the first exact in few bits.
    let tail = (square * x * p - exponent * 2.121_944_4e-4) - 0.5 * square;
    (-2.0 * ((x + tail) + exponent * 0.693_359_4)).sqrt()
}

/// (cos, sin) of 2πu, u the uniform of the word.
#[inline(always)]
fn direction(word: u32) -> (f32, f32) {
    // The angle is a whole number of right angles and x in [−π/4, π/4]; the reduction is exact.
    const RIGHT_ANGLE: f32 = std::f32::consts::FRAC_PI_2 / 2_097_152.0;
    let turned = (word >> 9) + (1 << 20);
    let quadrant = turned >> 21;
    let x = ((turned & 0x1f_ffff) as f32 - 1_048_575.5) * RIGHT_ANGLE;
    let square = x * x;
    let sine = -1.951_529_6e-4;
    let sine = sine * square + 8.332_161e-3;
    let sine = sine * square - 1.666_665_5e-1;
    let sine = x + x * square * sine;
    let cosine = 2.443_315_7e-5;
    let cosine = cosine * square - 1.388_731_6e-3;
    let cosine = cosine * square + 4.166_664_6e-2;
    let cosine = (1.0 - 0.5 * square) + square * square * cosine;
    let swap = quadrant & 1 != 0;
    let (a, b) = if swap { (sine, cosine) } else { (cosine, sine) };
    let sign = |bit: u32| (bit & 2) << 30;
    (f32::from_bits(a.to_bits() ^ sign(quadrant + 1)), f32::from_bits(b.to_bits() ^ sign(quadrant)))
}

/// The two normals of a pair of words.
#[inline(always)]
pub(super) fn normals(first: u32, second: u32) -> (f32, f32) {
    let radius = radius(first);
    let (cosine, sine) = direction(second);
    (radius * cosine, radius * sine)
}

/// row ← row + scale · ξ. `words` is scratch.
#[inline(always)]
pub(super) fn add_normals(row: &mut [f32], scale: f32, draw: RowDraw, words: &mut Vec<u32>) {
    let per_word = blocks(row.len());
    // All four words of every block, also those that no unit owns.
    words.resize(4 * per_word, 0);
    row_words(draw, words);
    for (row, words) in row.chunks_mut(2 * per_word).zip(words.chunks_exact(2 * per_word)) {
        let (cosines, sines) = row.split_at_mut(per_word.min(row.len()));
        let (radii, angles) = words.split_at(per_word);
        let (paired, alone) = cosines.split_at_mut(sines.len());
        let each = paired.iter_mut().zip(sines).zip(radii).zip(angles);
        for (((first, second), word), angle) in each {
            let (cosine, sine) = normals(*word, *angle);
            *first += scale * cosine;
            *second += scale * sine;
        }
        let done = paired.len();
        for ((first, word), angle) in alone.iter_mut().zip(&radii[done..]).zip(&angles[done..]) {
            *first += scale * normals(*word, *angle).0;
        }
    }
}
