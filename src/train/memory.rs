//! What a run keeps on its device.

use serde::Serialize;

use super::{SamplerKind, Trainer};
use crate::{device::Array, energy::Rbm, sampler::Chains};

/// Bytes of a run's arrays on the device. Kernels add what they need for the moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Memory {
    /// Parameters, with their gradient, moments, averages and offsets.
    pub parameters: u64,
    /// Persistent chains, those of lower rungs too.
    pub chains: u64,
    /// Minibatches.
    pub batches: u64,
}

impl Memory {
    /// All together.
    pub fn total(&self) -> u64 {
        self.parameters + self.chains + self.batches
    }
}

impl Chains {
    /// Bytes of the arrays on the device.
    pub fn bytes(&self) -> u64 {
        bytes([&self.visible, &self.hidden, &self.hidden_means, &self.tally])
    }
}

impl Trainer {
    /// What the run keeps on its device when averaging has begun.
    pub fn memory(&self) -> Memory {
        let parameters = self.model.parameters();
        let parameters = bytes(parameters.iter().map(|(_, array)| *array));
        let averages = if self.settings.average > 0.0 { parameters } else { 0 };
        let moments = bytes(self.optimizer.moments.iter().flatten());
        let offsets = self.model.as_rbm().and_then(Rbm::offsets);
        let offsets = offsets.map_or(0, |offsets| bytes([&offsets.visible, &offsets.hidden]));
        // Rungs have the chains of the top one each, and move as one stack of them all.
        let rungs = if self.settings.sampler == SamplerKind::Tempering {
            2 * self.settings.rungs as u64
        } else {
            1
        };
        let chains = self.objective.chains().map_or(0, Chains::bytes);
        let batch = [&self.batch.x, &self.batch.hidden_means];
        let batch = bytes(batch.into_iter().chain(&self.batch.classes));
        Memory {
            parameters: parameters + bytes(&self.gradient) + averages + moments + offsets,
            chains: rungs * chains,
            batches: batch + self.feed.bytes(),
        }
    }
}

/// Bytes of arrays.
pub(super) fn bytes<'a>(arrays: impl IntoIterator<Item = &'a Array>) -> u64 {
    arrays.into_iter().map(|array| 4 * array.len() as u64).sum()
}
