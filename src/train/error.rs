//! What stops training.

use super::SettingsError;
use crate::{
    device::DeviceError, energy::ModelError, objective::ObjectiveError, sampler::SamplerError,
    tensor::TensorError,
};

/// Why training cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting is out of range.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The data cannot be trained on.
    #[error("the data set {name} {problem}")]
    Data {
        /// The data set.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A value turned NaN or infinite.
    #[error(
        "{count} of the {quantity} turned NaN or infinite by step {step} (learning rate {rate:?}); \
         start again with a smaller --lr{advice}"
    )]
    NonFinite {
        /// Which values.
        quantity: String,
        /// How many.
        count: u64,
        /// After how many updates it was noticed.
        step: u64,
        /// The learning rate then.
        rate: f32,
        /// What else to try.
        advice: &'static str,
    },
    /// A figure of a log line is NaN or infinite, while the parameters are not yet.
    #[error(
        "training diverged: the {figure} is {value:?} by step {step} (learning rate {rate:?}); \
         start again with a smaller --lr"
    )]
    Diverged {
        /// Which figure.
        figure: &'static str,
        /// Its value.
        value: f64,
        /// After how many updates.
        step: u64,
        /// The learning rate then.
        rate: f32,
    },
    /// A snapshot comes from a run with other settings or data.
    #[error("{what} changed since the checkpoint was written; undo that, or start a new run")]
    OtherRun {
        /// What differs.
        what: String,
    },
    /// The tensors of a checkpoint are not those of this run.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The model cannot be made.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The objective refused.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// The sampler refused.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The device refused.
    #[error(transparent)]
    Device(#[from] DeviceError),
}
