//! Runs of the program from start to end: what they write, stopping, resuming, crashing.

mod program;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use ergodic::{
    random::{HostRng, Stream},
    run::Folder,
};
use program::{command, ergodic, small_run};

const FILES: [&str; 7] = [
    "config.toml",
    "metrics.jsonl",
    "model.safetensors",
    "evaluation.json",
    "samples.png",
    "filters.png",
    "curves.png",
];

#[test]
fn a_run_leaves_every_file_and_its_config_reproduces_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(folder.path());
    for name in FILES {
        assert!(fs::metadata(run.join(name)).unwrap().len() > 0, "{name}");
    }
    let again = folder.path().join("again");
    let config = run.join("config.toml");
    let outcome = ergodic(&[
        "train",
        "--device",
        "cpu",
        "--json",
        "--config",
        config.to_str().unwrap(),
        "--out",
        again.to_str().unwrap(),
    ]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let printed: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let test = &printed["evaluation"]["log_likelihood"]["test"]["exact"];
    assert!(test.as_f64().unwrap() < 0.0, "{test}");
    for name in ["config.toml", "model.safetensors", "samples.png"] {
        assert!(fs::read(run.join(name)).unwrap() == fs::read(again.join(name)).unwrap(), "{name}");
    }
    let other = folder.path().join("other");
    let outcome = ergodic(&[
        "train",
        "--device",
        "cpu",
        "--config",
        config.to_str().unwrap(),
        "--seed",
        "1",
        "--out",
        other.to_str().unwrap(),
    ]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let model = |path: &Path| fs::read(path.join("model.safetensors")).unwrap();
    assert!(model(&run) != model(&other), "a flag wins over the file, and the seed matters");
}

#[test]
fn sample_writes_pictures_animations_and_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (png, npy, gif) = (path("s.png"), path("s.npy"), path("s.gif"));
    let outcome = ergodic(&[
        "sample",
        run.to_str().unwrap(),
        "--device",
        "cpu",
        "--chains",
        "20",
        "--steps",
        "30",
        "--out",
        &png,
        "--npy",
        &npy,
        "--gif",
        &gif,
        "--frames",
        "10",
        "--clamp",
        "top",
    ]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(image::open(&png).unwrap().width() > 100);
    assert!(fs::read(&gif).unwrap().starts_with(b"GIF8"));
    let states = states_of_20_chains(&npy);
    assert!(states.iter().all(|x| *x == 0.0 || *x == 1.0));
    // The clamped half is the data's, in every chain, also of replicas that exchange.
    let clamped = ["--clamp", "top", "--chains", "20", "--steps", "30", "--device", "cpu"];
    let target = ["sample", run.to_str().unwrap(), "--out", &png, "--npy", &npy];
    let outcome = ergodic(&[&target[..], &clamped, &["--sampler", "tempering"]].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("round trips a replica"), "{}", outcome.stderr);
    // Around other clamped units every chain has a law of its own, and no verdict is due.
    assert!(!outcome.stdout.contains("R-hat"), "{}", outcome.stdout);
    let free = ergodic(&[&target[..], &["--steps", "200", "--device", "cpu"]].concat());
    assert!(free.stdout.contains("R-hat"), "{}", free.stdout);
    let outcome = ergodic(&[&target[..], &clamped, &["--sampler", "tempering"]].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let exchanged = states_of_20_chains(&npy);
    let mut data = ergodic::data::load("digits", &Default::default()).unwrap();
    data.binarize(ergodic::data::Binarize::Threshold, 0);
    for (chain, states) in states.chunks_exact(64).enumerate() {
        assert_eq!(states[..32], data.test.row(chain)[..32], "chain {chain}");
        let exchanged = &exchanged[64 * chain..][..32];
        assert_eq!(exchanged, &data.test.row(chain)[..32], "chain {chain}");
    }
}

/// The values of a .npy file of 20 rows and 64 columns.
fn states_of_20_chains(path: impl AsRef<std::path::Path>) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    let (header, values) = bytes.split_at(128);
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (20, 64), }";
    assert_eq!(String::from_utf8_lossy(&header[10..]).trim_end(), text);
    assert_eq!(values.len(), 20 * 64 * 4);
    values.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(folder.path());
    for arguments in [vec!["devices"], vec!["evaluate", run.to_str().unwrap()], vec!["--help"]] {
        let mut child =
            command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

#[test]
fn nobody_reading_stderr_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let arguments = ["train", "--epochs", "2", "--hidden", "3", "--out", run.to_str().unwrap()];
    let mut child =
        command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert!(child.wait().unwrap().success());
}

/// What marks a folder as a run goes last: a `--force` that cannot remove a file can be tried again.
#[test]
fn a_refused_force_leaves_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(folder.path());
    // No file of this name can be removed.
    let blocked = run.join("checkpoints/step-7.safetensors");
    fs::create_dir(&blocked).unwrap();
    let train = ["train", "--device", "cpu", "--hidden", "8", "--epochs", "1", "--force", "--out"];
    let again = || ergodic(&[&train[..], &[run.to_str().unwrap()]].concat());
    let outcome = again();
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("step-7.safetensors"), "{}", outcome.stderr);
    assert!(run.join("config.toml").is_file());
    fs::remove_dir(&blocked).unwrap();
    let outcome = again();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
}

/// A long run on digits in `out`, or on with it.
fn start(out: &Path, resume: bool, more: &[&str]) -> Child {
    let out = out.to_str().unwrap();
    let arguments = if resume {
        vec!["train", "--device", "cpu", "--resume", out]
    } else {
        let settings = ["--hidden", "8", "--force", "--out", out];
        [&["train", "--device", "cpu"], settings.as_slice(), more].concat()
    };
    command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_checkpoint_and_the_resumed_run_equals_one_never_stopped() {
    interrupted(&["--epochs", "60", "--checkpoint-every", "1000"]);
}

#[cfg(unix)]
#[test]
fn so_does_a_run_with_tempering() {
    let tempering = ["--sampler", "tempering", "--rungs", "3", "--chains", "100"];
    interrupted(&[&["--epochs", "60", "--checkpoint-every", "1000"][..], &tempering].concat());
}

/// Stops a run by Ctrl-C, resumes it, and compares with one that was not stopped.
#[cfg(unix)]
fn interrupted(settings: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    assert!(start(&whole, false, settings).wait().unwrap().success());
    let cut = folder.path().join("cut");
    let mut child = start(&cut, false, settings);
    wait_for_lines(&cut, 3);
    interrupt(&child);
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let text: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text:?}");
    assert!(text.iter().any(|line| line.contains("ergodic train --resume")), "{text:?}");
    assert!(!cut.join("model.safetensors").exists());
    assert!(start(&cut, true, &[]).wait().unwrap().success());
    for name in ["model.safetensors", "samples.png"] {
        assert!(fs::read(whole.join(name)).unwrap() == fs::read(cut.join(name)).unwrap(), "{name}");
    }
    let steps = |path: &Path| -> Vec<u64> {
        Folder::open(path).unwrap().metrics().read().unwrap().iter().map(|m| m.step).collect()
    };
    assert_eq!(steps(&whole), steps(&cut));
    // The run is one that `sample` takes, by sweeps unless it is told otherwise.
    let out = folder.path().join("s.png");
    let arguments = ["sample", cut.to_str().unwrap(), "--steps", "20", "--device", "cpu"];
    let outcome = ergodic(&[&arguments[..], &["--out", out.to_str().unwrap()]].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("tempering:"), "{}", outcome.stderr);
}

#[test]
fn a_run_is_not_resumed_with_other_settings_or_data() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("bits.csv");
    fs::write(&data, "0,1,1\n1,0,1\n1,1,0\n0,0,1\n".repeat(5)).unwrap();
    let run = folder.path().join("run");
    let (data, out) = (data.to_str().unwrap(), run.to_str().unwrap());
    let trained =
        ergodic(&["train", "--data", data, "--epochs", "9", "--hidden", "3", "--out", out]);
    assert_eq!(trained.code, Some(0), "{}", trained.stderr);
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    let refused = |wanted: &[&str]| {
        let outcome = ergodic(&["train", "--resume", out]);
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        for wanted in wanted {
            assert!(outcome.stderr.contains(wanted), "{wanted}: {}", outcome.stderr);
        }
    };
    for (key, old, new) in
        [("hidden", "hidden = [3]", "hidden = [4]"), ("lr", "lr = 0.1", "lr = 0.2")]
    {
        fs::write(run.join("config.toml"), config.replacen(old, new, 1)).unwrap();
        refused(&["config.toml", "step-", key]);
    }
    fs::write(run.join("config.toml"), &config).unwrap();
    fs::write(data, "1,1,1\n1,0,1\n1,1,0\n0,0,1\n".repeat(5)).unwrap();
    refused(&["the training data"]);
}

#[test]
fn a_diverging_run_stops_and_keeps_its_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    for (name, settings) in [("inf", ["--lr", "1e30"]), ("large", ["--lr", "1e20"])] {
        let run = folder.path().join(name);
        let arguments =
            ["train", "--hidden", "4", "--epochs", "30", "--out", run.to_str().unwrap()];
        let outcome = ergodic(&[&arguments, settings.as_slice()].concat());
        assert_eq!(outcome.code, Some(1), "{name}: {}", outcome.stderr);
        for wanted in ["--lr", "last good checkpoint", "step-"] {
            assert!(outcome.stderr.contains(wanted), "{wanted}: {}", outcome.stderr);
        }
        assert!(!run.join("model.safetensors").exists());
        Folder::open(&run).unwrap().checkpoints().newest().unwrap();
    }
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
}

/// Waits until a run has logged that many lines.
fn wait_for_lines(run: &Path, lines: usize) {
    let started = Instant::now();
    while fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default().lines().count() < lines
    {
        assert!(started.elapsed() < Duration::from_secs(60), "no log lines");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn killed_at_50_random_moments_the_newest_checkpoint_always_loads() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let settings = ["--epochs", "1000000", "--checkpoint-every", "1"];
    let mut rng = HostRng::new(1, Stream::Evaluate, 0);
    let mut last = 0;
    for kill in 0..50 {
        let mut child = start(&run, kill > 0, &settings);
        // Past the start of the program, so that the kills fall between and into checkpoints.
        let started = Instant::now();
        let newest = |run: &Path| {
            let folder = Folder::open(run).ok()?;
            folder.checkpoints().newest().ok().map(|(_, state, _)| state.counters.step)
        };
        while newest(&run).is_none_or(|step| step <= last) {
            assert!(started.elapsed() < Duration::from_secs(60), "no checkpoint");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros((rng.uniform() * 60_000.0) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        let (_, state, broken) = Folder::open(&run).unwrap().checkpoints().newest().unwrap();
        assert!(broken.is_empty(), "kill {kill}: {broken:?}");
        assert!(state.counters.step > last, "kill {kill}");
        last = state.counters.step;
    }
    let left = fs::read_dir(run.join("checkpoints")).unwrap().count();
    assert!(left <= 4, "{left} files are left over");
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    // A limit on the size of files stands in for a full disk.
    let script = format!(
        "trap '' XFSZ; ulimit -f 40; exec {} train --device cpu --hidden 24 --epochs 2 --out {}",
        env!("CARGO_BIN_EXE_ergodic"),
        run.display()
    );
    let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot write") && text.contains("checkpoints"), "{text}");
}
