//! Monte Carlo standard errors.

use super::{
    draws::Draws,
    ess::{effective_of_split, ess_mean},
    moments::{mean, variance},
};

/// The Monte Carlo standard error of the mean: sd / √ESS, with the effective sample size of the
/// mean. NaN for fewer than 4 draws and for NaN.
pub fn mcse_mean(draws: &Draws) -> f64 {
    let values = draws.values();
    (variance(values, mean(values)) / ess_mean(draws)).sqrt()
}

/// The Monte Carlo standard error of the standard deviation, by the delta method from that of the
/// mean of squared deviations: half the error of the variance over the sd, with
/// the fourth moment of the draws and the effective sample size of their squared deviations. NaN for fewer than 4 draws, for NaN, and for
/// constant draws.
pub fn mcse_sd(draws: &Draws) -> f64 {
    if !draws.usable() {
        return f64::NAN;
    }
    let centre = mean(draws.values());
    let squares: Vec<f64> = draws.values().iter().map(|x| (x - centre) * (x - centre)).collect();
    let ess = effective_of_split(&squares, draws.draws());
    let second = mean(&squares);
    let fourth = squares.iter().map(|s| s * s).sum::<f64>() / squares.len() as f64;
    ((fourth - second * second) / ess / second / 4.0).sqrt()
}
