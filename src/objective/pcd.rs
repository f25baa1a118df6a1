//! Persistent contrastive divergence, also called stochastic maximum likelihood: +1/N on the data,
//! −1/M on M chains that go on from update to update.
//! Source: Tieleman, "Training restricted Boltzmann machines using approximations to the
//! likelihood gradient", ICML 2008.

use super::{Batch, Objective, chain_points};
use crate::{
    energy::{Energy, Points},
    sampler::{Chains, Sampler, SamplerError},
};

/// PCD with any sampler.
pub struct Pcd<S> {
    sampler: S,
    chains: Chains,
}

impl<S: Sampler> Pcd<S> {
    /// PCD on chains that have been started.
    pub fn new(sampler: S, chains: Chains) -> Self {
        Self { sampler, chains }
    }
}

impl<S: Sampler> Objective for Pcd<S> {
    fn kind(&self) -> &'static str {
        "pcd"
    }

    fn points<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        sweeps: u32,
    ) -> Result<Vec<Points<'a>>, SamplerError> {
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
