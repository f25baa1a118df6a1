//! Σₙ wₙ (xₙ − μ)(yₙ − λ)ᵀ: every weight gradient. Rows of the result are split over threads.

use rayon::prelude::*;

use super::{
    host, host_mut,
    matmul::{View, matmul},
    row_weight,
    simd::vectorize,
};
use crate::device::{Array, Outer, Result};

pub(super) fn outer(call: &Outer<'_>, out: &mut Array) -> Result<()> {
    let (n, d) = call.x.shape();
    let h = call.y.columns();
    let x = host("outer", "x", call.x)?;
    let y = host("outer", "y", call.y)?;
    let x_offset = host("outer", "x_offset", call.x_offset)?;
    let y_offset = host("outer", "y_offset", call.y_offset)?;
    let weight = row_weight("outer", call.weights)?;
    let out = host_mut("outer", "out", out)?;

    // y is made centred and weighted; x stays as it is, and its offset comes in as the rank-one
    // term −μ (Σ wₙ (yₙ − λ))ᵀ, with which the result starts.
    let mut centred = vec![0.0; n * h];
    let mut total = vec![0.0; h];
    vectorize(|| {
        for (row, (centred, y)) in centred.chunks_exact_mut(h).zip(y.chunks_exact(h)).enumerate() {
            let weight = weight(row);
            for (((c, y), offset), total) in centred.iter_mut().zip(y).zip(y_offset).zip(&mut total)
            {
                *c = weight * (y - offset);
                *total += *c;
            }
        }
    });
    let rows = d.div_ceil(rayon::current_num_threads()).max(1);
    out.par_chunks_mut(rows * h).enumerate().for_each(|(index, out)| {
        let first = index * rows;
        for (row, out) in out.chunks_exact_mut(h).enumerate() {
            let mu = x_offset[first + row];
            for (out, total) in out.iter_mut().zip(&total) {
                let start = if call.accumulate { *out } else { 0.0 };
                *out = start - mu * total;
            }
        }
        let m = out.len() / h;
        let x = View { values: &x[first..], row_stride: 1, column_stride: d };
        matmul(out, x, View::rows(&centred, h), (m, n, h), true);
    });
    Ok(())
}
