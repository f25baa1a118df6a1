//! A product of dense rows without a library: for instruction sets that `gemm` has no kernels for, and
//! for processors whose caches it cannot lay out its blocks in. Where products are fused, the bits are
//! those of `gemm.rs`.

use super::{
    instructions::{Kernel, Wide},
    matmul::slices,
};

/// Rows whose sums are taken at a time, each over two registers of columns.
const ROWS: usize = 4;

/// out `[m, n]` ← x `[m, k]` · W `[k, n]`, all row by row.
pub(super) struct Dense<'a> {
    pub out: &'a mut [f32],
    pub x: &'a [f32],
    pub weights: &'a [f32],
    /// m, k and n.
    pub sizes: (usize, usize, usize),
}

impl Kernel for Dense<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Wide>(self, simd: S) {
        let Self { out, x, weights, sizes: (m, k, n) } = self;
        let width = 2 * S::F32_LANES;
        for terms in slices(k) {
            for first in (0..n).step_by(width) {
                let columns = width.min(n - first);
                for start in (0..m).step_by(ROWS) {
                    // Rows past the last are the last again, and not kept.
                    let row = |place: usize| &x[(start + place).min(m - 1) * k..][..k];
                    let rows = [row(0), row(1), row(2), row(3)];
                    let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
                    for term in terms.clone() {
                        let weights = &weights[term * n + first..][..columns];
                        let weights = match S::as_simd_f32s(weights).0 {
                            [a, b] => [*a, *b],
                            _ => {
                                let (a, b) = weights.split_at(columns.min(S::F32_LANES));
                                [simd.partial_load_f32s(a), simd.partial_load_f32s(b)]
                            }
                        };
                        for (sums, row) in sums.iter_mut().zip(rows) {
                            let x = simd.splat_f32s(row[term]);
                            sums[0] = simd.multiply_add(weights[0], x, sums[0]);
                            sums[1] = simd.multiply_add(weights[1], x, sums[1]);
                        }
                    }
                    for (row, sums) in (start..m).zip(&sums) {
                        let out = &mut out[row * n + first..][..columns];
                        let sums: &[f32] = bytemuck::cast_slice(sums);
                        for (out, sum) in out.iter_mut().zip(sums) {
                            *out = if terms.start == 0 { *sum } else { *out + sum };
                        }
                    }
                }
            }
        }
        if k == 0 {
            out.fill(0.0);
        }
    }
}
