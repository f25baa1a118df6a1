//! Transposes by blocks.

use rayon::prelude::*;

use super::instructions::{Instructions, Kernel, Wide};

/// Rows and columns of a block.
const SIDE: usize = 8;
/// Columns of a strip: two cache lines of a row, which a CPU fetches together.
const STRIP: usize = 32;
/// A block, row by row.
pub(super) type Block = [[f32; SIDE]; SIDE];

/// Values that one task transposes.
const TASK: usize = 1 << 15;

/// out ← xᵀ `[columns, rows]`, for x `[rows, columns]`, on all threads: products are up to twice as fast
/// on rows.
pub(super) fn transpose_all(
    set: Instructions,
    x: &[f32],
    (rows, columns): (usize, usize),
    out: &mut [f32],
) {
    let part = (TASK / rows.max(1)).next_multiple_of(STRIP).clamp(1, columns.max(1));
    out.par_chunks_mut(part * rows.max(1)).enumerate().for_each(|(index, out)| {
        transpose(set, &x[index * part..], columns, (rows, out.len() / rows), out, rows);
    });
}

/// out `[columns, rows]` ← xᵀ, for x `[rows, columns]`; `stride` and `out_stride` values lie between
/// their rows.
pub(super) fn transpose(
    set: Instructions,
    x: &[f32],
    stride: usize,
    size: (usize, usize),
    out: &mut [f32],
    out_stride: usize,
) {
    set.dispatch(Transpose { x, stride, size, out, out_stride });
}

struct Transpose<'a> {
    x: &'a [f32],
    stride: usize,
    size: (usize, usize),
    out: &'a mut [f32],
    out_stride: usize,
}

impl Kernel for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Wide>(self, simd: S) {
        let Self { x, stride, size: (rows, columns), out, out_stride } = self;
        // Down a strip: what is written lies side by side, and stores that miss the cache cost most.
        for strip in (0..columns).step_by(STRIP) {
            for row in (0..rows).step_by(SIDE) {
                for column in (strip..columns.min(strip + STRIP)).step_by(SIDE) {
                    let x = &x[row * stride + column..];
                    let out = &mut out[column * out_stride + row..];
                    let (rows, columns) = (SIDE.min(rows - row), SIDE.min(columns - column));
                    if (rows, columns) == (SIDE, SIDE) {
                        let mut block = [[0.0; SIDE]; SIDE];
                        for (row, line) in block.iter_mut().enumerate() {
                            line.copy_from_slice(&x[row * stride..][..SIDE]);
                        }
                        for (column, line) in simd.turned(block).iter().enumerate() {
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
}

/// A block transposed, value by value.
#[inline(always)]
pub(super) fn moved(block: Block) -> Block {
    std::array::from_fn(|column| std::array::from_fn(|row| block[row][column]))
}

/// A block transposed by shuffles: pairs of values, then pairs of pairs, then halves.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn shuffled(simd: pulp::x86::V3, block: Block) -> Block {
    use std::arch::x86_64::__m256;

    let avx = simd.avx;
    let [a, b, c, d, e, f, g, h]: [__m256; SIDE] = bytemuck::must_cast(block);
    let pairs = |a, b| (avx._mm256_unpacklo_ps(a, b), avx._mm256_unpackhi_ps(a, b));
    let ((ab0, ab1), (cd0, cd1)) = (pairs(a, b), pairs(c, d));
    let ((ef0, ef1), (gh0, gh1)) = (pairs(e, f), pairs(g, h));
    let low = |a, b| avx._mm256_shuffle_ps::<0b01_00_01_00>(a, b);
    let high = |a, b| avx._mm256_shuffle_ps::<0b11_10_11_10>(a, b);
    let [a, b, c, d] = [low(ab0, cd0), high(ab0, cd0), low(ab1, cd1), high(ab1, cd1)];
    let [e, f, g, h] = [low(ef0, gh0), high(ef0, gh0), low(ef1, gh1), high(ef1, gh1)];
    let first = |x, y| avx._mm256_permute2f128_ps::<0x20>(x, y);
    let second = |x, y| avx._mm256_permute2f128_ps::<0x31>(x, y);
    bytemuck::must_cast([
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
            let dense: Vec<f32> =
                x.chunks(stride).flat_map(|row| &row[..columns]).copied().collect();
            for set in Instructions::available() {
                let mut out = vec![f32::NAN; rows * columns];
                transpose(set, &x, stride, (rows, columns), &mut out, rows);
                let mut on_all = vec![f32::NAN; rows * columns];
                transpose_all(set, &dense, (rows, columns), &mut on_all);
                assert_eq!(on_all, out);
                for (i, out) in out.iter().enumerate() {
                    assert_eq!(
                        *out,
                        x[i % rows * stride + i / rows],
                        "{rows} x {columns}, {set:?}"
                    );
                }
            }
        }
    }
}
