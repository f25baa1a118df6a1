//! Softmax and log-sum-exp of each row, both relative to the row's largest value.

use rayon::prelude::*;

use super::{
    activation::{exp, ln},
    chunk_rows, host, host_mut,
    instructions::Instructions,
    reduce::sum_pairs,
};
use crate::device::{Array, Result};

pub(super) fn softmax(
    set: Instructions,
    x: &Array,
    p: &mut Array,
    log_sum: &mut Array,
) -> Result<()> {
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
            set.vectorize(
                #[inline(always)]
                || {
                    // Rows may be short: the exponentials run over all of them.
                    for ((p, x), log_sum) in
                        p.chunks_exact_mut(k).zip(x.chunks_exact(k)).zip(log_sum.iter_mut())
                    {
                        *log_sum = x.iter().fold(f32::NEG_INFINITY, |most, x| most.max(*x));
                        p.iter_mut().zip(x).for_each(|(p, x)| *p = x - *log_sum);
                    }
                    p.iter_mut().for_each(|p| *p = exp(*p));
                    for (p, log_sum) in p.chunks_exact_mut(k).zip(log_sum) {
                        let total = sum_pairs(p, p, |p, _| p);
                        let share = 1.0 / total;
                        p.iter_mut().for_each(|p| *p *= share);
                        *log_sum += ln(total);
                    }
                },
            );
        });
    Ok(())
}
