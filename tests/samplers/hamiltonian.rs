//! The leapfrog: reversible, and of second order in the energy.

use ergodic::{
    device::{Pointwise, TALLY},
    energy::Energy,
    sampler::{Hmc, Sampler},
};

use crate::{
    common::{devices, normals, read, upload},
    targets::{SEED, TARGETS, Target, chains_at, count, mean},
};

/// Twenty steps, momenta flipped, twenty steps: back where it began.
#[test]
fn a_trajectory_can_be_run_back() {
    for device in devices() {
        let n = count(&device, 10_000, 500);
        for target in TARGETS {
            let energy = target.energy(&device);
            let d = energy.dimension();
            let start = target.draws(n, SEED);
            let momenta = normals(n * d, SEED);
            let mut x = upload(&device, n, d, &start);
            let mut momentum = upload(&device, n, d, &momenta);
            let mut score = device.zeros(n, d).unwrap();
            let mut values = device.zeros(n, 1).unwrap();
            energy.score(&x, &mut score).unwrap();
            let hmc = Hmc::new(0.05, 20);
            let mut moved = Vec::new();
            for _ in 0..2 {
                hmc.leapfrog(&energy, &mut x, &mut momentum, &mut score, &mut values).unwrap();
                device.pointwise(Pointwise::Scale(-1.0), &mut momentum).unwrap();
                moved.push(read(&device, &x));
            }
            let largest = |a: &[f32], b: &[f32]| {
                a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max)
            };
            let label = format!("{}, {target:?}", device.name());
            assert!(largest(&moved[0], &start) > 0.5, "{label}: nothing moved");
            let errors = [largest(&moved[1], &start), largest(&read(&device, &momentum), &momenta)];
            println!("{label}: errors of states and momenta {errors:?}");
            assert!(errors.iter().all(|error| *error < 1e-4), "{label}: {errors:?}");
        }
    }
}

/// Over a trajectory of the same length, ⟨|ΔH|⟩ falls by 4 when the step is halved. Forty leapfrog
/// steps of 0.025 at most keep both in the range of the square.
#[test]
fn the_energy_error_is_of_second_order() {
    for device in devices() {
        let n = count(&device, 1 << 16, 1 << 11);
        for target in [Target::Correlated(2), Target::Mixture, Target::DoubleWell] {
            let energy = target.energy(&device);
            let start = target.draws(n, SEED);
            let error = |step_size: f32, leapfrog_steps: u32| {
                let mut chains = chains_at(&energy, &start);
                Hmc::new(step_size, leapfrog_steps).advance(&energy, &mut chains, 1).unwrap();
                let tally = read(&device, &chains.tally);
                mean(tally.chunks_exact(TALLY).map(|row| f64::from(row[3]).abs())).0
            };
            let (whole, half) = (error(0.05, 10), error(0.025, 20));
            let ratio = whole / half;
            println!("{}, {target:?}: {whole:.2e} / {half:.2e} = {ratio:.3}", device.name());
            assert!((ratio - 4.0).abs() < 0.4, "{}, {target:?}: {ratio}", device.name());
        }
    }
}
