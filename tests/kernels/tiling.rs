//! The trajectory of a chain depends on nothing but its number: not on how many chains run beside
//! it, how many sweeps a call makes, how many threads work, or what else the device is used for.

use ergodic::device::Device;

use crate::{
    common::{devices_with_checks, raw},
    gibbs::{Chains, Model, run},
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
