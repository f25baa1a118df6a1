//! Partition functions by annealing against enumeration.

use ergodic::{
    device::Device,
    energy::{Analytic, Base, Component, Energy, Gaussian, Path, Rbm},
    evaluate::{
        Annealer, Bracket, Effort, Estimate, adapt, bennett, log_partition, log_ratio, pass,
    },
    sampler::{Chains, Hmc, burn_in},
};
use pollster::block_on;

use common::{devices, normals, normals_of, read};

mod common;

/// A random RBM: weights of that deviation, biases N(0, ½²).
fn random(device: &Device, (d, h): (usize, usize), deviation: f32, seed: u64) -> Rbm {
    let biases = |n: usize, seed| normals(n, seed).iter().map(|x| 0.5 * x).collect::<Vec<f32>>();
    let weights = normals_of(d * h, deviation, seed);
    Rbm::new(device, &weights, &biases(d, seed + 1), &biases(h, seed + 2)).unwrap()
}

/// Exact samples of a small-sided RBM: hidden states by enumeration, as chains.
fn exact_chains(model: &Rbm, n: usize, seed: u64) -> Chains {
    let device = model.device();
    let (d, h) = (model.dimension(), model.hidden());
    let weights = read(device, model.parameters()[0].1);
    let visible_bias = read(device, model.parameters()[1].1);
    let hidden_bias = read(device, model.parameters()[2].1);
    let log_density = |state: usize| -> f64 {
        let on = |unit: usize| state >> unit & 1 == 1;
        let own: f64 = (0..h).filter(|j| on(*j)).map(|j| f64::from(hidden_bias[j])).sum();
        let field = |i: usize| -> f64 {
            (0..h).filter(|j| on(*j)).map(|j| f64::from(weights[i * h + j])).sum::<f64>()
                + f64::from(visible_bias[i])
        };
        own + (0..d).map(|i| common::softplus(field(i))).sum::<f64>()
    };
    let densities: Vec<f64> = (0..1usize << h).map(log_density).collect();
    let most = densities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    let cumulative: Vec<f64> = densities
        .iter()
        .map(|x| {
            total += (x - most).exp();
            total
        })
        .collect();
    let mut hidden = Vec::new();
    for u in common::uniforms(n, seed) {
        let wanted = f64::from(u) * total;
        let state = cumulative.partition_point(|c| *c < wanted).min((1 << h) - 1);
        hidden.extend((0..h).map(|unit| (state >> unit & 1) as f32));
    }
    let mut chains = Chains::new(model, n, seed).unwrap();
    device.write(&mut chains.hidden, 0, &hidden).unwrap();
    chains
}

struct Found {
    exact: f64,
    up: Estimate,
    down: Estimate,
    both: Estimate,
    /// Ẑ/Z of each chain on the way up: mean and standard error of the mean.
    ratio: (f64, f64),
}

fn measure(model: &Rbm, chains: usize, steps: usize, seed: u64) -> Found {
    let exact = block_on(log_partition(model, 25)).unwrap().unwrap();
    let means = vec![0.5; model.dimension()];
    let path = Path::new(model, Base::of_means(&means)).unwrap();
    let mut annealer = Annealer::new(&path);
    let betas = block_on(adapt(&mut annealer, steps, seed)).unwrap();
    let mut going = annealer.start(chains, seed + 10).unwrap();
    let up = block_on(pass(&annealer, &mut going, &betas, &|_| {})).unwrap().log_weights;
    let back: Vec<f32> = betas.iter().rev().copied().collect();
    let mut coming = exact_chains(model, chains, seed + 11);
    let down = block_on(pass(&annealer, &mut coming, &back, &|_| {})).unwrap().log_weights;
    let ratios: Vec<f64> = up.iter().map(|w| (w + path.base_log_z() - exact).exp()).collect();
    let n = ratios.len() as f64;
    let mean = ratios.iter().sum::<f64>() / n;
    let variance = ratios.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let shifted = |estimate: Estimate, sign: f64| Estimate {
        value: path.base_log_z() + sign * estimate.value,
        ..estimate
    };
    Found {
        exact,
        up: shifted(log_ratio(&up), 1.0),
        down: shifted(log_ratio(&down), -1.0),
        both: shifted(bennett(&up, &down), 1.0),
        ratio: (mean, (variance / n).sqrt()),
    }
}

/// Twenty RBMs from 6 x 4 to 784 x 16 with weights of deviation 0.1 to 1.
#[test]
fn twenty_models_against_enumeration() {
    let sizes = [(6, 4), (12, 10), (100, 16), (784, 16)];
    let device = Device::cpu();
    let mut covered = [0; 3];
    let mut total = 0;
    for (index, size) in sizes.into_iter().enumerate() {
        for (step, deviation) in [0.1, 0.2, 0.4, 0.7, 1.0].into_iter().enumerate() {
            let seed = 1000 * index as u64 + 100 * step as u64;
            let model = random(&device, size, deviation, seed);
            let started = std::time::Instant::now();
            // The largest cost the most, and in the last the weights make deep, distant modes.
            let (chains, steps) = match (size, deviation) {
                ((784, _), 1.0) => (1000, 6000),
                ((784, _), _) => (1000, 2000),
                _ => (10_000, 500),
            };
            let found = measure(&model, chains, steps, seed);
            let Found { exact, up, down, both, ratio } = found;
            println!(
                "{size:?} {deviation}: exact {exact:.4}; up {:+.4} ± {:.4} (ess {:.0}), down {:+.4} ± {:.4}, \
                 both {:+.5} ± {:.5}; Ẑ/Z {:.4} ± {:.4}; {:.1} s",
                up.value - exact,
                up.std_error,
                up.ess,
                down.value - exact,
                down.std_error,
                both.value - exact,
                both.std_error,
                ratio.0,
                ratio.1,
                started.elapsed().as_secs_f64(),
            );
            total += 1;
            for (covered, estimate) in covered.iter_mut().zip([up, down, both]) {
                *covered += u32::from((estimate.value - exact).abs() <= 3.0 * estimate.std_error);
                assert!((estimate.value - exact).abs() <= 0.05, "{size:?}, {deviation}");
            }
            assert!((ratio.0 - 1.0).abs() <= 4.0 * ratio.1, "{size:?}, {deviation}: {ratio:?}");
            let slack = 3.0 * up.std_error.hypot(down.std_error);
            assert!(
                up.value <= down.value + slack,
                "{size:?}, {deviation}: the bracket is upside down"
            );
        }
    }
    assert!(covered.iter().all(|covered| covered + 1 >= total), "{covered:?} of {total}");
}

#[test]
fn every_device_gives_the_same_answer() {
    for device in devices() {
        let model = random(&device, (12, 10), 0.7, 5);
        let found = measure(&model, 256, 200, 6);
        for estimate in [found.up, found.down, found.both] {
            let off = (estimate.value - found.exact).abs();
            assert!(
                estimate.std_error < 0.03 && off <= 4.0 * estimate.std_error,
                "{}: {estimate:?}",
                device.name()
            );
        }
    }
}

/// Analytic energies: a correlated Gaussian, a mixture of unequal parts, and the double well, whose
/// log Z is by quadrature.
#[test]
fn analytic_energies_within_a_fiftieth_of_a_nat() {
    let part = |weight, mean: [f64; 2], variance| Component {
        weight,
        mean: mean.to_vec(),
        covariance: vec![variance, 0.0, 0.0, variance],
    };
    for device in devices() {
        let (chains, steps) =
            if device.name().starts_with("CPU") { (2000, 200) } else { (500, 60) };
        let gaussian = Gaussian::new(&device, &[2.0, 1.2, 1.2, 1.0], &[1.0, -2.0]).unwrap();
        let mixture = [part(0.3, [-2.0, 0.0], 0.6), part(0.7, [1.5, 1.0], 0.8)];
        let mixture = Analytic::mixture(&device, &mixture).unwrap();
        let well = Analytic::double_well(&device, 2, 2.0, 1.5).unwrap();
        let log_z = block_on(gaussian.log_partition()).unwrap().unwrap();
        let (of_mixture, of_well) = (mixture.log_partition(), well.log_partition());
        let cases: [(&str, &dyn Energy, f64); 3] = [
            ("gaussian", &gaussian, log_z),
            ("mixture", &mixture, of_mixture),
            ("double well", &well, of_well),
        ];
        for (name, energy, exact) in cases {
            let base = Base::isotropic(2, 2.0);
            let path = Path::new(energy, base).unwrap();
            let mut model = Chains::new(energy, chains, 1).unwrap();
            model.start_from_base(&path).unwrap();
            let mut sampler = Hmc::new(0.2, 5);
            block_on(burn_in(&mut sampler, energy, &mut model, 200)).unwrap();
            let effort = Effort { chains, temperatures: steps, burn_in: 0, seed: 7 };
            let found = block_on(Bracket::of(&path, &mut model, effort, &|_| {})).unwrap();
            for (way, estimate) in
                [("up", found.forward), ("down", found.reverse), ("both", found.bennett.unwrap())]
            {
                let off = (estimate.value - exact).abs();
                println!("{}: {name} {way}: {estimate:?}, off {off:.4}", device.name());
                assert!(
                    off <= 4.0 * estimate.std_error + 1e-4,
                    "{name}, {way}: {estimate:?}, {exact}"
                );
                if chains == 4000 {
                    assert!(off <= 0.02, "{name}, {way}: {estimate:?}, {exact}");
                }
            }
        }
    }
}
