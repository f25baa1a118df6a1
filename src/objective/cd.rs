//! Contrastive divergence, CD-k: +1/N on the data, −1/N on chains that start at the data and run
//! for k transitions.
//! Source: Hinton, "Training products of experts by minimizing contrastive divergence", 2002.

use super::{Batch, LossTerm, Objective, Result, Update, contrast, penalty::Penalty};
use crate::{
    energy::{Energy, Points},
    sampler::{Chains, Sampler},
};

/// CD with any sampler.
pub struct Cd {
    sampler: Box<dyn Sampler>,
    chains: Chains,
    penalty: Penalty,
}

impl Cd {
    /// CD on as many chains as a batch has examples; `energy_l2` is the factor of the mean squared
    /// energies that are added to the loss, 0 for none.
    pub fn new(sampler: Box<dyn Sampler>, chains: Chains, energy_l2: f32) -> Self {
        Self { sampler, chains, penalty: Penalty::new(energy_l2) }
    }
}

impl Objective for Cd {
    fn kind(&self) -> &'static str {
        "cd"
    }

    fn sees_constant(&self) -> bool {
        self.penalty.is_on()
    }

    fn admits(&self, energy: &dyn Energy) -> Result<()> {
        Ok(self.sampler.admits(energy)?)
    }

    fn points<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        update: Update,
    ) -> Result<Vec<Points<'a>>> {
        let device = energy.device();
        let rows = batch.x.rows();
        // The batch knows the hidden means already, so the start costs one draw.
        device.copy_rows(&batch.x, 0, &mut self.chains.visible, 0, rows)?;
        if energy.hidden() > 0 {
            device.copy_rows(&batch.hidden_means, 0, &mut self.chains.hidden_means, 0, rows)?;
            self.chains.draw_hidden(device)?;
        }
        self.sampler.advance(energy, &mut self.chains, update.steps)?;
        self.penalty.contrast(energy, batch, &self.chains)
    }

    fn loss(&self, energy: &dyn Energy, batch: &Batch, _update: Update) -> Result<Vec<LossTerm>> {
        contrast(energy, &batch.x, &self.chains.visible)
    }

    fn chains(&self) -> Option<&Chains> {
        Some(&self.chains)
    }

    fn chains_mut(&mut self) -> Option<&mut Chains> {
        Some(&mut self.chains)
    }
}
