//! Activations and their slopes, as plain loops over lanes like `simd.rs`: without branches, and
//! products and sums only, never a fused multiply-add, so every instruction set gives the same
//! bits. Each function answers (value, slope); what the caller drops is not computed.
//!
//! Values are off by a few 1e-7 of themselves. Below 1e-37 in size, where f32 ends, they are off by
//! about that much.

/// eˣ as 2ⁿ · (1 + p), |p| below 0.42, for x in [-87, 88]; clamped outside.
#[inline(always)]
fn exp_parts(x: f32) -> (f32, f32) {
    const LN2_HI: f32 = 0.693_359_4;
    const LN2_LO: f32 = -2.121_944_4e-4;
    // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HI) - n * LN2_LO;
    // Taylor's series with its top coefficients trimmed for |r| <= ln(2)/2.
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_6e-1;
    let p = p * r + 0.5;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    (power, (p * r) * r + r)
}

/// eˣ, relative error below 2⁻²², for x in [-87, 88]; clamped outside.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let (power, p) = exp_parts(x);
    power * (p + 1.0)
}

/// x and its slope.
#[inline(always)]
pub(super) fn identity(x: f32) -> (f32, f32) {
    (x, 1.0)
}

/// 1 / (1 + e⁻ˣ) and its slope.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> (f32, f32) {
    let t = exp(-x);
    let s = 1.0 / (1.0 + t);
    // t · s is 1 − s without its cancellation.
    (s, s * (t * s))
}

/// log(1 + eˣ) and its slope.
#[inline(always)]
pub(super) fn softplus(x: f32) -> (f32, f32) {
    // log1p(t) = 2 artanh(t / (2 + t)); the argument is at most 1/3, so the series is short.
    let t = exp(-x.abs());
    let s = t / (2.0 + t);
    let q = s * s;
    let series = 1.0 / 13.0;
    let series = series * q + 1.0 / 11.0;
    let series = series * q + 1.0 / 9.0;
    let series = series * q + 1.0 / 7.0;
    let series = series * q + 1.0 / 5.0;
    let series = series * q + 1.0 / 3.0;
    let series = series * q + 1.0;
    let larger = if x >= 0.0 { 1.0 } else { t };
    (x.max(0.0) + 2.0 * s * series, larger / (1.0 + t))
}

/// x · sigmoid(x) and its slope.
#[inline(always)]
pub(super) fn silu(x: f32) -> (f32, f32) {
    let t = exp(-x);
    let s = 1.0 / (1.0 + t);
    // Sigmoid stops at e⁻⁸⁸: the factor stops where it does.
    let low = if x < -88.0 { -88.0 } else { x };
    let within = if x > 88.0 { 88.0 } else { low };
    (low * s, s + within * (s * (t * s)))
}

/// x where x > 0, else eˣ − 1; and its slope.
#[inline(always)]
pub(super) fn elu(x: f32) -> (f32, f32) {
    let (power, p) = exp_parts(x);
    // 2ⁿ − 1 is exact or −1, and zero near x = 0.
    let below = power * p + (power - 1.0);
    if x > 0.0 { (x, 1.0) } else { (below, power * (p + 1.0)) }
}

/// tanh(x) and its slope.
#[inline(always)]
pub(super) fn tanh(x: f32) -> (f32, f32) {
    // With t = e^(−2|x|): tanh |x| = (1 − t) / (1 + t), its slope 4 t / (1 + t)².
    let (power, p) = exp_parts(-2.0 * x.abs());
    let less_one = power * p + (power - 1.0);
    let q = 1.0 / (2.0 + less_one);
    ((-less_one * q).copysign(x), 4.0 * (power * (p + 1.0)) * q * q)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn what_is_no_number_stays_so() {
        for (name, f, _) in CASES {
            assert!(f(f32::NAN).0.is_nan(), "{name}");
        }
    }
}
