//! The run folder and the names in it.

use std::path::{Path, PathBuf};

use super::{Checkpoints, Config, MetricsFile, RunError, pictures, write_atomically};
use crate::{evaluate::Evaluation, train::TrainError};

/// Files that a run writes; `--force` removes these and nothing else.
const FILES: &[&str] = &[
    "metrics.jsonl",
    "model.safetensors",
    "evaluation.json",
    "samples.png",
    "filters.png",
    "curves.png",
    "evaluation.png",
    "density.png",
    "flow.gif",
    "confusion.png",
    "calibration.png",
    CONFIG,
];
/// What marks a folder as a run, and so goes last: where another file cannot be removed, because a
/// program has it open, the next `--force` still knows the folder.
const CONFIG: &str = "config.toml";
/// The folder of checkpoints.
const CHECKPOINTS: &str = "checkpoints";

/// A run folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a new run folder. A folder with something in it is taken only with `force`, and only
    /// where it is a run folder; the old run's files are then removed.
    ///
    /// # Errors
    /// It is occupied, or the system refuses.
    pub fn create(path: &Path, force: bool) -> Result<Self, RunError> {
        let folder = Self { path: path.into() };
        let occupied = |what| Err(RunError::Occupied { path: path.into(), what });
        match std::fs::read_dir(path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    // Other programs have a config.toml too; a run's names its version.
                    let is_run = folder.config().is_ok_and(|config| config.version.is_some());
                    match (force, is_run) {
                        (false, true) => return occupied("already holds a run"),
                        (false, false) => return occupied("is not empty"),
                        (true, false) => {
                            return Err(RunError::file(
                                path,
                                "holds files that are not of a run, and --force removes only \
                                 runs; choose another --out",
                            ));
                        }
                        (true, true) => folder.clear()?,
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                return Err(RunError::file(
                    path,
                    "is a file, wanted a folder; choose another --out",
                ));
            }
            Err(error) => return Err(RunError::io("read", path)(error)),
        }
        let checkpoints = folder.file(CHECKPOINTS);
        std::fs::create_dir_all(&checkpoints).map_err(RunError::io("create", &checkpoints))?;
        Ok(folder)
    }

    /// The first of `base`, `base-2`, `base-3`, … that does not exist, made.
    ///
    /// # Errors
    /// The system refuses.
    pub fn create_numbered(base: &Path) -> Result<Self, RunError> {
        let mut path = base.to_path_buf();
        let mut number = 2u32;
        while path.symlink_metadata().is_ok() {
            let mut name = base.as_os_str().to_os_string();
            name.push(format!("-{number}"));
            path = name.into();
            number += 1;
        }
        Self::create(&path, false)
    }

    /// Opens an existing run folder.
    ///
    /// # Errors
    /// It is no run folder.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let folder = Self { path: path.into() };
        if !path.is_dir() {
            let what = if path.exists() { "is a file" } else { "does not exist" };
            return Err(RunError::file(path, format!("{what}, wanted the folder of a run")));
        }
        if !folder.file(CONFIG).is_file() {
            return Err(RunError::file(path, "is not the folder of a run: no config.toml in it"));
        }
        Ok(folder)
    }

    fn clear(&self) -> Result<(), RunError> {
        let checkpoints = self.file(CHECKPOINTS);
        if checkpoints.is_dir() {
            self.checkpoints().clear()?;
        }
        for name in FILES {
            let file = self.file(name);
            if file.is_file() {
                std::fs::remove_file(&file).map_err(RunError::io("remove", &file))?;
            }
        }
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file in it, whole or not at all.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        write_atomically(&self.file(name), bytes)
    }

    /// The names of the files in it, the configuration aside.
    pub fn results(&self) -> Vec<&'static str> {
        let written = |name: &&&str| **name != CONFIG && self.file(name).exists();
        FILES.iter().filter(written).copied().collect()
    }

    /// The model file.
    pub fn model(&self) -> PathBuf {
        self.file("model.safetensors")
    }

    /// The checkpoints.
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::new(self.file(CHECKPOINTS))
    }

    /// The error of training that stopped: it names the last good checkpoint.
    pub(super) fn failed(&self, source: TrainError) -> RunError {
        RunError::Train { source, checkpoint: self.checkpoints().newest_path() }
    }

    /// The metrics.
    pub fn metrics(&self) -> MetricsFile {
        MetricsFile::new(self.file("metrics.jsonl"))
    }

    /// Writes evaluation.json, and evaluation.png where chains were looked at.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write_evaluation(&self, evaluation: &Evaluation) -> Result<(), RunError> {
        let path = self.file("evaluation.json");
        let text = serde_json::to_string_pretty(evaluation)
            .map_err(|error| RunError::file(&path, error.to_string()))?;
        write_atomically(&path, text.as_bytes())?;
        pictures::draw_evaluation(self, evaluation)
    }

    /// The configuration.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn config(&self) -> Result<Config, RunError> {
        Config::read(&self.file(CONFIG))
    }

    /// Writes the configuration.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write_config(&self, config: &Config) -> Result<(), RunError> {
        let path = self.file(CONFIG);
        let text = config.to_toml().map_err(|problem| RunError::file(&path, problem))?;
        write_atomically(&path, text.as_bytes())
    }
}
