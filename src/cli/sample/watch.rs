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

/// Transitions between the draws of a run.
fn every(steps: u32) -> u32 {
    (steps / 2).div_ceil(DRAWS).max(1)
}

/// Draws of a run, an energy a chain each.
pub(super) fn draws(steps: u32) -> u32 {
    ((steps - steps / 2) / every(steps)).min(DRAWS)
}

impl Watch {
    pub fn new(energy: &dyn Energy, chains: &Chains, steps: u32) -> Result<Self, SamplerError> {
        let trace = Trace::new(energy, chains, draws(steps))?;
        Ok(Self { trace, every: every(steps), from: steps / 2 })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_the_draws_of_a_run_and_no_more() {
        for steps in (0..=2000).chain([99_999, u32::MAX / 2, u32::MAX - 1]) {
            let (every, from) = (u64::from(every(steps)), u64::from(steps / 2));
            let due = (u64::from(steps) - from) / every;
            assert_eq!(u64::from(draws(steps)), due.min(250), "{steps} steps");
        }
        assert_eq!([0, 1, 2, 3, 500, 501].map(draws), [0, 1, 1, 2, 250, 250]);
    }
}
