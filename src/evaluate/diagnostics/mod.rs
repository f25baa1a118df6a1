//! How well chains have mixed, and how many independent draws they are worth. Pure host code in
//! f64 over the draws of one scalar statistic.
//!
//! The formulas are those of Vehtari, Gelman, Simpson, Carpenter and Bürkner, "Rank-normalization,
//! folding, and localization: an improved R̂ for assessing convergence of MCMC", Bayesian Analysis
//! 16(2), 2021, and of Geyer, "Practical Markov chain Monte Carlo", Statistical Science 7(4), 1992.
//! Where these leave a choice, it is that of ArviZ 0.23.4, from which the reference values of the
//! tests come:
//!
//! - each chain is cut into halves, and an odd length leaves out the draw in the middle;
//! - fewer than 4 draws, or a NaN among them, make every figure NaN, and so does a single chain for
//!   R̂;
//! - draws that differ by less than 1e-15 count as constant, and constants as independent.
//!
//! Chains that are each constant but differ have an R̂ of infinity; there ArviZ may answer a huge
//! number instead, the rounding error of its means.

mod autocorrelation;
mod draws;
mod ess;
mod mcse;
mod moments;
mod r_hat;
mod rank;
mod summary;

pub use autocorrelation::autocorrelation;
pub use draws::{Draws, DrawsError};
pub use ess::{autocorrelation_time, ess_bulk, ess_mean, ess_tail};
pub use mcse::{mcse_mean, mcse_sd};
pub use r_hat::r_hat;
pub use summary::Summary;
