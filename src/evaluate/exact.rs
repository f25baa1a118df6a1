//! The exact partition function of a bipartite binary model: the smaller side is enumerated, the
//! larger one summed out in closed form.
//!
//! log Z = log Σ_h exp(cᵀh + Σᵢ softplus(bᵢ + Wᵢ·h)), or the same with the sides exchanged.

use crate::{
    device::{Activation, Device, DeviceError, Linear},
    energy::Energy,
};

/// The most units on the smaller side that are enumerated on a device: 28 on a GPU, else 25.
pub fn max_exact_units(device: &Device) -> usize {
    if device.is_gpu() { MAX_UNITS } else { 25 }
}

/// The most units on the smaller side that [`log_partition`] enumerates.
const MAX_UNITS: usize = 28;
/// Units whose states make up one block: a product of 2¹² rows.
const LOW_UNITS: usize = 12;
/// States whose terms are read back at a time.
const READ: usize = 1 << 20;
/// Values of the fields that go up with them, at most.
const FIELDS: usize = 1 << 22;

/// log Z by enumeration, in nats; `None` where the energy is not bipartite or its smaller side
/// has more than `max_units` units. Each term is computed in f32, the terms are summed in f64.
///
/// # Errors
/// The device refuses.
pub async fn log_partition(
    energy: &dyn Energy,
    max_units: usize,
) -> Result<Option<f64>, DeviceError> {
    let Some(arrays) = energy.bipartite() else { return Ok(None) };
    let (d, h) = arrays.weights.shape();
    if d.min(h) > max_units.min(MAX_UNITS) {
        return Ok(None);
    }
    let device = energy.device();
    let weights = device.read(arrays.weights).await?;
    let visible_bias = device.read(arrays.visible_bias).await?;
    let hidden_bias = device.read(arrays.hidden_bias).await?;
    // Row u of `couplings` is what unit u of the smaller side adds to the fields of the larger.
    let (couplings, bias, field): (Vec<f32>, _, _) = if h <= d {
        let transposed = (0..h * d).map(|i| weights[(i % d) * h + i / d]).collect();
        (transposed, hidden_bias, visible_bias)
    } else {
        (weights, visible_bias, hidden_bias)
    };
    let (units, larger) = (bias.len(), field.len());
    let low = units.min(LOW_UNITS);
    let (rows, blocks) = (1usize << low, 1usize << (units - low));

    let bit = |state: usize, unit: usize| (state >> unit) & 1;
    let states: Vec<f32> = (0..rows * low).map(|i| bit(i / low, i % low) as f32).collect();
    let states = device.upload(rows, low, &states)?;
    let low_couplings = device.upload(low, larger, &couplings[..low * larger])?;
    let linear_term = |state: usize, first: usize, units: usize| -> f64 {
        (0..units).map(|u| bit(state, u) as f64 * f64::from(bias[first + u])).sum()
    };
    let low_terms: Vec<f64> = (0..rows).map(|state| linear_term(state, 0, low)).collect();

    let blocks_a_read = (READ / rows).min(FIELDS / larger).clamp(1, blocks);
    let mut collected = device.zeros(blocks_a_read * rows, 1)?;
    let mut block_field = device.zeros(1, larger)?;
    let mut sums = device.zeros(rows, 1)?;
    let mut total = LogSum::default();
    for first in (0..blocks).step_by(blocks_a_read) {
        let count = blocks_a_read.min(blocks - first);
        // The fields of a read's blocks go up together.
        let mut fields = Vec::with_capacity(count * larger);
        for block in first..first + count {
            let mut row: Vec<f64> = field.iter().map(|x| f64::from(*x)).collect();
            for unit in (0..units - low).filter(|unit| bit(block, *unit) == 1) {
                let coupling = &couplings[(low + unit) * larger..(low + unit + 1) * larger];
                row.iter_mut().zip(coupling).for_each(|(x, w)| *x += f64::from(*w));
            }
            fields.extend(row.into_iter().map(|x| x as f32));
        }
        let fields = device.upload(count, larger, &fields)?;
        for index in 0..count {
            device.copy_rows(&fields, index, &mut block_field, 0, 1)?;
            let call = Linear {
                x: &states,
                weights: &low_couplings,
                transposed: false,
                bias: Some(&block_field),
                scale: 1.0,
                activation: Activation::Softplus,
            };
            device.linear_sum(&call, &mut sums)?;
            device.copy_rows(&sums, 0, &mut collected, index * rows, rows)?;
        }
        let terms = device.read(&collected).await?;
        for (index, terms) in terms.chunks_exact(rows).take(count).enumerate() {
            let high_term = linear_term(first + index, low, units - low);
            for (term, low_term) in terms.iter().zip(&low_terms) {
                total.add(f64::from(*term) + low_term + high_term);
            }
        }
    }
    Ok(Some(total.value()))
}

/// log Σ exp(term), term by term.
struct LogSum {
    largest: f64,
    scaled: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { largest: f64::NEG_INFINITY, scaled: 0.0 }
    }
}

impl LogSum {
    fn add(&mut self, term: f64) {
        if term <= self.largest {
            self.scaled += (term - self.largest).exp();
        } else {
            self.scaled = self.scaled * (self.largest - term).exp() + 1.0;
            self.largest = term;
        }
    }

    fn value(&self) -> f64 {
        self.largest + self.scaled.ln()
    }
}
