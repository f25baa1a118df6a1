//! Means and variances.

use rayon::prelude::*;

/// The mean, by two passes: the second takes away the rounding error of the first, so that the
/// mean of equal values is that value. NaN of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let rough = values.iter().sum::<f64>() / n;
    if !rough.is_finite() {
        return rough;
    }
    rough + values.iter().map(|x| x - rough).sum::<f64>() / n
}

/// The mean of each row of `draws` elements.
pub(super) fn row_means(values: &[f64], draws: usize) -> Vec<f64> {
    values.par_chunks_exact(draws).map(mean).collect()
}

/// The unbiased variance around `mean`; NaN of fewer than two values.
pub(super) fn variance(values: &[f64], mean: f64) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    squares / (values.len() as f64 - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_have_no_variance() {
        for n in 1..200 {
            let values = vec![0.1; n];
            assert_eq!(mean(&values), 0.1);
            assert_eq!(variance(&values, 0.1).is_nan(), n == 1);
            assert!(n == 1 || variance(&values, mean(&values)) == 0.0);
        }
        assert!(mean(&[]).is_nan() && variance(&[], f64::NAN).is_nan());
    }
}
