//! Elementwise work.

use rayon::prelude::*;

use super::{
    CHUNK, host, host_mut,
    normal::add_normals,
    simd::{RowDraw, bernoulli_row, vectorize},
};
use crate::device::{Array, Pointwise, Result};

pub(super) fn pointwise(call: Pointwise<'_>, out: &mut Array) -> Result<()> {
    let columns = out.columns();
    let out = host_mut("pointwise", "out", out)?;
    match call {
        Pointwise::Fill(value) => out.fill(value),
        Pointwise::Scale(value) => out.par_chunks_mut(CHUNK).for_each(|out| {
            vectorize(
                #[inline(always)]
                || out.iter_mut().for_each(|out| *out *= value),
            );
        }),
        Pointwise::Axpy { x, scale } => {
            let x = host("pointwise", "x", x)?;
            out.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(out, x)| {
                vectorize(
                    #[inline(always)]
                    || {
                        for (out, x) in out.iter_mut().zip(x) {
                            *out += scale * x;
                        }
                    },
                );
            });
        }
        Pointwise::Lerp { x, rate } => {
            let x = host("pointwise", "x", x)?;
            out.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(out, x)| {
                vectorize(
                    #[inline(always)]
                    || {
                        for (out, x) in out.iter_mut().zip(x) {
                            *out += rate * (x - *out);
                        }
                    },
                );
            });
        }
        Pointwise::Select { mask, x } => {
            let mask = host("pointwise", "mask", mask)?;
            let x = host("pointwise", "x", x)?;
            out.par_chunks_mut(columns).zip(x.par_chunks(columns)).for_each(|(out, x)| {
                for ((out, x), mask) in out.iter_mut().zip(x).zip(mask) {
                    if *mask != 0.0 {
                        *out = *x;
                    }
                }
            });
        }
        Pointwise::Bernoulli { p, draw } => {
            let p = host("pointwise", "p", p)?;
            out.par_chunks_mut(columns).zip(p.par_chunks(columns)).enumerate().for_each_init(
                Vec::new,
                |words, (row, (out, p))| {
                    let draw = RowDraw::of(draw, row);
                    vectorize(
                        #[inline(always)]
                        || bernoulli_row(p, out, draw, words),
                    );
                },
            );
        }
        Pointwise::Normal { scale, draw } => {
            out.par_chunks_mut(columns).enumerate().for_each_init(Vec::new, |words, (row, out)| {
                let draw = RowDraw::of(draw, row);
                vectorize(
                    #[inline(always)]
                    || add_normals(out, scale, draw, words),
                );
            });
        }
        _ => {
            return Err(crate::device::DeviceError::Refused {
                what: "kernel".into(),
                reason: "to do".into(),
            });
        }
    }
    Ok(())
}
