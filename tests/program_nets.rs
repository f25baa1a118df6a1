//! Nets through the program: training, judging, sampling, comparing, and what it refuses.

mod program;

use std::{fs, path::Path};

use program::ergodic;

/// Runs the program on the CPU; it must succeed.
fn done(arguments: &[&str]) -> String {
    let outcome = ergodic(&[arguments, &["--device", "cpu"]].concat());
    assert_eq!(outcome.code, Some(0), "{arguments:?}: {}", outcome.stderr);
    outcome.stdout
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn is_picture(path: &Path) {
    let picture = image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(picture.width() >= 100 && picture.height() >= 100, "{}", path.display());
}

#[test]
fn an_energy_over_the_plane_is_trained_judged_and_sampled() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let path = run.to_str().unwrap();
    let train = ["train", "--data", "two-moons", "--objective", "ssm", "--hidden", "16,16"];
    done(&[&train[..], &["--epochs", "2", "--out", path]].concat());
    for picture in ["density.png", "curves.png"] {
        is_picture(&run.join(picture));
    }
    assert!(fs::read(run.join("flow.gif")).unwrap().starts_with(b"GIF8"));
    let found = json(&done(&["evaluate", path, "--json"]));
    let log_z = found["log_z"]["quadrature"].as_f64().unwrap();
    let test = found["log_likelihood"]["test"]["exact"].as_f64().unwrap();
    let energy = found["free_energy"]["test"].as_f64().unwrap();
    assert_eq!(test, -energy - log_z);
    // KL(data, model) = −entropy of the truth − likelihood, up to the 5,000 test examples.
    let kl = found["kl"].as_f64().unwrap();
    assert!((kl - (-2.3939 - test)).abs() < 0.1 && kl > 0.0, "{kl} {test}");

    // The bare model file, from another folder, with every sampler.
    let model = run.join("model.safetensors");
    for sampler in ["ula", "mala", "metropolis", "hmc", "sgld-jem"] {
        let out = folder.path().join("s.png");
        let npy = folder.path().join("s.npy");
        let start = ["sample", model.to_str().unwrap(), "--chains", "50", "--steps", "20"];
        let targets = ["--out", out.to_str().unwrap(), "--npy", npy.to_str().unwrap()];
        let step: &[&str] = if sampler == "sgld-jem" { &[] } else { &["--step-size", "0.01"] };
        done(&[&start[..], &targets[..], &["--sampler", sampler], step].concat());
        is_picture(&out);
        let header = fs::read(&npy).unwrap();
        assert!(String::from_utf8_lossy(&header[..128]).contains("(50, 2"));
        assert_eq!(header.len() - 128, 50 * 2 * 4);
    }

    // Replica exchange, which has a ladder and step sizes of its own.
    let out = folder.path().join("t.png");
    let tempering = ["--sampler", "tempering", "--chains", "50", "--steps", "20", "--rungs", "4"];
    let target = ["sample", path, "--out", out.to_str().unwrap(), "--json"];
    let outcome = ergodic(&[&target[..], &tempering].concat());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let result: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let found = &result["tempering"][0];
    assert_eq!(found["betas"].as_array().unwrap().len(), 4);
    assert_eq!((found["betas"][0].as_f64(), found["betas"][3].as_f64()), (Some(0.0), Some(1.0)));
    assert_eq!(found["rounds"], 20);
    for rate in found["swap_rates"].as_array().unwrap() {
        assert!((0.0..=1.0).contains(&rate.as_f64().unwrap()), "{found}");
    }
    assert!(found["round_trips"].as_f64().is_some() && found["failed"] == 0, "{found}");
    is_picture(&out);
    for (flags, wanted) in [
        (&["--sampler", "tempering", "--beta", "2"][..], "leave out --beta"),
        (&["--sampler", "tempering", "--step-size", "1"], "leave out --step-size"),
        (&["--sampler", "tempering", "--rungs", "1"], "wanted 2 to 1024"),
        (&["--sampler", "mala", "--rungs", "3"], "--rungs is for --sampler tempering"),
    ] {
        let outcome = ergodic(&[&["sample", path], flags].concat());
        assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(wanted), "{}", outcome.stderr);
    }
}

#[test]
fn a_classifier_that_dreams() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let path = run.to_str().unwrap();
    let train = ["train", "--model", "jem", "--hidden", "32", "--epochs", "20", "--k", "2"];
    done(&[&train[..], &["--chains", "128", "--out", path]].concat());
    for picture in ["samples.png", "confusion.png", "calibration.png", "curves.png"] {
        is_picture(&run.join(picture));
    }
    let found = json(&done(&["evaluate", path, "--json"]));
    // Twenty passes of a small net: far above the 10 % of guessing.
    assert!(found["accuracy"]["test"].as_f64().unwrap() > 0.6, "{found}");
    assert!(found["calibration_error"].as_f64().is_some());
    for kind in ["noise", "upside_down", "bars_and_stripes"] {
        let area = found["auroc"][kind].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&area), "{kind}: {area}");
    }
    assert!(found["log_z"]["quadrature"].is_null());
    let out = folder.path().join("each.png");
    let out = out.to_str().unwrap();
    done(&["sample", path, "--class", "each", "--chains", "20", "--steps", "5", "--out", out]);
    is_picture(Path::new(out));
    let outcome = ergodic(&["sample", path, "--class", "10", "--out", out]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("0 to 9"), "{}", outcome.stderr);
}

#[test]
fn every_objective_on_one_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page");
    let out = path.to_str().unwrap();
    let start = ["compare", "--data", "circles", "--budget", "0.05", "--hidden", "16", "--json"];
    let printed = json(&done(&[&start[..], &["--out", out]].concat()));
    is_picture(&path.join("compare.png"));
    let written = json(&fs::read_to_string(path.join("compare.json")).unwrap());
    assert_eq!(printed, written);
    let rows = written["objectives"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["objective"].as_str().unwrap()).collect();
    assert_eq!(names, ["pcd", "cd", "sm", "sm-hutchinson", "ssm", "ssm-vr", "dsm"]);
    for row in rows {
        let nll = row["nll"].as_f64().unwrap();
        // No law is better than the true one but by chance, 5,000 examples' worth of it.
        assert!(nll > -written["truth"].as_f64().unwrap() - 0.1, "{row}");
        assert!(path.join(format!("{}.safetensors", row["objective"].as_str().unwrap())).exists());
    }
    let outcome = ergodic(&["compare", "--data", "digits", "--out", out]);
    assert!(outcome.stderr.contains("64 values"), "{}", outcome.stderr);
}

/// Refused before any work, with what would do.
#[test]
fn inadmissible_pairs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let cases: [(&[&str], &[&str]); 8] = [
        (&["--sampler", "ula"], &["ula", "rbm", "gibbs"]),
        (&["--objective", "sm"], &["sm", "rbm", "pcd or cd"]),
        (&["--objective", "dsm"], &["dsm", "rbm", "pcd or cd"]),
        (&["--data", "two-moons", "--sampler", "gibbs"], &["gibbs", "mlp", "mala"]),
        (&["--data", "two-moons", "--model", "rbm"], &["two-moons", "mlp"]),
        (&["--model", "mlp", "--objective", "jem"], &["jem", "mlp"]),
        (&["--model", "jem", "--data", "bars-and-stripes"], &["classes", "mlp"]),
        (&["--model", "jem", "--sampler", "gibbs"], &["gibbs", "jem", "mala"]),
    ];
    for (flags, wanted) in cases {
        let outcome = ergodic(&[&["train", "--out", out.to_str().unwrap()], flags].concat());
        assert!(matches!(outcome.code, Some(1 | 2)), "{flags:?}: {}", outcome.stderr);
        assert!(outcome.took < std::time::Duration::from_secs(1), "{flags:?}: {:?}", outcome.took);
        for wanted in wanted {
            assert!(outcome.stderr.contains(wanted), "{flags:?}, {wanted}: {}", outcome.stderr);
        }
        assert!(!out.exists(), "{flags:?}: nothing was made");
    }
}
