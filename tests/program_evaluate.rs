//! What the program says of the goodness of a model: annealing, verdicts, and its use in training.

mod program;

use std::{fs, path::Path};

use program::ergodic;
use serde_json::Value;

/// A run of an RBM whose sides are too large to enumerate, with the given flags more.
fn run(folder: &Path, more: &[&str]) -> std::path::PathBuf {
    let out = folder.join(format!("run{}", fs::read_dir(folder).unwrap().count()));
    let path = out.to_str().unwrap().to_string();
    let mut arguments = vec!["train", "--device", "cpu", "--data", "digits", "--hidden", "30"];
    arguments.extend(["--chains", "100", "--out", &path]);
    arguments.extend(more);
    if !more.contains(&"--epochs") {
        arguments.extend(["--epochs", "100"]);
    }
    let outcome = ergodic(&arguments);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    // The outcome, then the verdicts.
    assert!(outcome.stdout.contains("by annealing"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("log Z is known within"), "{}", outcome.stdout);
    out
}

fn number(value: &Value, path: &[&str]) -> f64 {
    let found = path.iter().fold(value, |value, key| &value[*key]);
    found.as_f64().unwrap_or_else(|| panic!("{path:?} is {found}"))
}

#[test]
fn evaluate_brackets_the_likelihood_and_judges() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &[]);
    let outcome = ergodic(&["evaluate", run.to_str().unwrap(), "--device", "cpu", "--json"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let printed: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let written = fs::read_to_string(run.join("evaluation.json")).unwrap();
    assert_eq!(printed, serde_json::from_str::<Value>(&written).unwrap());
    assert!(fs::metadata(run.join("evaluation.png")).unwrap().len() > 0);
    let [up, down, both] = ["ais", "reverse_ais", "bennett"].map(|way| {
        let at = |key| number(&printed, &["log_z", way, key]);
        assert!(at("std_error") > 0.0 && at("ess") > 1.0, "{way}");
        at("value")
    });
    assert!((up - down).abs() < 0.5 && (both - up).abs() < 0.5, "{up}, {down}, {both}");
    for part in ["train", "test"] {
        let at = |key| number(&printed, &["log_likelihood", part, key]);
        let (lower, middle, upper) = (at("lower"), at("bennett"), at("upper"));
        assert!(lower <= middle && middle <= upper && upper - lower < 1.0, "{part}");
        assert!(-30.0 < middle && middle < -10.0, "{part}: {middle}");
        let energy = number(&printed, &["free_energy", part]);
        assert!((middle + energy + both).abs() < 1e-9, "{part}");
    }
    for key in ["annealing", "mixing", "equilibrium"] {
        assert!(printed[key].is_object(), "{key}");
    }
    let subjects: Vec<&str> = printed["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["subject"].as_str().unwrap())
        .collect();
    assert_eq!(subjects, ["likelihood", "mixing", "equilibrium", "overfitting"]);
    // Annealing can be left out; then nothing is known.
    let none = ergodic(&["evaluate", run.to_str().unwrap(), "--device", "cpu", "--chains", "0"]);
    assert!(none.stdout.contains("The likelihood is unknown"), "{}", none.stdout);
}

#[test]
fn efforts_that_cannot_be_meant_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &[]);
    for (flag, value) in [("--chains", "1"), ("--temperatures", "0"), ("--chains", "99999999999")] {
        let outcome = ergodic(&["evaluate", run.to_str().unwrap(), flag, value]);
        assert_eq!(outcome.code, Some(2), "{flag} {value}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(&flag[2..]), "{}", outcome.stderr);
    }
}

/// With --eval-every the log holds brackets, and the likelihood in them grows.
#[test]
fn training_logs_brackets() {
    let folder = tempfile::tempdir().unwrap();
    let lines = lines(&run(folder.path(), &["--eval-every", "300"]));
    let brackets: Vec<(f64, f64)> = lines
        .iter()
        .filter(|line| line["log_likelihood_held_out_lower"].is_f64())
        .map(|line| {
            let at = |key| number(line, &[key]);
            (at("log_likelihood_held_out_lower"), at("log_likelihood_held_out_upper"))
        })
        .collect();
    assert_eq!(brackets.len(), lines.last().unwrap()["step"].as_u64().unwrap() as usize / 300);
    assert!(brackets.iter().all(|(lower, upper)| lower <= upper), "{brackets:?}");
    assert!(brackets.last().unwrap().0 > brackets[0].1 + 1.0, "{brackets:?}");
}

/// With --k auto the sweeps follow the chains, by no more than twice from line to line, and as
/// they did when the run is made again.
#[test]
fn sweeps_follow_the_chains() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--k", "auto", "--seed", "3", "--epochs", "300", "--lr", "0.3"];
    let [first, second] = [run(folder.path(), &more), run(folder.path(), &more)];
    let sweeps: Vec<u64> = lines(&first).iter().map(|line| line["k"].as_u64().unwrap()).collect();
    assert!(sweeps.iter().any(|k| *k > 1), "{sweeps:?}");
    assert!(sweeps.windows(2).all(|pair| pair[1] <= 2 * pair[0]), "{sweeps:?}");
    let model = |run: &Path| fs::read(run.join("model.safetensors")).unwrap();
    assert!(model(&first) == model(&second));
}

fn lines(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
