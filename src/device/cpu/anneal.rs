//! Annealed block-Gibbs sweeps on cache-sized tiles of chains, one tile a task, as in `gibbs.rs`. The
//! weights need the fields of the visible units, which a sweep computes anyway.

use rayon::prelude::*;

use super::{
    ROWS_OF_BITS,
    activation::softplus,
    host, host_mut,
    instructions::Instructions,
    reduce::dot,
    simd::{RowDraw, row_words, sample_row},
    weights::{Weights, tile_rows},
};
use crate::{
    device::{Anneal, Result},
    random::{Stream, uniform},
};

/// What a sweep changes: from β to β′.
#[derive(Clone, Copy)]
struct Betas {
    from: f32,
    to: f32,
}

pub(super) fn anneal(set: Instructions, call: Anneal<'_>) -> Result<()> {
    let (d, h) = call.weights.shape();
    let weights = host("anneal", "weights", call.weights)?;
    let forth = Weights::new(set, weights, (d, h), false, true);
    let back = Weights::new(set, weights, (h, d), true, true);
    let base_bias = host("anneal", "base_bias", call.base_bias)?;
    let bias_shift = host("anneal", "bias_shift", call.bias_shift)?;
    let hidden_bias = host("anneal", "hidden_bias", call.hidden_bias)?;
    let tile = tile_rows(call.visible.rows(), ROWS_OF_BITS);
    let visible = host_mut("anneal", "visible", call.visible)?;
    let hidden = host_mut("anneal", "hidden", call.hidden)?;
    let log_weights = host_mut("anneal", "log_weights", call.log_weights)?;

    visible
        .par_chunks_mut(tile * d)
        .zip(hidden.par_chunks_mut(tile * h))
        .zip(log_weights.par_chunks_mut(tile))
        .enumerate()
        .for_each(|(index, ((visible, hidden), log_weights))| {
            let (mut words, mut terms) = (Vec::new(), vec![0.0; d]);
            let mut sums = vec![0f64; log_weights.len()];
            for (sweep, betas) in call.betas.windows(2).enumerate() {
                let betas = Betas { from: betas[0], to: betas[1] };
                let draw = |row: usize, stream| RowDraw {
                    seed: call.seed,
                    step: call.first_step.wrapping_add(sweep as u32),
                    chain: (index * tile + row) as u32,
                    stream,
                };
                back.multiply(hidden, visible);
                set.vectorize(
                    #[inline(always)]
                    || {
                        let rows = visible.chunks_exact_mut(d).zip(hidden.chunks_exact(h));
                        for (row, ((visible, hidden), sum)) in rows.zip(&mut sums).enumerate() {
                            let draw = draw(row, Stream::Visible);
                            let biases = (base_bias, bias_shift);
                            draw_visible(visible, biases, betas, draw, &mut words, &mut terms);
                            let visible_part: f64 = total(&terms);
                            let hidden_part = (betas.to - betas.from) * dot(hidden, hidden_bias);
                            *sum += visible_part + f64::from(hidden_part);
                        }
                    },
                );
                forth.multiply(visible, hidden);
                set.vectorize(
                    #[inline(always)]
                    || {
                        for (row, states) in hidden.chunks_exact_mut(h).enumerate() {
                            let draw = draw(row, Stream::Hidden);
                            sample_row(states, hidden_bias, betas.to, draw, None, &mut words);
                        }
                    },
                );
            }
            for (log_weight, sum) in log_weights.iter_mut().zip(sums) {
                *log_weight = (f64::from(*log_weight) + sum) as f32;
            }
        });
    Ok(())
}

/// Draws a row of visible units from Wᵢ·h, in place, and leaves each unit's part of the log weight
/// in `terms`.
#[inline(always)]
fn draw_visible(
    row: &mut [f32],
    (base_bias, bias_shift): (&[f32], &[f32]),
    betas: Betas,
    draw: RowDraw,
    words: &mut Vec<u32>,
    terms: &mut [f32],
) {
    words.resize(row.len(), 0);
    row_words(draw, words);
    let biases = base_bias.iter().zip(bias_shift);
    for (((x, (base, shift)), word), term) in row.iter_mut().zip(biases).zip(words).zip(terms) {
        let change = *x + *shift;
        let field = *base + betas.to * change;
        // The slope of softplus is sigmoid.
        let (value, p) = softplus(field);
        *term = value - softplus(*base + betas.from * change).0;
        *x = f32::from(uniform(*word) < p);
    }
}

/// The sum, in f64.
#[inline(always)]
pub(super) fn total(terms: &[f32]) -> f64 {
    let (lanes, rest) = terms.as_chunks::<8>();
    let mut sums = [0f64; 8];
    for lane in lanes {
        for (sum, term) in sums.iter_mut().zip(lane) {
            *sum += f64::from(*term);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|term| f64::from(*term)).sum::<f64>()
}
