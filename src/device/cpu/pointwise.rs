//! Elementwise work.

use rayon::prelude::*;

use super::{
    CHUNK, host, host_mut,
    normal::add_normals,
    simd::{RowDraw, bernoulli_row, row_words, vectorize},
};
use crate::{
    device::{Array, Draw, Pointwise, Result},
    random::{key, philox, uniform},
};

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
        Pointwise::Uniform { low, high, draw } => each_row(out, columns, draw, |out, words| {
            for (out, word) in out.iter_mut().zip(words) {
                *out = low + (high - low) * uniform(*word);
            }
        }),
        Pointwise::Rademacher { draw } => each_row(out, columns, draw, |out, words| {
            for (out, word) in out.iter_mut().zip(words) {
                *out = if word >> 31 == 0 { 1.0 } else { -1.0 };
            }
        }),
        Pointwise::Multiply { x } => {
            let x = host("pointwise", "x", x)?;
            out.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(out, x)| {
                vectorize(
                    #[inline(always)]
                    || out.iter_mut().zip(x).for_each(|(out, x)| *out *= x),
                );
            });
        }
        Pointwise::AxpyRows { x, factors, scale } => {
            let x = host("pointwise", "x", x)?;
            let factors = host("pointwise", "factors", factors)?;
            let rows = (CHUNK / columns).max(1);
            let each = x.par_chunks(rows * columns).zip(factors.par_chunks(rows));
            out.par_chunks_mut(rows * columns).zip(each).for_each(|(out, (x, factors))| {
                vectorize(
                    #[inline(always)]
                    || {
                        let rows = out.chunks_exact_mut(columns).zip(x.chunks_exact(columns));
                        for ((out, x), factor) in rows.zip(factors) {
                            let factor = scale * factor;
                            out.iter_mut().zip(x).for_each(|(out, x)| *out += factor * x);
                        }
                    },
                );
            });
        }
        Pointwise::AddToColumn { column, value } => {
            out.iter_mut().skip(column).step_by(columns).for_each(|out| *out += value);
        }
        Pointwise::MixRows { x, share, draw } => {
            let x = host("pointwise", "x", x)?;
            let rows = out.chunks_exact_mut(columns).zip(x.chunks_exact(columns));
            for (row, (out, x)) in rows.enumerate() {
                let word = row_word(draw, row);
                if uniform(word) < share {
                    out.copy_from_slice(x);
                }
            }
        }
        Pointwise::Clamp { low, high } => out.par_chunks_mut(CHUNK).for_each(|out| {
            vectorize(
                #[inline(always)]
                || out.iter_mut().for_each(|out| *out = out.max(low).min(high)),
            );
        }),
    }
    Ok(())
}

/// Hands every row to `fill` with the words of its units.
fn each_row(out: &mut [f32], columns: usize, draw: Draw, fill: impl Fn(&mut [f32], &[u32]) + Sync) {
    out.par_chunks_mut(columns).enumerate().for_each_init(Vec::new, |words, (row, out)| {
        words.resize(columns, 0);
        let draw = RowDraw::of(draw, row);
        vectorize(
            #[inline(always)]
            || row_words(draw, words),
        );
        fill(out, words);
    });
}

/// The word of unit 0 of 1 of a row.
fn row_word(draw: Draw, row: usize) -> u32 {
    philox([draw.step, row as u32, 0, draw.stream as u32], key(draw.seed))[0]
}
