//! Products of dense rows by the `gemm` crate, which has kernels for every instruction set with a fused
//! multiply-add. Its own entry chooses one by the processor; a device has its own choice, so its kernels
//! are called here by name.

use gemm_common::{Parallelism, cache::CACHE_INFO, simd::MixedSimd};

use super::{instructions::Instructions, matmul::slices};

/// Bytes of second-level cache from which the crate's blocks have room in it. It divides by their number.
const LEAST_CACHE: usize = 1 << 18;

/// out `[m, n]` ← x `[m, k]` · W `[k, n]`, all row by row; `false`, with nothing done, where there are no
/// kernels for the instruction set or the processor's caches. A row's sums depend on it and W alone
/// where there are two rows or more.
pub(super) fn gemm(
    set: Instructions,
    out: &mut [f32],
    x: &[f32],
    weights: &[f32],
    (m, k, n): (usize, usize, usize),
) -> bool {
    assert!((out.len(), x.len(), weights.len()) == (m * n, m * k, k * n), "operands fit the sizes");
    let kernel: Product = match set {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512(_) => avx512f,
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2(_) => fma,
        #[cfg(target_arch = "aarch64")]
        Instructions::Neon(_) => neon,
        Instructions::Baseline => return false,
    };
    if CACHE_INFO[1].cache_bytes < LEAST_CACHE || m == 0 || n == 0 || k == 0 {
        return false;
    }
    // The crate cuts long sums as the processor's caches suggest; cut here, they have the same bits on
    // all.
    for terms in slices(k) {
        // SAFETY: the assertion above bounds every index that the crate forms from sizes and strides,
        // `out` is borrowed mutably, so it overlaps neither operand, and `set` shows that the processor
        // has the instructions.
        unsafe {
            kernel(
                out.as_mut_ptr(),
                x.as_ptr().add(terms.start),
                weights.as_ptr().add(terms.start * n),
                (m, terms.len(), n),
                k,
                terms.start > 0,
            );
        }
    }
    true
}

/// out, x, W; m, the number of terms, n; values between rows of x; whether to add to out.
type Product = unsafe fn(*mut f32, *const f32, *const f32, (usize, usize, usize), usize, bool);

/// A product on the kernels of one instruction set, which have so many lanes. The crate wants columns:
/// it is given outᵀ = Wᵀ xᵀ.
macro_rules! product {
    ($name:ident, $simd:ident, $lanes:literal) => {
        unsafe fn $name(
            out: *mut f32,
            x: *const f32,
            weights: *const f32,
            (m, k, n): (usize, usize, usize),
            stride: usize,
            accumulate: bool,
        ) {
            use gemm_f32::microkernel::$name::f32::{H_M, H_N, H_UKR, MR_DIV_N, NR, UKR};
            type Simd = gemm_common::simd::$simd;
            let simd = <Simd as MixedSimd<f32, f32, f32, f32>>::try_new();
            // SAFETY: the caller's.
            unsafe {
                gemm_common::gemm::gemm_basic_generic::<
                    _,
                    f32,
                    $lanes,
                    { MR_DIV_N * $lanes },
                    NR,
                    MR_DIV_N,
                    H_M,
                    H_N,
                >(
                    simd.expect("a device has instructions of its processor only"),
                    n,
                    m,
                    k,
                    out,
                    n as isize,
                    1,
                    accumulate,
                    weights,
                    n as isize,
                    1,
                    x,
                    stride as isize,
                    1,
                    1.0,
                    1.0,
                    false,
                    false,
                    false,
                    |a, b, c| a * b + c,
                    &UKR,
                    &H_UKR,
                    false,
                    Parallelism::None,
                );
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
product!(avx512f, V4, 16);
#[cfg(target_arch = "x86_64")]
product!(fma, V3, 8);
#[cfg(target_arch = "aarch64")]
product!(neon, Scalar, 4);
