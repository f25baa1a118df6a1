//! Figures that a sampler's stationary law has exactly: ULA's bias, ⟨exp(−ΔH)⟩ = 1.

use ergodic::{
    device::{Device, TALLY},
    energy::{Analytic, Component},
    sampler::{Chains, Hmc, Mala, Metropolis, Sampler, Ula},
};

use crate::{
    common::{devices, normals_of, read},
    targets::{SEED, TARGETS, chains_at, count, mean},
};

const VARIANCE: f64 = 0.8;
const STEP: f32 = 0.4;

fn normal(device: &Device) -> Analytic {
    let component = Component { weight: 1.0, mean: vec![0.0], covariance: vec![VARIANCE] };
    Analytic::mixture(device, &[component]).unwrap()
}

/// (variance of the states, its standard error under normality), mean known to be 0.
fn variance(device: &Device, chains: &Chains) -> (f64, f64) {
    let states = read(device, &chains.visible);
    let n = states.len() as f64;
    let variance = states.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / n;
    (variance, variance * (2.0 / n).sqrt())
}

/// x' = (1 − ε/σ²) x + √(2ε) ξ: the stationary variance is σ²/(1 − ε/(2σ²)), here 4/3 σ². From
/// N(0, σ²), 14 steps leave a relative 4^−14 of the way. The bias is 180 standard errors of 2^20
/// chains, 11 of 4,096.
#[test]
fn ula_has_its_exact_bias_and_mala_has_none() {
    let biased = VARIANCE / (1.0 - f64::from(STEP) / (2.0 * VARIANCE));
    for device in devices() {
        let n = count(&device, 1 << 20, 1 << 12);
        let energy = normal(&device);
        let start = normals_of(n, VARIANCE.sqrt() as f32, SEED);
        let samplers: [(&dyn Sampler, f64); 2] =
            [(&Ula::new(STEP), biased), (&Mala::new(STEP), VARIANCE)];
        for (sampler, wanted) in samplers {
            let mut chains = chains_at(&energy, &start);
            sampler.advance(&energy, &mut chains, 14).unwrap();
            let (found, error) = variance(&device, &chains);
            let what = format!("{}, {}, {n} chains", device.name(), sampler.kind());
            println!("{what}: variance {found:.5} ± {error:.5}, wanted {wanted:.5}");
            assert!((found - wanted).abs() < 5.0 * error, "{what}: {found} ± {error}, {wanted}");
        }
    }
}

/// Inverse temperature: the law is exp(−βE), whose variance is σ²/β.
#[test]
fn chains_at_an_inverse_temperature_sample_its_law() {
    let beta = 2.5;
    for device in devices() {
        let n = count(&device, 1 << 18, 1 << 12);
        let energy = normal(&device);
        let wanted = VARIANCE / f64::from(beta);
        let start = normals_of(n, wanted.sqrt() as f32, SEED);
        let mut samplers: [(Box<dyn Sampler>, f64); 4] = [
            (Box::new(Mala::new(0.2).with_beta(beta)), wanted),
            (Box::new(Hmc::new(0.3, 3).with_beta(beta)), wanted),
            (Box::new(Metropolis::new(1.0).with_beta(beta)), wanted),
            // The drift is εβ: the bias of a target of variance σ²/β.
            (Box::new(Ula::new(0.1).with_beta(beta)), wanted / (1.0 - 0.1 / (2.0 * wanted))),
        ];
        for (sampler, wanted) in &mut samplers {
            let mut chains = chains_at(&energy, &start);
            sampler.advance(&energy, &mut chains, 20).unwrap();
            let (found, error) = variance(&device, &chains);
            let what = format!("{}, {}, {n} chains", device.name(), sampler.kind());
            assert!((found - *wanted).abs() < 5.0 * error, "{what}: {found} ± {error}, {wanted}");
        }
    }
}

/// Creutz's equality: at stationarity ⟨α⟩ = ⟨exp(−ΔH)⟩ = 1. Not for the random walk, whose α has no
/// variance. By detailed balance the share of ⟨α⟩ that lies in α > A is the
/// probability of α < 1/A, so steps whose proposals are sometimes hopeless put it into states that
/// no sample holds: these are short enough, and the acceptance is still away from 1, where the
/// equality would say nothing.
#[test]
fn the_mean_of_alpha_is_one_at_stationarity() {
    for device in devices() {
        let n = count(&device, 1 << 20, 1 << 12);
        for target in TARGETS {
            let energy = target.energy(&device);
            let start = target.draws(n, SEED);
            let scale = target.scale();
            let samplers: [&dyn Sampler; 2] =
                [&Mala::new(0.004 * scale * scale), &Hmc::new(0.07 * scale, 5)];
            for sampler in samplers {
                let mut chains = chains_at(&energy, &start);
                sampler.advance(&energy, &mut chains, 1).unwrap();
                let tally = read(&device, &chains.tally);
                let alphas = tally.chunks_exact(TALLY).map(|row| f64::from(row[3]).exp());
                let (found, error) = mean(alphas);
                let rate = pollster::block_on(chains.acceptance(&device)).unwrap().rate;
                let what = format!("{}, {target:?}, {}", device.name(), sampler.kind());
                println!("{what}: ⟨α⟩ = {found:.5} ± {error:.5}, acceptance {rate:.3}");
                assert!((found - 1.0).abs() < 5.0 * error, "{what}: {found} ± {error}");
                assert!(rate < 0.995, "{what}: acceptance {rate} says nothing");
            }
        }
    }
}
