//! The trajectory of a chain depends on nothing but its number: not on how many chains run beside
//! it, how many sweeps a call makes, how many threads work, or what else the device is used for.

use std::{collections::BTreeMap, path::Path};

use ergodic::{
    device::{
        Device,
        gpu::{Checks, Gpu, Tile},
    },
    wgpu,
};

use crate::{
    anneal,
    common::{devices_with_checks, own_wgpu, raw},
    gibbs::{Chains, Model, run},
    temper,
};

/// Runs `body` on a rayon pool of so many threads.
fn with_threads<T: Send>(threads: usize, body: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("a pool of two threads starts anywhere").install(body)
}

/// The first `n` chains.
fn first(chains: &Chains, n: usize, model: &Model) -> Chains {
    Chains {
        visible: chains.visible[..n * model.d].to_vec(),
        hidden: chains.hidden[..n * model.h].to_vec(),
        means: chains.means[..n * model.h].to_vec(),
    }
}

fn assert_same(what: &str, found: &Chains, wanted: &Chains) {
    assert!(raw(&found.visible) == raw(&wanted.visible), "{what}: visible states differ");
    assert!(raw(&found.hidden) == raw(&wanted.hidden), "{what}: hidden states differ");
    assert!(raw(&found.means) == raw(&wanted.means), "{what}: hidden means differ");
}

/// Compares every number of chains in `counts` (the largest last) and every split of 20 sweeps
/// into calls with the trajectory that `trajectory` recorded sweep by sweep.
fn assert_independent(
    what: &str,
    device: &Device,
    model: &Model,
    counts: &[usize],
    trajectory: &[Chains],
) {
    let start = Chains::new(counts[counts.len() - 1], model);
    for n in counts {
        let start = first(&start, *n, model);
        for (calls, sweeps) in [(20, 1), (4, 5), (1, 20)] {
            let ends = run(device, model, &start, &vec![sweeps; calls], 3);
            for (call, end) in ends.iter().enumerate() {
                let wanted = &trajectory[(call + 1) * sweeps as usize - 1];
                let what = format!("{what}: {n} chains, {calls} x {sweeps} sweeps, call {call}");
                assert_same(&what, end, &first(wanted, *n, model));
            }
        }
    }
}

const COUNTS: [usize; 5] = [1, 63, 64, 65, 4096];

#[test]
fn on_every_device_for_a_small_model() {
    let mut model = Model::new(12, 7);
    model.clamp = Some([0.0, 1.0, 0.0, 0.0].repeat(3));
    for (label, device) in devices_with_checks() {
        let trajectory = run(&device, &model, &Chains::new(4096, &model), &[1; 20], 3);
        assert_independent(label, &device, &model, &COUNTS, &trajectory);
    }
}

#[test]
fn on_one_and_two_threads() {
    let large = [1, 63, 64, 65, 200];
    for (d, h, counts) in [(12, 7, COUNTS), (64, 20, COUNTS), (784, 500, large)] {
        let model = Model::new(d, h);
        let start = Chains::new(counts[4], &model);
        let trajectory = with_threads(1, || run(&Device::cpu(), &model, &start, &[1; 20], 3));
        for threads in [1, 2] {
            let what = format!("{d} x {h}, {threads} threads");
            with_threads(threads, || {
                assert_independent(&what, &Device::cpu(), &model, &counts, &trajectory);
            });
        }
    }
}

/// Models of one size on one device: a thread's weights must not reach another's chains.
#[test]
fn whatever_other_threads_do_on_the_device() {
    let models = [2.0, -2.0].map(|factor| {
        let mut model = Model::new(12, 7);
        model.w.iter_mut().for_each(|w| *w *= factor);
        model
    });
    for (label, device) in devices_with_checks() {
        let sample = |model: &Model| run(&device, model, &Chains::new(16, model), &[1; 100], 0);
        let alone = models.each_ref().map(sample);
        let together = std::thread::scope(|scope| {
            models
                .each_ref()
                .map(|model| scope.spawn(|| sample(model)))
                .map(|thread| thread.join().expect("sampling does not panic"))
        });
        for (alone, together) in alone.iter().flatten().zip(together.iter().flatten()) {
            assert_same(label, together, alone);
        }
    }
}

/// Every register tile, with workgroups of one part, of parts of a word, of whole words and more,
/// with units that fill neither blocks nor pairs of blocks.
#[test]
fn whatever_the_tile() {
    let mut model = Model::new(37, 26);
    model.clamp = Some((0..37).map(|unit| f32::from(u8::from(unit % 5 == 1))).collect());
    let start = Chains::new(101, &model);
    let mut wanted: Option<Vec<Chains>> = None;
    for tile in Tile::all().filter(|tile| [tile.part, 24, 48, 96, 256].contains(&tile.chains)) {
        let Some((device, queue, _)) = own_wgpu(wgpu::Limits::default()) else { return };
        let checks = if tile.chains == 48 { Checks::Full } else { Checks::Off };
        let gpu = Gpu::new(device, queue, "tiled", checks).with_tile(tile);
        let found = run(&Device::from_gpu(gpu), &model, &start, &[1, 3], 3);
        let wanted = wanted.get_or_insert_with(|| found.clone());
        for (found, wanted) in found.iter().zip(wanted.iter()) {
            assert_same(&format!("{tile:?}"), found, wanted);
        }
    }
}

/// The kernels that keep totals besides, for every register tile, with workgroups of one part and of
/// several. Totals may be summed in another order.
#[test]
fn whatever_the_tile_of_paths_and_ladders() {
    let model = anneal::Model::new(37, 26);
    let start = anneal::Chains::new(101, &model);
    let ladders_model = temper::Model::new(37, 26, 4);
    let ladders = temper::Ladders::new(21, &ladders_model);
    let sweeps = temper::Sweeps { count: 4, every: 1, first_round: 0, first_step: 5 };
    let sample = |device: &Device| {
        let end = temper::run(device, &ladders_model, &ladders, None, sweeps).unwrap();
        (anneal::run(device, &model, &start, &[0.0, 0.4, 1.0], 7), end)
    };
    let (annealed, tempered) = sample(&Device::cpu());
    for tile in Tile::all().filter(|tile| [tile.part, 48].contains(&tile.chains)) {
        let Some((device, queue, _)) = own_wgpu(wgpu::Limits::default()) else { return };
        let gpu = Gpu::new(device, queue, "tiled", Checks::Full).with_tile(tile);
        let (chains, end) = sample(&Device::from_gpu(gpu));
        assert!(raw(&chains.visible) == raw(&annealed.visible), "{tile:?}: annealed");
        assert!(raw(&chains.hidden) == raw(&annealed.hidden), "{tile:?}: annealed");
        for (found, wanted) in chains.log_weights.iter().zip(&annealed.log_weights) {
            assert!((found - wanted).abs() < 1e-4, "{tile:?}: log weight {found}, not {wanted}");
        }
        assert!(raw(&end.visible) == raw(&tempered.visible), "{tile:?}: tempered");
        assert!(raw(&end.hidden) == raw(&tempered.hidden), "{tile:?}: tempered");
        assert!(raw(&end.labels) == raw(&tempered.labels), "{tile:?}: labels");
    }
}

/// The timed choice changes no state, is kept for the next device, and survives a file or a folder
/// that is no such thing.
#[test]
fn whatever_the_timed_choice() {
    let model = Model::new(37, 26);
    let start = Chains::new(101, &model);
    let sample = |folder: &Path| {
        let (device, queue, _) = own_wgpu(wgpu::Limits::default())?;
        let gpu = Gpu::new(device, queue, "timed", Checks::Off).with_timed_tiles(folder.into());
        Some(run(&Device::from_gpu(gpu), &model, &start, &[2], 3).remove(0))
    };
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let Some(found) = sample(&cache) else { return };
    let (_, opened) = devices_with_checks().pop().expect("the GPU without checks is the last");
    let wanted = run(&opened, &model, &start, &[2], 3).remove(0);
    assert_same("timed", &found, &wanted);
    let file = cache.join("tiles.json");
    let kept = || -> BTreeMap<String, Tile> {
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap()
    };
    let (key, tile) = kept().pop_first().unwrap();
    assert!(Tile::all().any(|known| known == tile), "{tile:?}");
    assert!(key.contains("gibbs 37-26"), "{key}");
    // What is kept is taken, and not timed again.
    let other = Tile::all().find(|other| *other != tile).unwrap();
    std::fs::write(&file, serde_json::to_vec(&BTreeMap::from([(&key, other)])).unwrap()).unwrap();
    assert_same("kept", &sample(&cache).unwrap(), &wanted);
    assert_eq!(kept(), BTreeMap::from([(key.clone(), other)]));
    // What no device can run is not taken.
    let impossible = Tile { blocks: 3, part: 7, chains: 0, matrices: None };
    let broken = serde_json::to_string(&BTreeMap::from([(&key, impossible)])).unwrap();
    for broken in ["", "{", "[1]", &broken] {
        std::fs::write(&file, broken).unwrap();
        assert_same("broken", &sample(&cache).unwrap(), &wanted);
        assert!(Tile::all().any(|known| known == kept()[&key]), "{broken}");
    }
    assert_same("no folder", &sample(&file.join("below")).unwrap(), &wanted);
}
