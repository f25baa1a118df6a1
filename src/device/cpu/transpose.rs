//! Transposes by blocks, so that every cache line is read and written whole.

use super::simd::vectorize;

/// Rows and columns of a block: the values of a cache line.
const SIDE: usize = 16;

/// out `[columns, rows]` ← xᵀ, for x `[rows, columns]` with `stride` values between its rows.
pub(super) fn transpose(
    x: &[f32],
    stride: usize,
    (rows, columns): (usize, usize),
    out: &mut [f32],
) {
    vectorize(
        #[inline(always)]
        move || {
            for row in (0..rows).step_by(SIDE) {
                for column in (0..columns).step_by(SIDE) {
                    let block = (SIDE.min(rows - row), SIDE.min(columns - column));
                    let x = &x[row * stride + column..];
                    let out = &mut out[column * rows + row..];
                    if block == (SIDE, SIDE) {
                        transpose_block(x, stride, out, rows);
                    } else {
                        transpose_edge(x, stride, block, out, rows);
                    }
                }
            }
        },
    );
}

/// A whole block, its sizes known to the compiler.
#[inline(always)]
fn transpose_block(x: &[f32], stride: usize, out: &mut [f32], out_stride: usize) {
    let mut block = [[0f32; SIDE]; SIDE];
    for (row, block) in block.iter_mut().enumerate() {
        block.copy_from_slice(&x[row * stride..][..SIDE]);
    }
    for column in 0..SIDE {
        let line: [f32; SIDE] = std::array::from_fn(|row| block[row][column]);
        out[column * out_stride..][..SIDE].copy_from_slice(&line);
    }
}

/// A block at the edge.
#[inline(always)]
fn transpose_edge(
    x: &[f32],
    stride: usize,
    (rows, columns): (usize, usize),
    out: &mut [f32],
    out_stride: usize,
) {
    for row in 0..rows {
        for column in 0..columns {
            out[column * out_stride + row] = x[row * stride + column];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_moved() {
        for (rows, columns) in [(1, 1), (1, 40), (40, 1), (16, 16), (15, 33), (48, 17), (70, 64)] {
            let stride = columns + 3;
            let x: Vec<f32> = (0..rows * stride).map(|i| i as f32).collect();
            let mut out = vec![f32::NAN; rows * columns];
            transpose(&x, stride, (rows, columns), &mut out);
            for (i, out) in out.iter().enumerate() {
                assert_eq!(*out, x[i % rows * stride + i / rows], "{rows} x {columns}");
            }
        }
    }
}
