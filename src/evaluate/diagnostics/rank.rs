//! Rank normalisation, folding and quantiles.

use rayon::prelude::*;
use statrs::function::erf::erfc_inv;

/// The normal scores of the values: each becomes Φ⁻¹((r − 3/8) / (n + 1/4)) for its rank r among
/// all n (Blom's offset, as in Vehtari et al. 2021). Ties get the mean of their ranks, NaN
/// stays NaN.
pub(super) fn normal_scores(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mut sorted: Vec<(f64, usize)> =
        values.par_iter().enumerate().map(|(i, x)| (*x, i)).collect();
    sorted.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut scores = vec![f64::NAN; values.len()];
    let mut before = 0;
    for ties in sorted.chunk_by(|a, b| a.0 == b.0) {
        // Ranks count from 1.
        let rank = before as f64 + (ties.len() as f64 + 1.0) / 2.0;
        before += ties.len();
        if ties[0].0.is_nan() {
            continue;
        }
        let score = normal_quantile((rank - 0.375) / (n + 0.25));
        for (_, i) in ties {
            scores[*i] = score;
        }
    }
    scores
}

/// Φ⁻¹(p) of the standard normal law.
fn normal_quantile(p: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p)
}

/// Distances to the median: what differences of scale are ranked by (Vehtari et al. 2021).
pub(super) fn fold(values: &[f64]) -> Vec<f64> {
    let median = quantile(values, 0.5);
    values.iter().map(|x| (x - median).abs()).collect()
}

/// The quantile of `values` at `p`, interpolated linearly between order statistics (type 7 of
/// Hyndman and Fan 1996). Expects at least two values and no NaN.
///
/// Rounding decides whether a value that equals the quantile lies below it, so the order of the
/// operations is that of SciPy's `mquantiles`.
pub(super) fn quantile(values: &[f64], p: f64) -> f64 {
    let n = values.len();
    let position = n as f64 * p + (1.0 - p);
    let k = position.floor().clamp(1.0, n as f64 - 1.0);
    let share = (position - k).clamp(0.0, 1.0);
    let mut values = values.to_vec();
    let (_, low, above) = values.select_nth_unstable_by(k as usize - 1, f64::total_cmp);
    let high = above.iter().copied().fold(f64::INFINITY, f64::min);
    (1.0 - share) * *low + share * high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantiles_are_precise() {
        // scipy.special.ndtri of SciPy 1.17.1.
        let known = [
            (1e-9, -5.9978070150076865),
            (1.5e-07, -5.12344700001643),
            (1e-5, -4.264890793922825),
            (0.001, -3.090232306167813),
            (0.02, -2.053748910631823),
            (0.1, -1.2815515655446004),
            (0.25, -0.6744897501960817),
            (0.4, -0.2533471031357997),
            (0.499, -0.0025066308995717666),
            (0.4999999, -2.506628274703107e-07),
            (0.5, 0.0),
            (0.50001, 2.5066282748820864e-05),
            (0.6, 0.2533471031357997),
            (0.9, 1.2815515655446004),
            (0.975, 1.959963984540054),
            (0.9999, 3.719016485455709),
            (0.9999998, 5.068957749712317),
            (0.999999999, 5.997807019601637),
        ];
        for (p, want) in known {
            let found = normal_quantile(p);
            assert!((found - want).abs() <= 1e-14 * f64::abs(want), "{p}: {found} {want}");
        }
    }

    #[test]
    fn ties_share_their_rank() {
        let scores = normal_scores(&[2.0, -0.0, 0.0, f64::NAN, 5.0]);
        assert_eq!(scores[1], scores[2]);
        assert_eq!(scores[1], normal_quantile((1.5 - 0.375) / 5.25));
        assert_eq!(scores[0], normal_quantile((3.0 - 0.375) / 5.25));
        assert!(scores[3].is_nan());
        assert!(normal_scores(&[7.0; 9]).iter().all(|score| *score == 0.0));
    }

    #[test]
    fn quantiles_interpolate() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.5), 2.5);
        assert_eq!(quantile(&values, 0.0), 1.0);
        assert_eq!(quantile(&values, 1.0), 4.0);
        assert!((quantile(&values, 0.95) - 3.85).abs() < 1e-12);
        assert_eq!(fold(&values), [1.5, 1.5, 0.5, 0.5]);
    }
}
