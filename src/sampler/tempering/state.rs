//! What a checkpoint holds of the rungs below the top, so that a run goes on from it bit by bit:
//! arrays, and a few numbers that fit no array of f32.

use serde::{Deserialize, Serialize};

use super::{Tempering, replicas::Replicas};
use crate::device::Array;

/// The numbers beside the arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LadderState {
    /// The inverse temperatures, in f64: a decimal fraction of an f32 may be read as its neighbour.
    pub betas: Vec<f64>,
    /// Rounds of exchanges that the tallies are over.
    pub rounds: u64,
    /// How many rungs have had seeds.
    pub seeds: u64,
    /// Of every rung below the top.
    pub clocks: Vec<RungClock>,
}

/// Where the draws of a rung stand.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungClock {
    /// Their seed.
    pub seed: u64,
    /// Number of the next transition.
    pub clock: u32,
    /// Number of the next start.
    pub starts: u32,
}

impl LadderState {
    /// Every number as 64 bits, for a checksum.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> {
        let betas = self.betas.iter().map(|beta| beta.to_bits());
        let clocks = self.clocks.iter();
        let clocks = clocks.flat_map(|it| [it.seed, u64::from(it.clock), u64::from(it.starts)]);
        betas.chain([self.rounds, self.seeds]).chain(clocks)
    }
}

impl Tempering {
    /// The arrays that the rungs go on from, by name: states, replicas' labels and what exchanges
    /// counted. None before the rungs have started. What samplers that propose keep is not among
    /// them.
    pub(crate) fn arrays(&mut self) -> Vec<(String, &mut Array)> {
        let mut list = Vec::new();
        if let Some(Replicas { lower, labels, tallies, .. }) = &mut self.inner().replicas {
            for (rung, chains) in lower.iter_mut().enumerate() {
                list.push((format!("tempering.{rung}.visible"), &mut chains.visible));
                list.push((format!("tempering.{rung}.hidden"), &mut chains.hidden));
            }
            for (rung, labels) in labels.iter_mut().enumerate() {
                list.push((format!("tempering.{rung}.labels"), labels));
            }
            for (pair, tally) in tallies.iter_mut().enumerate() {
                list.push((format!("tempering.{pair}.tally"), tally));
            }
        }
        list
    }

    /// The numbers beside the arrays; none before the rungs have started.
    pub(crate) fn ladder_state(&mut self) -> Option<LadderState> {
        let betas = self.betas.iter().map(|beta| f64::from(*beta)).collect();
        let replicas = self.inner().replicas.as_ref()?;
        let clocks = replicas.lower.iter().map(|chains| RungClock {
            seed: chains.seed,
            clock: chains.clock,
            starts: chains.starts,
        });
        let (rounds, seeds) = (replicas.rounds, replicas.seeds);
        Some(LadderState { betas, rounds, seeds, clocks: clocks.collect() })
    }

    /// Goes back to such numbers; whether they are of rungs that have started, and of as many.
    pub(crate) fn restore_ladder(&mut self, state: &LadderState) -> bool {
        let rungs = self.betas.len();
        let Some(replicas) = &mut self.inner().replicas else { return false };
        if (state.betas.len(), state.clocks.len()) != (rungs, replicas.lower.len()) {
            return false;
        }
        for (chains, at) in replicas.lower.iter_mut().zip(&state.clocks) {
            (chains.seed, chains.clock, chains.starts) = (at.seed, at.clock, at.starts);
        }
        (replicas.rounds, replicas.seeds) = (state.rounds, state.seeds);
        self.betas = state.betas.iter().map(|beta| *beta as f32).collect();
        true
    }
}
