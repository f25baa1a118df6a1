//! Sliced score matching: E[½(vᵀ∇E(x))² − vᵀ∇²E(x)v] with standard normal v.
//! Source: Song, Garg, Shi and Ermon, "Sliced score matching", UAI 2019, equation 7.

use super::{
    Batch, LossTerm, Objective, Result, Update,
    differences::{Law, Probes, Steps, hessian_trace, squared_slopes},
    kept, needs_score,
};
use crate::{
    device::{Array, Pointwise},
    energy::{Energy, Points},
};

/// Sliced score matching.
pub struct Ssm {
    probes: Probes,
    count: usize,
    steps: Steps,
    score: Option<Array>,
}

impl Ssm {
    /// With `probes` probes an example.
    pub fn new(probes: usize, steps: Steps) -> Self {
        let count = probes;
        let probes = Probes::new(Law::Normal, count, steps.second);
        Self { probes, count, steps, score: None }
    }
}

impl Objective for Ssm {
    fn kind(&self) -> &'static str {
        "ssm"
    }

    fn sees_constant(&self) -> bool {
        false
    }

    fn admits(&self, energy: &dyn Energy) -> Result<()> {
        needs_score("ssm", energy)
    }

    fn points<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        update: Update,
    ) -> Result<Vec<Points<'a>>> {
        let device = energy.device();
        let (rows, columns) = batch.x.shape();
        let score = kept(&mut self.score, device, rows, columns)?;
        energy.score(&batch.x, score)?;
        self.probes.place(device, &batch.x, Some(score), update)?;
        Ok(self.probes.points().collect())
    }

    /// The probes are those of the points.
    fn loss(&self, energy: &dyn Energy, batch: &Batch, update: Update) -> Result<Vec<LossTerm>> {
        let device = energy.device();
        let (rows, columns) = batch.x.shape();
        let mut score = device.zeros(rows, columns)?;
        energy.score(&batch.x, &mut score)?;
        let h = self.steps.first;
        let mut loss = hessian_trace(energy, &batch.x, Law::Normal, self.count, h, update)?;
        device.pointwise(Pointwise::Scale(-1.0), &mut loss)?;
        let squares = squared_slopes(device, &score, self.count, update)?;
        let scale = 0.5 / self.count as f32;
        device.pointwise(Pointwise::Axpy { x: &squares, scale }, &mut loss)?;
        Ok(vec![(loss, 1.0)])
    }
}
