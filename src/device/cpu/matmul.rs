//! Products through the `gemm` crate, on one thread: the callers split work by rows.
//!
//! The order in which a sum is taken must not depend on how many rows a tile has, or the chains
//! would depend on the tiling. `gemm` 0.19 keeps that order except where a product is so small that
//! it takes another path; [`least_rows`] tells where, and such products are computed with more
//! rows than asked for.

use super::{
    ROWS_PER_TILE,
    bits::{LEAST_COLUMNS, SparseRows},
    reduce::dot,
    simd::vectorize,
};

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

/// out `[m, n]` ← a `[m, k]` · b `[k, n]`; out is row-major and contiguous.
pub(super) fn matmul(out: &mut [f32], a: View<'_>, b: View<'_>, (m, k, n): (usize, usize, usize)) {
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
            false,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            0.0,
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
    if n <= FEW {
        return by_dots(out, x, b, k, n);
    } else if k <= FEW {
        return by_rows(out, x, b, k, n);
    }
    if b.column_stride == 1 && n >= LEAST_COLUMNS {
        let sparse = SparseRows::find(x, k);
        if sparse.len() > 0 {
            sparse.multiply(b.values, n, out);
            // The others are gathered, multiplied, and put back.
            let others = sparse.others(m);
            if !others.is_empty() {
                let gathered: Vec<f32> =
                    others.iter().flat_map(|row| &x[row * k..(row + 1) * k]).copied().collect();
                let mut result = vec![0.0; others.len() * n];
                dense_rows(&mut result, &gathered, b, k, n);
                for (row, result) in others.iter().zip(result.chunks_exact(n)) {
                    out[row * n..(row + 1) * n].copy_from_slice(result);
                }
            }
            return;
        }
    }
    dense_rows(out, x, b, k, n);
}

/// Products of so few columns, or sums of so few terms, are loops: `gemm` works on larger blocks.
const FEW: usize = 4;

/// [`matmul_rows`] for few columns.
fn by_dots(out: &mut [f32], x: &[f32], b: View<'_>, k: usize, n: usize) {
    let columns: Vec<f32> =
        (0..n * k).map(|i| b.values[i % k * b.row_stride + i / k * b.column_stride]).collect();
    vectorize(
        #[inline(always)]
        || {
            for (out, x) in out.chunks_exact_mut(n).zip(x.chunks_exact(k)) {
                for (out, column) in out.iter_mut().zip(columns.chunks_exact(k)) {
                    *out = dot(x, column);
                }
            }
        },
    );
}

/// [`matmul_rows`] for short sums.
fn by_rows(out: &mut [f32], x: &[f32], b: View<'_>, k: usize, n: usize) {
    // Rows past the last are zeros, so that every sum has `FEW` terms.
    let mut rows = [const { Vec::new() }; FEW];
    for (i, row) in rows.iter_mut().enumerate() {
        row.resize(n, 0.0);
        for (column, value) in row.iter_mut().enumerate().take(if i < k { n } else { 0 }) {
            *value = b.values[i * b.row_stride + column * b.column_stride];
        }
    }
    let [row0, row1, row2, row3] = &rows;
    vectorize(
        #[inline(always)]
        || {
            for (out, x) in out.chunks_exact_mut(n).zip(x.chunks_exact(k)) {
                if k <= 2 {
                    let (x0, x1) = (x[0], if k > 1 { x[1] } else { 0.0 });
                    for ((out, r0), r1) in out.iter_mut().zip(row0).zip(row1) {
                        *out = x0 * r0 + x1 * r1;
                    }
                } else {
                    let (x0, x1, x2) = (x[0], x[1], x[2]);
                    let x3 = if k > 3 { x[3] } else { 0.0 };
                    let each = out.iter_mut().zip(row0).zip(row1).zip(row2).zip(row3);
                    for ((((out, r0), r1), r2), r3) in each {
                        *out = (x0 * r0 + x1 * r1) + (x2 * r2 + x3 * r3);
                    }
                }
            }
        },
    );
}

fn dense_rows(out: &mut [f32], x: &[f32], b: View<'_>, k: usize, n: usize) {
    let m = out.len() / n;
    let least = least_rows(b, k, n);
    if m < least {
        let mut padded = vec![0.0; least * k];
        padded[..m * k].copy_from_slice(&x[..m * k]);
        let mut result = vec![0.0; least * n];
        matmul(&mut result, View::rows(&padded, k), b, (least, k, n));
        out.copy_from_slice(&result[..m * n]);
    } else {
        matmul(out, View::rows(x, k), b, (m, k, n));
    }
}

/// The fewest rows for which `gemm` takes the path of large products: below, it computes a single
/// row as a matrix times a vector, up to 256 values of a product with a transposed operand by dot
/// products, and up to 64 rows and columns in depth blocks of 512.
fn least_rows(b: View<'_>, k: usize, n: usize) -> usize {
    let vector = 2;
    let dots = if b.row_stride == 1 { 257usize.div_ceil(n) } else { 1 };
    let blocks = if n <= 64 && k > 512 { 65 } else { 1 };
    vector.max(dots).max(blocks)
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
        for (k, n) in [
            (1, 5),
            (2, 9),
            (4, 6),
            (64, 16),
            (500, 784),
            (784, 500),
            (2000, 70),
            (5000, 33),
            (33, 1),
        ] {
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
