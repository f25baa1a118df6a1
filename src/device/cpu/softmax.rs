//! Softmax and log-sum-exp of rows.

use rayon::prelude::*;

use super::{
    CHUNK, host, host_mut,
    reduce::sum,
    simd::{exp, vectorize},
};
use crate::device::{Array, Result};

pub(super) fn softmax(x: &Array, p: &mut Array, log_sum: &mut Array) -> Result<()> {
    let columns = x.columns();
    let rows = (CHUNK / columns).max(1);
    let x = host("softmax", "x", x)?.par_chunks(rows * columns);
    let p = host_mut("softmax", "p", p)?.par_chunks_mut(rows * columns);
    let log_sum = host_mut("softmax", "log_sum", log_sum)?.par_chunks_mut(rows);
    x.zip(p).zip(log_sum).for_each(|((x, p), log_sum)| {
        vectorize(
            #[inline(always)]
            || {
                let each = x.chunks_exact(columns).zip(p.chunks_exact_mut(columns)).zip(log_sum);
                for ((x, p), log_sum) in each {
                    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    for (p, x) in p.iter_mut().zip(x) {
                        *p = exp(x - largest);
                    }
                    let total = sum(p.iter().copied());
                    let scale = 1.0 / total;
                    p.iter_mut().for_each(|p| *p *= scale);
                    *log_sum = largest + total.ln();
                }
            },
        );
    });
    Ok(())
}
