//! The instruction sets that the kernels are compiled for. A device has one of those that its
//! processor offers, chosen when it is opened, and hands it to every kernel: nothing below asks the
//! processor, so a test can run each of them.
//!
//! Adding one is a variant, a [`Wide`], which says what does not follow from the width of its
//! registers, and its products in `gemm.rs`; the compiler asks for all three.

#[cfg(target_arch = "aarch64")]
use pulp::aarch64::Neon;
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
use pulp::{Scalar128b as Portable, Simd};

use super::{
    bits::PANEL,
    lanes::LANES,
    real::{One, Registers, Two},
    transpose::{self, Block},
};

/// An instruction set that this processor has.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Instructions {
    /// AVX-512 (F, BW, CD, DQ, VL and what AVX2 stands for): x86-64-v4.
    #[cfg(target_arch = "x86_64")]
    Avx512(V4),
    /// AVX2 with FMA: x86-64-v3.
    #[cfg(target_arch = "x86_64")]
    Avx2(V3),
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    /// What every processor of the architecture has: SSE2 on x86-64.
    Baseline,
}

/// The short names of all instruction sets, those of other processors too, widest first.
pub const NAMES: [&str; 4] = ["avx512", "avx2", "neon", "baseline"];

impl Instructions {
    /// Those of this processor, widest first.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            found.extend(V4::try_new().map(Self::Avx512));
            found.extend(V3::try_new().map(Self::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        found.extend(Neon::try_new().map(Self::Neon));
        found.push(Self::Baseline);
        found
    }

    /// The widest of this processor.
    pub fn best() -> Self {
        Self::available()[0]
    }

    /// As a device's name has it: one of [`NAMES`].
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
            Self::Baseline => "baseline",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self.name() {
            "avx512" => "AVX-512",
            "avx2" => "AVX2",
            "neon" => "NEON",
            _ => "baseline SIMD",
        }
    }

    /// Whether products of values that are no bits round once a term (fused multiply-add). All sets that do
    /// give the same bits.
    pub fn fuses(self) -> bool {
        !matches!(self, Self::Baseline)
    }

    /// Runs `work` compiled for the set. Mark the closure, and all that it calls, `#[inline(always)]`:
    /// what is not inlined is compiled for the baseline.
    #[inline(always)]
    pub(super) fn vectorize<R>(self, work: impl FnOnce() -> R) -> R {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => simd.vectorize(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => simd.vectorize(work),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => simd.vectorize(work),
            Self::Baseline => work(),
        }
    }

    /// Runs a kernel on the registers of the set.
    #[inline(always)]
    pub(super) fn dispatch<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => simd.vectorize(
                #[inline(always)]
                || kernel.run(simd),
            ),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => simd.vectorize(
                #[inline(always)]
                || kernel.run(simd),
            ),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => simd.vectorize(
                #[inline(always)]
                || kernel.run(simd),
            ),
            Self::Baseline => kernel.run(Portable),
        }
    }
}

/// Work written for registers; mark [`Kernel::run`] `#[inline(always)]`.
pub(super) trait Kernel {
    type Output;

    fn run<S: Wide>(self, simd: S) -> Self::Output;
}

/// What a kernel has to know of an instruction set beyond `pulp`'s operations.
pub(super) trait Wide: Simd {
    /// The registers of a panel of columns, and of half of one.
    type Panel: Registers<Self>;
    type HalfPanel: Registers<Self>;

    /// a · b + c; see [`Instructions::fuses`].
    fn multiply_add(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s;

    /// A block transposed.
    fn turned(self, block: Block) -> Block;
}

/// Registers by number.
type R1<S> = One<S>;
type R2<S> = Two<R1<S>>;
type R4<S> = Two<R2<S>>;
type R8<S> = Two<R4<S>>;
type R16<S> = Two<R8<S>>;

macro_rules! wide {
    ($simd:ty, $panel:ident, $half:ident, $multiply_add:expr, $turned:expr) => {
        impl Wide for $simd {
            type Panel = $panel<Self>;
            type HalfPanel = $half<Self>;

            #[inline(always)]
            fn multiply_add(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s {
                $multiply_add(self, a, b, c)
            }

            #[inline(always)]
            fn turned(self, block: Block) -> Block {
                $turned(self, block)
            }
        }

        // Columns past the last register would get no product.
        const _: () = assert!(columns::<$simd, <$simd as Wide>::Panel>() == PANEL);
        const _: () = assert!(columns::<$simd, <$simd as Wide>::HalfPanel>() == LANES);
    };
}

const fn columns<S: Simd, R: Registers<S>>() -> usize {
    R::COUNT * S::F32_LANES
}

#[cfg(target_arch = "x86_64")]
wide!(V4, R4, R2, Simd::mul_add_f32s, |simd: V4, block| transpose::shuffled(*simd, block));
#[cfg(target_arch = "x86_64")]
wide!(V3, R8, R4, Simd::mul_add_f32s, transpose::shuffled);
#[cfg(target_arch = "aarch64")]
wide!(Neon, R16, R8, Simd::mul_add_f32s, |_, block| transpose::moved(block));
// Four lanes of plain code, which the compiler puts into the registers of any processor. Without an
// instruction for it, a fused multiply-add would be a call.
wide!(
    Portable,
    R16,
    R8,
    |simd: Portable, a, b, c| simd.add_f32s(simd.mul_f32s(a, b), c),
    |_, block| transpose::moved(block)
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_listed_once_widest_first_and_by_name() {
        let names: Vec<&str> = Instructions::available().iter().map(|set| set.name()).collect();
        let mut listed = NAMES.iter().filter(|name| names.contains(name));
        assert!(names.iter().all(|name| listed.next() == Some(name)), "{names:?}");
        assert_eq!(*names.last().unwrap(), "baseline");
        assert_eq!(Instructions::best().name(), names[0]);
    }
}
