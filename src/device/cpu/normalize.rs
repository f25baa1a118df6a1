//! Rows divided by their norms.

use rayon::prelude::*;

use super::{CHUNK, host_mut, reduce::sum, simd::vectorize};
use crate::device::{Array, Result};

pub(super) fn normalize(out: &mut Array, norms: &mut Array) -> Result<()> {
    let columns = out.columns();
    let rows = (CHUNK / columns).max(1);
    let out = host_mut("normalize", "out", out)?.par_chunks_mut(rows * columns);
    let norms = host_mut("normalize", "norms", norms)?.par_chunks_mut(rows);
    out.zip(norms).for_each(|(out, norms)| {
        vectorize(
            #[inline(always)]
            || {
                for (row, norm) in out.chunks_exact_mut(columns).zip(norms) {
                    // Scaled by the largest value first, so that no square overflows.
                    let largest = row.iter().fold(0f32, |largest, x| largest.max(x.abs()));
                    if largest == 0.0 {
                        *norm = 0.0;
                        continue;
                    }
                    row.iter_mut().for_each(|x| *x /= largest);
                    let length = sum(row.iter().map(|x| x * x)).sqrt();
                    row.iter_mut().for_each(|x| *x /= length);
                    *norm = largest * length;
                }
            },
        );
    });
    Ok(())
}
