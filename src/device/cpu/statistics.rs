//! The gradient of a bipartite model: products of the layers, and sums of each.

use rayon::prelude::*;

use super::{
    host, host_mut,
    instructions::Instructions,
    outer::{BATCH, Side, multiply},
    reduce::dot,
    row_weight,
};
use crate::device::{Result, RowWeights, Statistics};

const KERNEL: &str = "statistics";

pub(super) fn statistics(set: Instructions, call: &mut Statistics<'_>) -> Result<()> {
    let sides = Side::all(set, KERNEL, &call.outer())?;
    let mu = host(KERNEL, "x_offset", call.x_offset)?;
    let lambda = host(KERNEL, "y_offset", call.y_offset)?;
    let products = host_mut(KERNEL, "products", call.products)?;
    let x_sums = host_mut(KERNEL, "x_sums", call.x_sums)?;
    let y_sums = host_mut(KERNEL, "y_sums", call.y_sums)?;
    x_sums.fill(0.0);
    y_sums.fill(0.0);
    let parts: Vec<Vec<Part>> = sides
        .par_iter()
        .zip(call.terms)
        .map(|(side, term)| sums(set, side, term.weights, (mu, lambda)))
        .collect::<Result<_>>()?;
    for part in parts.iter().flatten() {
        for ((sum, x), mu) in x_sums.iter_mut().zip(&part.x).zip(mu) {
            *sum += x + part.shifts * mu;
        }
        for ((sum, y), lambda) in y_sums.iter_mut().zip(&part.y).zip(lambda) {
            *sum += y + part.weights * lambda;
        }
    }
    multiply(set, &sides, mu, false, products);
    Ok(())
}

/// What some rows bring to Σ wₙ xₙ − Gλ and to Σ wₙ yₙ − Gᵀμ, without G. With cₙ = wₙ (yₙ − λ),
/// aₙ = cₙ · λ and bₙ = (xₙ − μ) · μ these are Σ (wₙ − aₙ) xₙ + (Σ aₙ) μ and Σ (1 − bₙ) cₙ + (Σ wₙ) λ.
struct Part {
    x: Vec<f32>,
    y: Vec<f32>,
    /// Σ aₙ.
    shifts: f32,
    /// Σ wₙ.
    weights: f32,
}

fn sums(
    set: Instructions,
    side: &Side<'_>,
    weights: RowWeights<'_>,
    (mu, lambda): (&[f32], &[f32]),
) -> Result<Vec<Part>> {
    let (d, h) = (mu.len(), lambda.len());
    let weight = row_weight(KERNEL, weights)?;
    let squares = dot(mu, mu);
    let batches = side.x.par_chunks(BATCH * d).zip(side.centred().par_chunks(BATCH * h));
    let parts = batches
        .enumerate()
        .map(|(batch, (x, c))| {
            let (mut to_x, mut to_y) = (vec![0.0; d], vec![0.0; h]);
            let (mut shifts, mut weights) = (0.0, 0.0);
            set.vectorize(
                #[inline(always)]
                || {
                    for (row, (x, c)) in x.chunks_exact(d).zip(c.chunks_exact(h)).enumerate() {
                        let weight = weight(batch * BATCH + row);
                        let (a, b) = (dot(c, lambda), dot(x, mu) - squares);
                        to_x.iter_mut().zip(x).for_each(|(to, x)| *to += (weight - a) * x);
                        to_y.iter_mut().zip(c).for_each(|(to, c)| *to += (1.0 - b) * c);
                        shifts += a;
                        weights += weight;
                    }
                },
            );
            Part { x: to_x, y: to_y, shifts, weights }
        })
        .collect();
    Ok(parts)
}
