//! The gradient of a bipartite model: products of the layers, and sums of each.

use rayon::prelude::*;

use super::{
    host, host_mut,
    outer::{BATCH, Side, multiply},
    reduce::dot,
    row_weight,
    simd::vectorize,
};
use crate::device::{Result, RowWeights, Statistics};

const KERNEL: &str = "statistics";

pub(super) fn statistics(call: &mut Statistics<'_>) -> Result<()> {
    let sides = Side::all(KERNEL, &call.outer())?;
    let mu = host(KERNEL, "x_offset", call.x_offset)?;
    let lambda = host(KERNEL, "y_offset", call.y_offset)?;
    let products = host_mut(KERNEL, "products", call.products)?;
    let x_sums = host_mut(KERNEL, "x_sums", call.x_sums)?;
    let y_sums = host_mut(KERNEL, "y_sums", call.y_sums)?;
    x_sums.fill(0.0);
    y_sums.fill(0.0);
    let ((), summed) = rayon::join(
        || multiply(&sides, mu, false, products),
        || {
            let mut each = sides.iter().zip(call.terms);
            each.try_for_each(|(side, term)| {
                add_sums(side, term.weights, (mu, lambda), (x_sums, y_sums))
            })
        },
    );
    summed
}

/// Adds a term to Σ wₙ xₙ − Gλ and to Σ wₙ yₙ − Gᵀμ, without G. With cₙ = wₙ (yₙ − λ), aₙ = cₙ · λ and
/// bₙ = (xₙ − μ) · μ the first is Σ (wₙ − aₙ) xₙ + (Σ aₙ) μ, the second Σ (1 − bₙ) cₙ + (Σ wₙ) λ.
fn add_sums(
    side: &Side<'_>,
    weights: RowWeights<'_>,
    (mu, lambda): (&[f32], &[f32]),
    (x_sums, y_sums): (&mut [f32], &mut [f32]),
) -> Result<()> {
    let (d, h) = (mu.len(), lambda.len());
    let weight = row_weight(KERNEL, weights)?;
    let squares = dot(mu, mu);
    let batches = side.x.par_chunks(BATCH * d).zip(side.centred().par_chunks(BATCH * h));
    let parts: Vec<_> = batches
        .enumerate()
        .map(|(batch, (x, c))| {
            let (mut to_x, mut to_y) = (vec![0.0; d], vec![0.0; h]);
            let (mut shifts, mut total) = (0.0, 0.0);
            vectorize(
                #[inline(always)]
                || {
                    for (row, (x, c)) in x.chunks_exact(d).zip(c.chunks_exact(h)).enumerate() {
                        let weight = weight(batch * BATCH + row);
                        let (a, b) = (dot(c, lambda), dot(x, mu) - squares);
                        to_x.iter_mut().zip(x).for_each(|(to, x)| *to += (weight - a) * x);
                        to_y.iter_mut().zip(c).for_each(|(to, c)| *to += (1.0 - b) * c);
                        shifts += a;
                        total += weight;
                    }
                },
            );
            (to_x, to_y, shifts, total)
        })
        .collect();
    for (to_x, to_y, shifts, total) in &parts {
        for ((sum, part), mu) in x_sums.iter_mut().zip(to_x).zip(mu) {
            *sum += part + shifts * mu;
        }
        for ((sum, part), lambda) in y_sums.iter_mut().zip(to_y).zip(lambda) {
            *sum += part + total * lambda;
        }
    }
    Ok(())
}
