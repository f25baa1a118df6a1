//! Dry runs: what a command would take, and nothing written.

mod program;

use std::fs;

use program::{ergodic, small_run};
use serde_json::Value;

fn json(arguments: &[&str]) -> Value {
    let outcome = ergodic(arguments);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn training_is_measured_and_nothing_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let out_text = out.to_str().unwrap();
    let arguments = ["train", "--device", "cpu", "--json", "--dry-run", "--out", out_text];
    for more in [
        &["--hidden", "20", "--chains", "300"][..],
        &["--sampler", "tempering", "--rungs", "3"],
        &["--data", "two-moons", "--chains", "700"],
    ] {
        let found = json(&[&arguments, more].concat());
        assert!(!out.exists(), "{more:?}");
        let (each, count) = (&found["updates"]["seconds_each"], &found["updates"]["count"]);
        let seconds = each.as_f64().unwrap() * count.as_f64().unwrap();
        assert!((found["seconds"].as_f64().unwrap() - seconds).abs() <= 1e-9 * seconds);
        assert!(seconds > 0.0 && found["updates"]["measured"].as_u64().unwrap() > 0);
    }
    let found = json(&[&arguments, &["--hidden", "20", "--chains", "300"][..]].concat());
    // 300 chains of 64 visible and 20 hidden units with their means, and a tally of four.
    assert_eq!(found["memory"]["chains"], 300 * 4 * (64 + 20 + 20 + 4));
    // W and two biases as they are, their gradient, their mean, their momentum; two offsets.
    let parameters = 4 * (64 * 20 + 64 + 20);
    assert_eq!(found["memory"]["parameters"], 4 * parameters + 4 * (64 + 20));
}

#[test]
fn sampling_is_measured_and_nothing_written() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(folder.path());
    let out = folder.path().join("s.png");
    let before = fs::read_dir(&run).unwrap().count();
    let mut arguments =
        vec!["sample", run.to_str().unwrap(), "--device", "cpu", "--out", out.to_str().unwrap()];
    arguments.extend(["--dry-run", "--chains", "50", "--steps", "100000"]);
    let outcome = ergodic(&arguments);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("time: 100000 transitions"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("50 chains"), "{}", outcome.stdout);
    arguments.push("--json");
    let found = json(&arguments);
    assert_eq!(found["transitions"]["count"], 100_000);
    assert_eq!(found["memory"]["energies"], 4 * 50 * 250, "of 250 draws");
    assert!(!out.exists());
    assert_eq!(fs::read_dir(&run).unwrap().count(), before);
}
