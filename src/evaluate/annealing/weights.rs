//! What importance weights tell: their mean, how sure it is, how many of them count.

use crate::evaluate::Estimate;

/// log of the mean of exp(xᵢ).
pub fn log_mean_exp(log_weights: &[f64]) -> f64 {
    let largest = largest(log_weights);
    if !largest.is_finite() {
        return largest;
    }
    let sum: f64 = log_weights.iter().map(|x| (x - largest).exp()).sum();
    largest + (sum / log_weights.len() as f64).ln()
}

/// (Σw)² / Σw²: how many equal weights would be as good.
pub fn effective_sample_size(log_weights: &[f64]) -> f64 {
    let largest = largest(log_weights);
    let (sum, squares) = log_weights.iter().fold((0.0, 0.0), |(sum, squares), x| {
        let weight = (x - largest).exp();
        (sum + weight, squares + weight * weight)
    });
    sum * sum / squares
}

/// log of the mean weight, with the standard error of that logarithm to first order and the
/// effective sample size.
pub fn log_ratio(log_weights: &[f64]) -> Estimate {
    let n = log_weights.len() as f64;
    let ess = effective_sample_size(log_weights);
    // The relative variance of the weights is n/ess − 1; that of their mean is an n-th of it.
    let variance = (n / ess - 1.0) / (n - 1.0);
    Estimate { value: log_mean_exp(log_weights), std_error: variance.max(0.0).sqrt(), ess }
}

/// Standard deviation.
pub(super) fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / (n - 1.0).max(1.0)).sqrt()
}

fn largest(values: &[f64]) -> f64 {
    // Not `f64::max`, which would drop what is no number.
    values.iter().fold(f64::NEG_INFINITY, |most, x| if *x <= most { most } else { *x })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_are_all_effective() {
        let estimate = log_ratio(&[-700.5; 40]);
        assert!((estimate.value + 700.5).abs() < 1e-12 && estimate.std_error < 1e-7);
        assert!((estimate.ess - 40.0).abs() < 1e-9);
    }

    #[test]
    fn unequal_weights_by_hand() {
        // Weights 1 and 3: mean 2, ess 16/10; the variance 2 of one is 1 of the mean, 1/4 of its
        // square.
        let estimate = log_ratio(&[0.0, 3f64.ln()]);
        assert!((estimate.value - 2f64.ln()).abs() < 1e-12);
        assert!((estimate.ess - 1.6).abs() < 1e-12);
        assert!((estimate.std_error - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_number_is_told() {
        assert!(log_mean_exp(&[0.0, f64::NAN, 1.0]).is_nan());
        assert_eq!(log_mean_exp(&[f64::NEG_INFINITY; 3]), f64::NEG_INFINITY);
    }
}
