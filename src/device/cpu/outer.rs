//! Σₙ wₙ (xₙ − μ)(yₙ − λ)ᵀ: every weight gradient. Rows of the result are split over threads.

use rayon::prelude::*;

use super::{
    bits::LEAST_COLUMNS,
    host, host_mut,
    matmul::{View, matmul, matmul_rows},
    row_weight,
    simd::vectorize,
};
use crate::device::{Array, Outer, Result};

/// Rows of the result that one task computes: a constant, so that no bit depends on the number of
/// threads.
const TILE: usize = 64;

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
    let mut total = vec![0.0; h];
    vectorize(
        #[inline(always)]
        || {
            for (row, (centred, y)) in
                centred.chunks_exact_mut(h).zip(y.chunks_exact(h)).enumerate()
            {
                let weight = weight(row);
                for (((c, y), offset), total) in
                    centred.iter_mut().zip(y).zip(y_offset).zip(&mut total)
                {
                    *c = weight * (y - offset);
                    *total += *c;
                }
            }
        },
    );
    out.par_chunks_mut(TILE * h).enumerate().for_each_init(
        || (Vec::new(), Vec::new()),
        |(columns, product), (index, out)| {
            let first = index * TILE;
            let rows = out.len() / h;
            product.resize(rows * h, 0.0);
            let centred = View::rows(&centred, h);
            if h < LEAST_COLUMNS {
                let x = View { values: &x[first..], row_stride: 1, column_stride: d };
                matmul(product, x, centred, (rows, n, h));
            } else {
                // Where bits may be selected, this tile's columns of x are transposed first.
                columns.resize(rows * n, 0.0);
                for (example, x) in x.chunks_exact(d).enumerate() {
                    for (row, x) in x[first..first + rows].iter().enumerate() {
                        columns[row * n + example] = *x;
                    }
                }
                matmul_rows(product, columns, centred, n, h);
            }
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
