//! Effective sample sizes.

use super::{
    autocorrelation::autocovariance,
    draws::{Draws, split},
    moments::{mean, row_means, variance},
    rank::{normal_scores, quantile},
};

/// Values that differ by less than this are taken for constant; ArviZ takes it from NumPy.
const RESOLUTION: f64 = 1e-15;
/// The quantiles whose effective sample sizes make that of the tails.
const TAILS: [f64; 2] = [0.05, 0.95];

/// The effective sample size of the bulk: that of the rank-normalised halves of the chains
/// (bulk-ESS of Vehtari et al. 2021). NaN for fewer than 4 draws and for NaN.
pub fn ess_bulk(draws: &Draws) -> f64 {
    if !draws.usable() {
        return f64::NAN;
    }
    effective(&normal_scores(&draws.split()), draws.half())
}

/// The effective sample size of the tails: the smaller one of those of the 5 % and the 95 %
/// quantile, each that of the indicator of lying at or below the quantile (tail-ESS of Vehtari et al.
/// 2021). NaN for fewer than 4 draws and for NaN.
pub fn ess_tail(draws: &Draws) -> f64 {
    if !draws.usable() {
        return f64::NAN;
    }
    let [low, high] = TAILS.map(|p| {
        let quantile = quantile(draws.values(), p);
        let below: Vec<f64> =
            draws.split().iter().map(|x| f64::from(u8::from(*x <= quantile))).collect();
        effective(&below, draws.half())
    });
    low.min(high)
}

/// The effective sample size of the mean: that of the halves of the chains as they are. NaN for
/// fewer than 4 draws and for NaN.
pub fn ess_mean(draws: &Draws) -> f64 {
    if !draws.usable() {
        return f64::NAN;
    }
    effective(&draws.split(), draws.half())
}

/// The integrated autocorrelation time 1 + 2 Σ ρ_t, in draws: how many draws of a chain are worth
/// one independent draw. The sum ends by Geyer's rule, so the time is the number of draws in the
/// halves of the chains over [`ess_mean`]. NaN for fewer than 4 draws and for NaN.
pub fn autocorrelation_time(draws: &Draws) -> f64 {
    time_of(draws, ess_mean(draws))
}

/// The autocorrelation time that belongs to an effective sample size of the mean.
pub(super) fn time_of(draws: &Draws, ess: f64) -> f64 {
    (2 * draws.chains() * draws.half()) as f64 / ess
}

/// The effective sample size of values that belong to the draws, row-major [chains, draws], after
/// their chains are split.
pub(super) fn effective_of_split(values: &[f64], draws: usize) -> f64 {
    effective(&split(values, draws), draws / 2)
}

/// The effective sample size of `values`, rows of `draws` ≥ 2 elements, each row a chain: their
/// number over the autocorrelation time, with the correlation of several chains by Vehtari et al.
/// 2021, ρ_t = 1 − (W − mean autocovariance at t) / (W (n − 1)/n + variance of the chains' means).
pub(super) fn effective(values: &[f64], draws: usize) -> f64 {
    if values.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let size = values.len() as f64;
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if high - low < RESOLUTION {
        return size;
    }
    let means = row_means(values, draws);
    let covariance = autocovariance(values, draws, &means);
    let n = draws as f64;
    let within = covariance[0] * n / (n - 1.0);
    let mut total = within * (n - 1.0) / n;
    if means.len() > 1 {
        total += variance(&means, mean(&means));
    }
    let time = geyer(draws, |lag| 1.0 - (within - covariance[lag]) / total);
    // Antithetic chains are worth more than independent draws, but not without bound.
    let least = 1.0 / size.log10();
    size / if least > time { least } else { time }
}

/// The integrated autocorrelation time by Geyer's initial monotone sequence (Geyer 1992): sums of neighbouring pairs ρ_2k + ρ_2k+1 are taken while they are positive, and made to
/// decrease. `correlation` gives ρ_t for t < `draws`, which is at least 2. NaN where a correlation
/// that is needed is NaN.
///
/// The correlation at the even lag after the last pair is added once where it is positive, which
/// lowers the variance for antithetic chains; so do Stan and ArviZ.
fn geyer(draws: usize, correlation: impl Fn(usize) -> f64) -> f64 {
    let (mut even, mut odd) = (1.0, correlation(1));
    // ρ of the pairs that are kept.
    let mut kept = vec![[even, odd]];
    let mut lag = 1;
    while lag + 3 < draws && even + odd > 0.0 {
        (even, odd) = (correlation(lag + 1), correlation(lag + 2));
        kept.push([even, odd]);
        lag += 2;
    }
    if even.is_nan() || odd.is_nan() {
        return f64::NAN;
    }
    // The last pair that was looked at, whether positive or not, is not summed.
    kept.pop();
    let mut sum = 0.0;
    let mut bound = f64::INFINITY;
    for [even, odd] in kept {
        bound = bound.min(even + odd);
        sum += bound;
    }
    let last = if even + odd >= 0.0 { even } else { even.max(0.0) };
    -1.0 + 2.0 * sum + last
}
