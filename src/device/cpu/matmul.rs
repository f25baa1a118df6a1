//! Products of dense rows on one thread: through the `gemm` crate where it can, see `gemm.rs`, else by a
//! kernel of our own, or by loops where they are too small for either. The callers split work by rows.
//!
//! The order in which a sum is taken must depend neither on how many rows a tile has, or the chains would
//! depend on the tiling, nor on the processor's caches.

use std::ops::Range;

use super::{
    dense::Dense, gemm::gemm, instructions::Instructions, reduce::dot, transpose::transpose,
};

/// The most terms of a sum that are taken in one go.
const DEPTH: usize = 512;

/// A sum of `k` terms as slices of even length, whose sums are added up one after the other.
pub(super) fn slices(k: usize) -> impl Iterator<Item = Range<usize>> {
    let each = k.div_ceil(k.div_ceil(DEPTH).max(1)).max(1);
    (0..k).step_by(each).map(move |first| first..k.min(first + each))
}

/// out `[m, n]` ← a `[m, k]` · b `[k, n]`, all row by row.
pub(super) fn matmul(
    set: Instructions,
    out: &mut [f32],
    a: &[f32],
    b: &[f32],
    sizes: (usize, usize, usize),
) {
    if !gemm(set, out, a, b, sizes) {
        set.dispatch(Dense { out, x: a, weights: b, sizes });
    }
}

/// out `[m, n]` ← x `[m, k]` · W for W `[k, n]` row by row: each row's bits depend on that row and on W
/// alone.
pub(super) fn multiply_rows(
    set: Instructions,
    out: &mut [f32],
    x: &[f32],
    weights: &[f32],
    k: usize,
    n: usize,
) {
    if n <= FEW {
        by_dots(set, out, x, weights, k, n);
    } else if k <= FEW {
        by_rows(set, out, x, weights, k, n);
    } else {
        dense_rows(set, out, x, weights, k, n);
    }
}

/// Products of so few columns, or sums of so few terms, are loops: `gemm` works on larger blocks.
const FEW: usize = 4;

/// [`multiply_rows`] for few columns.
fn by_dots(set: Instructions, out: &mut [f32], x: &[f32], weights: &[f32], k: usize, n: usize) {
    let mut columns = vec![0.0; k * n];
    transpose(set, weights, n, (k, n), &mut columns, k);
    set.vectorize(
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

/// [`multiply_rows`] for short sums.
fn by_rows(set: Instructions, out: &mut [f32], x: &[f32], weights: &[f32], k: usize, n: usize) {
    // Rows past the last are zeros, so that every sum has `FEW` terms.
    let mut rows = [const { Vec::new() }; FEW];
    for (i, row) in rows.iter_mut().enumerate() {
        row.extend_from_slice(weights.get(i * n..(i + 1) * n).unwrap_or_default());
        row.resize(n, 0.0);
    }
    let [row0, row1, row2, row3] = &rows;
    set.vectorize(
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

/// [`multiply_rows`] for what is neither.
pub(super) fn dense_rows(
    set: Instructions,
    out: &mut [f32],
    x: &[f32],
    weights: &[f32],
    k: usize,
    n: usize,
) {
    let m = out.len() / n;
    if m == 1 {
        // `gemm` would compute a single row as a matrix times a vector, in another order.
        let mut result = vec![0.0; 2 * n];
        matmul(set, &mut result, &x[..k].repeat(2), weights, (2, k, n));
        out.copy_from_slice(&result[..n]);
    } else {
        matmul(set, out, x, weights, (m, k, n));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cover_a_sum_once_and_are_even() {
        for k in [0, 1, 511, 512, 513, 1024, 1025, 5000] {
            let slices: Vec<_> = slices(k).collect();
            assert!(slices.iter().cloned().flatten().eq(0..k), "{k}: {slices:?}");
            assert!(
                slices.iter().all(|slice| slice.len() <= DEPTH && slice.len() + 1 >= k.min(256))
            );
        }
    }

    /// The two ways to a product have the same bits where terms are fused, and all sets where they are
    /// exact.
    #[test]
    fn the_kernel_of_our_own_has_the_bits_of_gemm() {
        let value = |i: usize| ((i * 2_654_435_761) % 1009) as f32 / 504.5 - 1.0;
        for (m, k, n) in [(2, 5, 5), (3, 17, 300), (70, 513, 33), (33, 1030, 65), (5, 64, 31)] {
            let x: Vec<f32> = (0..m * k).map(value).collect();
            let bits: Vec<f32> = x.iter().map(|x| f32::from(*x > 0.0)).collect();
            let weights: Vec<f32> = (0..k * n).map(|i| value(i + 7)).collect();
            let products = |x: &[f32]| -> Vec<(Instructions, Vec<f32>)> {
                let sets = Instructions::available().into_iter();
                let each = sets.map(|set| {
                    let mut own = vec![f32::NAN; m * n];
                    set.dispatch(Dense { out: &mut own, x, weights: &weights, sizes: (m, k, n) });
                    let mut taken = vec![f32::NAN; m * n];
                    matmul(set, &mut taken, x, &weights, (m, k, n));
                    assert_eq!(own, taken, "{m} x {k} x {n}, {set:?}");
                    (set, own)
                });
                each.collect()
            };
            for (set, of_bits) in products(&bits) {
                assert_eq!(of_bits, products(&bits)[0].1, "bits, {m} x {k} x {n}, {set:?}");
            }
            let real = products(&x);
            for (set, found) in real.iter().filter(|(set, _)| set.fuses()) {
                assert_eq!(*found, real[0].1, "{m} x {k} x {n}, {set:?}");
            }
            for (row, found) in real.last().unwrap().1.chunks(n).enumerate() {
                for (column, found) in found.iter().enumerate() {
                    let terms = (0..k)
                        .map(|i| f64::from(x[row * k + i]) * f64::from(weights[i * n + column]));
                    let (sum, size) =
                        terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
                    assert!((f64::from(*found) - sum).abs() <= 1e-6 * size, "{m} x {k} x {n}");
                }
            }
        }
    }
}
