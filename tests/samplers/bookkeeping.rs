//! Trajectories against f64, chains that fail, constant energies, refusals, windows of chains.

use ergodic::{
    device::{Array, Device, Draw, Pointwise, Result},
    energy::{Domain, Energy, Rbm},
    random::Stream,
    sampler::{Chains, Gibbs, Hmc, Mala, Metropolis, Sampler, SamplerError, SgldJem, Ula},
};
use pollster::block_on;

use crate::{
    common::{devices, raw, read, upload},
    targets::{SEED, Target, chains_at},
};

fn all() -> [Box<dyn Sampler>; 5] {
    [
        Box::new(Ula::new(0.05)),
        Box::new(Mala::new(0.05)),
        Box::new(Hmc::new(0.1, 3)),
        Box::new(Metropolis::new(0.3)),
        Box::new(SgldJem::new(0.05, 0.01)),
    ]
}

/// A user's own energy: constant.
struct Constant(Device);

impl Energy for Constant {
    fn kind(&self) -> &'static str {
        "constant"
    }

    fn device(&self) -> &Device {
        &self.0
    }

    fn dimension(&self) -> usize {
        3
    }

    fn domain(&self) -> Domain {
        Domain::Real
    }

    fn energy(&self, _x: &Array, out: &mut Array) -> Result<()> {
        self.0.pointwise(Pointwise::Fill(2.5), out)
    }

    fn score(&self, _x: &Array, out: &mut Array) -> Result<()> {
        self.0.pointwise(Pointwise::Fill(0.0), out)
    }
}

/// The double well by hand: x' = x + ε s + √(2ε) ξ in f64, with the normals that the device draws.
#[test]
fn ula_follows_the_trajectory_computed_by_hand() {
    const STEP: f32 = 0.02;
    let n = 64;
    let start = Target::DoubleWell.draws(n, SEED);
    for device in devices() {
        let energy = Target::DoubleWell.energy(&device);
        let mut chains = chains_at(&energy, &start);
        chains.clock = 7;
        Ula::new(STEP).advance(&energy, &mut chains, 10).unwrap();
        let mut wanted: Vec<f64> = start.iter().map(|x| f64::from(*x)).collect();
        for step in 7..17 {
            let mut noise = device.zeros(n, 2).unwrap();
            let draw = Draw { seed: SEED, step, stream: Stream::Noise };
            device.pointwise(Pointwise::Normal { scale: 1.0, draw }, &mut noise).unwrap();
            let deviation = (2.0 * f64::from(STEP)).sqrt();
            for (x, noise) in wanted.chunks_mut(2).zip(read(&device, &noise).chunks(2)) {
                let score = [-8.0 * x[0] * (x[0] * x[0] - 1.0), -x[1]];
                for i in 0..2 {
                    x[i] += f64::from(STEP) * score[i] + deviation * f64::from(noise[i]);
                }
            }
        }
        assert_eq!(chains.clock, 17);
        for (index, (found, wanted)) in
            read(&device, &chains.visible).iter().zip(&wanted).enumerate()
        {
            let error = (f64::from(*found) - wanted).abs();
            assert!(error < 1e-5, "{}: [{index}] is {found}, wanted {wanted}", device.name());
        }
    }
}

/// A chain that is NaN and one whose energy is beyond the range: they stay, every proposal of
/// theirs is counted, and the bits of all other chains are those of a run without them.
#[test]
fn a_chain_that_fails_changes_no_other() {
    const STEPS: u32 = 20;
    let (n, target) = (300, Target::DoubleWell);
    let start = target.draws(n, SEED);
    let mut spoilt = start.clone();
    spoilt[2 * 70] = f32::NAN;
    spoilt[2 * 170 + 1] = f32::INFINITY;
    for device in devices() {
        let energy = target.energy(&device);
        for sampler in all() {
            let what = format!("{}, {}", device.name(), sampler.kind());
            let run = |start: &[f32]| {
                let mut chains = chains_at(&energy, start);
                sampler.advance(&energy, &mut chains, STEPS).unwrap();
                let failed = block_on(chains.acceptance(&device)).unwrap().failed;
                (read(&device, &chains.visible), failed)
            };
            let ((clean, none), (found, failed)) = (run(&start), run(&spoilt));
            assert_eq!((none, failed), (0, u64::from(2 * STEPS)), "{what}");
            for row in 0..n {
                let range = 2 * row..2 * row + 2;
                let wanted = if row == 70 || row == 170 { &spoilt } else { &clean };
                assert_eq!(raw(&found[range.clone()]), raw(&wanted[range]), "{what}: chain {row}");
            }
        }
    }
}

#[test]
fn a_constant_energy_accepts_everything() {
    for device in devices() {
        let energy = Constant(device.clone());
        for sampler in all() {
            let mut chains = chains_at(&energy, &[0.5; 3 * 200]);
            sampler.advance(&energy, &mut chains, 5).unwrap();
            let what = format!("{}, {}", device.name(), sampler.kind());
            let acceptance = block_on(chains.acceptance(&device)).unwrap();
            assert_eq!((acceptance.rate, acceptance.failed), (1.0, 0), "{what}");
            let tally = read(&device, &chains.tally);
            assert!(tally.chunks(4).all(|row| row[0] == 5.0), "{what}");
        }
    }
}

/// Ten calls of one step draw what one call of ten does.
#[test]
fn calls_may_be_split() {
    for device in devices() {
        let energy = Target::Mixture.energy(&device);
        let start = Target::Mixture.draws(100, SEED);
        for sampler in all() {
            let (mut whole, mut parts) = (chains_at(&energy, &start), chains_at(&energy, &start));
            sampler.advance(&energy, &mut whole, 10).unwrap();
            for _ in 0..10 {
                sampler.advance(&energy, &mut parts, 1).unwrap();
            }
            sampler.advance(&energy, &mut parts, 0).unwrap();
            let [whole, parts] = [&whole.visible, &parts.visible].map(|x| raw(&read(&device, x)));
            assert_eq!(whole, parts, "{}, {}", device.name(), sampler.kind());
        }
    }
}

/// Rows that are copied out, moved, and copied back: the others stay, the clocks agree.
#[test]
fn a_window_of_chains_moves_alone() {
    let (n, width, first) = (90, 30, 30);
    for device in devices() {
        let energy = Target::Mixture.energy(&device);
        let start = Target::Mixture.draws(n, SEED);
        let mut store = chains_at(&energy, &start);
        store.clock = 40;
        let mut window = Chains::new(&energy, width, 0).unwrap();
        window.copy_rows(&device, &store, first, 0, width).unwrap();
        Mala::new(0.3).advance(&energy, &mut window, 6).unwrap();
        store.copy_rows(&device, &window, 0, first, width).unwrap();
        assert_eq!((store.clock, window.tallied, store.seed), (46, 6, SEED));
        let (found, inside) = (read(&device, &store.visible), 2 * first..2 * (first + width));
        assert_eq!(found[..inside.start], start[..inside.start]);
        assert_eq!(found[inside.end..], start[inside.end..]);
        assert_ne!(found[inside.clone()], start[inside]);
    }
}

#[test]
fn what_an_energy_does_not_admit_is_refused_with_what_it_does() {
    let device = Device::cpu();
    let rbm = Rbm::new(&device, &[0.0; 6], &[0.0; 3], &[0.0; 2]).unwrap();
    for sampler in all() {
        let mut chains = Chains::new(&rbm, 4, SEED).unwrap();
        let error = sampler.advance(&rbm, &mut chains, 1).expect_err(sampler.kind());
        assert!(sampler.admits(&rbm).is_err());
        let text = error.to_string();
        let SamplerError::Inadmissible { admissible, .. } = error else { panic!("{text}") };
        assert_eq!(admissible, ["gibbs"]);
        for part in [sampler.kind(), "rbm", "gibbs"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!((chains.clock, read(&device, &chains.visible)), (0, vec![0.0; 12]));
    }
    let real = Constant(device.clone());
    let mut chains = Chains::new(&real, 4, SEED).unwrap();
    let error = Gibbs::default().advance(&real, &mut chains, 1).expect_err("no bipartite energy");
    let text = error.to_string();
    for sampler in all() {
        assert!(text.contains(sampler.kind()), "{text}");
        sampler.admits(&real).unwrap();
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let energy = Constant(Device::cpu());
    let wrong: [Box<dyn Sampler>; 5] = [
        Box::new(Ula::new(0.0)),
        Box::new(Mala::new(f32::NAN)),
        Box::new(Metropolis::new(-1.0)),
        Box::new(Hmc::new(0.1, 0)),
        Box::new(SgldJem::new(1.0, f32::INFINITY)),
    ];
    for sampler in wrong {
        let error = sampler.admits(&energy).expect_err(sampler.kind());
        assert!(matches!(error, SamplerError::Setting { .. }), "{error}");
    }
}

/// Chains of a GPU start on states of that GPU.
#[test]
fn starts_are_copied() {
    for device in devices() {
        let energy = Constant(device.clone());
        let mut chains = Chains::new(&energy, 2, SEED).unwrap();
        let states = upload(&device, 2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        chains.start_from(&energy, &states).unwrap();
        assert_eq!(read(&device, &chains.visible), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
