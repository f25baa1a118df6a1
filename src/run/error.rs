//! What can go wrong with files and folders.

use std::{io, path::PathBuf};

use crate::{plot::PlotError, sampler::SamplerError, tensor::TensorError, train::TrainError};

/// An error of the run folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The system refused.
    #[error("cannot {action} {}: {source}{advice}", path.display())]
    Io {
        /// read, write, create, …
        action: &'static str,
        /// Of which file or folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
        /// What to do, as the end of the sentence; may be empty.
        advice: &'static str,
    },
    /// A file is not what it should be.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, what was wanted, what to do.
        problem: String,
    },
    /// The tensors of a file are not those wanted.
    #[error("{}: {source}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: TensorError,
    },
    /// The output folder holds something already.
    #[error(
        "{} {what}; choose another --out, go on with --resume, or overwrite it with --force",
        path.display()
    )]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What it holds.
        what: &'static str,
    },
    /// A picture cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// Chains for a picture cannot be moved.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// Training stopped.
    #[error("{source}{}", kept(checkpoint))]
    Train {
        /// Why.
        source: TrainError,
        /// The last good checkpoint.
        checkpoint: Option<PathBuf>,
    },
}

fn kept(checkpoint: &Option<PathBuf>) -> String {
    match checkpoint {
        Some(path) => format!("; the last good checkpoint is {}", path.display()),
        None => "; no checkpoint had been written yet".into(),
    }
}

impl RunError {
    pub(crate) fn file(path: &std::path::Path, problem: impl Into<String>) -> Self {
        Self::File { path: path.into(), problem: problem.into() }
    }

    pub(crate) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| {
            let advice = match source.kind() {
                io::ErrorKind::StorageFull => "; free some space",
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "; choose a place that you may write to"
                }
                _ => "",
            };
            Self::Io { action, path, source, advice }
        }
    }
}
