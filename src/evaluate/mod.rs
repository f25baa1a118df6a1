//! Judging a model: partition functions, likelihoods, and figures that tell whether it learns.
//! Logarithms of sums are accumulated in f64.

mod annealing;
mod bracket;
mod classification;
mod diagnostics;
mod equilibrium;
mod exact;
mod figures;
mod mixing;
mod outliers;
mod quadrature;
mod report;
mod verdict;

pub use annealing::{
    Annealer, Passage, Waypoint, adapt, bennett, effective_sample_size, log_mean_exp, log_ratio,
    pass,
};
pub use bracket::{Bracket, Effort};
pub use classification::{Bin, accuracy, auroc, calibration, confusion};
pub use diagnostics::{
    Draws, DrawsError, Summary, autocorrelation, autocorrelation_time, ess_bulk, ess_mean,
    ess_tail, mcse_mean, mcse_sd, r_hat,
};
pub use equilibrium::{Equilibrium, LOOKS};
pub use exact::{log_partition, max_exact_units};
pub use figures::{HiddenUse, energies, hidden_use, logits, mean_energy, reconstruction_error};
pub(crate) use figures::{energies_of, mean_energy_of, scalar, upload_head};
pub use mixing::{Mixing, Trace};
pub use outliers::{Outliers, outliers};
pub(crate) use quadrature::widen;
pub use quadrature::{MAX_QUADRATURE_DIMENSIONS, Quadrature, extent, quadrature};
pub use report::{Estimate, Evaluation, Judge, LogLikelihood, LogZ, Parts};
pub use verdict::{Subject, Verdict, mixing as mixing_verdict, verdicts};
