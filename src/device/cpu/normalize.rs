//! Rows divided by their Euclidean norms.

use rayon::prelude::*;

use super::{chunk_rows, host_mut, instructions::Instructions, reduce::sum_pairs};
use crate::device::{Array, Result};

pub(super) fn normalize(set: Instructions, out: &mut Array, norms: &mut Array) -> Result<()> {
    let columns = out.columns();
    let rows = chunk_rows(columns);
    let out = host_mut("normalize", "out", out)?;
    let norms = host_mut("normalize", "norms", norms)?;
    norms.par_chunks_mut(rows).zip(out.par_chunks_mut(rows * columns)).for_each(|(norms, out)| {
        set.vectorize(
            #[inline(always)]
            || {
                for (norm, row) in norms.iter_mut().zip(out.chunks_exact_mut(columns)) {
                    *norm = normalize_row(row);
                }
            },
        );
    });
    Ok(())
}

/// A power of two near the largest value, and its inverse.
#[inline(always)]
pub(super) fn scale_of(row: &[f32]) -> (f32, f32) {
    let largest = row.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    let exponent = (largest.to_bits() >> 23).clamp(1, 253);
    (f32::from_bits(exponent << 23), f32::from_bits((254 - exponent) << 23))
}

/// The norm of a row, which is divided by it.
#[inline(always)]
fn normalize_row(row: &mut [f32]) -> f32 {
    // By it first: exact, and no square overflows.
    let (unit, inverse) = scale_of(row);
    let squares = sum_pairs(row, row, |x, _| (x * inverse) * (x * inverse));
    if squares == 0.0 {
        return 0.0;
    }
    let root = squares.sqrt();
    let factor = 1.0 / root;
    for x in row {
        *x = (*x * inverse) * factor;
    }
    unit * root
}
