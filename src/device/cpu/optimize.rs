//! One optimizer step on one parameter.

use rayon::prelude::*;

use super::{bits::PANEL, host, host_mut, outer::by_panels, simd::vectorize};
use crate::device::{Array, Optimize, Result};

pub(super) fn optimize(
    call: Optimize,
    gradient: &Array,
    parameter: &mut Array,
    moments: &mut [Array],
) -> Result<()> {
    let columns = parameter.columns();
    let gradient = host("optimize", "gradient", gradient)?;
    let parameter = host_mut("optimize", "parameter", parameter)?;
    // The part of the gradient that goes with a row of a panel.
    let part = |panel: usize, row: usize, length: usize| {
        &gradient[row * columns + panel * PANEL..][..length]
    };
    let panels = by_panels(parameter, columns).into_par_iter().enumerate();
    match (call, moments) {
        (Optimize::Sgd { rate, momentum: 0.0, decay }, [m, ..]) => {
            // Not used, but refused where it would be.
            host("optimize", "moment", m)?;
            panels.for_each(|(panel, rows)| {
                vectorize(
                    #[inline(always)]
                    || {
                        for (row, p) in rows.into_iter().enumerate() {
                            let g = part(panel, row, p.len());
                            for (p, g) in p.iter_mut().zip(g) {
                                *p -= rate * (g + decay * *p);
                            }
                        }
                    },
                );
            });
        }
        (Optimize::Sgd { rate, momentum, decay }, [m, ..]) => {
            let m = by_panels(host_mut("optimize", "moment", m)?, columns);
            panels.zip(m).for_each(|((panel, rows), m)| {
                vectorize(
                    #[inline(always)]
                    || {
                        for (row, (p, m)) in rows.into_iter().zip(m).enumerate() {
                            let g = part(panel, row, p.len());
                            for ((p, m), g) in p.iter_mut().zip(m).zip(g) {
                                *m = momentum * *m + g;
                                *p -= rate * (*m + decay * *p);
                            }
                        }
                    },
                );
            });
        }
        (Optimize::Adam { rate, beta1, beta2, epsilon, decay }, [m, v]) => {
            let m = by_panels(host_mut("optimize", "first moment", m)?, columns);
            let v = by_panels(host_mut("optimize", "second moment", v)?, columns);
            panels.zip(m).zip(v).for_each(|(((panel, rows), m), v)| {
                vectorize(
                    #[inline(always)]
                    || {
                        for (row, ((p, m), v)) in rows.into_iter().zip(m).zip(v).enumerate() {
                            let g = part(panel, row, p.len());
                            for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
                                *m += (1.0 - beta1) * (g - *m);
                                *v += (1.0 - beta2) * (g * g - *v);
                                *p -= rate * *m / (v.sqrt() + epsilon) + decay * *p;
                            }
                        }
                    },
                );
            });
        }
        _ => unreachable!("Device::optimize checks the number of moments"),
    }
    Ok(())
}
