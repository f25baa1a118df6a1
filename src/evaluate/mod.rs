//! Judging a model: partition functions, likelihoods, and figures that tell whether it learns.
//! Logarithms of sums are accumulated in f64.

mod classification;
mod exact;
mod figures;
mod outliers;
mod quadrature;
mod report;

pub use classification::{Bin, accuracy, auroc, calibration, confusion};
pub use exact::{MAX_EXACT_UNITS, log_partition};
pub use figures::{HiddenUse, energies, hidden_use, logits, mean_energy, reconstruction_error};
pub(crate) use figures::{mean_energy_of, scalar, upload_head};
pub use outliers::{Outliers, outliers};
pub(crate) use quadrature::widen;
pub use quadrature::{MAX_QUADRATURE_DIMENSIONS, Quadrature, extent, quadrature};
pub use report::{Estimate, Evaluation, LogLikelihood, LogZ, Parts};
