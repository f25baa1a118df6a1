//! Sliced score matching: E[½(vᵀ∇E(x))² − vᵀ∇²E(x)v] with standard normal v.
//! Source: Song, Garg, Shi and Ermon, "Sliced score matching", UAI 2019, equation 7.

use super::{
    Batch, LossTerm, Objective, Result, Update,
    differences::{Law, Probes, Steps, hessian_trace},
    kept, needs_score, shared_weight,
};
use crate::{
    device::{Array, Pointwise, Reduce},
    energy::{Energy, Points, Weights},
};

/// Sliced score matching.
pub struct Ssm {
    probes: Probes,
    count: usize,
    steps: Steps,
    score: Option<Array>,
    /// For each probe the weights of x + hv and of x − hv, `[n, 1]`.
    weights: Vec<[Option<Array>; 2]>,
}

impl Ssm {
    /// With `probes` probes an example.
    pub fn new(probes: usize, steps: Steps) -> Self {
        Self {
            probes: Probes::new(Law::Normal, probes, steps.second),
            count: probes,
            steps,
            score: None,
            weights: Vec::new(),
        }
    }
}

impl Objective for Ssm {
    fn kind(&self) -> &'static str {
        "ssm"
    }

    fn admits(&self, energy: &dyn Energy) -> Result<()> {
        needs_score("ssm", energy)
    }

    /// With c = vᵀ∇E(x), measured: weights −1/h² ± c/2h at x ± hv, 2/h² at x.
    fn points<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        update: Update,
    ) -> Result<Vec<Points<'a>>> {
        let device = energy.device();
        let (rows, columns) = batch.x.shape();
        self.probes.place(device, &batch.x, update)?;
        let score = kept(&mut self.score, device, rows, columns)?;
        energy.score(&batch.x, score)?;
        self.weights.resize_with(self.count, Default::default);
        let (h, share) = (self.probes.step(), 1.0 / (rows * self.count) as f32);
        for (placed, weights) in self.probes.placed().zip(&mut self.weights) {
            for (slot, side) in weights.iter_mut().zip([1.0, -1.0]) {
                let out = kept(slot, device, rows, 1)?;
                // vᵀs = −c.
                device.reduce(Reduce::RowDot(placed.direction), &*score, out)?;
                device.pointwise(Pointwise::Scale(-side * share / (2.0 * h)), out)?;
                let constant = Pointwise::AddToColumn { column: 0, value: -share / (h * h) };
                device.pointwise(constant, out)?;
            }
        }
        let mut list = vec![shared_weight(&batch.x, None, 2.0 / (h * h))];
        for (placed, weights) in self.probes.placed().zip(&self.weights) {
            for (x, weights) in [placed.plus, placed.minus].into_iter().zip(weights) {
                let Some(weights) = weights else { continue };
                list.push(Points { x, hidden_means: None, weights: Weights::Each(weights) });
            }
        }
        Ok(list)
    }

    fn loss(&self, energy: &dyn Energy, batch: &Batch, update: Update) -> Result<Vec<LossTerm>> {
        let device = energy.device();
        let (rows, columns) = batch.x.shape();
        let mut score = device.zeros(rows, columns)?;
        energy.score(&batch.x, &mut score)?;
        let mut probes = Probes::new(Law::Normal, self.count, self.steps.first);
        probes.place(device, &batch.x, update)?;
        let h = self.steps.first;
        let mut loss = hessian_trace(energy, &batch.x, Law::Normal, self.count, h, update)?;
        device.pointwise(Pointwise::Scale(-1.0), &mut loss)?;
        let mut slope = device.zeros(rows, 1)?;
        for placed in probes.placed() {
            device.reduce(Reduce::RowDot(placed.direction), &score, &mut slope)?;
            let square = device.duplicate(&slope)?;
            device.pointwise(Pointwise::Multiply { x: &square }, &mut slope)?;
            let scale = 0.5 / self.count as f32;
            device.pointwise(Pointwise::Axpy { x: &slope, scale }, &mut loss)?;
        }
        Ok(vec![(loss, 1.0)])
    }
}
