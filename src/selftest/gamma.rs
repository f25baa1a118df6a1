//! The upper regularised incomplete gamma function, Q(a, x) = Γ(a, x) / Γ(a), in f64.

/// Relative size at which a series stops.
const EPSILON: f64 = 1e-16;
/// More terms than any argument in reach needs: a series takes about √a of them beyond its peak.
const MAX_TERMS: usize = 100_000;

/// Q(a, x) for a > 0, with relative accuracy in the far tail: below a + 1 one less the power
/// series, above it Legendre's continued fraction (Press et al., Numerical Recipes, §6.2). NaN in,
/// NaN out.
pub(super) fn upper_regularized(a: f64, x: f64) -> f64 {
    if x.is_nan() || a.is_nan() {
        f64::NAN
    } else if x <= 0.0 {
        1.0
    } else if x == f64::INFINITY {
        0.0
    } else if x < a + 1.0 {
        1.0 - power_series(a, x)
    } else {
        continued_fraction(a, x)
    }
}

/// P(a, x) = xᵃ e⁻ˣ / Γ(a) · Σ xⁿ / (a (a + 1) … (a + n)).
fn power_series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    for n in 1..MAX_TERMS {
        term *= x / (a + n as f64);
        sum += term;
        if term < EPSILON * sum {
            break;
        }
    }
    sum * prefactor(a, x)
}

/// By Lentz's method; no denominator vanishes where x > a.
fn continued_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = f64::INFINITY;
    let mut d = 1.0 / b;
    let mut value = d;
    for n in 1..MAX_TERMS {
        let n = n as f64;
        let numerator = n * (a - n);
        b += 2.0;
        d = 1.0 / (b + numerator * d);
        c = b + numerator / c;
        value *= c * d;
        if (c * d - 1.0).abs() < EPSILON {
            break;
        }
    }
    value * prefactor(a, x)
}

/// xᵃ e⁻ˣ / Γ(a).
fn prefactor(a: f64, x: f64) -> f64 {
    (a * x.ln() - x - ln_gamma(a)).exp()
}

/// log Γ(a), a > 0, by Stirling's series, which is exact to rounding from 16 on.
fn ln_gamma(a: f64) -> f64 {
    let mut product = 1.0;
    let mut z = a;
    while z < 16.0 {
        product *= z;
        z += 1.0;
    }
    let q = 1.0 / (z * z);
    let series = (1.0 / 12.0 + q * (-1.0 / 360.0 + q * (1.0 / 1260.0 - q / 1680.0))) / z;
    let half_log_tau = 0.5 * std::f64::consts::TAU.ln();
    (z - 0.5) * z.ln() - z + half_log_tau + series - product.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(found: f64, wanted: f64, what: &str) {
        let error = (found / wanted - 1.0).abs();
        assert!(error < 1e-11, "{what}: {found:e}, wanted {wanted:e}, relative error {error:.1e}");
    }

    /// Computed in arithmetic of 40 digits.
    #[test]
    fn known_values_and_far_tails() {
        for (degrees, x, wanted) in [
            (1.0, 3.841458820694124, 0.05),
            (10.0, 18.307038053275146, 0.05),
            (1.0, 100.0, 1.523_970_604_832_105e-23),
            (3.0, 0.01, 0.999_734_834_941_344_4),
            (3.0, 500.0, 4.771_672_031_912_758e-108),
            (15.0, 1.0, 0.999_999_746_435_568_9),
            (63.0, 63.0, 0.476_302_383_338_130_1),
            (63.0, 200.0, 3.617_001_866_995_257_3e-16),
            (800.0, 800.0, 0.493_350_870_161_094_5),
            (799.0, 1200.0, 1.209_495_949_540_310_3e-18),
            (1023.0, 900.0, 0.997_611_565_932_461_2),
            (1023.0, 3000.0, 4.525_435_988_528_433e-193),
        ] {
            let found = upper_regularized(degrees / 2.0, x / 2.0);
            assert_close(found, wanted, &format!("χ² {x} on {degrees}"));
        }
    }

    /// For whole a, Q(a, x) = e⁻ˣ Σ xⁿ / n!, n < a: both branches, both sides of their border.
    #[test]
    fn whole_orders_have_a_closed_form() {
        for a in [1, 2, 5, 20, 100] {
            for ratio in [0.3, 0.9, 1.0, 1.01, 1.1, 2.0, 5.0] {
                let x = ratio * f64::from(a);
                let (mut term, mut sum) = (1.0, 0.0);
                for n in 1..=a {
                    sum += term;
                    term *= x / f64::from(n);
                }
                let found = upper_regularized(f64::from(a), x);
                assert_close(found, sum * (-x).exp(), &format!("Q({a}, {x})"));
            }
        }
    }

    #[test]
    fn the_ends_of_the_axis() {
        assert_eq!(upper_regularized(3.5, 0.0), 1.0);
        assert_eq!(upper_regularized(3.5, f64::INFINITY), 0.0);
        assert_eq!(upper_regularized(3.5, 1e6), 0.0);
        assert!(upper_regularized(3.5, f64::NAN).is_nan());
    }
}
