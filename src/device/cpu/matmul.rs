//! Products through the `gemm` crate, on one thread: the callers split work by rows.
//!
//! The order in which a sum is taken must not depend on how many rows a tile has, or the chains
//! would depend on the tiling. `gemm` keeps that order for two rows and more; a single row would
//! take another path, so it is computed as two.

use super::ROWS_PER_TILE;

/// A strided matrix that is only read.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub values: &'a [f32],
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> View<'a> {
    /// A row-major matrix.
    pub fn rows(values: &'a [f32], columns: usize) -> Self {
        Self { values, row_stride: columns, column_stride: 1 }
    }

    /// The transpose of a row-major matrix with that many columns.
    pub fn transposed(values: &'a [f32], columns: usize) -> Self {
        Self { values, row_stride: 1, column_stride: columns }
    }
}

/// out `[m, n]` ← a `[m, k]` · b `[k, n]`, or out plus that; out is row-major and contiguous.
pub(super) fn matmul(
    out: &mut [f32],
    a: View<'_>,
    b: View<'_>,
    (m, k, n): (usize, usize, usize),
    accumulate: bool,
) {
    assert!(out.len() == m * n && covers(a, m, k) && covers(b, k, n), "operands fit the sizes");
    // SAFETY: the assertion above bounds every index that gemm forms from the strides, and `out`
    // is borrowed mutably, so it overlaps neither operand.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            if accumulate { 1.0 } else { 0.0 },
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

fn covers(view: View<'_>, rows: usize, columns: usize) -> bool {
    rows == 0
        || columns == 0
        || (rows - 1) * view.row_stride + (columns - 1) * view.column_stride < view.values.len()
}

/// out `[m, n]` ← x `[m, k]` · b `[k, n]` for rows of chains: each row's bits depend on that row
/// and on b alone.
pub(super) fn matmul_rows(out: &mut [f32], x: &[f32], b: View<'_>, k: usize, n: usize) {
    let m = out.len() / n;
    if m == 1 {
        let twice = [x, x].concat();
        let mut pair = vec![0.0; 2 * n];
        matmul(&mut pair, View::rows(&twice, k), b, (2, k, n), false);
        out.copy_from_slice(&pair[..n]);
    } else {
        matmul(out, View::rows(x, k), b, (m, k, n), false);
    }
}

/// How many rows a tile should have, so that `rows` spread evenly over the threads.
pub(super) fn tile_rows(rows: usize) -> usize {
    let threads = rayon::current_num_threads();
    let tiles = rows.div_ceil(ROWS_PER_TILE).next_multiple_of(threads);
    rows.div_ceil(tiles).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the chains' independence of tiling rests on, for long and short sums.
    #[test]
    fn a_row_has_the_same_bits_in_every_tile() {
        for (k, n) in [(4, 6), (64, 16), (500, 784), (784, 500), (2000, 70), (5000, 33), (33, 1)] {
            let value = |i: usize| ((i * 2_654_435_761) % 1009) as f32 / 504.5 - 1.0;
            let x: Vec<f32> = (0..130 * k).map(value).collect();
            let w: Vec<f32> = (0..k * n).map(|i| value(i + 7)).collect();
            for b in [View::rows(&w, n), View::transposed(&w, k)] {
                let mut whole = vec![0.0; 130 * n];
                matmul_rows(&mut whole, &x, b, k, n);
                for (first, rows) in
                    [(0, 1), (129, 1), (3, 2), (64, 63), (1, 64), (65, 65), (7, 100)]
                {
                    let mut part = vec![0.0; rows * n];
                    matmul_rows(&mut part, &x[first * k..(first + rows) * k], b, k, n);
                    assert_eq!(
                        part,
                        whole[first * n..(first + rows) * n],
                        "k {k} n {n} rows {rows}"
                    );
                }
            }
        }
    }
}
