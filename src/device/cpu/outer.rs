//! Σₙ wₙ (xₙ − μ)(yₙ − λ)ᵀ: every weight gradient. Rows of the result are split over threads.

use rayon::prelude::*;

use super::{
    ROWS_OF_BITS, host, host_mut,
    matmul::{Weights, any_bits},
    row_weight,
    simd::vectorize,
    transpose::transpose,
};
use crate::device::{Array, Outer, Result};

/// Rows of the result that one task computes, where there are so many.
const LEAST_TILE: usize = 16;
/// The most; what is in common to the rows is worth sharing, and their sums fit the cache.
const TILE: usize = ROWS_OF_BITS;
/// Rows of the batch that one task centres.
const BATCH: usize = 256;

pub(super) fn outer(call: &Outer<'_>, out: &mut Array) -> Result<()> {
    let (n, d) = call.x.shape();
    let h = call.y.columns();
    let x = host("outer", "x", call.x)?;
    let y = host("outer", "y", call.y)?;
    let x_offset = host("outer", "x_offset", call.x_offset)?;
    let y_offset = host("outer", "y_offset", call.y_offset)?;
    let weight = row_weight("outer", call.weights)?;
    let out = host_mut("outer", "out", out)?;

    // y is made centred and weighted; x stays as it is, so that bits stay bits, and its offset
    // comes in as the rank-one term −μ (Σ wₙ (yₙ − λ))ᵀ.
    let mut centred = vec![0.0; n * h];
    let totals: Vec<Vec<f32>> = centred
        .par_chunks_mut(BATCH * h)
        .zip(y.par_chunks(BATCH * h))
        .enumerate()
        .map(|(batch, (centred, y))| {
            let mut total = vec![0.0; h];
            vectorize(
                #[inline(always)]
                || {
                    let rows = centred.chunks_exact_mut(h).zip(y.chunks_exact(h)).enumerate();
                    for (row, (centred, y)) in rows {
                        let weight = weight(batch * BATCH + row);
                        let each = centred.iter_mut().zip(y).zip(y_offset).zip(&mut total);
                        for (((c, y), offset), total) in each {
                            *c = weight * (y - offset);
                            *total += *c;
                        }
                    }
                },
            );
            total
        })
        .collect();
    let mut total = vec![0.0; h];
    for part in &totals {
        total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
    }
    let centred = Weights::new(&centred, (n, h), false, any_bits(x, d));
    let tile = d.div_ceil(rayon::current_num_threads()).clamp(LEAST_TILE, TILE);
    out.par_chunks_mut(tile * h).enumerate().for_each_init(
        || (Vec::new(), Vec::new()),
        |(columns, product), (index, out)| {
            let first = index * tile;
            let rows = out.len() / h;
            product.resize(rows * h, 0.0);
            // Columns of x become rows, of which bits need no multiplications.
            columns.resize(rows * n, 0.0);
            transpose(&x[first..], d, (n, rows), columns, n);
            centred.multiply(columns, product);
            vectorize(
                #[inline(always)]
                || {
                    let each = out.chunks_exact_mut(h).zip(product.chunks_exact(h));
                    for ((out, product), mu) in each.zip(&x_offset[first..]) {
                        let each = out.iter_mut().zip(product).zip(&total);
                        if call.accumulate {
                            for ((out, x), total) in each {
                                *out += x - mu * total;
                            }
                        } else {
                            for ((out, x), total) in each {
                                *out = x - mu * total;
                            }
                        }
                    }
                },
            );
        },
    );
    Ok(())
}
