//! k block-Gibbs sweeps on cache-sized tiles of chains, one tile a task. The pre-activations are
//! written where the states belong and turned into draws while they are still in cache, so a
//! sweep needs no memory of its own.

use rayon::prelude::*;

use super::{
    ROWS_OF_BITS, host, host_mut,
    matmul::{Weights, tile_rows},
    simd::{RowDraw, sample_row, vectorize},
};
use crate::{
    device::{Gibbs, Result},
    random::Stream,
};

pub(super) fn gibbs(call: Gibbs<'_>) -> Result<()> {
    let (d, h) = call.weights.shape();
    let weights = host("gibbs", "weights", call.weights)?;
    let forth = Weights::new(weights, (d, h), false, true);
    let back = Weights::new(weights, (h, d), true, true);
    let visible_bias = host("gibbs", "visible_bias", call.visible_bias)?;
    let hidden_bias = host("gibbs", "hidden_bias", call.hidden_bias)?;
    let clamp = call.clamp.map(|clamp| host("gibbs", "clamp", clamp)).transpose()?;
    let tile = tile_rows(call.visible.rows(), ROWS_OF_BITS);
    let visible = host_mut("gibbs", "visible", call.visible)?;
    let hidden = host_mut("gibbs", "hidden", call.hidden)?;
    let means = host_mut("gibbs", "hidden_means", call.hidden_means)?;

    visible
        .par_chunks_mut(tile * d)
        .zip(hidden.par_chunks_mut(tile * h))
        .zip(means.par_chunks_mut(tile * h))
        .enumerate()
        .for_each(|(index, ((visible, hidden), means))| {
            let first_chain = index * tile;
            let held = clamp.map(|_| visible.to_vec());
            let mut words = Vec::new();
            for sweep in 0..call.sweeps {
                let step = call.first_step.wrapping_add(sweep);
                let last = sweep + 1 == call.sweeps;
                let draw = |row: usize, stream| RowDraw {
                    seed: call.seed,
                    step,
                    chain: (first_chain + row) as u32,
                    stream,
                };
                back.multiply(hidden, visible);
                vectorize(
                    #[inline(always)]
                    || {
                        for (row, v) in visible.chunks_exact_mut(d).enumerate() {
                            let draw = draw(row, Stream::Visible);
                            sample_row(v, visible_bias, call.beta, draw, None, &mut words);
                        }
                    },
                );
                if let (Some(clamp), Some(held)) = (clamp, &held) {
                    restore(visible, held, clamp);
                }
                forth.multiply(visible, hidden);
                vectorize(
                    #[inline(always)]
                    || {
                        let rows = hidden.chunks_exact_mut(h).zip(means.chunks_exact_mut(h));
                        for (row, (states, means)) in rows.enumerate() {
                            let means = last.then_some(means);
                            let draw = draw(row, Stream::Hidden);
                            sample_row(states, hidden_bias, call.beta, draw, means, &mut words);
                        }
                    },
                );
            }
        });
    Ok(())
}

/// Puts the clamped units back.
fn restore(visible: &mut [f32], held: &[f32], clamp: &[f32]) {
    let rows = visible.chunks_exact_mut(clamp.len()).zip(held.chunks_exact(clamp.len()));
    for (row, held) in rows {
        for ((state, held), clamp) in row.iter_mut().zip(held).zip(clamp) {
            if *clamp != 0.0 {
                *state = *held;
            }
        }
    }
}
