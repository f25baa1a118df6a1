//! Products through the `gemm` crate, on one thread: the callers split work by rows.
//!
//! The order in which a sum is taken must not depend on how many rows a tile has, or the chains
//! would depend on the tiling. `gemm` 0.19 keeps that order except where a product is so small that
//! it takes another path; [`least_rows`] tells where, and such products are computed with more
//! rows than asked for.

use std::sync::OnceLock;

use super::{
    bits::{BitRows, Blocks},
    reduce::dot,
    simd::vectorize,
    transpose::{transpose, transposed},
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

    /// Copies rows (first, how many) and columns (first, how many) to the rows of `out`, which are
    /// `width` apart.
    pub fn copy_block(
        self,
        (row, rows): (usize, usize),
        (column, columns): (usize, usize),
        width: usize,
        out: &mut [f32],
    ) {
        if rows == 0 || columns == 0 {
            return;
        }
        let values = &self.values[row * self.row_stride + column * self.column_stride..];
        if self.column_stride == 1 {
            for (row, out) in out.chunks_exact_mut(width).take(rows).enumerate() {
                out[..columns].copy_from_slice(&values[row * self.row_stride..][..columns]);
            }
        } else {
            transpose(values, self.column_stride, (columns, rows), out, width);
        }
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

/// W `[k, n]`, to be multiplied from the left with rows of chains.
pub(super) struct Weights<'a> {
    k: usize,
    n: usize,
    /// W row by row, or Wᵀ.
    values: &'a [f32],
    is_transposed: bool,
    /// W row by row where `values` are Wᵀ.
    rows: OnceLock<Vec<f32>>,
    /// W for rows of bits.
    blocks: Option<Blocks>,
}

impl<'a> Weights<'a> {
    /// W as it is, or the transpose of a row-major `[n, k]`; laid out for rows of bits where such
    /// will come.
    pub fn new(values: &'a [f32], (k, n): (usize, usize), is_transposed: bool, bits: bool) -> Self {
        let view = if is_transposed { View::transposed(values, k) } else { View::rows(values, n) };
        let blocks = if bits { Blocks::new(view, (k, n)) } else { None };
        let rows = match &blocks {
            None if is_transposed => OnceLock::from(transposed(values, (n, k))),
            _ => OnceLock::new(),
        };
        Self { k, n, values, is_transposed, rows, blocks }
    }

    fn rows(&self) -> &[f32] {
        if !self.is_transposed {
            return self.values;
        }
        self.rows.get_or_init(|| {
            // On this thread alone: others may wait for it.
            let mut rows = vec![0.0; self.values.len()];
            transpose(self.values, self.k, (self.n, self.k), &mut rows, self.n);
            rows
        })
    }

    /// out `[m, n]` ← x `[m, k]` · W: each row's bits depend on that row and on the weights alone.
    pub fn multiply(&self, x: &[f32], out: &mut [f32]) {
        let Self { k, n, .. } = *self;
        let Some(blocks) = &self.blocks else {
            return if n <= FEW {
                by_dots(out, x, self.rows(), k, n);
            } else if k <= FEW {
                by_rows(out, x, self.rows(), k, n);
            } else {
                dense_rows(out, x, self.rows(), k, n);
            };
        };
        let found = BitRows::find(x, k);
        found.multiply(blocks, out);
        let others = found.others(out.len() / n);
        if !others.is_empty() {
            // They are gathered, multiplied, and put back.
            let gathered: Vec<f32> =
                others.iter().flat_map(|row| &x[row * k..(row + 1) * k]).copied().collect();
            let mut result = vec![0.0; others.len() * n];
            dense_rows(&mut result, &gathered, self.rows(), k, n);
            for (row, result) in others.iter().zip(result.chunks_exact(n)) {
                out[row * n..(row + 1) * n].copy_from_slice(result);
            }
        }
    }
}

/// Whether any row of `k` values holds only zeros and ones. Others are seen at their first value that
/// is neither.
pub(super) fn any_bits(x: &[f32], k: usize) -> bool {
    // Rows without values are no rows of bits.
    k > 0 && x.chunks_exact(k).any(|row| row.iter().all(|x| *x == 0.0 || *x == 1.0))
}

/// Products of so few columns, or sums of so few terms, are loops: `gemm` works on larger blocks.
const FEW: usize = 4;

/// [`Weights::multiply`] for few columns.
fn by_dots(out: &mut [f32], x: &[f32], weights: &[f32], k: usize, n: usize) {
    let mut columns = vec![0.0; k * n];
    transpose(weights, n, (k, n), &mut columns, k);
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

/// [`Weights::multiply`] for short sums.
fn by_rows(out: &mut [f32], x: &[f32], weights: &[f32], k: usize, n: usize) {
    // Rows past the last are zeros, so that every sum has `FEW` terms.
    let mut rows = [const { Vec::new() }; FEW];
    for (i, row) in rows.iter_mut().enumerate() {
        row.extend_from_slice(weights.get(i * n..(i + 1) * n).unwrap_or_default());
        row.resize(n, 0.0);
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

fn dense_rows(out: &mut [f32], x: &[f32], weights: &[f32], k: usize, n: usize) {
    let m = out.len() / n;
    let least = least_rows(k, n);
    let weights = View::rows(weights, n);
    if m < least {
        let mut padded = vec![0.0; least * k];
        padded[..m * k].copy_from_slice(&x[..m * k]);
        let mut result = vec![0.0; least * n];
        matmul(&mut result, View::rows(&padded, k), weights, (least, k, n));
        out.copy_from_slice(&result[..m * n]);
    } else {
        matmul(out, View::rows(x, k), weights, (m, k, n));
    }
}

/// The fewest rows for which `gemm` takes the path of large products: below, it computes a single
/// row as a matrix times a vector, and up to 64 rows and columns in depth blocks of 512.
fn least_rows(k: usize, n: usize) -> usize {
    if n <= 64 && k > 512 { 65 } else { 2 }
}

/// How many rows a tile of at most `most` should have, so that `rows` spread evenly over the threads.
pub(super) fn tile_rows(rows: usize, most: usize) -> usize {
    let threads = rayon::current_num_threads();
    let tiles = rows.div_ceil(most).next_multiple_of(threads);
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
            // Rows of bits among others.
            let bits: Vec<f32> = x.iter().map(|x| f32::from(*x > 0.0)).collect();
            let mixed = x.chunks(k).zip(bits.chunks(k)).enumerate();
            let mixed: Vec<f32> = mixed
                .flat_map(|(row, (x, bits))| if row % 3 == 0 { x } else { bits })
                .copied()
                .collect();
            for (x, is_transposed) in [(&x, false), (&x, true), (&bits, false), (&mixed, true)] {
                let w = Weights::new(&w, (k, n), is_transposed, any_bits(x, k));
                let mut whole = vec![0.0; 130 * n];
                w.multiply(x, &mut whole);
                for (first, rows) in
                    [(0, 1), (129, 1), (3, 2), (9, 12), (64, 63), (1, 64), (65, 65), (7, 100)]
                {
                    let mut part = vec![0.0; rows * n];
                    w.multiply(&x[first * k..(first + rows) * k], &mut part);
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
