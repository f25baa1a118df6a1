//! Products of dense rows on one thread: through the `gemm` crate, or by loops where they are too small
//! for it. The callers split work by rows.
//!
//! The order in which a sum is taken must not depend on how many rows a tile has, or the chains
//! would depend on the tiling. `gemm` 0.19 keeps that order except where a product is so small that
//! it takes another path; [`least_rows`] tells where, and such products are computed with more
//! rows than asked for.

use super::{reduce::dot, simd::vectorize, transpose::transpose};

/// out `[m, n]` ← a `[m, k]` · b `[k, n]`, all row by row.
pub(super) fn matmul(out: &mut [f32], a: &[f32], b: &[f32], (m, k, n): (usize, usize, usize)) {
    assert!((out.len(), a.len(), b.len()) == (m * n, m * k, k * n), "operands fit the sizes");
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
            a.as_ptr(),
            1,
            k as isize,
            b.as_ptr(),
            1,
            n as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// out `[m, n]` ← x `[m, k]` · W for W `[k, n]` row by row: each row's bits depend on that row and on W
/// alone.
pub(super) fn multiply_rows(out: &mut [f32], x: &[f32], weights: &[f32], k: usize, n: usize) {
    if n <= FEW {
        by_dots(out, x, weights, k, n);
    } else if k <= FEW {
        by_rows(out, x, weights, k, n);
    } else {
        dense_rows(out, x, weights, k, n);
    }
}

/// Products of so few columns, or sums of so few terms, are loops: `gemm` works on larger blocks.
const FEW: usize = 4;

/// [`multiply_rows`] for few columns.
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

/// [`multiply_rows`] for short sums.
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

/// [`multiply_rows`] through `gemm`.
pub(super) fn dense_rows(out: &mut [f32], x: &[f32], weights: &[f32], k: usize, n: usize) {
    let m = out.len() / n;
    let least = least_rows(k, n);
    if m < least {
        let mut padded = vec![0.0; least * k];
        padded[..m * k].copy_from_slice(&x[..m * k]);
        let mut result = vec![0.0; least * n];
        matmul(&mut result, &padded, weights, (least, k, n));
        out.copy_from_slice(&result[..m * n]);
    } else {
        matmul(out, x, weights, (m, k, n));
    }
}

/// The fewest rows for which `gemm` takes the path of large products: below, it computes a single
/// row as a matrix times a vector, and up to 64 rows and columns in depth blocks of 512.
fn least_rows(k: usize, n: usize) -> usize {
    if n <= 64 && k > 512 { 65 } else { 2 }
}
