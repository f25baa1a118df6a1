//! `gibbs` on cooperative matrices, beside what `gibbs.rs` asserts of them as of every device.

use ergodic::device::{Device, adapters, gpu::Checks};

use crate::{
    common::{assert_within, gpu_with_matrices, raw, with_gpu},
    gibbs::{Chains, Model, assert_sweep, probabilities, run, samplers},
};

/// Every tile with cooperative matrices, on several sweeps of a model that fills neither squares nor
/// bands, with units held. No bit depends on the tile.
#[test]
fn every_tile_with_cooperative_matrices_obeys_the_probabilities() {
    let mut model = Model::new(75, 53);
    model.clamp = Some((0..75).map(|unit| f32::from(u8::from(unit % 5 == 1))).collect());
    let mut wanted = None;
    for checks in [Checks::Full, Checks::Off] {
        let Some((_, matrices, room)) = gpu_with_matrices(checks) else { return };
        for tile in matrices.tiles().filter(|tile| tile.bytes(75 + 53) <= room) {
            let Some((gpu, _, _)) = gpu_with_matrices(checks) else { return };
            let device = Device::from_gpu(gpu.with_tile(tile));
            let start = Chains::new(tile.chains as usize + 37, &model);
            let what = format!("{tile:?}, {checks:?}");
            let ends = run(&device, &model, &start, &[1, 1, 1], 3);
            let mut from = &start;
            for (sweep, end) in ends.iter().enumerate() {
                assert_sweep(&what, &model, from, end, 3 + sweep as u32);
                from = end;
            }
            // Three sweeps in one call are those of three calls, and chains are the same in any batch.
            let once = run(&device, &model, &start, &[3], 3).remove(0);
            assert_eq!(once, ends[2], "{what}");
            let few = raw(&once.means[..37 * model.h]);
            let wanted = wanted.get_or_insert_with(|| few.clone());
            assert!(few == *wanted, "{what}: means differ from those of other tiles");
        }
    }
    assert!(wanted.is_some(), "no tile fits the adapter's workgroup memory");
}

/// The products with both halves of a weight are as good as those with the weight: no further from f64
/// than sums in f32 are. Halves alone would be off by a thousandth.
#[test]
fn split_weights_are_as_good_as_whole_ones() {
    for (label, device) in samplers() {
        for magnitude in [1e-9, 1e-3, 1.0, 3e4, 1e30] {
            let mut model = Model::new(300, 40);
            // A weight of each sign for every unit, so that they cancel to order 1.
            model.beta = 1.0 / magnitude;
            for value in model.w.iter_mut().chain(&mut model.b).chain(&mut model.c) {
                *value *= magnitude;
            }
            model.clamp = Some(vec![1.0; 300]);
            let start = Chains::new(9, &model);
            let end = run(&device, &model, &start, &[1], 0).remove(0);
            let p = probabilities(&model, &end.visible, true);
            let what = format!("{label}, weights of {magnitude:e}");
            assert_within(&what, &end.means, &p, &vec![5e-6; p.len()]);
        }
    }
}

/// The check that stands before the use of cooperative matrices passes where they are right, and a
/// device that may take them samples by the rule whatever it takes.
#[test]
fn the_timed_choice_may_take_cooperative_matrices() {
    let Some((gpu, matrices, room)) = gpu_with_matrices(Checks::Off) else { return };
    for tile in matrices.tiles().filter(|tile| tile.bytes(240) <= room) {
        assert!(gpu.agrees(tile).unwrap(), "{tile:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let device = Device::from_gpu(gpu.with_timed_tiles(folder.path().into()));
    let model = Model::new(75, 53);
    let start = Chains::new(200, &model);
    let end = run(&device, &model, &start, &[1], 3).remove(0);
    assert_sweep("timed", &model, &start, &end, 3);
}

/// Nothing else is opened in the place of a device that has none.
#[test]
fn where_there_are_none_they_are_refused() {
    let error = pollster::block_on(Device::open("cpu+matrices")).err().unwrap().to_string();
    assert!(error.contains("cooperative matrices") && error.contains("leave '+matrices' out"));
    let error = pollster::block_on(Device::open("no such+matrices")).err().unwrap().to_string();
    assert!(error.contains("'no such'"), "{error}");
    for adapter in with_gpu().then(|| pollster::block_on(adapters())).into_iter().flatten() {
        let opened = pollster::block_on(Device::open(&format!("gpu:{}+matrices", adapter.index)));
        assert_eq!(opened.is_ok(), adapter.matrices.is_some(), "{}", adapter.name);
    }
}
