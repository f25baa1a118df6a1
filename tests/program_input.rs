//! Whatever a user types or feeds, the program answers with a message that names the culprit and
//! what to do, exit code 1 or 2, in under a second, and overwrites nothing.

mod program;

use std::{fs, path::Path, time::Duration};

use program::{Outcome, ergodic, small_run};

/// Runs, and checks what every refusal has in common.
fn refused(arguments: &[&str], wanted: &[&str]) -> Outcome {
    let outcome = ergodic(arguments);
    let text = &outcome.stderr;
    assert!(matches!(outcome.code, Some(1 | 2)), "{arguments:?}: code {:?}\n{text}", outcome.code);
    assert!(!text.contains("panicked"), "{arguments:?}: {text}");
    assert!(outcome.took < Duration::from_secs(1), "{arguments:?}: {:?}", outcome.took);
    assert!(outcome.peak_kib < 256 << 10, "{arguments:?}: {} KiB", outcome.peak_kib);
    for wanted in wanted {
        assert!(text.contains(wanted), "{arguments:?} should say '{wanted}':\n{text}");
    }
    outcome
}

#[test]
fn flags_and_settings_out_of_range_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let out = out.to_str().unwrap();
    let train = |more: &[&str], wanted: &[&str]| {
        let all = [&["train", "--device", "cpu", "--out", out], more].concat();
        assert_eq!(refused(&all, wanted).code, Some(2), "{more:?} is wrong usage");
    };
    train(&["--hiden", "3"], &["--hiden", "--hidden"]);
    train(&["--chains", "0"], &["chains is 0", "wanted 1 to"]);
    train(&["--hidden", "0"], &["hidden is 0"]);
    train(&["--lr", "nan"], &["lr is NaN", "finite"]);
    train(&["--lr", "-1"], &["lr"]);
    train(&["--lr", "inf"], &["lr is inf"]);
    train(&["--batch", "0"], &["batch is 0"]);
    train(&["--epochs", "0"], &["epochs is 0"]);
    train(&["--k", "0"], &["k is 0"]);
    train(&["--k", "auto", "--objective", "cd"], &["k is auto", "pcd"]);
    train(&["--eval-every", "0"], &["eval-every is 0"]);
    train(&["--eval-every", "9", "--model", "mlp"], &["eval-every", "rbm", "evaluate"]);
    train(&["--k", "1,x"], &["x"]);
    train(&["--rungs", "3"], &["--rungs is for --sampler tempering"]);
    train(&["--sampler", "tempering", "--rungs", "1"], &["rungs is 1", "2 to 1024"]);
    let cd = ["--sampler", "tempering", "--objective", "cd"];
    train(&cd, &["sampler is tempering", "wanted gibbs", "rbm by pcd"]);
    for model in ["mlp", "jem"] {
        let net = ["--sampler", "tempering", "--model", model];
        train(&net, &["sampler is tempering", "mala", "rbm by pcd"]);
    }
    let compare = ["compare", "--sampler", "tempering"];
    assert_eq!(refused(&compare, &["sampler is tempering", "mala"]).code, Some(2));
    train(&["--seed", "18446744073709551615"], &["seed is 18446744073709551615"]);
    train(&["--log-every", "0"], &["log-every is 0"]);
    train(&["--checkpoint-every", "0"], &["checkpoint-every is 0"]);
    train(&["--momentum", "1"], &["momentum is 1", "below 1"]);
    train(&["--average", "2"], &["average is 2"]);
    train(&["--holdout", "1.5"], &["1.5"]);
    train(&["--label", "class"], &["label column", "class", ".csv"]);
    train(&["--objective", "pdc"], &["pdc", "pcd"]);
    train(&["--binarize", "thresh"], &["thresh", "threshold"]);
    train(&["--model", "rbn"], &["rbn", "rbm"]);
    train(&["--seed", "-1"], &["-1"]);
    assert!(!Path::new(out).exists(), "nothing was made");
    refused(&["train", "--device", "warpdrive", "--out", out], &["warpdrive", "cpu"]);
    refused(&["trian"], &["trian", "train"]);
    refused(&["train", "--data", "digit", "--out", out], &["digit", "digits"]);
    refused(&["train", "--data", "/nonexistent/x.csv", "--out", out], &["/nonexistent/x.csv"]);
    refused(&["sample", "/nonexistent"], &["/nonexistent"]);
}

#[test]
fn configuration_files_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.toml");
    let out = folder.path().join("out");
    let config = |text: &[u8], wanted: &[&str]| {
        fs::write(&file, text).unwrap();
        let arguments =
            ["train", "--config", file.to_str().unwrap(), "--out", out.to_str().unwrap()];
        refused(&arguments, wanted);
    };
    config(b"hiden = 3\n", &["run.toml", "hiden", "did you mean 'hidden'"]);
    config(b"hidden = 3\nhidden = 4\n", &["run.toml", "duplicate key"]);
    config(b"hidden = \"many\"\n", &["run.toml", "hidden"]);
    config(b"hidden = -5\n", &["run.toml", "hidden"]);
    config(b"lr = nan\n", &["lr is NaN"]);
    config(b"model = \"dbn\"\n", &["run.toml", "dbn", "rbm", "mlp", "jem"]);
    config(b"epochs = 1e400\n", &["run.toml"]);
    config(&[b"k = ".as_slice(), &b"[".repeat(200_000)].concat(), &["run.toml"]);
    config(&[0xff, 0xfe, 0x00], &["run.toml", "UTF-8"]);
    config(&vec![b'#'; 2 << 20], &["run.toml", "bytes"]);
    refused(&["train", "--config", folder.path().to_str().unwrap()], &["is a folder"]);
    assert!(!out.exists(), "nothing was made");
}

#[test]
fn output_folders_are_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(folder.path());
    let model = fs::read(run.join("model.safetensors")).unwrap();
    let path = run.to_str().unwrap();
    refused(&["train", "--out", path], &[path, "already holds a run", "--force"]);
    assert_eq!(fs::read(run.join("model.safetensors")).unwrap(), model);

    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("thesis.txt"), "years of work").unwrap();
    refused(&["train", "--out", other.to_str().unwrap()], &["is not empty"]);
    refused(&["train", "--force", "--out", other.to_str().unwrap()], &["not of a run"]);
    assert_eq!(fs::read(other.join("thesis.txt")).unwrap(), b"years of work");
    fs::create_dir(other.join("checkpoints")).unwrap();
    fs::write(other.join("checkpoints/best.pt"), "weights of another program").unwrap();
    fs::write(other.join("config.toml"), "[site]\ntitle = \"x\"\n").unwrap();
    refused(&["train", "--force", "--out", other.to_str().unwrap()], &["not of a run"]);
    assert!(other.join("checkpoints/best.pt").exists());
    let file = other.join("thesis.txt");
    refused(&["train", "--out", file.to_str().unwrap()], &["is a file"]);
    let below = file.join("x");
    refused(&["train", "--out", below.to_str().unwrap()], &["thesis.txt"]);
    refused(&["sample", path, "--out", file.to_str().unwrap()], &["another kind"]);
    refused(&["sample", path, "--gif", file.to_str().unwrap()], &["--gif", "another kind"]);
    assert_eq!(fs::read(&file).unwrap(), b"years of work");
    let twice = folder.path().join("twice.png");
    let twice = twice.to_str().unwrap();
    refused(&["sample", path, "--out", twice, "--npy", twice], &["twice.png", "two outputs"]);
    refused(&["sample", path, "--out", "/dev/null"], &["/dev/null"]);
    refused(&["sample", path, "--out", "/nonexistent/x.png"], &["/nonexistent"]);

    let forced = ergodic(&["train", "--epochs", "1", "--force", "--out", path]);
    assert_eq!(forced.code, Some(0), "{}", forced.stderr);
    assert_ne!(fs::read(run.join("model.safetensors")).unwrap(), model);
}

#[test]
fn broken_model_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(folder.path());
    let good = fs::read(run.join("model.safetensors")).unwrap();
    let file = folder.path().join("broken.safetensors");
    let name = file.to_str().unwrap();
    let broken = |bytes: &[u8], wanted: &[&str]| {
        fs::write(&file, bytes).unwrap();
        for command in ["sample", "evaluate"] {
            let mut arguments = vec![command, name, "--data", "digits"];
            let out = folder.path().join("never.png");
            if command == "sample" {
                arguments.extend(["--out", out.to_str().unwrap()]);
            }
            refused(&arguments, &[&["broken.safetensors"], wanted].concat());
            assert!(!out.exists());
        }
    };
    let model = |header: &str, body: &[u8]| {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), body].concat()
    };
    broken(b"", &["0 bytes"]);
    broken(b"x", &["1 bytes"]);
    broken(&good[..good.len() - 4], &["cut off"]);
    broken(&good[..40], &["header"]);
    broken(&[good.as_slice(), b"tail"].concat(), &["header describes"]);
    broken(&[&u64::MAX.to_le_bytes()[..], &good[8..]].concat(), &["header"]);
    broken(b"PK\x03\x04 this is a zip file, not a model", &["safetensors"]);
    let entry = r#""weights":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}"#;
    broken(&model(&format!("{{{entry},{entry}}}"), &[0; 4]), &["weights", "twice"]);
    broken(&model(&format!("{{{entry}}}"), &[0; 4]), &["visible_bias"]);
    broken(
        &model(
            &entry.replace("F32", "I64").replace("[0,4]", "[0,8]").replacen('"', "{\"", 1),
            &[0; 8],
        ),
        &["header"],
    );
    let integers = r#"{"weights":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]}}"#;
    broken(&model(integers, &[0; 8]), &["weights", "I64", "F32"]);
    let three = |values: [f32; 3], shape: &str| {
        let header = format!(
            r#"{{"hidden_bias":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}},"visible_bias":{{"dtype":"F32","shape":[1],"data_offsets":[4,8]}},"weights":{{"dtype":"F32","shape":{shape},"data_offsets":[8,12]}}}}"#
        );
        model(&header, &values.map(f32::to_le_bytes).concat())
    };
    broken(&three([0.0, f32::NAN, 1.0], "[1,1]"), &["visible_bias", "NaN"]);
    broken(&three([0.0; 3], "[1]"), &["weights", "[visible, hidden]"]);
    fs::write(&file, three([0.0; 3], "[1,1]")).unwrap();
    refused(&["evaluate", name, "--data", "digits"], &["64 values", "1 visible units", "--data"]);

    refused(&["evaluate", folder.path().to_str().unwrap()], &["config.toml"]);
    let other = ["evaluate", run.to_str().unwrap(), "--data", "bars-and-stripes"];
    refused(&other, &["bars-and-stripes", "16", "64"]);
    let bare = run.join("model.safetensors");
    refused(&["evaluate", bare.to_str().unwrap()], &["--data"]);
    refused(&["sample", bare.to_str().unwrap(), "--clamp", "middle"], &["middle", "top"]);
    refused(&["sample", bare.to_str().unwrap(), "--chains", "0"], &["chains is 0"]);
    refused(&["sample", bare.to_str().unwrap(), "--beta", "nan"], &["beta is NaN"]);
}

#[test]
fn broken_data_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let data = |name: &str, bytes: &[u8], wanted: &[&str]| {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let arguments = ["train", "--data", file.to_str().unwrap(), "--out", out.to_str().unwrap()];
        refused(&arguments, &[&[name], wanted].concat());
    };
    data("empty.csv", b"", &[]);
    data("nan.csv", b"0,1\n0,nan\n", &["nan"]);
    data("ragged.csv", b"0,1\n0\n", &[]);
    data("words.csv", b"0,1\n0,many\n", &["many"]);
    data("short-images-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 2, 7], &[]);
    data("huge-images-idx3-ubyte", &[&[0, 0, 8, 3][..], &[0xff; 12], &[0; 16]].concat(), &[]);
    data("magic-images-idx3-ubyte", b"\x89PNG\r\n\x1a\n", &[]);
    data("garbage.csv.gz", b"\x1f\x8b\x08\x00 not gzip at all", &[]);
    data("object.npy", b"\x93NUMPY\x01\x00\x46\x00{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }            \n", &[]);
    let arguments = ["train", "--data", folder.path().to_str().unwrap()];
    refused(&arguments, &[folder.path().to_str().unwrap()]);
    assert!(!out.exists(), "nothing was made");
}
