//! Replica exchange: every pair of rows is judged, then the rows of the accepted ones are swapped.

use rayon::prelude::*;

use super::{
    accept::{conclude, in_range},
    host, host_mut,
    simd::{RowDraw, row_words, vectorize},
};
use crate::device::{Exchange, LABELS, LARGEST_ENERGY, Result, TALLY};

/// Rows that one task judges or swaps.
const ROWS: usize = 256;

pub(super) fn exchange(call: Exchange<'_, '_>) -> Result<()> {
    let Exchange { betas, differences, states, labels, ends, tally, draw } = call;
    let mut taken = vec![false; tally.rows()];
    let [first, second] = differences;
    let first = host("exchange", "difference", first)?;
    let second = host("exchange", "difference", second)?;
    let tally = host_mut("exchange", "tally", tally)?;
    let tasks = tally.par_chunks_mut(ROWS * TALLY).zip(taken.par_chunks_mut(ROWS)).enumerate();
    tasks.for_each(|(task, (tally, taken))| {
        vectorize(
            #[inline(always)]
            || {
                for (index, (tally, taken)) in tally.chunks_exact_mut(TALLY).zip(taken).enumerate()
                {
                    let row = task * ROWS + index;
                    let sound = in_range(first[row], LARGEST_ENERGY)
                        & in_range(second[row], LARGEST_ENERGY);
                    let log_alpha = (betas[0] - betas[1]) * (first[row] - second[row]);
                    let mut word = [0];
                    row_words(RowDraw::of(draw, row), &mut word);
                    *taken = conclude(log_alpha, sound, true, word[0], tally);
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
    swap(&taken, first, second, LABELS);
    for (lowest, top) in first.chunks_exact_mut(LABELS).zip(second.chunks_exact_mut(LABELS)) {
        if ends[0] {
            lowest[1] += f32::from(lowest[0] == 2.0);
            lowest[0] = 1.0;
        }
        if ends[1] && top[0] == 1.0 {
            top[0] = 2.0;
        }
    }
    Ok(())
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
