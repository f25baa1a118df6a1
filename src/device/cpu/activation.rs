//! Activations and their slopes, without branches, and of products and sums only, never a fused
//! multiply-add nor a function of the system's, so every instruction set and every system gives the same
//! bits. Each function answers (value, slope);
//! what the caller drops is not computed.
//!
//! Values are off by a few 1e-7 of themselves. Below 1e-37 in size, where f32 ends, they are off by
//! about that much.

use super::real::Real;
use crate::device::Nonlinearity;

/// eˣ as 2ⁿ · (1 + p), |p| below 0.42, for x in [-88, 88]; 2ⁿ is 0 below -87.7.
#[inline(always)]
fn exp_parts<R: Real>(x: R) -> (R, R) {
    const LN2_HI: f32 = 0.693_359_4;
    const LN2_LO: f32 = -2.121_944_4e-4;
    // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let c = |constant| x.like(constant);
    let shifted = x * c(std::f32::consts::LOG2_E) + c(ROUND);
    let n = shifted - c(ROUND);
    let r = (x - n * c(LN2_HI)) - n * c(LN2_LO);
    // eʳ = 1 + r + r²·p(r), p the minimax polynomial for |r| <= ln(2)/2: relative error 3.1e-9.
    let p = c(1.381_45e-3);
    let p = p * r + c(8.368_75e-3);
    let p = p * r + c(4.166_839e-2);
    let p = p * r + c(1.666_652e-1);
    let p = p * r + c(0.499_999_93);
    (shifted.power_of_two(), (p * r) * r + r)
}

/// What is beyond the range of `exp_parts` has the value of its ends.
#[inline(always)]
fn clamp<R: Real>(x: R) -> R {
    x.at_least(-88.0).at_most(88.0)
}

/// eˣ, relative error below 2⁻²², for x in [-87, 88]; zero below, constant above.
#[inline(always)]
pub(super) fn exp<R: Real>(x: R) -> R {
    let (power, p) = exp_parts(clamp(x));
    power * (p + x.like(1.0))
}

/// The natural logarithm of a normal number above 0, relative error below 2⁻²²; infinity and what is no
/// number stay as they are. The polynomial is that of Cephes (Moshier 1989), `logf` on [√½, √2).
#[inline(always)]
pub(super) fn ln(number: f32) -> f32 {
    // number = (1 + x)·2^exponent with 1 + x in [√½, √2); SQRT_HALF holds the bits of √½.
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let shifted = number.to_bits().wrapping_sub(SQRT_HALF);
    let exponent = (shifted as i32 >> 23) as f32;
    let x = f32::from_bits((shifted & 0x007f_ffff) + SQRT_HALF) - 1.0;
    let p = 7.037_683_6e-2;
    let p = p * x - 1.151_461e-1;
    let p = p * x + 1.167_699_9e-1;
    let p = p * x - 1.242_014_1e-1;
    let p = p * x + 1.424_932_3e-1;
    let p = p * x - 1.666_805_8e-1;
    let p = p * x + 2.000_071_5e-1;
    let p = p * x - 2.499_999_4e-1;
    let p = p * x + 3.333_333e-1;
    let square = x * x;
    // log 2 in two parts, the first exact in few bits.
    let tail = (square * x * p - exponent * 2.121_944_4e-4) - 0.5 * square;
    let value = (x + tail) + exponent * 0.693_359_4;
    if number <= f32::MAX { value } else { number }
}

/// The nonlinearity of a net and its slope.
#[inline(always)]
pub(super) fn activate<R: Real>(nonlinearity: Nonlinearity, x: R) -> (R, R) {
    match nonlinearity {
        Nonlinearity::Silu => silu(x),
        Nonlinearity::Elu => elu(x),
        Nonlinearity::Tanh => tanh(x),
        Nonlinearity::Softplus => softplus(x),
    }
}

/// x and its slope.
#[inline(always)]
pub(super) fn identity<R: Real>(x: R) -> (R, R) {
    (x, x.like(1.0))
}

/// 1 / (1 + e⁻ˣ) and its slope.
#[inline(always)]
pub(super) fn sigmoid<R: Real>(x: R) -> (R, R) {
    let (t, one) = (exp(-x), x.like(1.0));
    let s = one / (one + t);
    // t · s is 1 − s without its cancellation.
    (s, s * (t * s))
}

/// log(1 + eˣ) and its slope.
#[inline(always)]
pub(super) fn softplus<R: Real>(x: R) -> (R, R) {
    let c = |constant| x.like(constant);
    // log1p(t) = 2 artanh(r / 2) with r = 2 t / (2 + t), which is at most 2/3, so the series is short.
    let t = exp(-x.abs());
    let r = t / (c(1.0) + c(0.5) * t);
    let q = c(0.25) * (r * r);
    let series = c(1.0 / 13.0);
    let series = series * q + c(1.0 / 11.0);
    let series = series * q + c(1.0 / 9.0);
    let series = series * q + c(1.0 / 7.0);
    let series = series * q + c(1.0 / 5.0);
    let series = series * q + c(1.0 / 3.0);
    let series = series * q + c(1.0);
    let larger = x.positive(c(1.0), t);
    (x.at_least(0.0) + r * series, larger / (c(1.0) + t))
}

/// x · sigmoid(x) and its slope.
#[inline(always)]
pub(super) fn silu<R: Real>(x: R) -> (R, R) {
    // Sigmoid stops at e⁻⁸⁸: the factor stops where it does.
    let (x, one) = (x.at_least(-88.0), x.like(1.0));
    let (power, p) = exp_parts(-x.at_most(88.0));
    let t = power * (p + one);
    let s = one / (one + t);
    (x * s, s + x * (s * (t * s)))
}

/// x where x > 0, else eˣ − 1; and its slope.
#[inline(always)]
pub(super) fn elu<R: Real>(x: R) -> (R, R) {
    let one = x.like(1.0);
    let (power, p) = exp_parts(clamp(x));
    // 2ⁿ − 1 is exact or −1, and zero near x = 0.
    let below = power * p + (power - one);
    (x.positive(x, below), x.positive(one, power * (p + one)))
}

/// tanh(x) and its slope.
#[inline(always)]
pub(super) fn tanh<R: Real>(x: R) -> (R, R) {
    let c = |constant| x.like(constant);
    // With t = e^(−2|x|): tanh |x| = (1 − t) / (1 + t), its slope 4 t / (1 + t)².
    let (power, p) = exp_parts(clamp(c(-2.0) * x.abs()));
    let less_one = power * p + (power - c(1.0));
    let q = c(1.0) / (c(2.0) + less_one);
    ((-less_one * q).copysign(x), c(4.0) * (power * (p + c(1.0))) * q * q)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            instructions::{Instructions, Kernel, Wide},
            real::{One, Registers, Two},
        },
        *,
    };

    type Pair<T> = fn(T) -> (T, T);

    /// 1 / (1 + e⁻ˣ) in f64.
    fn logistic(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    const CASES: [(&str, Pair<f32>, Pair<f64>); 5] = [
        ("sigmoid", sigmoid, |x| (logistic(x), logistic(x) * logistic(-x))),
        ("softplus", softplus, |x| (x.max(0.0) + (-x.abs()).exp().ln_1p(), logistic(x))),
        ("silu", silu, |x| {
            let s = logistic(x);
            (x * s, s + x * s * logistic(-x))
        }),
        ("elu", elu, |x| if x > 0.0 { (x, 1.0) } else { (x.exp_m1(), x.exp()) }),
        ("tanh", tanh, |x| (x.tanh(), x.cosh().powi(-2))),
    ];

    /// How far a value may be off: of itself, and of the end of f32. The slope of silu crosses
    /// zero, so it is measured by its terms.
    #[test]
    fn values_and_slopes_agree_with_f64() {
        let dense = (-1_000_000..=1_000_000).map(|i| i as f32 * 1e-4);
        let tiny = (1..=120).flat_map(|e| [2f32.powi(-e) * 1.3, 2f32.powi(-e) * -1.3]);
        let points: Vec<f32> = dense.chain(tiny).collect();
        for (name, f, exact) in CASES {
            let mut worst = (0f64, 0f64);
            for x in &points {
                let (value, slope) = f(*x);
                let (wanted, wanted_slope) = exact(f64::from(*x));
                let s = logistic(f64::from(*x));
                let size = match name {
                    "silu" => s + (f64::from(*x) * s * logistic(-f64::from(*x))).abs(),
                    _ => wanted_slope,
                };
                let off = |found: f32, wanted: f64, size: f64| {
                    ((f64::from(found) - wanted).abs() - 1e-36).max(0.0) / size.abs().max(1e-300)
                };
                worst.0 = worst.0.max(off(value, wanted, wanted));
                worst.1 = worst.1.max(off(slope, wanted_slope, size));
            }
            println!("{name}: value {:.1e}, slope {:.1e}", worst.0, worst.1);
            assert!(worst.0 < 5e-7 && worst.1 < 8e-7, "{name}: relative errors {worst:?}");
        }
    }

    #[test]
    fn extreme_arguments_stay_finite_and_ordered() {
        for x in [f32::MAX, 1e30, 1e4, -1e4, -1e30, f32::MIN] {
            let right = x > 0.0;
            let one = f32::from(u8::from(right));
            let linear = if right { x } else { 0.0 };
            for (name, f, _) in CASES {
                let (value, slope) = f(x);
                let (wanted, wanted_slope) = match name {
                    "sigmoid" => (one, 0.0),
                    "elu" if !right => (-1.0, 0.0),
                    "tanh" => (if right { 1.0 } else { -1.0 }, 0.0),
                    _ => (linear, one),
                };
                // Values as small as that stand for zero.
                assert!((value - wanted).abs() <= 1e-36, "{name}({x:e}) is {value:e}");
                assert!((slope - wanted_slope).abs() <= 1e-36, "{name}'({x:e}) is {slope:e}");
            }
            assert!(softplus(x).0 >= 0.0);
        }
    }

    /// Every nonlinearity, two registers at a time, gives the bits that it gives a single number.
    struct Lockstep<'a>(&'a [f32]);

    impl Kernel for Lockstep<'_> {
        type Output = ();

        fn run<S: Wide>(self, simd: S) {
            let functions =
                [Nonlinearity::Silu, Nonlinearity::Elu, Nonlinearity::Tanh, Nonlinearity::Softplus];
            for nonlinearity in functions {
                for points in self.0.chunks_exact(2 * S::F32_LANES) {
                    let (registers, _) = S::as_simd_f32s(points);
                    let mut out = [vec![0f32; points.len()], vec![0f32; points.len()]];
                    let both = activate(nonlinearity, Two::<One<S>>::load(simd, registers));
                    let [values, slopes] = &mut out;
                    both.0.store(S::as_mut_simd_f32s(values).0);
                    both.1.store(S::as_mut_simd_f32s(slopes).0);
                    for (index, x) in points.iter().enumerate() {
                        let (value, slope) = activate(nonlinearity, *x);
                        let same =
                            |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
                        assert!(same(value, out[0][index]), "{nonlinearity:?}({x:e})");
                        assert!(same(slope, out[1][index]), "{nonlinearity:?}'({x:e})");
                    }
                }
            }
        }
    }

    #[test]
    fn registers_in_lockstep_give_the_bits_of_single_numbers() {
        let dense = (-100_000..=100_000).map(|i| i as f32 * 1e-3);
        let special = [0.0, -0.0, f32::NAN, f32::MAX, f32::MIN, 1e-40, 87.5, -87.5, 88.5, -88.5];
        let points: Vec<f32> = special.into_iter().chain(dense).collect();
        for set in Instructions::available() {
            set.dispatch(Lockstep(&points));
        }
    }

    #[test]
    fn logarithms_agree_with_f64() {
        let all = (0x0080_0000..0x7f80_0000).step_by(997).map(f32::from_bits);
        let near_one = (-1000..1000i32).map(|i| f32::from_bits((1f32.to_bits() as i32 + i) as u32));
        for x in all.chain(near_one) {
            let exact = f64::from(x).ln();
            let error = (f64::from(ln(x)) - exact).abs();
            assert!(error <= 2.4e-7 * exact.abs(), "ln({x:e}) is {:e}, wanted {exact:e}", ln(x));
        }
        assert_eq!(ln(f32::INFINITY), f32::INFINITY);
        assert!(ln(f32::NAN).is_nan());
    }

    #[test]
    fn what_is_no_number_stays_so() {
        for (name, f, _) in CASES {
            assert!(f(f32::NAN).0.is_nan(), "{name}");
        }
    }
}
