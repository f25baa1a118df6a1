//! Sums in a fixed order, whatever the number of threads.

use rayon::prelude::*;

use super::{chunk_rows, host, host_mut, instructions::Instructions, row_weight};
use crate::device::{Array, Reduce, Result};

/// Values that one task sums; fixed, so that the order of a sum is.
const CHUNK: usize = 1 << 14;
/// Rows that one task sums: few enough that rounding errors do not pile up.
const ROWS: usize = 64;
/// Independent partial sums, so that the sum vectorises.
const LANES: usize = 16;

/// Sums in `LANES` interleaved partial sums, then those by halves.
#[inline(always)]
pub(super) fn sum(values: impl Iterator<Item = f32>) -> f32 {
    let mut lanes = [0f32; LANES];
    for (index, value) in values.enumerate() {
        lanes[index % LANES] += value;
    }
    sum_lanes(lanes)
}

/// Σ term(x, y): as [`sum`], for slices, which vectorises; few terms are summed in order.
#[inline(always)]
pub(super) fn sum_pairs(x: &[f32], y: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    if x.len() < LANES {
        return x.iter().zip(y).fold(0.0, |sum, (x, y)| sum + term(*x, *y));
    }
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    let mut lanes = [0f32; LANES];
    for (x, y) in x.iter().zip(y) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += term(*x, *y);
        }
    }
    for ((lane, x), y) in lanes.iter_mut().zip(x_rest).zip(y_rest) {
        *lane += term(*x, *y);
    }
    sum_lanes(lanes)
}

/// x · y.
#[inline(always)]
pub(super) fn dot(x: &[f32], y: &[f32]) -> f32 {
    sum_pairs(
        x,
        y,
        #[inline(always)]
        |x, y| x * y,
    )
}

#[inline(always)]
fn sum_lanes(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

pub(super) fn reduce(
    set: Instructions,
    call: Reduce<'_>,
    x: &Array,
    out: &mut Array,
) -> Result<()> {
    let values = host("reduce", "x", x)?;
    let out = host_mut("reduce", "out", out)?;
    match call {
        Reduce::ColumnSum { weights, accumulate } => {
            let weight = row_weight("reduce", weights)?;
            if !accumulate {
                out.fill(0.0);
            }
            let columns = out.len();
            let parts: Vec<Vec<f32>> = values
                .par_chunks(ROWS * columns)
                .enumerate()
                .map(|(index, x)| {
                    let mut part = vec![0.0; columns];
                    set.vectorize(
                        #[inline(always)]
                        || {
                            for (row, x) in x.chunks_exact(columns).enumerate() {
                                let weight = weight(index * ROWS + row);
                                part.iter_mut().zip(x).for_each(|(part, x)| *part += weight * x);
                            }
                        },
                    );
                    part
                })
                .collect();
            let mut total = vec![0.0; columns];
            for part in &parts {
                total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
            }
            out.iter_mut().zip(&total).for_each(|(out, total)| *out += total);
        }
        Reduce::SumOfSquares => out[0] = total(set, values, values, |x, _| x * x),
        Reduce::SquaredDistance(other) => {
            let other = host("reduce", "other", other)?;
            out[0] = total(set, values, other, |x, y| (x - y) * (x - y));
        }
        Reduce::NonFinite => out[0] = total(set, values, values, |x, _| f32::from(!x.is_finite())),
        Reduce::RowDot(other) => {
            let other = host("reduce", "other", other)?;
            let columns = x.columns();
            let rows = chunk_rows(columns);
            let one = other.len() == columns;
            let parts = out.par_chunks_mut(rows).zip(values.par_chunks(rows * columns)).enumerate();
            parts.for_each(|(part, (out, x))| {
                set.vectorize(
                    #[inline(always)]
                    || {
                        let each = out.iter_mut().zip(x.chunks_exact(columns)).enumerate();
                        for (row, (out, x)) in each {
                            let row = if one { 0 } else { part * rows + row };
                            *out = dot(x, &other[row * columns..][..columns]);
                        }
                    },
                );
            });
        }
    }
    Ok(())
}

/// Σ term(x, y), chunk by chunk.
fn total(set: Instructions, x: &[f32], y: &[f32], term: impl Fn(f32, f32) -> f32 + Sync) -> f32 {
    let partial: Vec<f32> = x
        .par_chunks(CHUNK)
        .zip(y.par_chunks(CHUNK))
        .map(|(x, y)| {
            set.vectorize(
                #[inline(always)]
                || sum_pairs(x, y, &term),
            )
        })
        .collect();
    partial.iter().sum()
}
