//! The program on every instruction set of the processor: the same chains and the same training, and a
//! clear refusal of sets that it lacks.

mod program;

use std::{fs, path::Path};

use ergodic::device::cpu::{Instructions, NAMES};
use program::ergodic;

/// Runs the program on an instruction set; what it left in the files.
fn run(set: Instructions, arguments: &[&str], files: &[&Path]) -> Vec<Vec<u8>> {
    let device = format!("cpu:{}", set.name());
    let outcome = ergodic(&[arguments, &["--device", &device]].concat());
    assert_eq!(outcome.code, Some(0), "{device}: {}", outcome.stderr);
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// RBMs 64 x 16 and 16 x 70, of which one side is taken by tables of sums and the other as dense rows:
/// trained, sampled by Gibbs and by tempering.
#[test]
fn chains_and_training_of_bits_are_the_same_on_every_set() {
    for (data, hidden) in [("digits", "16"), ("bars-and-stripes", "70")] {
        let wanted = std::cell::OnceCell::new();
        for set in Instructions::available() {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            let (out, npy, tempered) = (path("run"), path("a.npy"), path("b.npy"));
            let text = |path: &Path| path.to_str().unwrap().to_string();
            let (run_text, png) = (text(&out), text(&path("s.png")));
            let train = ["train", "--data", data, "--hidden", hidden, "--epochs", "5"];
            let train = [&train[..], &["--out", &run_text]].concat();
            let files = [out.join("model.safetensors"), out.join("samples.png")];
            let mut found = run(set, &train, &[&files[0], &files[1]]);
            let npy_text = text(&npy);
            let sample = ["sample", &run_text, "--chains", "300", "--steps", "20", "--seed", "4"];
            let to = ["--out", &png, "--npy", &npy_text];
            found.extend(run(set, &[&sample[..], &to].concat(), &[&npy]));
            let npy_text = text(&tempered);
            let sample = ["sample", &run_text, "--sampler", "tempering", "--rungs", "5"];
            let to = ["--chains", "30", "--steps", "20", "--out", &png, "--npy", &npy_text];
            found.extend(run(set, &[&sample[..], &to].concat(), &[&tempered]));
            let wanted = wanted.get_or_init(|| found.clone());
            for (what, (found, wanted)) in
                ["model", "dreams", "chains", "replicas"].iter().zip(found.iter().zip(wanted))
            {
                assert!(found == wanted, "{what} of {data} x {hidden} on {}", set.title());
            }
        }
    }
}

/// A net trained by PCD with MALA chains: the same bits where terms are fused, else parameters that agree
/// to 1e-3 after 30 updates.
#[test]
fn nets_are_the_same_where_terms_are_fused() {
    let mut first: Option<(Instructions, Vec<u8>)> = None;
    for set in Instructions::available() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let train = ["train", "--data", "two-moons", "--hidden", "33,35", "--epochs", "1"];
        let more = ["--batch", "250", "--out", out.to_str().unwrap()];
        let model = run(set, &[&train[..], &more].concat(), &[&out.join("model.safetensors")]);
        let model = model.into_iter().next().unwrap();
        match &first {
            None => first = Some((set, model)),
            Some((with, wanted)) if set.fuses() == with.fuses() => {
                assert!(&model == wanted, "{} and {}", set.title(), with.title());
            }
            Some((_, wanted)) => assert_close(&model, wanted, set.title()),
        }
    }
}

fn assert_close(found: &[u8], wanted: &[u8], what: &str) {
    let read = |bytes: &[u8]| -> Vec<(String, Vec<f32>)> {
        let tensors = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let values = |data: &[u8]| {
            let each = data.as_chunks::<4>().0.iter();
            each.map(|bytes| f32::from_le_bytes(*bytes)).collect()
        };
        let mut tensors: Vec<_> = tensors
            .tensors()
            .into_iter()
            .map(|(name, tensor)| (name, values(tensor.data())))
            .collect();
        tensors.sort_by(|a, b| a.0.cmp(&b.0));
        tensors
    };
    let (found, wanted) = (read(found), read(wanted));
    assert_eq!(found.len(), wanted.len());
    for ((name, found), (_, wanted)) in found.iter().zip(&wanted) {
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() <= 1e-3, "{what}: {name}: {found}, wanted {wanted}");
        }
    }
}

#[test]
fn sets_are_listed_and_others_refused() {
    let sets: Vec<&str> = Instructions::available().iter().map(|set| set.name()).collect();
    let outcome = ergodic(&["devices", "--json", "--device", "cpu:baseline"]);
    let listed: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(listed["instructions"], serde_json::json!(sets));
    assert!(listed["chosen"].as_str().unwrap().ends_with("baseline SIMD"), "{listed}");
    let lacking = NAMES.iter().find(|name| !sets.contains(name)).unwrap();
    for wrong in [lacking, "sse9", ""] {
        let outcome = ergodic(&["selftest", "--device", &format!("cpu:{wrong}")]);
        assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
        let wanted = format!(
            "no instruction set '{wrong}' on this processor; there are: {}",
            sets.join(", ")
        );
        assert!(outcome.stderr.contains(&wanted), "{}", outcome.stderr);
    }
}
