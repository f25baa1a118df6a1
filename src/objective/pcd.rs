//! Persistent contrastive divergence, also called stochastic maximum likelihood: +1/N on the data,
//! −1/M on M chains that go on from update to update.
//! Source: Tieleman, "Training restricted Boltzmann machines using approximations to the
//! likelihood gradient", ICML 2008.

use super::{Batch, LossTerm, Objective, Replay, Result, Update, contrast, penalty::Penalty};
use crate::{
    energy::{Energy, Points},
    sampler::{Chains, Tempering},
};

/// PCD with any sampler.
pub struct Pcd {
    replay: Replay,
    penalty: Penalty,
}

impl Pcd {
    /// PCD on chains that have been started; `energy_l2` is the factor of the mean squared
    /// energies that are added to the loss, 0 for none.
    pub fn new(replay: Replay, energy_l2: f32) -> Self {
        Self { replay, penalty: Penalty::new(energy_l2) }
    }
}

impl Objective for Pcd {
    fn kind(&self) -> &'static str {
        "pcd"
    }

    fn sees_constant(&self) -> bool {
        self.penalty.is_on()
    }

    fn admits(&self, energy: &dyn Energy) -> Result<()> {
        self.replay.admits(energy)
    }

    fn points<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        update: Update,
    ) -> Result<Vec<Points<'a>>> {
        let moved = self.replay.advance(energy, update)?;
        self.penalty.contrast(energy, batch, moved)
    }

    fn loss(&self, energy: &dyn Energy, batch: &Batch, _update: Update) -> Result<Vec<LossTerm>> {
        contrast(energy, &batch.x, &self.replay.moved().visible)
    }

    fn chains(&self) -> Option<&Chains> {
        Some(self.replay.chains())
    }

    fn chains_mut(&mut self) -> Option<&mut Chains> {
        Some(self.replay.chains_mut())
    }

    fn moved_mut(&mut self) -> Option<&mut Chains> {
        Some(self.replay.moved_mut())
    }

    fn tempering(&mut self) -> Option<&mut Tempering> {
        self.replay.tempering()
    }
}
