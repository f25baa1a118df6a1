//! Looks at the energies of chains over the second half of a run, for the verdict at its end.

use crate::{
    energy::Energy,
    evaluate::{Mixing, Trace},
    sampler::{Chains, SamplerError},
};

/// The most draws.
const DRAWS: u32 = 250;

/// A trace of energies.
pub(super) struct Watch {
    trace: Trace,
    /// Transitions between draws, and before the first.
    every: u32,
    from: u32,
}

impl Watch {
    pub fn new(energy: &dyn Energy, chains: &Chains, steps: u32) -> Result<Self, SamplerError> {
        let every = (steps / 2).div_ceil(DRAWS).max(1);
        Ok(Self { trace: Trace::new(energy, chains, DRAWS)?, every, from: steps / 2 })
    }

    /// Transitions to the next draw.
    pub fn until(&self, done: u32) -> u32 {
        match done.checked_sub(self.from) {
            Some(since) => self.every - since % self.every,
            None => self.from - done,
        }
    }

    /// Takes a draw, where one is due.
    pub fn look(
        &mut self,
        energy: &dyn Energy,
        chains: &Chains,
        done: u32,
    ) -> Result<(), SamplerError> {
        if done > self.from && (done - self.from).is_multiple_of(self.every) {
            self.trace.record(energy, chains)?;
        }
        Ok(())
    }

    pub async fn finish(self, energy: &dyn Energy) -> Result<Mixing, SamplerError> {
        self.trace.finish(energy, self.every, None).await
    }
}
