//! What moves chains along a path, and weighs them: kernel `anneal` for bipartite binary models, else
//! Hamiltonian trajectories whose step size follows the inverse temperature.

use crate::{
    device::{Anneal, Array, Device, Pointwise},
    energy::{Domain, Path},
    sampler::{Chains, Hmc, Sampler, SamplerError},
};

/// Leapfrog steps of a trajectory.
const LEAPFROG: u32 = 5;
/// The acceptance that step sizes are tuned to.
const ACCEPTANCE: f64 = 0.8;
/// By how much a step size answers to an acceptance off that, in its logarithm.
const GAIN: f64 = 1.0;

/// Moves chains along a path and adds to their log weights.
pub struct Annealer<'a> {
    path: &'a Path<'a>,
    /// The sampler of a real model, and (β, log step size) as pilots have tuned it.
    real: Option<(Hmc, Vec<(f32, f64)>)>,
}

impl<'a> Annealer<'a> {
    /// One that has tuned nothing yet; see [`super::adapt`].
    pub fn new(path: &'a Path<'a>) -> Self {
        let real = (path.target().domain() == Domain::Real).then(|| {
            let step = 0.5 * path.base().least_deviation();
            (Hmc::new(step, LEAPFROG), vec![(0.0, f64::from(step).ln())])
        });
        Self { path, real }
    }

    /// The path.
    pub fn path(&self) -> &'a Path<'a> {
        self.path
    }

    pub(super) fn device(&self) -> &'a Device {
        self.path.device()
    }

    /// Chains that are exact samples of the base.
    ///
    /// # Errors
    /// The device refuses.
    pub fn start(&self, chains: usize, seed: u64) -> Result<Chains, SamplerError> {
        let mut chains = Chains::new(self.path.target(), chains, seed)?;
        chains.start_from_base(self.path)?;
        Ok(chains)
    }

    /// Takes chains along β₀, β₁, …: at each step adds log f(β′) − log f(β) to their log weights
    /// `[n, 1]`, then moves them by a transition that leaves the law at β′ invariant.
    ///
    /// # Errors
    /// The device refuses.
    pub fn advance(
        &self,
        chains: &mut Chains,
        betas: &[f32],
        log_weights: &mut Array,
    ) -> Result<(), SamplerError> {
        let Some((sampler, steps)) = &self.real else {
            return self.advance_binary(chains, betas, log_weights);
        };
        let mut sampler = sampler.clone();
        for pair in betas.windows(2) {
            self.weigh(chains, pair[1] - pair[0], log_weights)?;
            sampler.step_size = step_size(steps, pair[1]);
            sampler.advance(&*self.path.at(pair[1])?, chains, 1)?;
        }
        Ok(())
    }

    /// One step of a pilot, which tunes the step size for its β on the way.
    ///
    /// # Errors
    /// The device refuses.
    pub(super) async fn tune(
        &mut self,
        chains: &mut Chains,
        betas: [f32; 2],
        log_weights: &mut Array,
    ) -> Result<(), SamplerError> {
        let device = self.device();
        chains.reset_tally(device)?;
        self.advance(chains, &betas, log_weights)?;
        if let Some((_, steps)) = &mut self.real {
            let rate = chains.acceptance(device).await?.rate;
            let log = f64::from(step_size(steps, betas[1])).ln();
            let log = if rate.is_finite() { log + GAIN * (rate - ACCEPTANCE) } else { log };
            match steps.binary_search_by(|(beta, _)| beta.total_cmp(&betas[1])) {
                Ok(place) => steps[place].1 = log,
                Err(place) => steps.insert(place, (betas[1], log)),
            }
        }
        Ok(())
    }

    /// log weights ← log weights − change · D.
    fn weigh(
        &self,
        chains: &Chains,
        change: f32,
        log_weights: &mut Array,
    ) -> Result<(), SamplerError> {
        let device = self.device();
        let mut difference = device.zeros(chains.visible.rows(), 1)?;
        self.path.difference(&chains.visible, &chains.hidden, &mut difference)?;
        device.pointwise(Pointwise::Axpy { x: &difference, scale: -change }, log_weights)?;
        Ok(())
    }

    fn advance_binary(
        &self,
        chains: &mut Chains,
        betas: &[f32],
        log_weights: &mut Array,
    ) -> Result<(), SamplerError> {
        let Some((arrays, base_bias, bias_shift)) = self.path.binary() else {
            unreachable!("a path to a binary model is bipartite");
        };
        self.device().anneal(Anneal {
            weights: arrays.weights,
            base_bias,
            bias_shift,
            hidden_bias: arrays.hidden_bias,
            visible: &mut chains.visible,
            hidden: &mut chains.hidden,
            log_weights,
            betas,
            seed: chains.seed,
            first_step: chains.clock,
        })?;
        chains.moved(betas.len() as u32 - 1);
        Ok(())
    }
}

/// The step size at β, its logarithm interpolated between those that were tuned.
fn step_size(steps: &[(f32, f64)], beta: f32) -> f32 {
    let after = steps.partition_point(|(tuned, _)| *tuned < beta);
    let log = match (after.checked_sub(1).and_then(|i| steps.get(i)), steps.get(after)) {
        (Some((left, low)), Some((right, high))) => {
            low + (high - low) * f64::from((beta - left) / (right - left))
        }
        (Some((_, log)), None) | (None, Some((_, log))) => *log,
        (None, None) => 0.0,
    };
    log.exp() as f32
}
