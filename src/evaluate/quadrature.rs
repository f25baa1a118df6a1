//! Z of an energy over one or two real dimensions, by the midpoint rule on a fine grid.
//!
//! The box starts as that of the data, with a margin, and grows, side by side, until the cells at its rim hold
//! next to nothing of the mass. A law whose mass does not end, as a net without a base measure may
//! have, gets no Z. Energies are computed in f32 on the device and summed in f64.

use crate::{
    data::Examples,
    device::DeviceError,
    energy::{Domain, Energy},
};

/// The most dimensions of [`quadrature`].
pub const MAX_QUADRATURE_DIMENSIONS: usize = SIDES.len();
/// Cells along each side: in one dimension, and in two.
const SIDES: [usize; 2] = [16_384, 400];
/// Margin of the first box on each side, as a share of the data's extent.
const MARGIN: f64 = 0.25;
/// Growth of the box from one attempt to the next, and the most attempts.
const GROWTH: f64 = 1.5;
const ATTEMPTS: usize = 16;
/// Share of the mass that the rim may hold.
const RIM: f64 = 1e-5;
/// Rows that are evaluated at a time.
const ROWS: usize = 1 << 15;

/// −E on a grid, and what its sum says.
#[derive(Clone, Debug, PartialEq)]
pub struct Quadrature {
    /// log Z in nats.
    pub log_z: f64,
    /// The box, a pair of bounds for each dimension.
    pub bounds: Vec<(f64, f64)>,
    /// Cells along each side.
    pub side: usize,
    /// −E at the centres of the cells; the first dimension runs fastest.
    pub minus_energy: Vec<f64>,
}

/// The box of examples, a pair of bounds for each column.
pub fn extent(data: &Examples) -> Vec<(f64, f64)> {
    let mut bounds = vec![(f64::INFINITY, f64::NEG_INFINITY); data.columns];
    for row in data.values.chunks_exact(data.columns.max(1)) {
        for ((low, high), x) in bounds.iter_mut().zip(row) {
            *low = low.min(f64::from(*x));
            *high = high.max(f64::from(*x));
        }
    }
    bounds
}

/// log Z by quadrature; `None` where the energy is not over one or two real dimensions, or where
/// its mass does not end. `extent` is the box of the data.
///
/// # Errors
/// The device refuses.
pub async fn quadrature(
    energy: &dyn Energy,
    extent: &[(f64, f64)],
) -> Result<Option<Quadrature>, DeviceError> {
    let d = energy.dimension();
    if energy.domain() != Domain::Real
        || !(1..=MAX_QUADRATURE_DIMENSIONS).contains(&d)
        || extent.len() != d
    {
        return Ok(None);
    }
    let mut bounds: Vec<(f64, f64)> = extent.to_vec();
    widen(&mut bounds, 1.0 + 2.0 * MARGIN);
    for _ in 0..ATTEMPTS {
        let grid = Quadrature::on(energy, bounds.clone(), SIDES[d - 1]).await?;
        if !grid.log_z.is_finite() {
            return Ok(None);
        }
        let shares: Vec<f64> = (0..d).map(|side| grid.rim_share(side)).collect();
        if shares.iter().all(|share| *share <= RIM) {
            return Ok(Some(grid));
        }
        for (side, share) in bounds.iter_mut().zip(shares) {
            if share > RIM {
                widen(std::slice::from_mut(side), GROWTH);
            }
        }
    }
    Ok(None)
}

/// Scales every side of a box about its middle.
pub(crate) fn widen(bounds: &mut [(f64, f64)], factor: f64) {
    for (low, high) in bounds {
        let (middle, half) = (0.5 * (*low + *high), 0.5 * (*high - *low).max(1e-6));
        (*low, *high) = (middle - factor * half, middle + factor * half);
    }
}

impl Quadrature {
    /// Evaluates −E on the grid of a box with `side` cells along each side.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn on(
        energy: &dyn Energy,
        bounds: Vec<(f64, f64)>,
        side: usize,
    ) -> Result<Self, DeviceError> {
        let device = energy.device();
        let d = bounds.len();
        let mut grid = Self { log_z: f64::NAN, bounds, side, minus_energy: Vec::new() };
        let cells = side.pow(d as u32);
        grid.minus_energy.reserve_exact(cells);
        for first in (0..cells).step_by(ROWS) {
            let rows = ROWS.min(cells - first);
            let points: Vec<f32> = (first..first + rows)
                .flat_map(|cell| grid.centre(cell).map(|x| x as f32))
                .collect();
            let x = device.upload(rows, d, &points)?;
            let mut out = device.zeros(rows, 1)?;
            energy.energy(&x, &mut out)?;
            let energies = device.read(&out).await?;
            grid.minus_energy.extend(energies.iter().map(|e| -f64::from(*e)));
        }
        grid.log_z = log_sum(grid.minus_energy.iter().copied()) + grid.cell_size().ln();
        Ok(grid)
    }

    /// The coordinates of the middle of a cell.
    fn centre(&self, cell: usize) -> impl Iterator<Item = f64> {
        let (side, mut rest) = (self.side, cell);
        self.bounds.clone().into_iter().map(move |(low, high)| {
            let index = rest % side;
            rest /= side;
            low + (high - low) * (index as f64 + 0.5) / side as f64
        })
    }

    /// The length or area of a cell.
    fn cell_size(&self) -> f64 {
        self.bounds.iter().map(|(low, high)| (high - low) / self.side as f64).product()
    }

    /// Share of the mass in the outermost cells of one dimension.
    fn rim_share(&self, dimension: usize) -> f64 {
        let stride = self.side.pow(dimension as u32);
        let at_rim = |cell: &usize| {
            let index = cell / stride % self.side;
            index == 0 || index + 1 == self.side
        };
        let rim = (0..self.minus_energy.len()).filter(at_rim);
        let rim = log_sum(rim.map(|cell| self.minus_energy[cell]));
        (rim + self.cell_size().ln() - self.log_z).exp()
    }

    /// KL(truth ‖ model) in nats, by the same rule, for a truth in two dimensions with a known
    /// log-density.
    pub fn kl_from(&self, log_density: impl Fn([f64; 2]) -> f64 + Sync) -> f64 {
        use rayon::prelude::*;
        // Collected in order, so that no sum depends on the number of threads.
        let terms: Vec<(f64, f64)> = (0..self.minus_energy.len())
            .into_par_iter()
            .map(|cell| {
                let mut centre = self.centre(cell);
                let x = [centre.next().unwrap_or(0.0), centre.next().unwrap_or(0.0)];
                let truth = log_density(x);
                let p = truth.exp();
                if p > 0.0 {
                    (p, p * (truth - self.minus_energy[cell] + self.log_z))
                } else {
                    (0.0, 0.0)
                }
            })
            .collect();
        let (mass, sum) = terms.iter().fold((0.0, 0.0), |(a, b), (p, term)| (a + p, b + term));
        sum / mass
    }
}

/// log Σ exp, stable.
fn log_sum(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return largest;
    }
    largest + values.map(|value| (value - largest).exp()).sum::<f64>().ln()
}
