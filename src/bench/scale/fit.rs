//! Laws of measured seconds, by least squares of relative errors: a tenth of a second off a second
//! weighs as much as a microsecond off ten.

/// The power of x that y grows with: the slope of log y against log x. `None` with fewer than two
/// places on the axis.
pub(super) fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs = points.iter().map(|(x, y)| (x.ln(), y.ln(), 1.0));
    least_squares(logs.collect()).map(|(_, slope)| slope)
}

/// a and b of y = a + b·x.
pub(super) fn line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    least_squares(points.iter().map(|(x, y)| (*x, *y, y.powi(-2))).collect())
}

/// Intercept and slope through (x, y, weight).
fn least_squares(points: Vec<(f64, f64, f64)>) -> Option<(f64, f64)> {
    let total: f64 = points.iter().map(|(_, _, w)| w).sum();
    let mean = |value: fn(&(f64, f64, f64)) -> f64| -> f64 {
        points.iter().map(|point| point.2 * value(point)).sum::<f64>() / total
    };
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let sum = |value: &dyn Fn(f64, f64) -> f64| -> f64 {
        points.iter().map(|(a, b, w)| w * value(a - x, b - y)).sum()
    };
    let slope = sum(&|a, b| a * b) / sum(&|a, _| a * a);
    slope.is_finite().then_some((y - slope * x, slope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_are_found_again() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * b.abs(), "{a} {b}");
        let xs = [32.0f64, 64.0, 4096.0];
        near(exponent(&xs.map(|x| (x, 3e-9 * x.powf(1.7)))).unwrap(), 1.7);
        let (fixed, each) = line(&xs.map(|x| (x, 5e-6 + 2e-7 * x))).unwrap();
        near(fixed, 5e-6);
        near(each, 2e-7);
        assert_eq!((exponent(&[(1.0, 2.0)]), line(&[])), (None, None));
    }

    #[test]
    fn a_large_point_that_is_a_little_off_leaves_the_small_ones_their_say() {
        // The last is 10 % up, a hundred times the first, whose cost is fixed by half.
        let points = [(1.0, 2e-6), (10.0, 11e-6), (1000.0, 1.1 * 1001e-6)];
        let (fixed, _) = line(&points).unwrap();
        assert!((0.7e-6..1.1e-6).contains(&fixed), "{fixed}");
    }
}
