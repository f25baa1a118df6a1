//! Training: a model, an objective, an optimizer, chains and averaging, put together. Nothing here
//! knows of files or terminals.

mod average;
mod error;
mod feed;
mod monitor;
mod optimizer;
mod settings;
mod state;
mod trainer;

pub use error::TrainError;
pub use monitor::Metrics;
pub use settings::{ObjectiveKind, OptimizerKind, Settings, SettingsError};
pub use state::{Counters, State};
pub use trainer::Trainer;
