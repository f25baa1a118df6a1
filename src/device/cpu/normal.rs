//! Standard normals by the Box–Muller transform, as plain loops over lanes like `simd.rs`. Products
//! and sums only, never a fused multiply-add, so every instruction set gives the same bits.
//!
//! A Philox block of four words gives four normals: words 0 and 1 those of the units that own
//! words 0 and 1, words 2 and 3 those of the units that own words 2 and 3. The first word of a
//! pair gives the radius √(−2 log u), the second the angle 2πu; the first unit takes the cosine,
//! the second the sine. No normal is beyond √(48 log 2) = 5.77, where u is smallest.
//!
//! The polynomials are those of Cephes (Moshier 1989): `sinf` and `cosf` on [−π/4, π/4], and `logf`, see
//! `activation.rs`.

use super::{
    activation::ln,
    simd::{RowDraw, row_words},
};
use crate::random::{blocks, uniform};

/// √(−2 log u), u the uniform of the word.
#[inline(always)]
fn radius(word: u32) -> f32 {
    (-2.0 * ln(uniform(word))).sqrt()
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
