//! Block Gibbs for bipartite binary energies: draws v | h, then h | v.
//! Source: Hinton, "A practical guide to training restricted Boltzmann machines", 2010.

use super::{Chains, Sampler, SamplerError, admissible};
use crate::{
    device::{self, Array},
    energy::{Bipartite, Energy},
};

/// Block-Gibbs sweeps.
#[derive(Debug)]
pub struct Gibbs {
    /// Inverse temperature β.
    pub beta: f32,
    /// `[1, D]`: visible units with a nonzero entry keep their state.
    pub clamp: Option<Array>,
}

impl Default for Gibbs {
    fn default() -> Self {
        Self { beta: 1.0, clamp: None }
    }
}

impl Gibbs {
    fn arrays<'a>(&self, energy: &'a dyn Energy) -> Result<Bipartite<'a>, SamplerError> {
        energy.bipartite().ok_or_else(|| SamplerError::Inadmissible {
            sampler: self.kind(),
            energy: energy.kind(),
            reason: "block Gibbs needs a bipartite binary energy, such as rbm",
            admissible: admissible(energy),
        })
    }
}

impl Sampler for Gibbs {
    fn kind(&self) -> &'static str {
        "gibbs"
    }

    fn admits(&self, energy: &dyn Energy) -> Result<(), SamplerError> {
        self.arrays(energy).map(drop)
    }

    fn advance(
        &self,
        energy: &dyn Energy,
        chains: &mut Chains,
        sweeps: u32,
    ) -> Result<(), SamplerError> {
        let arrays = self.arrays(energy)?;
        energy.device().gibbs(device::Gibbs {
            weights: arrays.weights,
            visible_bias: arrays.visible_bias,
            hidden_bias: arrays.hidden_bias,
            visible: &mut chains.visible,
            hidden: &mut chains.hidden,
            hidden_means: &mut chains.hidden_means,
            clamp: self.clamp.as_ref(),
            beta: self.beta,
            sweeps,
            seed: chains.seed,
            first_step: chains.clock,
        })?;
        chains.moved(sweeps);
        Ok(())
    }

    fn as_gibbs(&self) -> Option<&Gibbs> {
        Some(self)
    }
}
