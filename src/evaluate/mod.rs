//! Judging a model: partition functions, likelihoods, and figures that tell whether it learns.
//! Logarithms of sums are accumulated in f64.

mod exact;
mod figures;
mod report;

pub use exact::{MAX_EXACT_UNITS, log_partition};
pub use figures::{HiddenUse, hidden_use, mean_energy, reconstruction_error};
pub(crate) use figures::{mean_energy_of, scalar, upload_head};
pub use report::{Estimate, Evaluation, LogLikelihood, LogZ, Parts};
