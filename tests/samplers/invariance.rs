//! Samplers leave a law that they start from exactly as it is, and the test of that rejects
//! samplers that do not.
//!
//! The figures of a state are its coordinates, three random projections and its energy. The
//! empirical distribution of each after the moves is compared with that of independent exact draws,
//! ten times as many, by the two-sample Kolmogorov–Smirnov statistic. By the triangle inequality and
//! Massart's DKW bound, P(D > √(log(2/a)/2n) + √(log(2/a)/20n)) ≤ 2a whatever the law; a is chosen so
//! that all figures of a test together are false alarms with probability 1e-6 at most.

use ergodic::{
    device::{Accept, Array, Device, Pointwise, Rule},
    energy::{Analytic, Energy},
    random::{HostRng, Stream},
    sampler::{Chains, Hmc, Mala, Metropolis, Sampler},
};

use crate::{
    common::{cpus, devices, raw, read, upload},
    targets::{SEED, TARGETS, Target, chains_at, count},
};

const LEVEL: f64 = 1e-6;
/// Exact draws of the reference for each chain.
const REFERENCE: usize = 10;
const PROJECTIONS: usize = 3;

/// The figures of states, one sorted list each.
fn figures(energy: &Analytic, states: &[f32]) -> Vec<Vec<f32>> {
    let (device, d) = (energy.device(), energy.dimension());
    let n = states.len() / d;
    let mut rng = HostRng::new(5, Stream::Evaluate, 0);
    let mut directions: Vec<Vec<f32>> =
        (0..d).map(|i| (0..d).map(|j| f32::from(u8::from(i == j))).collect()).collect();
    directions.extend((0..PROJECTIONS).map(|_| (0..d).map(|_| rng.normal()).collect()));
    let mut lists: Vec<Vec<f32>> = directions
        .iter()
        .map(|direction| {
            let dot = |x: &[f32]| x.iter().zip(direction).map(|(x, u)| x * u).sum();
            states.chunks_exact(d).map(dot).collect()
        })
        .collect();
    let mut energies = device.zeros(n, 1).unwrap();
    energy.energy(&upload(device, n, d, states), &mut energies).unwrap();
    lists.push(read(device, &energies));
    lists.iter_mut().for_each(|list| list.sort_by(f32::total_cmp));
    lists
}

/// sup |F − G| of two sorted lists.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let (mut i, mut j, mut largest) = (0, 0, 0f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        while i < a.len() && a[i] <= x {
            i += 1;
        }
        while j < b.len() && b[j] <= x {
            j += 1;
        }
        largest = largest.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    largest
}

/// The bound of the distance for `n` chains and so many figures.
fn bound(n: usize, figures: usize) -> f64 {
    let log = (4.0 * figures as f64 / LEVEL).ln();
    (log / (2 * n) as f64).sqrt() + (log / (2 * REFERENCE * n) as f64).sqrt()
}

/// A law with its reference on the CPU, which every device is compared with.
struct Law {
    target: Target,
    start: Vec<f32>,
    reference: Vec<Vec<f32>>,
}

impl Law {
    fn new(target: Target, n: usize) -> Self {
        let energy = target.energy(&Device::cpu());
        let reference = figures(&energy, &target.draws(REFERENCE * n, SEED + 1));
        Self { target, start: target.draws(n, SEED), reference }
    }

    /// The largest distance as a share of its bound, after moves from exact draws.
    fn fit(&self, device: &Device, moves: impl FnOnce(&Analytic, &mut Chains)) -> f64 {
        let energy = self.target.energy(device);
        let mut chains = chains_at(&energy, &self.start);
        moves(&energy, &mut chains);
        let on_cpu = self.target.energy(&Device::cpu());
        let lists = figures(&on_cpu, &read(device, &chains.visible));
        let bound = bound(chains.visible.rows(), lists.len());
        let pairs = lists.iter().zip(&self.reference);
        pairs.map(|(list, reference)| distance(list, reference) / bound).fold(0.0, f64::max)
    }
}

fn samplers(target: Target) -> [Box<dyn Sampler>; 3] {
    let scale = target.scale();
    [
        Box::new(Mala::new(0.01 * scale * scale)),
        Box::new(Hmc::new(0.12 * scale, 5)),
        Box::new(Metropolis::new(0.15 * scale)),
    ]
}

#[test]
fn samplers_keep_every_law() {
    for device in devices() {
        let n = count(&device, 1 << 18, 1 << 12);
        for target in TARGETS {
            let law = Law::new(target, n);
            for sampler in samplers(target) {
                for steps in [1, 10] {
                    let mut rate = 0.0;
                    let fit = law.fit(&device, |energy, chains| {
                        sampler.advance(energy, chains, steps).unwrap();
                        rate = pollster::block_on(chains.acceptance(&device)).unwrap().rate;
                    });
                    let what = format!(
                        "{}, {target:?}, {}, {steps} steps, acceptance {rate:.3}",
                        device.name(),
                        sampler.kind()
                    );
                    println!("{what}: {fit:.2} of the bound");
                    assert!(fit < 1.0, "{what}: {fit:.2} of the bound");
                    assert!((0.2..0.99).contains(&rate), "{what}");
                }
            }
        }
    }
}

/// What is shown above of the widest instruction set is true of the others: their chains are the same.
#[test]
fn instruction_sets_give_the_same_chains() {
    for target in TARGETS {
        for sampler in samplers(target) {
            let end = |device: &Device| {
                let energy = target.energy(device);
                let start = target.draws(333, SEED);
                let mut chains = chains_at(&energy, &start);
                sampler.advance(&energy, &mut chains, 10).unwrap();
                raw(&[read(device, &chains.visible), read(device, &chains.tally)].concat())
            };
            let wanted = end(&Device::cpu());
            for (set, device) in cpus() {
                assert!(end(&device) == wanted, "{target:?}, {}, {}", sampler.kind(), set.title());
            }
        }
    }
}

/// Moves put together from kernels, with the rule and the factors of drift and noise to choose.
fn langevin_steps(
    energy: &Analytic,
    chains: &mut Chains,
    step_size: f32,
    noise_factor: f32,
    rule: impl Fn(f32, f32) -> Rule<'static>,
) {
    let device = energy.device();
    let (n, d) = chains.visible.shape();
    let zeros = |columns| -> Array { device.zeros(n, columns).unwrap() };
    let (mut energies, mut score) = (zeros(1), zeros(d));
    let (mut proposal, mut proposal_energy, mut proposal_score) = (zeros(d), zeros(1), zeros(d));
    energy.energy_and_score(&chains.visible, &mut energies, &mut score).unwrap();
    let noise = (2.0 * step_size).sqrt();
    for _ in 0..10 {
        device.copy_rows(&chains.visible, 0, &mut proposal, 0, n).unwrap();
        device.pointwise(Pointwise::Axpy { x: &score, scale: step_size }, &mut proposal).unwrap();
        let draw = chains.draw(Stream::Noise);
        device
            .pointwise(Pointwise::Normal { scale: noise_factor * noise, draw }, &mut proposal)
            .unwrap();
        energy.energy_and_score(&proposal, &mut proposal_energy, &mut proposal_score).unwrap();
        device
            .accept(Accept {
                rule: rule(step_size, noise),
                draw: chains.draw(Stream::Accept),
                x: &mut chains.visible,
                proposal: &proposal,
                energies: Some((&mut energies, &proposal_energy)),
                scores: Some((&mut score, &proposal_score)),
                tally: &mut chains.tally,
            })
            .unwrap();
        chains.moved(1);
    }
}

/// log α's rule, from the drift and the noise of the proposal.
type RuleOf<'a> = &'a dyn Fn(f32, f32) -> Rule<'static>;

/// Ten MALA steps of the double well, right and wrong: without the acceptance, with the proposal
/// taken for a symmetric one, with the drift of the ratio halved, with half the noise. On 2^18 chains
/// their distances are 54, 17, 5 and 36 times the bound; on 2^14 a quarter of that.
#[test]
fn wrong_samplers_are_rejected() {
    const STEP: f32 = 0.12;
    let target = Target::DoubleWell;
    for device in devices() {
        let n = count(&device, 1 << 18, 1 << 14);
        let law = Law::new(target, n);
        let mala = |drift: f32, noise: f32| Rule::Langevin { beta: 1.0, drift, noise };
        let fit = |noise_factor: f32, rule: RuleOf<'_>| {
            law.fit(&device, |energy, chains| {
                langevin_steps(energy, chains, STEP, noise_factor, rule);
            })
        };
        let label = device.name();
        let right = fit(1.0, &mala);
        println!("{label}, {n} chains: right {right:.2} of the bound");
        assert!(right < 1.0, "{label}: the right sampler has {right:.2} of the bound");
        let wrong: [(&str, f32, RuleOf<'_>); 4] = [
            ("no acceptance", 1.0, &|_, _| Rule::Always),
            ("symmetric ratio", 1.0, &|_, _| Rule::Symmetric { beta: 1.0 }),
            ("half the drift in the ratio", 1.0, &|drift, noise| mala(0.5 * drift, noise)),
            ("half the noise", 0.5, &mala),
        ];
        for (what, noise_factor, rule) in wrong {
            let found = fit(noise_factor, rule);
            println!("{label}, {n} chains: {what} {found:.2} of the bound");
            assert!(found > 1.0, "{label}: {what} passes with {found:.2} of the bound");
        }
    }
}
