//! The steps that classifiers that are also generators are trained with: x ← x + s(x) + 0.01 ξ.
//!
//! This is not Langevin at temperature 1: noise of 0.01 belongs to a drift of 0.00005, so the steps
//! follow exp(−βE) at β = 20,000 and are close to a noisy descent of the energy. They give
//! states of low energy in few steps, not draws of exp(−E).
//! Source: Grathwohl et al., "Your classifier is secretly an energy based model and you should
//! treat it like one", ICLR 2020.

use super::{Chains, Sampler, SamplerError, admits_real, langevin::Dynamics, scratch::Scratch};
use crate::energy::Energy;

/// Noisy descent with drift and noise of their own; not Langevin at temperature 1.
#[derive(Clone, Debug)]
pub struct SgldJem {
    /// Factor of the score.
    pub drift: f32,
    /// Standard deviation of the noise.
    pub noise: f32,
    scratch: Scratch,
}

impl SgldJem {
    /// Steps with such a drift and noise.
    pub fn new(drift: f32, noise: f32) -> Self {
        Self { drift, noise, scratch: Scratch::default() }
    }
}

impl Default for SgldJem {
    /// Drift 1, noise 0.01.
    fn default() -> Self {
        Self::new(1.0, 0.01)
    }
}

impl Sampler for SgldJem {
    fn kind(&self) -> &'static str {
        "sgld-jem"
    }

    fn admits(&self, energy: &dyn Energy) -> Result<(), SamplerError> {
        admits_real(self.kind(), energy)?;
        for (setting, found) in [("drift", self.drift), ("noise", self.noise)] {
            if !(found.is_finite() && found >= 0.0) {
                let wanted = "finite and not negative";
                return Err(SamplerError::Setting { sampler: self.kind(), setting, found, wanted });
            }
        }
        Ok(())
    }

    fn advance(
        &self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
    ) -> Result<(), SamplerError> {
        self.admits(energy)?;
        let dynamics =
            Dynamics { metropolis: false, drift: self.drift, noise: self.noise, beta: 1.0 };
        Ok(dynamics.advance(energy, chains, steps, &self.scratch)?)
    }
}
