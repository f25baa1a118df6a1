//! What an activation is computed on: one number, in loops that the compiler vectorises, or several
//! registers of numbers in lockstep. Forty operations that each need the one before keep a core
//! waiting; with several registers side by side it always has one to do.

use std::ops::{Add, Div, Mul, Neg, Sub};

use pulp::Simd;

/// A number, or many that share every operation. What is not a number stays so.
pub(super) trait Real:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The constant, as often as there are numbers.
    fn like(self, constant: f32) -> Self;
    fn at_least(self, low: f32) -> Self;
    fn at_most(self, high: f32) -> Self;
    fn abs(self) -> Self;
    /// The number with the sign of the other.
    fn copysign(self, sign: Self) -> Self;
    /// The first where the number is above 0, else the second.
    fn positive(self, then: Self, otherwise: Self) -> Self;
    /// 2ⁿ, where the lowest eight bits of the number are those of n.
    fn power_of_two(self) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn like(self, constant: f32) -> Self {
        constant
    }

    #[inline(always)]
    fn at_least(self, low: f32) -> Self {
        if self < low { low } else { self }
    }

    #[inline(always)]
    fn at_most(self, high: f32) -> Self {
        if self > high { high } else { self }
    }

    #[inline(always)]
    fn abs(self) -> Self {
        f32::abs(self)
    }

    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        f32::copysign(self, sign)
    }

    #[inline(always)]
    fn positive(self, then: Self, otherwise: Self) -> Self {
        if self > 0.0 { then } else { otherwise }
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        f32::from_bits((self.to_bits() << 23).wrapping_add(127 << 23))
    }
}

/// One register.
#[derive(Clone, Copy)]
pub(super) struct One<S: Simd>(S, S::f32s);

/// Twice as many, in lockstep.
#[derive(Clone, Copy)]
pub(super) struct Two<R>(R, R);

/// Registers in lockstep. Their number is in the type and every call is inlined: with an array of
/// them the compiler copies through memory, or leaves a call to be compiled for the baseline.
pub(super) trait Registers<S: Simd>: Real {
    const COUNT: usize;
    /// The first [`Registers::COUNT`] of a slice.
    fn load(simd: S, from: &[S::f32s]) -> Self;
    /// As many numbers as there are, zeros after them.
    fn load_part(simd: S, from: &[f32]) -> Self;
    /// To the first [`Registers::COUNT`] of a slice.
    fn store(self, to: &mut [S::f32s]);
}

impl<S: Simd> Registers<S> for One<S> {
    const COUNT: usize = 1;

    #[inline(always)]
    fn load(simd: S, from: &[S::f32s]) -> Self {
        Self(simd, from[0])
    }

    #[inline(always)]
    fn load_part(simd: S, from: &[f32]) -> Self {
        // A part is loaded by a call.
        match S::as_simd_f32s(from).0 {
            [whole, ..] => Self(simd, *whole),
            [] => Self(simd, simd.partial_load_f32s(from)),
        }
    }

    #[inline(always)]
    fn store(self, to: &mut [S::f32s]) {
        to[0] = self.1;
    }
}

impl<S: Simd, R: Registers<S>> Registers<S> for Two<R> {
    const COUNT: usize = 2 * R::COUNT;

    #[inline(always)]
    fn load(simd: S, from: &[S::f32s]) -> Self {
        Self(R::load(simd, from), R::load(simd, &from[R::COUNT..]))
    }

    #[inline(always)]
    fn load_part(simd: S, from: &[f32]) -> Self {
        let rest = from.get(R::COUNT * S::F32_LANES..).unwrap_or_default();
        Self(R::load_part(simd, from), R::load_part(simd, rest))
    }

    #[inline(always)]
    fn store(self, to: &mut [S::f32s]) {
        self.0.store(to);
        self.1.store(&mut to[R::COUNT..]);
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $operation:ident) => {
        impl<S: Simd> $trait for One<S> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0, self.0.$operation(self.1, other.1))
            }
        }

        impl<R: Real> $trait for Two<R> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0.$method(other.0), self.1.$method(other.1))
            }
        }
    };
}

operator!(Add, add, add_f32s);
operator!(Sub, sub, sub_f32s);
operator!(Mul, mul, mul_f32s);
operator!(Div, div, div_f32s);

impl<S: Simd> Neg for One<S> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self(self.0, self.0.neg_f32s(self.1))
    }
}

impl<R: Real> Neg for Two<R> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}

impl<S: Simd> Real for One<S> {
    #[inline(always)]
    fn like(self, constant: f32) -> Self {
        Self(self.0, self.0.splat_f32s(constant))
    }

    #[inline(always)]
    fn at_least(self, low: f32) -> Self {
        let Self(simd, x) = self;
        let low = simd.splat_f32s(low);
        Self(simd, simd.select_f32s(simd.less_than_f32s(x, low), low, x))
    }

    #[inline(always)]
    fn at_most(self, high: f32) -> Self {
        let Self(simd, x) = self;
        let high = simd.splat_f32s(high);
        Self(simd, simd.select_f32s(simd.greater_than_f32s(x, high), high, x))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0, self.0.abs_f32s(self.1))
    }

    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        let simd = self.0;
        let bit = simd.and_f32s(simd.splat_f32s(-0.0), sign.1);
        Self(simd, simd.or_f32s(simd.abs_f32s(self.1), bit))
    }

    #[inline(always)]
    fn positive(self, then: Self, otherwise: Self) -> Self {
        let Self(simd, x) = self;
        let positive = simd.greater_than_f32s(x, simd.splat_f32s(0.0));
        Self(simd, simd.select_f32s(positive, then.1, otherwise.1))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        let Self(simd, x) = self;
        let n = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(23));
        let bits = simd.add_u32s(n, simd.splat_u32s(127 << 23));
        Self(simd, simd.transmute_f32s_u32s(bits))
    }
}

impl<R: Real> Real for Two<R> {
    #[inline(always)]
    fn like(self, constant: f32) -> Self {
        Self(self.0.like(constant), self.1.like(constant))
    }

    #[inline(always)]
    fn at_least(self, low: f32) -> Self {
        Self(self.0.at_least(low), self.1.at_least(low))
    }

    #[inline(always)]
    fn at_most(self, high: f32) -> Self {
        Self(self.0.at_most(high), self.1.at_most(high))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.abs(), self.1.abs())
    }

    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        Self(self.0.copysign(sign.0), self.1.copysign(sign.1))
    }

    #[inline(always)]
    fn positive(self, then: Self, otherwise: Self) -> Self {
        let first = self.0.positive(then.0, otherwise.0);
        Self(first, self.1.positive(then.1, otherwise.1))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(self.0.power_of_two(), self.1.power_of_two())
    }
}
