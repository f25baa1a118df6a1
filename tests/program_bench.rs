//! `ergodic bench` as a user runs it: what it prints and writes, what it merges, what it refuses.

mod common;
mod program;

use std::{
    fs,
    path::{Path, PathBuf},
};

use program::{command, ergodic};
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Measures the smallest case with two chain counts into `folder`/`name` and gives the report.
fn measured(folder: &Path, name: &str, device: &str) -> (PathBuf, Value) {
    let out = folder.join(name);
    let arguments = ["bench", "gibbs-64", "--chains", "32,16", "--quick", "--json", "--device"];
    let outcome = ergodic(&[&arguments[..], &[device, "--out", out.to_str().unwrap()]].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.lines().all(|line| line.starts_with("device: ")), "{}", outcome.stderr);
    let found = json(&outcome.stdout);
    assert_eq!(found, json(&fs::read_to_string(out.join("bench.json")).unwrap()));
    (out, found)
}

fn is_picture(path: &Path) {
    let picture = image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(picture.width() >= 600 && picture.height() >= 200, "{}", path.display());
}

/// What every report holds, and what its figures have to do with each other.
fn is_report(found: &Value, is_gpu: bool) {
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} in {found}"));
    let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{a} {b} in {found}");
    let gflops = number(&found["roofline"]["gflops"]);
    assert!(gflops > 0.0 && number(&found["roofline"]["gbytes_per_s"]) > 0.0, "{found}");
    let cases = found["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 2, "{found}");
    for (case, chains) in cases.iter().zip([16, 32]) {
        assert_eq!(case["case"], "gibbs-64-32");
        assert_eq!(
            (&case["sizes"], &case["chains"]),
            (&json("[64, 32]"), &json(&chains.to_string()))
        );
        // A sweep draws 96 units by 2 · 64 · 32 multiply-adds.
        let rate = number(&case["steps_per_second"]);
        near(number(&case["flips_per_ns"]), 96e-9 * rate);
        near(number(&case["macs_per_ns"]), 4096e-9 * rate);
        near(number(&case["seconds"]["median"]), f64::from(chains) / rate);
        let (low, high) = (&case["seconds"]["low"], &case["seconds"]["high"]);
        assert!(number(low) <= number(high), "{case}");
        if is_gpu {
            assert!((1e-3..=1.0).contains(&number(&case["busy_share"])), "{case}");
        } else {
            assert_eq!(case["busy_share"], Value::Null);
        }
        if case["limit"] == "products" {
            near(number(&case["roofline_share"]), 2.0 * number(&case["macs_per_ns"]) / gflops);
        }
    }
}

#[test]
fn a_case_is_measured_written_and_merged() {
    let folder = tempfile::tempdir().unwrap();
    let (first, found) = measured(folder.path(), "cpu", "cpu");
    is_report(&found, false);
    is_picture(&first.join("bench.png"));
    let mut reports = vec![first.join("bench.json")];
    if common::with_gpu() {
        let (second, found) = measured(folder.path(), "gpu", "gpu:0");
        is_report(&found, true);
        reports.push(second.join("bench.json"));
    }
    // A report of an older program, with the keys alone that it must have.
    let plain = folder.path().join("plain.json");
    let case = r#"{"case": "gibbs-64-32", "sizes": [64, 32], "chains": 8, "steps_per_second": 5e6,
        "flips_per_ns": 1, "macs_per_ns": 2, "roofline_share": 0.25,
        "seconds": {"low": 1, "median": 2, "high": 3}}"#;
    let text = r#"{"device": "Another", "roofline": {"gflops": 9, "gbytes_per_s": 8}, "cases": ["#;
    fs::write(&plain, format!("{text}{case}]}}")).unwrap();
    reports.push(plain);

    let out = folder.path().join("merged");
    let mut arguments = vec!["bench", "--out", out.to_str().unwrap(), "--merge"];
    arguments.extend(reports.iter().map(|path| path.to_str().unwrap()));
    let outcome = ergodic(&arguments);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let table = fs::read_to_string(out.join("merged.md")).unwrap();
    assert!(outcome.stdout.starts_with(table.trim_end()), "{}", outcome.stdout);
    let lines: Vec<&str> = table.lines().collect();
    // Names, rule, roofline, and 8, 16 and 32 chains.
    assert_eq!(lines.len(), 6, "{table}");
    assert!(lines[0].contains("CPU") && lines[0].contains("Another"), "{table}");
    let cells: Vec<&str> = lines[3].split('|').map(str::trim).collect();
    assert_eq!(cells[1..3], ["gibbs-64-32", "8"], "{table}");
    assert_eq!(cells[cells.len() - 2], "5,000,000 (25 %)", "{table}");
    is_picture(&out.join("merged.png"));
    // Again, over what it wrote itself.
    assert_eq!(ergodic(&arguments).code, Some(0));
    arguments.push("--json");
    let merged = json(&ergodic(&arguments).stdout);
    assert_eq!(merged.as_array().unwrap().len(), reports.len());
}

#[test]
fn growth_is_measured_and_what_fits_agrees_with_a_dry_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scale");
    let out_text = out.to_str().unwrap();
    let outcome =
        ergodic(&["bench", "--scale", "--quick", "--json", "--device", "cpu", "--out", out_text]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let found = json(&outcome.stdout);
    assert_eq!(found, json(&fs::read_to_string(out.join("scale.json")).unwrap()));
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} in {found}"));
    let mut count = found["left_out"].as_array().unwrap().len();
    let gflops = number(&found["roofline"]["gflops"]);
    for curve in found["curves"].as_array().unwrap() {
        let against = text(&curve["against"]);
        let points = curve["points"].as_array().unwrap();
        count += points.len();
        let place = |point: &Value| match &*against {
            "chains" => number(&point["chains"]),
            "units" => number(&point["sizes"][1]),
            _ => number(&point["steps"]),
        };
        assert!(points.is_sorted_by(|a, b| place(a) < place(b)), "{curve}");
        for point in points {
            let median = number(&point["seconds"]["median"]);
            let macs = 1e9 * number(&point["macs_per_ns"]) * median;
            assert!(macs > 0.0, "{point}");
            // The products alone, or the memory where that is slower.
            assert!(number(&point["paper_seconds"]) >= 1.999e-9 * macs / gflops, "{point}");
        }
        let is_call = against == "steps";
        assert_eq!(curve["call"].is_null(), !is_call || points.len() < 2, "{curve}");
        assert_eq!(curve["exponent"].is_null(), is_call || points.len() < 2, "{curve}");
    }
    // A busy machine leaves points out, and says so.
    assert_eq!(count, 18, "{found}");
    is_picture(&out.join("scale.png"));

    let model = &found["fitting"]["models"][0];
    assert_eq!(model["sizes"], json("[64, 20]"));
    let arguments = ["--data", "digits", "--hidden", "20", "--batch", "500", "--chains", "300"];
    let dry = [&["train", "--dry-run", "--json", "--device", "cpu"], &arguments[..]].concat();
    let dry = json(&ergodic(&dry).stdout);
    assert_eq!(model["parameters_in_training"], dry["memory"]["parameters"]);
    assert_eq!(model["chain"].as_u64().map(|each| 300 * each), dry["memory"]["chains"].as_u64());
}

#[test]
fn the_first_sample_of_a_saved_model_comes_soon() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bench");
    let out = out.to_str().unwrap();
    let outcome = ergodic(&["bench", "cold-start", "--quick", "--device", "cpu", "--out", out]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let found = json(&fs::read_to_string(Path::new(out).join("bench.json")).unwrap());
    let case = &found["cases"][0];
    assert_eq!((&case["case"], &case["steps_per_second"]), (&json("\"cold-start\""), &Value::Null));
    let seconds = case["seconds"]["median"].as_f64().unwrap();
    // 0.02 s on an idle machine.
    assert!((0.001..0.3).contains(&seconds), "{seconds} s");
    assert!(!Path::new(out).join("bench.png").exists(), "there is no throughput to draw");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    fs::write(path("garbage.json"), "\u{0}no json").unwrap();
    fs::write(path("foreign.json"), r#"{"model": "rbm", "seconds": 3}"#).unwrap();
    let out = path("out");
    let refused = |more: &[&str], code: i32, wanted: &[&str]| {
        let outcome = ergodic(&[&["bench", "--device", "cpu", "--out", &out], more].concat());
        assert_eq!(outcome.code, Some(code), "{more:?}: {}", outcome.stderr);
        for wanted in wanted {
            assert!(outcome.stderr.contains(wanted), "{more:?}: {}", outcome.stderr);
        }
        assert!(!Path::new(&out).exists(), "{more:?} leaves a folder");
    };
    refused(&["gibs"], 2, &["'gibs'", "gibbs-64-32", "cold-start"]);
    refused(&["--chains", "0"], 2, &["chains is 0"]);
    refused(&["--chains", "64,x"], 2, &["'x'", "--chains"]);
    refused(&["gibbs", "--merge", &path("foreign.json")], 2, &["--merge"]);
    for more in [&["gibbs"][..], &["--chains", "64"], &["--merge", "bench.json"]] {
        refused(&[&["--scale"], more].concat(), 2, &["--scale", "cannot be used with"]);
    }
    refused(&["--merge", &path("none.json")], 1, &["none.json", "No such file"]);
    for name in ["garbage.json", "foreign.json"] {
        let wanted = [name, "is no report of `ergodic bench`", "bench.json"];
        refused(&["--merge", &path(name)], 1, &wanted);
    }
    refused(&["--merge", folder.path().to_str().unwrap()], 1, &["is a folder"]);

    // Files of somebody else stay as they are.
    for (name, bytes, what) in [
        ("bench.json", "{}", "gibbs-64"),
        ("bench.png", "GIF89a", "gibbs-64"),
        ("scale.json", "{}", "--scale"),
        ("scale.png", "GIF89a", "--scale"),
    ] {
        let taken = folder.path().join(format!("taken-{name}"));
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join(name), bytes).unwrap();
        let taken_path = taken.to_str().unwrap();
        let outcome = ergodic(&["bench", what, "--device", "cpu", "--out", taken_path]);
        assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(name) && outcome.stderr.contains("--out"));
        assert_eq!(fs::read_to_string(taken.join(name)).unwrap(), bytes);
    }
    let file = path("garbage.json");
    let outcome = ergodic(&["bench", "--device", "cpu", "--out", &file]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
}

/// Runs what would take minutes, interrupts it after the first line that `is_first`, and gives the
/// number of lines after it.
#[cfg(unix)]
fn interrupted(arguments: &[&str], is_first: impl Fn(&str) -> bool) -> usize {
    use std::io::{BufRead, BufReader};

    let mut child = command(arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| is_first(&line))));
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
    // The pipe is emptied, or the program would lose its reader.
    let rest = lines.count();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    rest
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_the_cases_that_are_done() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bench");
    let arguments = ["bench", "gibbs", "--device", "cpu", "--out", out.to_str().unwrap()];
    let rest = interrupted(&arguments, |line| line.starts_with("gibbs-64-32"));
    let found = json(&fs::read_to_string(out.join("bench.json")).unwrap());
    assert_eq!(found["cases"].as_array().unwrap().len(), rest, "{found}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_the_points_that_are_done() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scale");
    let arguments = ["bench", "--scale", "--device", "cpu", "--out", out.to_str().unwrap()];
    interrupted(&arguments, |line| line.starts_with("      64"));
    let found = json(&fs::read_to_string(out.join("scale.json")).unwrap());
    assert_eq!(found["curves"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["curves"][0]["points"][0]["chains"], 64);
    is_picture(&out.join("scale.png"));
}
