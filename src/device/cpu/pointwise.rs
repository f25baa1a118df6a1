//! Elementwise work. Fewer than [`CHUNK`] values are one task, on the caller's thread.

use rayon::prelude::*;

use super::{
    CHUNK, chunk_rows, host, host_mut,
    instructions::Instructions,
    normal::add_normals,
    simd::{RowDraw, bernoulli_row, map_words},
};
use crate::{
    device::{Array, Draw, Pointwise, Result},
    random::{key, philox, uniform},
};

pub(super) fn pointwise(set: Instructions, call: Pointwise<'_>, out: &mut Array) -> Result<()> {
    let columns = out.columns();
    let out = host_mut("pointwise", "out", out)?;
    match call {
        Pointwise::Fill(value) => out.fill(value),
        Pointwise::Scale(value) => update(
            set,
            out,
            #[inline(always)]
            move |out| value * out,
        ),
        // By comparisons that NaN fails, so that it stays.
        Pointwise::Clamp { low, high } => update(
            set,
            out,
            #[inline(always)]
            move |out| {
                let raised = if out < low { low } else { out };
                if raised > high { high } else { raised }
            },
        ),
        Pointwise::Axpy { x, scale } => combine(
            set,
            out,
            host("pointwise", "x", x)?,
            #[inline(always)]
            move |out, x| out + scale * x,
        ),
        Pointwise::Lerp { x, rate } => combine(
            set,
            out,
            host("pointwise", "x", x)?,
            #[inline(always)]
            move |out, x| out + rate * (x - out),
        ),
        Pointwise::Multiply { x } => combine(
            set,
            out,
            host("pointwise", "x", x)?,
            #[inline(always)]
            move |out, x| out * x,
        ),
        Pointwise::AddToColumn { column, value } => {
            out.iter_mut().skip(column).step_by(columns).for_each(|out| *out += value);
        }
        Pointwise::Select { mask, x } => {
            let mask = host("pointwise", "mask", mask)?;
            combine_rows(
                set,
                (out, columns),
                host("pointwise", "x", x)?,
                #[inline(always)]
                move |_, out, x| {
                    for ((out, x), mask) in out.iter_mut().zip(x).zip(mask) {
                        *out = if *mask != 0.0 { *x } else { *out };
                    }
                },
            );
        }
        Pointwise::AxpyRows { x, factors, scale } => {
            let factors = host("pointwise", "factors", factors)?;
            combine_rows(
                set,
                (out, columns),
                host("pointwise", "x", x)?,
                #[inline(always)]
                move |row, out, x| {
                    let factor = scale * factors[row];
                    for (out, x) in out.iter_mut().zip(x) {
                        *out += factor * x;
                    }
                },
            );
        }
        Pointwise::MixRows { x, share, draw } => combine_rows(
            set,
            (out, columns),
            host("pointwise", "x", x)?,
            #[inline(always)]
            move |row, out, x| {
                let counter = [draw.step, row as u32, 0, draw.stream as u32];
                if uniform(philox(counter, key(draw.seed))[0]) < share {
                    out.copy_from_slice(x);
                }
            },
        ),
        Pointwise::Bernoulli { p, draw } => {
            let p = host("pointwise", "p", p)?;
            draw_rows(
                set,
                (out, columns),
                draw,
                #[inline(always)]
                move |row, out, draw, words| {
                    bernoulli_row(&p[row * columns..][..columns], out, draw, words);
                },
            );
        }
        Pointwise::Normal { scale, draw } => draw_rows(
            set,
            (out, columns),
            draw,
            #[inline(always)]
            move |_, out, draw, words| add_normals(out, scale, draw, words),
        ),
        Pointwise::Uniform { low, high, draw } => {
            let width = high - low;
            draw_rows(
                set,
                (out, columns),
                draw,
                #[inline(always)]
                move |_, out, draw, words| {
                    map_words(
                        out,
                        draw,
                        words,
                        #[inline(always)]
                        move |word| low + width * uniform(word),
                    );
                },
            );
        }
        Pointwise::Rademacher { draw } => draw_rows(
            set,
            (out, columns),
            draw,
            #[inline(always)]
            move |_, out, draw, words| {
                map_words(
                    out,
                    draw,
                    words,
                    // The top bit of the word is the sign.
                    #[inline(always)]
                    move |word| f32::from_bits((word & 0x8000_0000) | 1f32.to_bits()),
                );
            },
        ),
    }
    Ok(())
}

/// out ← change(out).
fn update(set: Instructions, out: &mut [f32], change: impl Fn(f32) -> f32 + Sync + Copy) {
    out.par_chunks_mut(CHUNK).for_each(|out| {
        set.vectorize(
            #[inline(always)]
            move || {
                for out in out {
                    *out = change(*out);
                }
            },
        );
    });
}

/// out ← change(out, x).
fn combine(
    set: Instructions,
    out: &mut [f32],
    x: &[f32],
    change: impl Fn(f32, f32) -> f32 + Sync + Copy,
) {
    out.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(out, x)| {
        set.vectorize(
            #[inline(always)]
            move || {
                for (out, x) in out.iter_mut().zip(x) {
                    *out = change(*out, *x);
                }
            },
        );
    });
}

/// Calls `change` with the number, the values and the x of every row.
fn combine_rows(
    set: Instructions,
    (out, columns): (&mut [f32], usize),
    x: &[f32],
    change: impl Fn(usize, &mut [f32], &[f32]) + Sync + Copy,
) {
    let rows = chunk_rows(columns);
    let chunks = out.par_chunks_mut(rows * columns).zip(x.par_chunks(rows * columns));
    chunks.enumerate().for_each(|(chunk, (out, x))| {
        set.vectorize(
            #[inline(always)]
            move || {
                let each = out.chunks_exact_mut(columns).zip(x.chunks_exact(columns));
                for (row, (out, x)) in each.enumerate() {
                    change(chunk * rows + row, out, x);
                }
            },
        );
    });
}

/// Calls `change` with the number, the values and the draws of every row, and with scratch.
fn draw_rows(
    set: Instructions,
    (out, columns): (&mut [f32], usize),
    draw: Draw,
    change: impl Fn(usize, &mut [f32], RowDraw, &mut Vec<u32>) + Sync + Copy,
) {
    let rows = chunk_rows(columns);
    let chunks = out.par_chunks_mut(rows * columns).enumerate();
    chunks.for_each_init(Vec::new, |words, (chunk, out)| {
        set.vectorize(
            #[inline(always)]
            move || {
                for (row, out) in out.chunks_exact_mut(columns).enumerate() {
                    let row = chunk * rows + row;
                    change(row, out, RowDraw::of(draw, row), words);
                }
            },
        );
    });
}
