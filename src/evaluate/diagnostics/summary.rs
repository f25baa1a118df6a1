//! All figures of a statistic in one.

use serde::Serialize;

use super::{
    draws::Draws,
    ess::{effective, ess_mean, ess_tail, time_of},
    mcse::mcse_sd,
    moments::{mean, variance},
    r_hat,
    rank::normal_scores,
};

/// What draws of a scalar statistic say about its law, and about the chains that drew them. The mean
/// and its errors have the unit of the statistic. NaN, which JSON writes as null, where a figure is
/// not defined.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Mean of all draws.
    pub mean: f64,
    /// Standard deviation of all draws, from the unbiased variance.
    pub sd: f64,
    /// Monte Carlo standard error of the mean, see [`super::mcse_mean`].
    pub mcse_mean: f64,
    /// Monte Carlo standard error of the standard deviation, see [`super::mcse_sd`].
    pub mcse_sd: f64,
    /// Effective sample size of the bulk, see [`super::ess_bulk`].
    pub ess_bulk: f64,
    /// Effective sample size of the tails, see [`super::ess_tail`].
    pub ess_tail: f64,
    /// Rank-normalised split R̂, see [`super::r_hat()`].
    pub r_hat: f64,
    /// Integrated autocorrelation time in draws, see [`super::autocorrelation_time`].
    pub autocorrelation_time: f64,
}

impl Summary {
    /// Computes all figures, each as its own function does, with what they share done once.
    pub fn of(draws: &Draws) -> Self {
        let mean = mean(draws.values());
        let variance = variance(draws.values(), mean);
        let ess_mean = ess_mean(draws);
        let (mut ess_bulk, mut r_hat) = (f64::NAN, f64::NAN);
        if draws.usable() {
            let scores = normal_scores(&draws.split());
            ess_bulk = effective(&scores, draws.half());
            if draws.chains() > 1 {
                r_hat = r_hat::of_scores(draws, &scores);
            }
        }
        Self {
            mean,
            sd: variance.sqrt(),
            mcse_mean: (variance / ess_mean).sqrt(),
            mcse_sd: mcse_sd(draws),
            ess_bulk,
            ess_tail: ess_tail(draws),
            r_hat,
            autocorrelation_time: time_of(draws, ess_mean),
        }
    }
}
