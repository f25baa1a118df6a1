//! Bennett's acceptance ratio: of all estimates of a ratio of partition functions from passages both
//! ways, the one with the least variance (Bennett, "Efficient estimation of free energy differences
//! from Monte Carlo data", 1976; Shirts, Bair, Hooker and Pande 2003; for passages out of
//! equilibrium by Crooks's theorem).

use crate::evaluate::Estimate;

/// The most halvings of the interval that holds the root.
const HALVINGS: usize = 200;

/// log Z₁ − log Z₀ from the log weights of passages from law 0 to law 1 and of passages back. For
/// two models and exact samples of each, a log weight is the difference of the log densities at a
/// sample. The standard error is that of Bennett's formula; `ess` is the number of weights that
/// overlap, at most all.
///
/// NaN where a list is empty or a weight is no number.
pub fn bennett(up: &[f64], down: &[f64]) -> Estimate {
    let sound = |x: &f64| !x.is_nan();
    if up.is_empty() || down.is_empty() || !up.iter().chain(down).all(sound) {
        return Estimate { value: f64::NAN, std_error: f64::NAN, ess: 0.0 };
    }
    let odds = (up.len() as f64 / down.len() as f64).ln();
    // Σ f = Σ g at the root, f falling in the ratio, g rising.
    let shares = |ratio: f64| {
        let shift = ratio + odds;
        let up: Vec<f64> = up.iter().map(|w| logistic(w - shift)).collect();
        let down: Vec<f64> = down.iter().map(|w| logistic(w + shift)).collect();
        (up, down)
    };
    let excess = |ratio: f64| {
        let (up, down) = shares(ratio);
        up.iter().sum::<f64>() - down.iter().sum::<f64>()
    };
    let ends = up.iter().copied().chain(down.iter().map(|w| -w));
    let (mut low, mut high) =
        ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), w| (low.min(w), high.max(w)));
    (low, high) = (low - 50.0 - odds.abs(), high + 50.0 + odds.abs());
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if excess(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    let value = 0.5 * (low + high);
    let (up, down) = shares(value);
    let ess = up.iter().chain(&down).sum::<f64>();
    // Without any overlap the formula sees no variance, and there is nothing to go by.
    let variance = relative_variance(&up) + relative_variance(&down);
    let std_error = if ess >= 1.0 { variance.sqrt() } else { f64::INFINITY };
    Estimate { value, std_error, ess }
}

/// The variance of the mean over the square of the mean.
fn relative_variance(shares: &[f64]) -> f64 {
    let n = shares.len() as f64;
    let mean = shares.iter().sum::<f64>() / n;
    let square = shares.iter().map(|x| x * x).sum::<f64>() / n;
    (square / (mean * mean) - 1.0).max(0.0) / n
}

fn logistic(x: f64) -> f64 {
    let t = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + t) } else { t / (1.0 + t) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{HostRng, Stream};

    /// Two Gaussians, of deviations 1 and s: log Z₁ − log Z₀ = log s. Samples of different numbers.
    #[test]
    fn the_ratio_of_two_gaussians() {
        let s = 1.7f64;
        let mut rng = HostRng::new(3, Stream::Data, 0);
        let mut weight = |deviation: f64, sign: f64| {
            let x = deviation * f64::from(rng.normal());
            sign * (0.5 * x * x - 0.5 * (x / s).powi(2))
        };
        let up: Vec<f64> = (0..40_000).map(|_| weight(1.0, 1.0)).collect();
        let down: Vec<f64> = (0..10_000).map(|_| weight(s, -1.0)).collect();
        let estimate = bennett(&up, &down);
        assert!(estimate.std_error < 0.01, "{estimate:?}");
        assert!((estimate.value - s.ln()).abs() < 4.0 * estimate.std_error, "{estimate:?}");
        // The least variance: below that of the weights of either side.
        for side in [&up, &down] {
            assert!(estimate.std_error < crate::evaluate::log_ratio(side).std_error);
        }
    }

    #[test]
    fn weights_far_apart_and_broken_ones() {
        let estimate = bennett(&[1e4; 3], &[-1e4 - 1.0; 5]);
        assert!((estimate.value - 1e4 - 0.5).abs() < 1.0, "{estimate:?}");
        let apart = bennett(&[-100.0; 3], &[-100.0; 5]);
        assert!(apart.ess < 1.0 && apart.std_error.is_infinite(), "{apart:?}");
        assert!(bennett(&[], &[1.0]).value.is_nan());
        assert!(bennett(&[f64::NAN], &[1.0]).value.is_nan());
    }
}
