//! Exchanges and moves leave the product of the laws of three rungs as it is: chains start from exact
//! draws of every rung of a model of 2 x 2 units, and the joint state of the rungs, one of 16³, is
//! tested by χ² at level 1e-6. Swaps that are always accepted, or judged with the sign exchanged, are
//! rejected.

use ergodic::{
    device::{Device, Exchange, LABELS, TALLY},
    energy::{Base, Energy, Path, Rbm},
    random::{HostRng, Stream},
    sampler::{Chains, Gibbs, Sampler, Tempering},
    selftest::ChiSquared,
};

use crate::common::{devices, read, with_gpu};

const LEVEL: f64 = 1e-6;
const SEED: u64 = 31;
const BETAS: [f32; 3] = [0.1, 0.5, 1.0];
/// Unlikely states are counted on the CPU; a software GPU has fewer chains.
const CHAINS: usize = 1 << 18;
const FEW: usize = 1 << 14;

const WEIGHTS: [f32; 4] = [1.5, -1.0, -0.5, 2.0];
const VISIBLE: [f32; 2] = [-0.8, 0.6];
const HIDDEN: [f32; 2] = [0.4, -1.2];
const LOG_ODDS: [f32; 2] = [0.7, -0.3];

/// Units (v₀, v₁, h₀, h₁) of a state.
fn units(state: usize) -> [f32; 4] {
    std::array::from_fn(|i| (state >> i & 1) as f32)
}

/// The law of the 16 states at β.
fn law(beta: f32) -> [f64; 16] {
    let weights: [f64; 16] = std::array::from_fn(|state| {
        let [v0, v1, h0, h1] = units(state).map(f64::from);
        let sum = |values: &[f32; 2]| v0 * f64::from(values[0]) + v1 * f64::from(values[1]);
        let w = WEIGHTS.map(f64::from);
        let joint = v0 * (w[0] * h0 + w[1] * h1) + v1 * (w[2] * h0 + w[3] * h1);
        let model = joint + sum(&VISIBLE) + h0 * f64::from(HIDDEN[0]) + h1 * f64::from(HIDDEN[1]);
        let b = f64::from(beta);
        (b * model + (1.0 - b) * sum(&LOG_ODDS)).exp()
    });
    let z: f64 = weights.iter().sum();
    weights.map(|weight| weight / z)
}

fn rbm(device: &Device) -> Rbm {
    Rbm::new(device, &WEIGHTS, &VISIBLE, &HIDDEN).unwrap()
}

fn base() -> Base {
    Base::Bernoulli { log_odds: LOG_ODDS.to_vec() }
}

fn count(device: &Device) -> usize {
    if device.name().starts_with("CPU") || !with_gpu() { CHAINS } else { FEW }
}

/// Writes exact draws of a rung into its chains.
fn draw(device: &Device, chains: &mut Chains, rung: usize) {
    let law = law(BETAS[rung]);
    let mut rng = HostRng::new(SEED, Stream::Data, rung as u64);
    let (mut visible, mut hidden) = (Vec::new(), Vec::new());
    for _ in 0..chains.visible.rows() {
        let mut left = f64::from(rng.uniform());
        let state = law.iter().position(|p| {
            left -= p;
            left <= 0.0
        });
        let [v0, v1, h0, h1] = units(state.unwrap_or(15));
        visible.extend([v0, v1]);
        hidden.extend([h0, h1]);
    }
    device.write(&mut chains.visible, 0, &visible).unwrap();
    device.write(&mut chains.hidden, 0, &hidden).unwrap();
}

/// The test of the joint law of the rungs.
fn fit(device: &Device, rungs: [&Chains; 3]) -> ChiSquared {
    let states = rungs.map(|chains| {
        let (v, h) = (read(device, &chains.visible), read(device, &chains.hidden));
        let pairs = v.chunks_exact(2).zip(h.chunks_exact(2));
        pairs
            .map(|(v, h)| [v[0], v[1], h[0], h[1]])
            .map(|units| (0..4).map(|i| (units[i] as usize) << i).sum())
            .collect::<Vec<usize>>()
    });
    let laws = BETAS.map(law);
    let mut counts = vec![0; 16 * 16 * 16];
    for row in 0..states[0].len() {
        counts[states[0][row] + 16 * states[1][row] + 256 * states[2][row]] += 1;
    }
    let probabilities: Vec<f64> = (0..counts.len())
        .map(|at| laws[0][at % 16] * laws[1][at / 16 % 16] * laws[2][at / 256])
        .collect();
    ChiSquared::of(&counts, &probabilities)
}

#[test]
fn tempering_keeps_the_law_of_all_rungs() {
    for device in devices() {
        let energy = rbm(&device);
        for (steps, every) in [(1, 1), (2, 1), (7, 1), (5, 2)] {
            let mut chains = Chains::new(&energy, count(&device), SEED).unwrap();
            let tempering =
                Tempering::with_ladder(base(), BETAS.into(), Box::new(Gibbs::default()));
            let mut tempering = tempering.unwrap().exchange_every(every);
            tempering.start(&energy, &chains).unwrap();
            for rung in 0..2 {
                draw(&device, &mut tempering.lower()[rung], rung);
            }
            draw(&device, &mut chains, 2);
            tempering.advance(&energy, &mut chains, steps).unwrap();
            let exchanges = pollster::block_on(tempering.exchanges(&device)).unwrap();
            let [low, middle] = tempering.lower() else { panic!("two rungs below the top") };
            let fit = fit(&device, [low, middle, &chains]);
            let what = format!("{}, {steps} steps, exchange every {every}", device.name());
            println!("{what}: {fit}; swap rates {:?}", exchanges.swap_rates);
            assert!(fit.p >= LEVEL, "{what}: {fit}");
            assert_eq!(exchanges.rounds, u64::from(steps.div_ceil(every)), "{what}");
        }
    }
}

/// How the pairs are judged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Right,
    AlwaysSwapped,
    SignExchanged,
    WrongDifference,
}

/// One exchange of the upper pair, put together from the kernel, from exact draws.
///
/// The wrong rules raise χ² by 800 or more on 2^14 chains, 1,141 degrees of freedom; the test rejects
/// from 240 on, which is 7 standard deviations of the raised χ² below: the power is above 1 − 1e-10.
#[test]
fn wrong_exchanges_are_rejected() {
    for device in devices() {
        let energy = rbm(&device);
        let path = Path::new(&energy, base()).unwrap();
        for rule in [Rule::Right, Rule::AlwaysSwapped, Rule::SignExchanged, Rule::WrongDifference] {
            let n = FEW;
            let mut rungs = [0, 1, 2].map(|rung| {
                let mut chains = Chains::new(&energy, n, SEED).unwrap();
                draw(&device, &mut chains, rung);
                chains
            });
            let zeros = |columns| device.zeros(n, columns).unwrap();
            let mut differences = [zeros(1), zeros(1)];
            for (difference, chains) in differences.iter_mut().zip(&rungs[1..]) {
                match rule {
                    Rule::AlwaysSwapped => {}
                    // The free energy in the place of the joint one.
                    Rule::WrongDifference => energy.energy(&chains.visible, difference).unwrap(),
                    _ => path.difference(&chains.visible, &chains.hidden, difference).unwrap(),
                }
            }
            let mut betas = [BETAS[1], BETAS[2]];
            if rule == Rule::SignExchanged {
                betas.reverse();
            }
            let mut labels = [zeros(LABELS), zeros(LABELS)];
            let mut tally = zeros(TALLY);
            let [_, low, high] = &mut rungs;
            let draw = high.draw(Stream::Exchange);
            device
                .exchange(Exchange {
                    betas,
                    differences: differences.each_ref(),
                    states: &mut [
                        [&mut low.visible, &mut high.visible],
                        [&mut low.hidden, &mut high.hidden],
                    ],
                    labels: labels.each_mut(),
                    ends: [false, true],
                    tally: &mut tally,
                    draw,
                })
                .unwrap();
            let fit = fit(&device, rungs.each_ref());
            println!("{}, {n} chains, {rule:?}: {fit}", device.name());
            assert_eq!(fit.p >= LEVEL, rule == Rule::Right, "{device:?}, {rule:?}: {fit}");
        }
    }
}
