//! Training: a model, an objective, an optimizer, chains and averaging, put together. Nothing here
//! knows of files or terminals.

mod average;
mod error;
mod feed;
mod memory;
mod monitor;
mod optimizer;
mod prepare;
mod settings;
mod state;
mod trainer;
mod transitions;

pub use error::TrainError;
pub use memory::{Memory, OnPaper};
pub use monitor::{AnnealedFigures, ChainFigures, Metrics, RbmFigures, TemperingFigures};
pub(crate) use settings::MOST;
pub use settings::{ModelKind, ObjectiveKind, OptimizerKind, SamplerKind, Settings, SettingsError};
pub use state::{Counters, State};
pub use trainer::Trainer;
pub use transitions::Transitions;
