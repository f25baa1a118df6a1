//! Transposes, a cache line of the result at a time.

use super::simd::vectorize;

/// Values of a cache line.
const LINE: usize = 16;

/// out `[columns, rows]` ← xᵀ, for x `[rows, columns]` with `stride` values between its rows.
pub(super) fn transpose(
    x: &[f32],
    stride: usize,
    (rows, columns): (usize, usize),
    out: &mut [f32],
) {
    vectorize(
        #[inline(always)]
        || {
            for first in (0..rows).step_by(LINE) {
                let line = first..(first + LINE).min(rows);
                for column in 0..columns {
                    let out = &mut out[column * rows..][line.clone()];
                    let x = &x[first * stride + column..];
                    for (out, x) in out.iter_mut().zip(x.iter().step_by(stride)) {
                        *out = *x;
                    }
                }
            }
        },
    );
}
