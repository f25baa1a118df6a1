//! Denoising score matching: E[½ σ² ‖s(x̃) + (x̃ − x)/σ²‖²] with x̃ = x + σξ, over one or several noise
//! levels σ. The energy learns the data's law smoothed by the noise.
//! Source: Vincent, "A connection between score matching and denoising autoencoders", 2011,
//! equation 11; the factor σ² is that of Song and Ermon, NeurIPS 2019, equation 6.

use super::{
    Batch, LossTerm, Objective, Result, Update,
    differences::{Along, Steps, half_squared_norm},
    kept, needs_score,
};
use crate::{
    device::{Array, Device, Draw, Pointwise},
    energy::{Energy, Points},
    random::Stream,
};

/// Denoising score matching.
pub struct Dsm {
    levels: Vec<f32>,
    rows: Option<Rows>,
    noise: Option<Array>,
    noisy: Option<Array>,
    along: Along,
}

/// Constants of each row, `[n, 1]`: row i has level i mod L.
struct Rows {
    sigma: Array,
    inverse: Array,
    square: Array,
}

impl Dsm {
    /// At the given noise levels, in units of the data.
    pub fn new(levels: Vec<f32>, steps: Steps) -> Self {
        Self { levels, rows: None, noise: None, noisy: None, along: Along::new(steps.first) }
    }

    fn rows(&self, device: &Device, rows: usize) -> Result<Rows> {
        let column = |of: &dyn Fn(f32) -> f32| {
            let each = self.levels.iter().cycle().take(rows);
            let values: Vec<f32> = each.map(|sigma| of(*sigma)).collect();
            device.upload(rows, 1, &values)
        };
        Ok(Rows {
            sigma: column(&|sigma| sigma)?,
            inverse: column(&|sigma| 1.0 / sigma)?,
            square: column(&|sigma| sigma * sigma)?,
        })
    }
}

/// noise ← ξ, noisy ← x̃, residual ← s(x̃) + ξ/σ.
fn residual(
    energy: &dyn Energy,
    batch: &Batch,
    update: Update,
    rows: &Rows,
    [noise, noisy, residual]: [&mut Array; 3],
) -> Result<()> {
    let device = energy.device();
    let count = batch.x.rows();
    device.pointwise(Pointwise::Fill(0.0), noise)?;
    let draw = Draw { seed: update.seed, step: update.number as u32, stream: Stream::Probe };
    device.pointwise(Pointwise::Normal { scale: 1.0, draw }, noise)?;
    device.copy_rows(&batch.x, 0, noisy, 0, count)?;
    let add = Pointwise::AxpyRows { x: &*noise, factors: &rows.sigma, scale: 1.0 };
    device.pointwise(add, noisy)?;
    energy.score(noisy, residual)?;
    let add = Pointwise::AxpyRows { x: &*noise, factors: &rows.inverse, scale: 1.0 };
    device.pointwise(add, residual)?;
    Ok(())
}

impl Objective for Dsm {
    fn kind(&self) -> &'static str {
        "dsm"
    }

    fn sees_constant(&self) -> bool {
        false
    }

    fn admits(&self, energy: &dyn Energy) -> Result<()> {
        needs_score("dsm", energy)
    }

    /// The residual r is held fixed: ∇θ ½‖r‖² = −rᵀ∇θ∇E, the derivative of −∇θE along r.
    fn points<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        update: Update,
    ) -> Result<Vec<Points<'a>>> {
        let device = energy.device();
        let (count, columns) = batch.x.shape();
        if self.rows.as_ref().is_none_or(|rows| rows.sigma.rows() != count) {
            self.rows = Some(self.rows(device, count)?);
        }
        let Some(rows) = &self.rows else { return Ok(Vec::new()) };
        let noisy = kept(&mut self.noisy, device, count, columns)?;
        let direction = self.along.direction(device, count, columns)?;
        let noise = kept(&mut self.noise, device, count, columns)?;
        residual(energy, batch, update, rows, [noise, noisy, direction])?;
        let factor = -1.0 / count as f32;
        self.along.place(device, noisy, factor, Some(&rows.square))?;
        Ok(self.along.points().into_iter().collect())
    }

    fn loss(&self, energy: &dyn Energy, batch: &Batch, update: Update) -> Result<Vec<LossTerm>> {
        let device = energy.device();
        let (count, columns) = batch.x.shape();
        let rows = self.rows(device, count)?;
        let mut noise = device.zeros(count, columns)?;
        let mut noisy = device.zeros(count, columns)?;
        let mut direction = device.zeros(count, columns)?;
        residual(energy, batch, update, &rows, [&mut noise, &mut noisy, &mut direction])?;
        let mut loss = half_squared_norm(device, &direction)?;
        device.pointwise(Pointwise::Multiply { x: &rows.square }, &mut loss)?;
        Ok(vec![(loss, 1.0)])
    }
}
