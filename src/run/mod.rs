//! The run folder: configuration, metrics, model files, checkpoints, pictures, all written whole
//! or not at all, and the loop that fills it. No mathematics, no terminal.

mod checkpoint;
mod compare;
mod config;
mod error;
mod files;
mod folder;
mod metrics;
mod model;
mod pictures;
mod resolve;
mod session;
mod tensors;

pub use checkpoint::Checkpoints;
pub use compare::{Comparison, Contender, OBJECTIVES, compare, evaluations_an_update};
pub use config::Config;
pub use error::RunError;
pub use files::write_atomically;
pub(crate) use files::{read_text, shortened};
pub use folder::Folder;
pub use metrics::MetricsFile;
pub use model::{Loaded, ModelFile, read_model, write_model};
pub use pictures::{
    Landscape, Range, STEPS_OF_A_CLASS, class_grid, class_names, class_samples, pairs,
    shape_or_strip, visible_means,
};
pub use session::{Cadence, Ending, finish, train};
pub use tensors::{read_tensors, tensors_to_bytes};
