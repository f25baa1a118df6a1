//! Burn-in recovers the target acceptance, and nothing upsets it.

use ergodic::{
    device::{Device, Pointwise},
    energy::{Analytic, Energy},
    sampler::{Chains, Hmc, Mala, Metropolis, Sampler, SamplerError, Ula, burn_in},
};
use pollster::block_on;

use crate::{
    common::{devices, normals},
    targets::{SEED, Target, chains_at, count},
};

fn recovers(label: &str, mut sampler: Box<dyn Sampler>, energy: &Analytic, start: &[f32]) {
    let device = energy.device();
    let mut chains = chains_at(energy, start);
    let burnt = block_on(burn_in(&mut sampler, energy, &mut chains, 1000)).unwrap();
    assert_eq!(burnt.step_size, sampler.step_size());
    assert_eq!(chains.tallied, 0);
    sampler.advance(energy, &mut chains, 50).unwrap();
    assert_eq!(sampler.step_size(), burnt.step_size, "frozen");
    let rate = block_on(chains.acceptance(device)).unwrap().rate;
    let wanted = sampler.target_acceptance(energy.dimension()).unwrap();
    let what = format!("{label}, D = {}, {}", energy.dimension(), sampler.kind());
    println!("{what}: step {:?}, acceptance {rate:.3}, wanted {wanted}", burnt.step_size);
    assert!((rate - wanted).abs() < 0.02, "{what}: {rate}, wanted {wanted}");
}

/// From step sizes a thousand times too large or too small, for d = 2 and 100.
#[test]
fn burn_in_recovers_the_target_acceptance() {
    for device in devices() {
        let n = count(&device, 2048, 256);
        let small = Target::Mixture.energy(&device);
        let large = Analytic::double_well(&device, 100, 2.0, 1.0).unwrap();
        for (energy, start) in
            [(&small, Target::Mixture.draws(n, SEED)), (&large, normals(100 * n, SEED))]
        {
            recovers(device.name(), Box::new(Mala::new(100.0)), energy, &start);
            recovers(device.name(), Box::new(Metropolis::new(1e-3)), energy, &start);
            // A trajectory is four evaluations long at least; once is enough on a slow device.
            recovers(device.name(), Box::new(Hmc::new(1e-3, 4)), energy, &start);
        }
    }
}

/// What has no target is moved all the same.
#[test]
fn a_sampler_without_a_target_keeps_its_step_size() {
    let device = Device::cpu();
    let energy = Target::Mixture.energy(&device);
    let mut chains = chains_at(&energy, &Target::Mixture.draws(16, SEED));
    let burnt = block_on(burn_in(&mut Ula::new(0.1), &energy, &mut chains, 25)).unwrap();
    assert_eq!((burnt.step_size, chains.clock), (Some(0.1), 25));
}

/// A sampler whose statistic is NaN.
struct Broken(f32);

impl Sampler for Broken {
    fn kind(&self) -> &'static str {
        "broken"
    }

    fn admits(&self, _energy: &dyn Energy) -> Result<(), SamplerError> {
        Ok(())
    }

    fn advance(
        &self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
    ) -> Result<(), SamplerError> {
        chains.moved(steps);
        Ok(energy.device().pointwise(Pointwise::Fill(f32::NAN), &mut chains.tally)?)
    }

    fn step_size(&self) -> Option<f32> {
        Some(self.0)
    }

    fn set_step_size(&mut self, value: f32) {
        self.0 = value;
    }

    fn target_acceptance(&self, _dimension: usize) -> Option<f64> {
        Some(0.5)
    }
}

#[test]
fn a_statistic_that_is_no_number_leaves_the_step_size() {
    let energy = Target::Mixture.energy(&Device::cpu());
    let mut chains = chains_at(&energy, &Target::Mixture.draws(16, SEED));
    let mut broken = Broken(0.25);
    block_on(burn_in(&mut broken, &energy, &mut chains, 100)).unwrap();
    assert!((broken.0 - 0.25).abs() < 1e-6, "{}", broken.0);
}
