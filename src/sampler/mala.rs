//! The Metropolis-adjusted Langevin algorithm: the steps of `ula`, accepted with the probability
//! that leaves exp(−βE) invariant.
//! Source: Roberts and Tweedie 1996; the target acceptance 0.574: Roberts and Rosenthal, "Optimal
//! scaling of discrete approximations to Langevin diffusions", JRSS B 1998.

use super::{
    Chains, Sampler, SamplerError, admits_real, check_positive, langevin::Dynamics,
    scratch::Scratch,
};
use crate::energy::Energy;

/// Metropolis-adjusted Langevin steps of a real energy that has a score.
#[derive(Clone, Debug)]
pub struct Mala {
    /// Step size ε.
    pub step_size: f32,
    /// Inverse temperature β.
    pub beta: f32,
    scratch: Scratch,
}

impl Mala {
    /// Steps of size ε at β = 1.
    pub fn new(step_size: f32) -> Self {
        Self { step_size, beta: 1.0, scratch: Scratch::default() }
    }

    /// The same at an inverse temperature.
    pub fn with_beta(self, beta: f32) -> Self {
        Self { beta, ..self }
    }
}

impl Sampler for Mala {
    fn kind(&self) -> &'static str {
        "mala"
    }

    fn admits(&self, energy: &dyn Energy) -> Result<(), SamplerError> {
        admits_real(self.kind(), energy)?;
        check_positive(self.kind(), "step size", self.step_size)
    }

    fn advance(
        &self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
    ) -> Result<(), SamplerError> {
        self.admits(energy)?;
        let dynamics = Dynamics::langevin(true, self.step_size, self.beta);
        Ok(dynamics.advance(energy, chains, steps, &self.scratch)?)
    }

    fn step_size(&self) -> Option<f32> {
        Some(self.step_size)
    }

    fn set_step_size(&mut self, value: f32) {
        self.step_size = value;
    }

    fn target_acceptance(&self, _dimension: usize) -> Option<f64> {
        Some(0.574)
    }
}
