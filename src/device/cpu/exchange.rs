//! Replica exchange: every pair of rows is judged, then the rows of the accepted ones are swapped.

use rayon::prelude::*;

use super::{
    accept::{conclude, in_range},
    host, host_mut,
    instructions::Instructions,
    simd::{RowDraw, row_words},
};
use crate::device::{Exchange, LABELS, LARGEST_ENERGY, Result, TALLY};

/// Rows that one task judges or swaps.
const ROWS: usize = 256;

pub(super) fn exchange(set: Instructions, call: Exchange<'_, '_>) -> Result<()> {
    let Exchange { betas, differences, states, labels, ends, tally, draw } = call;
    let mut taken = vec![false; tally.rows()];
    let [first, second] = differences;
    let first = host("exchange", "difference", first)?;
    let second = host("exchange", "difference", second)?;
    let tally = host_mut("exchange", "tally", tally)?;
    let tasks = tally.par_chunks_mut(ROWS * TALLY).zip(taken.par_chunks_mut(ROWS)).enumerate();
    tasks.for_each(|(task, (tally, taken))| {
        set.vectorize(
            #[inline(always)]
            || {
                for (index, (tally, taken)) in tally.chunks_exact_mut(TALLY).zip(taken).enumerate()
                {
                    let row = task * ROWS + index;
                    let differences = [first[row], second[row]];
                    *taken = judge(betas, differences, RowDraw::of(draw, row), tally);
                }
            },
        );
    });
    for [first, second] in states.iter_mut() {
        let columns = first.columns();
        let first = host_mut("exchange", "first state", first)?;
        let second = host_mut("exchange", "second state", second)?;
        swap(&taken, first, second, columns);
    }
    let [first, second] = labels;
    let first = host_mut("exchange", "labels", first)?;
    let second = host_mut("exchange", "labels", second)?;
    let labels = first.chunks_exact_mut(LABELS).zip(second.chunks_exact_mut(LABELS));
    for ((first, second), taken) in labels.zip(taken) {
        relabel(first, second, taken, ends);
    }
    Ok(())
}

/// Judges the states of two neighbouring rungs into the tally of the pair; whether they change places.
#[inline(always)]
pub(super) fn judge(
    betas: [f32; 2],
    differences: [f32; 2],
    draw: RowDraw,
    tally: &mut [f32],
) -> bool {
    let sound = differences.iter().all(|difference| in_range(*difference, LARGEST_ENERGY));
    let log_alpha = (betas[0] - betas[1]) * (differences[0] - differences[1]);
    let mut word = [0];
    row_words(draw, &mut word);
    conclude(log_alpha, sound, true, word[0], tally)
}

/// Brings the labels of a pair up to date. `ends`: whether the first rung is the lowest of all, and
/// whether the second is the top.
pub(super) fn relabel(low: &mut [f32], high: &mut [f32], swapped: bool, ends: [bool; 2]) {
    if swapped {
        low.swap_with_slice(high);
    }
    if ends[0] {
        low[1] += f32::from(low[0] == 2.0);
        low[0] = 1.0;
    }
    if ends[1] && high[0] == 1.0 {
        high[0] = 2.0;
    }
}

fn swap(taken: &[bool], first: &mut [f32], second: &mut [f32], columns: usize) {
    let tasks = first.par_chunks_mut(ROWS * columns).zip(second.par_chunks_mut(ROWS * columns));
    tasks.zip(taken.par_chunks(ROWS)).for_each(|((first, second), taken)| {
        let rows = first.chunks_exact_mut(columns).zip(second.chunks_exact_mut(columns));
        for ((first, second), taken) in rows.zip(taken) {
            if *taken {
                first.swap_with_slice(second);
            }
        }
    });
}
