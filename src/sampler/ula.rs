//! The unadjusted Langevin algorithm: x ← x + εβ s(x) + √(2ε) ξ, s = −∇E. Every proposal is taken,
//! so its stationary law is exp(−βE) only as ε → 0.
//! Source: Roberts and Tweedie, "Exponential convergence of Langevin distributions and their
//! discrete approximations", Bernoulli 1996.
//!
//! The bias, exactly, on N(0, σ²) at β = 1: x' = (1 − ε/σ²) x + √(2ε) ξ, so a stationary variance
//! v solves v = (1 − ε/σ²)² v + 2ε, and v = σ² / (1 − ε/(2σ²)), for ε < 2σ². (Texts that write the
//! step as x + (h/2) s + √h ξ have h = 2ε.)

use super::{
    Chains, Sampler, SamplerError, admits_real, check_positive, langevin::Dynamics,
    scratch::Scratch,
};
use crate::energy::Energy;

/// Unadjusted Langevin steps of a real energy that has a score.
#[derive(Clone, Debug)]
pub struct Ula {
    /// Step size ε.
    pub step_size: f32,
    /// Inverse temperature β.
    pub beta: f32,
    scratch: Scratch,
}

impl Ula {
    /// Steps of size ε at β = 1.
    pub fn new(step_size: f32) -> Self {
        Self { step_size, beta: 1.0, scratch: Scratch::default() }
    }

    /// The same at an inverse temperature.
    pub fn with_beta(self, beta: f32) -> Self {
        Self { beta, ..self }
    }
}

impl Sampler for Ula {
    fn kind(&self) -> &'static str {
        "ula"
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
        let dynamics = Dynamics::langevin(false, self.step_size, self.beta);
        Ok(dynamics.advance(energy, chains, steps, &self.scratch)?)
    }

    fn step_size(&self) -> Option<f32> {
        Some(self.step_size)
    }

    fn set_step_size(&mut self, value: f32) {
        self.step_size = value;
    }
}
