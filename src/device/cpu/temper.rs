//! Parallel tempering on cache-sized tiles of whole ladders, one tile a task, as in `gibbs.rs`. What
//! replicas exchange are their rungs; their states move once, when the sweeps are done.

use rayon::prelude::*;

use super::{
    ROWS_OF_BITS,
    activation::sigmoid,
    anneal::total,
    exchange::{judge, relabel},
    host, host_mut,
    instructions::Instructions,
    reduce::dot,
    simd::{RowDraw, row_words, sample_row},
    weights::Weights,
};
use crate::{
    device::{LABELS, Result, TALLY, Temper},
    random::{Stream, uniform},
};

/// Ladders of a task: the part of every rung, from the lowest up.
struct Tile<'a> {
    visible: Vec<&'a mut [f32]>,
    hidden: Vec<&'a mut [f32]>,
    labels: Vec<&'a mut [f32]>,
    /// Of every pair of neighbours.
    tallies: Vec<&'a mut [f32]>,
    /// Of the top rung.
    means: &'a mut [f32],
}

/// What all tiles read.
struct Shared<'a> {
    set: Instructions,
    /// From visible units to hidden ones.
    forth: Weights<'a>,
    back: Weights<'a>,
    base_bias: &'a [f32],
    bias_shift: &'a [f32],
    hidden_bias: &'a [f32],
    clamp: Option<&'a [f32]>,
    betas: &'a [f32],
    ladders: usize,
    sweeps: u32,
    every: u32,
    first_round: u32,
    seed: u64,
    first_step: u32,
}

pub(super) fn temper(set: Instructions, call: Temper<'_>) -> Result<bool> {
    let (d, h) = call.weights.shape();
    let (ladders, rungs) = (call.hidden_means.rows(), call.betas.len());
    if ladders == 0 {
        return Ok(true);
    }
    let weights = host("temper", "weights", call.weights)?;
    let shared = Shared {
        set,
        forth: Weights::new(set, weights, (d, h), false, true),
        back: Weights::new(set, weights, (h, d), true, true),
        base_bias: host("temper", "base_bias", call.base_bias)?,
        bias_shift: host("temper", "bias_shift", call.bias_shift)?,
        hidden_bias: host("temper", "hidden_bias", call.hidden_bias)?,
        clamp: call.clamp.map(|clamp| host("temper", "clamp", clamp)).transpose()?,
        betas: call.betas,
        ladders,
        sweeps: call.sweeps,
        every: call.every,
        first_round: call.first_round,
        seed: call.seed,
        first_step: call.first_step,
    };
    let tiles = ladders.div_ceil((ROWS_OF_BITS / rungs).max(1));
    let tiles = tiles.next_multiple_of(rayon::current_num_threads());
    let tile = ladders.div_ceil(tiles);
    let parts = |values, width| by_tiles(values, ladders * width, tile * width);
    let visible = parts(host_mut("temper", "visible", call.visible)?, d);
    let hidden = parts(host_mut("temper", "hidden", call.hidden)?, h);
    let labels = parts(host_mut("temper", "labels", call.labels)?, LABELS);
    let tallies = parts(host_mut("temper", "tallies", call.tallies)?, TALLY);
    let means = host_mut("temper", "hidden_means", call.hidden_means)?.chunks_mut(tile * h);
    let arrays = visible.into_iter().zip(hidden).zip(labels).zip(tallies).zip(means);
    let tiles: Vec<Tile<'_>> = arrays
        .map(|((((visible, hidden), labels), tallies), means)| Tile {
            visible,
            hidden,
            labels,
            tallies,
            means,
        })
        .collect();
    tiles.into_par_iter().enumerate().for_each(|(index, part)| shared.run(index * tile, part));
    Ok(true)
}

/// Of an array of rungs, each of which has that many values, the parts of every rung that the tiles
/// own.
fn by_tiles(values: &mut [f32], of_rung: usize, of_tile: usize) -> Vec<Vec<&mut [f32]>> {
    let mut tiles: Vec<Vec<&mut [f32]>> = Vec::new();
    tiles.resize_with(of_rung.div_ceil(of_tile), Vec::new);
    for rung in values.chunks_mut(of_rung) {
        for (tile, part) in tiles.iter_mut().zip(rung.chunks_mut(of_tile)) {
            tile.push(part);
        }
    }
    tiles
}

impl Shared<'_> {
    /// Moves and exchanges the ladders from `first` on.
    fn run(&self, first: usize, mut tile: Tile<'_>) {
        let (d, h) = (self.base_bias.len(), self.hidden_bias.len());
        let (rungs, ladders) = (self.betas.len(), tile.means.len() / h);
        let (mut visible, mut hidden) = (tile.visible.concat(), tile.hidden.concat());
        let held = self.clamp.map(|clamp| (clamp, visible.clone()));
        let mut rung_of: Vec<usize> = (0..rungs * ladders).map(|row| row / ladders).collect();
        // Of every rung and ladder.
        let mut replica_at: Vec<usize> = (0..rungs * ladders).collect();
        let mut differences = vec![0.0; rungs * ladders];
        let (mut words, mut terms) = (Vec::new(), vec![0.0; d]);
        for sweep in 0..self.sweeps {
            let step = self.first_step.wrapping_add(sweep);
            let chain = |rung: usize, ladder: usize| (rung * self.ladders + first + ladder) as u32;
            let draw = |rung: usize, row: usize, stream| RowDraw {
                seed: self.seed,
                step,
                chain: chain(rung, row % ladders),
                stream,
            };
            self.back.multiply(&hidden, &mut visible);
            self.set.vectorize(
                #[inline(always)]
                || {
                    let rows = visible.chunks_exact_mut(d).zip(hidden.chunks_exact(h));
                    for (row, (visible, hidden)) in rows.enumerate() {
                        let draw = draw(rung_of[row], row, Stream::Visible);
                        let held = held
                            .as_ref()
                            .map(|(clamp, held)| (*clamp, &held[row * d..(row + 1) * d]));
                        let beta = self.betas[rung_of[row]];
                        self.draw_visible(visible, beta, held, draw, &mut words, &mut terms);
                        let hidden_part = f64::from(dot(hidden, self.hidden_bias));
                        differences[row] = -(total(&terms) + hidden_part) as f32;
                    }
                },
            );
            if sweep % self.every == 0 {
                let round = self.first_round.wrapping_add(sweep / self.every);
                for pair in (round as usize % 2..rungs - 1).step_by(2) {
                    for ladder in 0..ladders {
                        let places = [pair * ladders + ladder, (pair + 1) * ladders + ladder];
                        let replicas = places.map(|place| replica_at[place]);
                        let draw = draw(pair, ladder, Stream::Exchange);
                        let swaps = judge(
                            [self.betas[pair], self.betas[pair + 1]],
                            replicas.map(|replica| differences[replica]),
                            draw,
                            &mut tile.tallies[pair][ladder * TALLY..][..TALLY],
                        );
                        let (low, high) = tile.labels.split_at_mut(pair + 1);
                        relabel(
                            &mut low[pair][ladder * LABELS..][..LABELS],
                            &mut high[0][ladder * LABELS..][..LABELS],
                            swaps,
                            [pair == 0, pair + 2 == rungs],
                        );
                        if swaps {
                            replica_at.swap(places[0], places[1]);
                            rung_of.swap(replicas[0], replicas[1]);
                        }
                    }
                }
            }
            self.forth.multiply(&visible, &mut hidden);
            let last = sweep + 1 == self.sweeps;
            self.set.vectorize(
                #[inline(always)]
                || {
                    for (row, states) in hidden.chunks_exact_mut(h).enumerate() {
                        let rung = rung_of[row];
                        let draw = draw(rung, row, Stream::Hidden);
                        let is_kept = last && rung + 1 == rungs;
                        let means = is_kept.then(|| &mut tile.means[row % ladders * h..][..h]);
                        let beta = self.betas[rung];
                        sample_row(states, self.hidden_bias, beta, draw, means, &mut words);
                    }
                },
            );
        }
        for (from, to, units) in [(&visible, &mut tile.visible, d), (&hidden, &mut tile.hidden, h)]
        {
            let places = to.iter_mut().flat_map(|rung| rung.chunks_exact_mut(units));
            for (place, replica) in places.zip(&replica_at) {
                place.copy_from_slice(&from[replica * units..][..units]);
            }
        }
    }

    /// Draws a row of visible units from Wᵢ·h, in place, and leaves each unit's part of −D in `terms`.
    #[inline(always)]
    fn draw_visible(
        &self,
        row: &mut [f32],
        beta: f32,
        held: Option<(&[f32], &[f32])>,
        draw: RowDraw,
        words: &mut Vec<u32>,
        terms: &mut [f32],
    ) {
        words.resize(row.len(), 0);
        row_words(draw, words);
        let biases = self.base_bias.iter().zip(self.bias_shift);
        let each = row.iter_mut().zip(biases).zip(words.iter()).zip(terms.iter_mut());
        for (((x, (base, shift)), word), term) in each {
            let change = *x + *shift;
            *x = f32::from(uniform(*word) < sigmoid(*base + beta * change).0);
            *term = change;
        }
        if let Some((clamp, held)) = held {
            for ((x, clamp), held) in row.iter_mut().zip(clamp).zip(held) {
                *x = if *clamp != 0.0 { *held } else { *x };
            }
        }
        for (term, x) in terms.iter_mut().zip(row.iter()) {
            *term *= *x;
        }
    }
}
