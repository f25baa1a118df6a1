//! From a cold start to the first sample of a saved model: the program itself, run as a user would.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use pollster::block_on;

use super::{BenchError, Timing};
use crate::{
    device::Device,
    energy::{Model, Rbm},
    run::{RunError, write_model},
};

/// Runs that are timed.
const RUNS: usize = 7;

/// A folder of its own that goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, BenchError> {
        let path = std::env::temp_dir().join(format!("ergodic-bench-{}", std::process::id()));
        match std::fs::create_dir(&path) {
            Ok(()) => Ok(Self(path)),
            Err(source) => {
                let advice = "; remove it, or set TMPDIR to a folder that can be written to";
                Err(RunError::Io { action: "create", path, source, advice }.into())
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in a temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Times `program sample MODEL --device DEVICE` with one chain and one step, to its end. The first
/// run, which reads the program from the disk, is not counted.
pub(super) fn measure(program: &Path, device: &str, sizes: &[usize]) -> Result<Timing, BenchError> {
    let scratch = Scratch::new()?;
    let model = scratch.0.join("model.safetensors");
    let rbm = Rbm::initial(&Device::cpu(), &vec![0.5; sizes[0]], sizes[1], false, 1)?;
    block_on(write_model(&model, &Model::Rbm(rbm), None))?;
    let run = || -> Result<f64, BenchError> {
        let mut command = Command::new(program);
        command
            .arg("sample")
            .arg(&model)
            .args(["--chains", "1", "--steps", "1", "--device", device]);
        command.arg("--out").arg(scratch.0.join("sample.png")).stdin(Stdio::null());
        let started = Instant::now();
        let output = command.output().map_err(|error| {
            let problem = format!("{} does not start: {error}", program.display());
            BenchError::ColdStart { problem }
        })?;
        let seconds = started.elapsed().as_secs_f64();
        if output.status.success() {
            return Ok(seconds);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.trim().lines().last().unwrap_or("it gave no reason").to_string();
        Err(BenchError::ColdStart {
            problem: format!("`sample` failed ({}): {last}", output.status),
        })
    };
    run()?;
    Ok(Timing::new(1, (0..RUNS).map(|_| run()).collect::<Result<_, _>>()?))
}
