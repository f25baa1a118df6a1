//! k block-Gibbs sweeps on cache-sized tiles of chains, one tile a task. The pre-activations are
//! written where the states belong and turned into draws while they are still in cache, so a
//! sweep needs no memory of its own.

use rayon::prelude::*;

use super::{
    ROWS_OF_BITS, host, host_mut,
    instructions::Instructions,
    simd::{RowDraw, sample_row},
    weights::{Weights, tile_rows},
};
use crate::{
    device::{Gibbs, Result},
    random::Stream,
};

pub(super) fn gibbs(set: Instructions, call: Gibbs<'_>) -> Result<()> {
    let (d, h) = call.weights.shape();
    let rows = call.visible.rows();
    let weights = host("gibbs", "weights", call.weights)?;
    let visible = host_mut("gibbs", "visible", call.visible)?;
    let hidden = host_mut("gibbs", "hidden", call.hidden)?;
    let means = host_mut("gibbs", "hidden_means", call.hidden_means)?;
    let sweeps = Sweeps {
        set,
        forth: Weights::new(set, weights, (d, h), false, true),
        back: Weights::new(set, weights, (h, d), true, true),
        visible_bias: host("gibbs", "visible_bias", call.visible_bias)?,
        hidden_bias: host("gibbs", "hidden_bias", call.hidden_bias)?,
        clamp: call.clamp.map(|clamp| host("gibbs", "clamp", clamp)).transpose()?,
        beta: call.beta,
        sweeps: call.sweeps,
        seed: call.seed,
        first_step: call.first_step,
    };
    let tile = tile_rows(rows, ROWS_OF_BITS);
    if sweeps.forth.shares(rows) || sweeps.back.shares(rows) {
        sweeps.run(0, Some(tile), visible, hidden, means);
        return Ok(());
    }
    visible
        .par_chunks_mut(tile * d)
        .zip(hidden.par_chunks_mut(tile * h))
        .zip(means.par_chunks_mut(tile * h))
        .enumerate()
        .for_each(|(index, ((visible, hidden), means))| {
            sweeps.run(index * tile, None, visible, hidden, means);
        });
    Ok(())
}

/// What all tiles read.
struct Sweeps<'a> {
    set: Instructions,
    /// From visible units to hidden ones.
    forth: Weights<'a>,
    back: Weights<'a>,
    visible_bias: &'a [f32],
    hidden_bias: &'a [f32],
    clamp: Option<&'a [f32]>,
    beta: f32,
    sweeps: u32,
    seed: u64,
    first_step: u32,
}

impl Sweeps<'_> {
    /// All sweeps of the chains from `first` on: on this thread, or on all, which share every product
    /// and take runs of that many chains.
    fn run(
        &self,
        first: usize,
        shared: Option<usize>,
        visible: &mut [f32],
        hidden: &mut [f32],
        means: &mut [f32],
    ) {
        let (d, h) = (self.visible_bias.len(), self.hidden_bias.len());
        let run = shared.unwrap_or(hidden.len() / h);
        let held = self.clamp.map(|clamp| (clamp, visible.to_vec()));
        for sweep in 0..self.sweeps {
            let last = sweep + 1 == self.sweeps;
            let draw = |row: usize, stream| RowDraw {
                seed: self.seed,
                step: self.first_step.wrapping_add(sweep),
                chain: (first + row) as u32,
                stream,
            };
            let product = self.back.product(hidden, shared.is_some());
            visible.par_chunks_mut(run * d).enumerate().for_each(|(index, visible)| {
                let mut words = Vec::new();
                product.rows(index * run, visible);
                self.set.vectorize(
                    #[inline(always)]
                    || {
                        for (row, v) in visible.chunks_exact_mut(d).enumerate() {
                            let draw = draw(index * run + row, Stream::Visible);
                            sample_row(v, self.visible_bias, self.beta, draw, None, &mut words);
                        }
                    },
                );
                if let Some((clamp, held)) = &held {
                    restore(visible, &held[index * run * d..], clamp);
                }
            });
            let product = self.forth.product(visible, shared.is_some());
            let rows = hidden.par_chunks_mut(run * h).zip(means.par_chunks_mut(run * h));
            rows.enumerate().for_each(|(index, (hidden, means))| {
                let mut words = Vec::new();
                product.rows(index * run, hidden);
                self.set.vectorize(
                    #[inline(always)]
                    || {
                        let rows = hidden.chunks_exact_mut(h).zip(means.chunks_exact_mut(h));
                        for (row, (states, means)) in rows.enumerate() {
                            let means = last.then_some(means);
                            let draw = draw(index * run + row, Stream::Hidden);
                            sample_row(
                                states,
                                self.hidden_bias,
                                self.beta,
                                draw,
                                means,
                                &mut words,
                            );
                        }
                    },
                );
            });
        }
    }
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
