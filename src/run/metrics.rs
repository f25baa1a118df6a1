//! metrics.jsonl: one JSON object a log line.

use std::{fs::OpenOptions, io::Write, path::PathBuf};

use super::{
    RunError,
    files::{read_text, write_atomically},
};
use crate::train::Metrics;

/// The longest metrics file that is read, in bytes.
const MAX_METRICS: u64 = 1 << 28;

/// The metrics of a run.
#[derive(Clone, Debug)]
pub struct MetricsFile {
    path: PathBuf,
}

impl MetricsFile {
    /// At a path; nothing is written yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Appends a line.
    ///
    /// # Errors
    /// The system refuses.
    pub fn append(&self, metrics: &Metrics) -> Result<(), RunError> {
        let mut line = self.line(metrics)?;
        line.push('\n');
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(RunError::io("write", &self.path))
    }

    /// Every line; one that was cut off by a crash is left out.
    ///
    /// # Errors
    /// The system refuses.
    pub fn read(&self) -> Result<Vec<Metrics>, RunError> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        let text = read_text(&self.path, MAX_METRICS)?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Drops the lines after an update, as when a run goes back to a checkpoint.
    ///
    /// # Errors
    /// The system refuses.
    pub fn truncate_after(&self, step: u64) -> Result<(), RunError> {
        let mut text = String::new();
        for metrics in self.read()?.iter().filter(|metrics| metrics.step <= step) {
            text.push_str(&self.line(metrics)?);
            text.push('\n');
        }
        write_atomically(&self.path, text.as_bytes())
    }

    fn line(&self, metrics: &Metrics) -> Result<String, RunError> {
        serde_json::to_string(metrics)
            .map_err(|error| RunError::file(&self.path, error.to_string()))
    }
}
