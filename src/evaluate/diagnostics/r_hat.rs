//! Potential scale reduction.

use super::{
    draws::Draws,
    moments::{mean, row_means, variance},
    rank::{fold, normal_scores},
};

/// The rank-normalised split R̂ (Vehtari et al. 2021): the larger one of those of
/// the normal scores of the halves of the chains, which sees differences of location, and of their
/// distances to the median, which sees differences of scale. Mixed chains have less than 1.01. NaN
/// for one chain, for fewer than 4 draws, for NaN, and where all draws are the same.
pub fn r_hat(draws: &Draws) -> f64 {
    if draws.chains() < 2 || !draws.usable() {
        return f64::NAN;
    }
    of_scores(draws, &normal_scores(&draws.split()))
}

/// R̂ where the normal scores of the split draws are known, of at least two chains of usable draws.
pub(super) fn of_scores(draws: &Draws, scores: &[f64]) -> f64 {
    let bulk = scale_reduction(scores, draws.half());
    let folded = scale_reduction(&normal_scores(&fold(&draws.split())), draws.half());
    // `max` passes over a NaN: the distances of two values in balance are all the same and say
    // nothing. Where the bulk is NaN the distances are too.
    bulk.max(folded)
}

/// √(((n − 1)/n W + B/n) / W) with n draws a chain, W the mean of the variances within chains and
/// B/n the variance of their means (Gelman and Rubin 1992, as Vehtari
/// et al. 2021 write it).
fn scale_reduction(values: &[f64], draws: usize) -> f64 {
    let n = draws as f64;
    let means = row_means(values, draws);
    let variances: Vec<f64> =
        values.chunks_exact(draws).zip(&means).map(|(row, mean)| variance(row, *mean)).collect();
    let between = n * variance(&means, mean(&means));
    ((between / mean(&variances) + n - 1.0) / n).sqrt()
}
