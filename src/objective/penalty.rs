//! Energy regularisation: α (mean E² over the data + mean E² over the chains) keeps the energies
//! near zero, which contrastive losses leave free to drift.
//! Source: Du and Mordatch, "Implicit generation and modeling with energy-based models", NeurIPS
//! 2019, section 3.3.

use super::{Batch, Result, chain_points, energies};
use crate::{
    device::{Array, Pointwise},
    energy::{Energy, Points, Weights},
    sampler::Chains,
};

/// The factor α and the weights that it makes.
pub(super) struct Penalty {
    strength: f32,
    weights: [Option<Array>; 2],
}

impl Penalty {
    pub fn new(strength: f32) -> Self {
        Self { strength, weights: [None, None] }
    }

    /// Whether there is a penalty.
    pub fn is_on(&self) -> bool {
        self.strength != 0.0
    }

    /// The points of a contrastive loss: weights (1 + 2αE)/N on the data, (−1 + 2αE)/M on the
    /// chains.
    pub fn contrast<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        chains: &'a Chains,
    ) -> Result<Vec<Points<'a>>> {
        let mut points = [batch.points(1.0), chain_points(chains, -1.0)];
        if self.is_on() {
            for (points, (slot, total)) in
                points.iter_mut().zip(self.weights.iter_mut().zip([1.0, -1.0]))
            {
                let weights = slot.insert(regularised(energy, points.x, self.strength, total)?);
                points.weights = Weights::Each(weights);
            }
        }
        Ok(points.into())
    }
}

/// (total + 2αE(x)) / n for each row, `[n, 1]`.
pub(super) fn regularised(
    energy: &dyn Energy,
    x: &Array,
    strength: f32,
    total: f32,
) -> Result<Array> {
    let device = energy.device();
    let rows = x.rows() as f32;
    let mut weights = energies(energy, x)?;
    device.pointwise(Pointwise::Scale(2.0 * strength / rows), &mut weights)?;
    device.pointwise(Pointwise::AddToColumn { column: 0, value: total / rows }, &mut weights)?;
    Ok(weights)
}
