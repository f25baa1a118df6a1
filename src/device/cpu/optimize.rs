//! One optimizer step on one parameter.

use rayon::prelude::*;

use super::{CHUNK, host, host_mut, simd::vectorize};
use crate::device::{Array, Optimize, Result};

pub(super) fn optimize(
    call: Optimize,
    gradient: &Array,
    parameter: &mut Array,
    moments: &mut [Array],
) -> Result<()> {
    let gradient = host("optimize", "gradient", gradient)?;
    let parameter = host_mut("optimize", "parameter", parameter)?;
    let chunks = gradient.par_chunks(CHUNK).zip(parameter.par_chunks_mut(CHUNK));
    match (call, moments) {
        (Optimize::Sgd { rate, momentum: 0.0, decay }, [m, ..]) => {
            // Not used, but refused where it would be.
            host("optimize", "moment", m)?;
            chunks.for_each(|(g, p)| {
                vectorize(
                    #[inline(always)]
                    || {
                        for (g, p) in g.iter().zip(p) {
                            *p -= rate * (g + decay * *p);
                        }
                    },
                );
            });
        }
        (Optimize::Sgd { rate, momentum, decay }, [m, ..]) => {
            let m = host_mut("optimize", "moment", m)?;
            chunks.zip(m.par_chunks_mut(CHUNK)).for_each(|((g, p), m)| {
                vectorize(
                    #[inline(always)]
                    || {
                        for ((g, p), m) in g.iter().zip(p).zip(m) {
                            *m = momentum * *m + g;
                            *p -= rate * (*m + decay * *p);
                        }
                    },
                );
            });
        }
        (Optimize::Adam { rate, beta1, beta2, epsilon, decay }, [m, v]) => {
            let m = host_mut("optimize", "first moment", m)?;
            let v = host_mut("optimize", "second moment", v)?;
            let moments = m.par_chunks_mut(CHUNK).zip(v.par_chunks_mut(CHUNK));
            chunks.zip(moments).for_each(|((g, p), (m, v))| {
                vectorize(
                    #[inline(always)]
                    || {
                        for (((g, p), m), v) in g.iter().zip(p).zip(m).zip(v) {
                            *m += (1.0 - beta1) * (g - *m);
                            *v += (1.0 - beta2) * (g * g - *v);
                            *p -= rate * *m / (v.sqrt() + epsilon) + decay * *p;
                        }
                    },
                );
            });
        }
        _ => unreachable!("Device::optimize checks the number of moments"),
    }
    Ok(())
}
