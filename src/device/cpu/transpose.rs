//! Transposes by blocks.

use rayon::prelude::*;

use super::simd::vectorize;

/// Rows and columns of a block.
const SIDE: usize = 8;
/// Columns of a strip: two cache lines of a row, which a CPU fetches together.
const STRIP: usize = 32;
/// A row of a block.
type Line = [f32; SIDE];

/// Values that one task transposes.
const TASK: usize = 1 << 15;

/// out ← xᵀ `[columns, rows]`, for x `[rows, columns]`, on all threads: products are up to twice as fast
/// on rows.
pub(super) fn transpose_all(x: &[f32], (rows, columns): (usize, usize), out: &mut [f32]) {
    let part = (TASK / rows.max(1)).next_multiple_of(STRIP).clamp(1, columns.max(1));
    out.par_chunks_mut(part * rows.max(1)).enumerate().for_each(|(index, out)| {
        transpose(&x[index * part..], columns, (rows, out.len() / rows), out, rows);
    });
}

/// out `[columns, rows]` ← xᵀ, for x `[rows, columns]`; `stride` and `out_stride` values lie between
/// their rows.
pub(super) fn transpose(
    x: &[f32],
    stride: usize,
    size: (usize, usize),
    out: &mut [f32],
    out_stride: usize,
) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return simd.vectorize(
            #[inline(always)]
            move || blocks(x, stride, size, out, out_stride, x86::turned(simd)),
        );
    }
    vectorize(
        #[inline(always)]
        move || blocks(x, stride, size, out, out_stride, turned),
    );
}

/// All blocks, which `turn` transposes.
#[inline(always)]
fn blocks(
    x: &[f32],
    stride: usize,
    (rows, columns): (usize, usize),
    out: &mut [f32],
    out_stride: usize,
    turn: impl Fn([Line; SIDE]) -> [Line; SIDE],
) {
    // Down a strip: what is written lies side by side, and stores that miss the cache cost most.
    for strip in (0..columns).step_by(STRIP) {
        for row in (0..rows).step_by(SIDE) {
            for column in (strip..columns.min(strip + STRIP)).step_by(SIDE) {
                let x = &x[row * stride + column..];
                let out = &mut out[column * out_stride + row..];
                let (rows, columns) = (SIDE.min(rows - row), SIDE.min(columns - column));
                if (rows, columns) == (SIDE, SIDE) {
                    let mut lines = [[0.0; SIDE]; SIDE];
                    for (row, line) in lines.iter_mut().enumerate() {
                        line.copy_from_slice(&x[row * stride..][..SIDE]);
                    }
                    for (column, line) in turn(lines).iter().enumerate() {
                        out[column * out_stride..][..SIDE].copy_from_slice(line);
                    }
                } else {
                    for row in 0..rows {
                        for column in 0..columns {
                            out[column * out_stride + row] = x[row * stride + column];
                        }
                    }
                }
            }
        }
    }
}

/// A block transposed, value by value.
#[inline(always)]
fn turned(lines: [Line; SIDE]) -> [Line; SIDE] {
    std::array::from_fn(|column| std::array::from_fn(|row| lines[row][column]))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::__m256;

    use bytemuck::must_cast;
    use pulp::x86::V3;

    use super::{Line, SIDE};

    /// A block transposed by shuffles: pairs of values, then pairs of pairs, then halves.
    #[inline(always)]
    pub fn turned(simd: V3) -> impl Fn([Line; SIDE]) -> [Line; SIDE] {
        let avx = simd.avx;
        #[inline(always)]
        move |lines| {
            let [a, b, c, d, e, f, g, h]: [__m256; SIDE] = must_cast(lines);
            let pairs = |a, b| (avx._mm256_unpacklo_ps(a, b), avx._mm256_unpackhi_ps(a, b));
            let ((ab0, ab1), (cd0, cd1)) = (pairs(a, b), pairs(c, d));
            let ((ef0, ef1), (gh0, gh1)) = (pairs(e, f), pairs(g, h));
            let low = |a, b| avx._mm256_shuffle_ps::<0b01_00_01_00>(a, b);
            let high = |a, b| avx._mm256_shuffle_ps::<0b11_10_11_10>(a, b);
            let left = [low(ab0, cd0), high(ab0, cd0), low(ab1, cd1), high(ab1, cd1)];
            let right = [low(ef0, gh0), high(ef0, gh0), low(ef1, gh1), high(ef1, gh1)];
            let [a, b, c, d] = left;
            let [e, f, g, h] = right;
            let first = |x, y| avx._mm256_permute2f128_ps::<0x20>(x, y);
            let second = |x, y| avx._mm256_permute2f128_ps::<0x31>(x, y);
            must_cast([
                first(a, e),
                first(b, f),
                first(c, g),
                first(d, h),
                second(a, e),
                second(b, f),
                second(c, g),
                second(d, h),
            ])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_moved() {
        for (rows, columns) in
            [(1, 1), (1, 40), (40, 1), (16, 16), (15, 33), (48, 17), (70, 64), (32, 27), (500, 700)]
        {
            let stride = columns + 3;
            let x: Vec<f32> = (0..rows * stride).map(|i| i as f32).collect();
            let mut out = vec![f32::NAN; rows * columns];
            transpose(&x, stride, (rows, columns), &mut out, rows);
            let dense: Vec<f32> =
                x.chunks(stride).flat_map(|row| &row[..columns]).copied().collect();
            let mut on_all = vec![f32::NAN; rows * columns];
            transpose_all(&dense, (rows, columns), &mut on_all);
            assert_eq!(on_all, out);
            for (i, out) in out.iter().enumerate() {
                assert_eq!(*out, x[i % rows * stride + i / rows], "{rows} x {columns}");
            }
        }
    }
}
