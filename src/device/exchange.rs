//! Replica exchange: states of neighbouring inverse temperatures change places.

use super::{Array, Device, Draw, Result, TALLY, expect};

/// Columns of the labels of a replica: where it is heading, and how many round trips it has made.
/// The heading is 0 before it has been at the lowest rung, 1 on the way up from there, 2 on the way
/// back from the top; a round trip is lowest, top, lowest.
pub const LABELS: usize = 2;

/// Swaps row n of one rung with row n of another with probability min(1, α),
/// log α = (β₀ − β₁)(D₀ − D₁), where the laws of the rungs are ∝ exp(−E₀ − βD). It leaves the
/// product of the two laws invariant. Pairs whose D is not a number, or beyond the range of
/// energies, stay.
/// Source: Swendsen and Wang, "Replica Monte Carlo simulation of spin glasses", 1986; Geyer, "Markov
/// chain Monte Carlo maximum likelihood", 1991.
pub struct Exchange<'a, 'b> {
    /// Inverse temperatures of the two rungs.
    pub betas: [f32; 2],
    /// D of the states of either rung, `[n, 1]`.
    pub differences: [&'a Array; 2],
    /// The arrays that change places, in pairs of one shape with n rows.
    pub states: &'a mut [[&'b mut Array; 2]],
    /// The labels of the replicas, `[n, LABELS]`, which travel with them.
    pub labels: [&'a mut Array; 2],
    /// Whether the first rung is the lowest of all, and whether the second is the top.
    pub ends: [bool; 2],
    /// `[n, TALLY]`: swaps, pairs that failed, the sum of min(1, α), the last log α.
    pub tally: &'a mut Array,
    /// Seed and step of the uniforms, which come from its stream, unit 0 of 1.
    pub draw: Draw,
}

impl Device {
    /// Exchanges replicas; see [`Exchange`].
    pub fn exchange(&self, call: Exchange<'_, '_>) -> Result<()> {
        let n = call.tally.rows;
        expect("exchange", "tally", call.tally.shape(), (n, TALLY))?;
        for difference in call.differences {
            expect("exchange", "difference", difference.shape(), (n, 1))?;
        }
        for labels in &call.labels {
            expect("exchange", "labels", labels.shape(), (n, LABELS))?;
        }
        for [first, second] in call.states.iter() {
            expect("exchange", "first state", first.shape(), (n, first.columns))?;
            expect("exchange", "second state", second.shape(), first.shape())?;
        }
        self.backend.exchange(call)
    }
}
