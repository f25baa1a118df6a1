//! Softmax and log-sum-exp of each row, both relative to the row's largest value.

use rayon::prelude::*;

use super::{activation::exp, chunk_rows, host, host_mut, reduce::sum_pairs, simd::vectorize};
use crate::device::{Array, Result};

pub(super) fn softmax(x: &Array, p: &mut Array, log_sum: &mut Array) -> Result<()> {
    let k = x.columns();
    let rows = chunk_rows(k);
    let x = host("softmax", "x", x)?;
    let p = host_mut("softmax", "p", p)?;
    let log_sum = host_mut("softmax", "log_sum", log_sum)?;
    log_sum
        .par_chunks_mut(rows)
        .zip(p.par_chunks_mut(rows * k))
        .zip(x.par_chunks(rows * k))
        .for_each(|((log_sum, p), x)| {
            vectorize(
                #[inline(always)]
                || {
                    let each = p.chunks_exact_mut(k).zip(x.chunks_exact(k));
                    for ((p, x), log_sum) in each.zip(log_sum) {
                        *log_sum = row(p, x);
                    }
                },
            );
        });
    Ok(())
}

/// p ← softmax of x; the log-sum-exp.
#[inline(always)]
fn row(p: &mut [f32], x: &[f32]) -> f32 {
    let largest = x.iter().fold(f32::NEG_INFINITY, |largest, x| largest.max(*x));
    for (p, x) in p.iter_mut().zip(x) {
        *p = exp(x - largest);
    }
    let total = sum_pairs(p, p, |p, _| p);
    let share = 1.0 / total;
    for p in p {
        *p *= share;
    }
    largest + total.ln()
}
