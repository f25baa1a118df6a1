//! What was found, as `scale.json` holds it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Against, Curve, Fitting, Kernel};
use crate::{
    bench::{BenchError, Roofline},
    device::Device,
    run::{RunError, read_text},
};

/// Bytes of a report that is read.
const LARGEST: u64 = 1 << 24;

/// How cost and memory grow on a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The version of the program.
    pub version: String,
    /// The device.
    pub device: String,
    /// Whether it was a quick run, with fewer points and shorter rounds.
    pub quick: bool,
    /// What fits the device.
    pub fitting: Fitting,
    /// The device's rates.
    pub roofline: Roofline,
    /// What was measured.
    pub curves: Vec<Curve>,
    /// What was not.
    pub left_out: Vec<LeftOut>,
}

/// A point that was not measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The kernel.
    pub kernel: Kernel,
    /// What varies.
    pub against: Against,
    /// Where the point lies.
    pub at: usize,
    /// Why it was left out.
    pub why: String,
}

impl Scaling {
    /// A report without measurements yet.
    pub fn new(device: &Device, quick: bool) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            device: device.name().into(),
            quick,
            fitting: Fitting::of(device.room()),
            roofline: Roofline { gflops: 0.0, gbytes_per_s: 0.0, product: None },
            curves: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Reads a report that this or another run has written.
    ///
    /// # Errors
    /// The file cannot be read, or is no such report.
    pub fn read(path: &Path) -> Result<Self, BenchError> {
        serde_json::from_str(&read_text(path, LARGEST)?).map_err(|error| {
            let problem = format!(
                "is no report of `ergodic bench --scale` ({error}); wanted the scale.json that it \
                 writes"
            );
            BenchError::File { path: path.into(), problem }
        })
    }

    /// The report as the text of a file.
    ///
    /// # Errors
    /// A figure is no number.
    pub fn to_json(&self, path: &Path) -> Result<String, BenchError> {
        let text = serde_json::to_string_pretty(self);
        Ok(text.map_err(|error| RunError::file(path, error.to_string()))?)
    }
}
