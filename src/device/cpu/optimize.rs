//! One optimizer step on one parameter.

use rayon::prelude::*;

use super::{CHUNK, host, host_mut, instructions::Instructions};
use crate::device::{Array, Optimize, Result};

pub(super) fn optimize(
    set: Instructions,
    call: Optimize,
    gradient: &Array,
    parameter: &mut Array,
    moments: &mut [Array],
) -> Result<()> {
    let gradient = host("optimize", "gradient", gradient)?;
    let parameter = host_mut("optimize", "parameter", parameter)?;
    let chunks = parameter.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
    match (call, moments) {
        (Optimize::Sgd { rate, momentum: 0.0, decay }, [m, ..]) => {
            // Not used, but refused where it would be.
            host("optimize", "moment", m)?;
            chunks.for_each(|(p, g)| {
                set.vectorize(
                    #[inline(always)]
                    || {
                        for (p, g) in p.iter_mut().zip(g) {
                            *p -= rate * (g + decay * *p);
                        }
                    },
                );
            });
        }
        (Optimize::Sgd { rate, momentum, decay }, [m, ..]) => {
            let m = host_mut("optimize", "moment", m)?.par_chunks_mut(CHUNK);
            chunks.zip(m).for_each(|((p, g), m)| {
                set.vectorize(
                    #[inline(always)]
                    || {
                        for ((p, m), g) in p.iter_mut().zip(m).zip(g) {
                            *m = momentum * *m + g;
                            *p -= rate * (*m + decay * *p);
                        }
                    },
                );
            });
        }
        (Optimize::Adam { rate, beta1, beta2, epsilon, decay }, [m, v]) => {
            let m = host_mut("optimize", "first moment", m)?.par_chunks_mut(CHUNK);
            let v = host_mut("optimize", "second moment", v)?.par_chunks_mut(CHUNK);
            chunks.zip(m).zip(v).for_each(|(((p, g), m), v)| {
                set.vectorize(
                    #[inline(always)]
                    || {
                        for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
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
