//! Running the program as a user would, and what came of it.

// Each test crate uses its own part of this.
#![allow(dead_code)]

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What a run of the program left.
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    /// The most memory it held, where the system tells; else 0.
    pub peak_kib: u64,
}

/// The program with arguments.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ergodic"));
    command.args(arguments);
    command
}

/// Runs the program to its end.
pub fn ergodic(arguments: &[&str]) -> Outcome {
    let started = Instant::now();
    let mut child = command(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // Pipes are emptied as they fill, or the program would wait for its reader.
    let drain = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).expect("output can be read");
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = drain(Box::new(child.stdout.take().expect("piped")));
    let stderr = drain(Box::new(child.stderr.take().expect("piped")));
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    let code = loop {
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            peak_kib = peak_kib.max(kib.unwrap_or(0));
        }
        match child.try_wait().expect("the program can be waited for") {
            Some(status) => break status.code(),
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let took = started.elapsed();
    let text = |thread: std::thread::JoinHandle<String>| thread.join().expect("a reader ends");
    let (stdout, stderr) = (text(stdout), text(stderr));
    Outcome { code, stdout, stderr, took, peak_kib }
}

/// A short run on digits in `folder`/run.
pub fn small_run(folder: &Path) -> PathBuf {
    let run = folder.join("run");
    let outcome = ergodic(&[
        "train",
        "--device",
        "cpu",
        "--hidden",
        "8",
        "--epochs",
        "2",
        "--out",
        run.to_str().expect("a temporary path is UTF-8"),
    ]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    run
}
