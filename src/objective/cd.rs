//! Contrastive divergence, CD-k: +1/N on the data, −1/N on chains that start at the data and run
//! for k sweeps.
//! Source: Hinton, "Training products of experts by minimizing contrastive divergence", 2002.

use super::{Batch, Objective, chain_points};
use crate::{
    energy::{Energy, Points},
    sampler::{Chains, Sampler, SamplerError},
};

/// CD with any sampler.
pub struct Cd<S> {
    sampler: S,
    chains: Chains,
}

impl<S: Sampler> Cd<S> {
    /// CD on as many chains as a batch has examples.
    pub fn new(sampler: S, chains: Chains) -> Self {
        Self { sampler, chains }
    }
}

impl<S: Sampler> Objective for Cd<S> {
    fn kind(&self) -> &'static str {
        "cd"
    }

    fn points<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        sweeps: u32,
    ) -> Result<Vec<Points<'a>>, SamplerError> {
        let device = energy.device();
        let rows = batch.x.rows();
        // The batch knows the hidden means already, so the start costs one draw.
        device.copy_rows(&batch.x, 0, &mut self.chains.visible, 0, rows)?;
        device.copy_rows(&batch.hidden_means, 0, &mut self.chains.hidden_means, 0, rows)?;
        self.chains.draw_hidden(device)?;
        self.sampler.advance(energy, &mut self.chains, sweeps)?;
        Ok(vec![batch.points(1.0), chain_points(&self.chains, -1.0)])
    }

    fn chains(&self) -> &Chains {
        &self.chains
    }

    fn chains_mut(&mut self) -> &mut Chains {
        &mut self.chains
    }
}
