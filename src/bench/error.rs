//! What can go wrong with a benchmark.

use std::path::PathBuf;

use crate::{
    device::DeviceError, energy::ModelError, plot::PlotError, run::RunError, sampler::SamplerError,
    train::TrainError,
};

/// An error of the benchmark.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// No case has such a name.
    #[error("no case starts with '{found}'; there are: {}", available.join(", "))]
    UnknownCase {
        /// What was asked for.
        found: String,
        /// The names there are.
        available: Vec<&'static str>,
    },
    /// A file is no report.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, what was wanted, what to do.
        problem: String,
    },
    /// The program could not be run as a user would run it.
    #[error("cold start: {problem}")]
    ColdStart {
        /// What went wrong.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A picture cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A model cannot be made.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Chains cannot be moved.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// Training stopped.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The device refused.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl BenchError {
    /// Whether the device has not the memory for what was asked, so that smaller cases may do.
    pub(super) fn is_lack_of_memory(&self) -> bool {
        let device = match self {
            Self::Device(error)
            | Self::Model(ModelError::Device(error))
            | Self::Sampler(SamplerError::Device(error))
            | Self::Train(
                TrainError::Device(error)
                | TrainError::Model(ModelError::Device(error))
                | TrainError::Sampler(SamplerError::Device(error)),
            ) => error,
            _ => return false,
        };
        matches!(device, DeviceError::TooLarge { .. } | DeviceError::OutOfMemory { .. })
    }
}
