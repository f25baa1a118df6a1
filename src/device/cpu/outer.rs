//! Σₙ wₙ (xₙ − μ)(yₙ − λ)ᵀ: every weight gradient. Threads share the columns of the result where x are
//! bits, else its rows.

use rayon::prelude::*;

use super::{
    ROWS_OF_BITS,
    bits::{PANEL, as_sums_mut, scratch_sums},
    choices::BitRows,
    host, host_mut, row_weight,
    simd::vectorize,
    transpose::transpose,
    weights::{Term, Weights, any_bits, sum_of_products},
};
use crate::device::{Array, Outer, OuterTerm, Result};

/// Rows of the result that one task computes, where there are so many.
const LEAST_TILE: usize = 16;
/// The most; what is in common to the rows is worth sharing, and their sums fit the cache.
const TILE: usize = ROWS_OF_BITS;
/// Rows of bits that share a table.
const TABLE_ROWS: usize = 2 * TILE;
/// Rows of the batch that one task centres.
const BATCH: usize = 256;

pub(super) fn outer(call: &Outer<'_>, out: &mut Array) -> Result<()> {
    let (d, h) = out.shape();
    let x_offset = host("outer", "x_offset", call.x_offset)?;
    let y_offset = host("outer", "y_offset", call.y_offset)?;
    let out = host_mut("outer", "out", out)?;
    let sides: Vec<Side<'_>> =
        call.terms.iter().map(|term| Side::new(term, y_offset)).collect::<Result<_>>()?;
    let weights: Vec<Weights<'_>> =
        sides.iter().map(|side| side.weights(h, any_bits(side.x, d))).collect();
    if weights.iter().all(Weights::takes_bits) {
        let terms: Vec<Term<'_>> =
            sides.iter().zip(&weights).map(|(side, weights)| side.term(d, weights)).collect();
        let mut total = vec![0.0; h];
        for side in &sides {
            total.iter_mut().zip(&side.total).for_each(|(total, side)| *total += side);
        }
        by_bits(&terms, x_offset, &total, call.accumulate, out);
        return Ok(());
    }
    let tile = tile(d);
    out.par_chunks_mut(tile * h).enumerate().for_each(|(index, out)| {
        let (first, rows) = (index * tile, out.len() / h);
        let mut product = vec![0.0; out.len()];
        for (index, (side, weights)) in sides.iter().zip(&weights).enumerate() {
            let mut columns = vec![0.0; rows * side.rows];
            transpose(&side.x[first..], d, (side.rows, rows), &mut columns, side.rows);
            weights.multiply(&columns, &mut product);
            vectorize(
                #[inline(always)]
                || {
                    let each = out.chunks_exact_mut(h).zip(product.chunks_exact(h));
                    for ((out, product), mu) in each.zip(&x_offset[first..]) {
                        shift(out, product, *mu, &side.total, call.accumulate || index > 0);
                    }
                },
            );
        }
    });
    Ok(())
}

/// out ← the sum of all terms − μ · total, or adds this to it: every value is written once.
fn by_bits(terms: &[Term<'_>], x_offset: &[f32], total: &[f32], accumulate: bool, out: &mut [f32]) {
    let tile = tile(x_offset.len());
    // Tiles that share a table.
    let tiles = (TABLE_ROWS / tile).max(1);
    by_panels(out, total.len()).into_par_iter().enumerate().for_each(|(panel, mut rows)| {
        let mut sums = scratch_sums(rows.len().min(tile * tiles));
        for (part, rows) in rows.chunks_mut(tile * tiles).enumerate() {
            let (first, count) = (part * tiles, rows.len().div_ceil(tile));
            let sums = &mut as_sums_mut(&mut sums)[..rows.len()];
            sum_of_products(terms, panel, (first..first + count, first * tile), sums);
            vectorize(
                #[inline(always)]
                || {
                    let each = rows.iter_mut().zip(&*sums).zip(&x_offset[first * tile..]);
                    for ((out, sums), mu) in each {
                        let sums = bytemuck::must_cast_slice(sums);
                        shift(out, sums, *mu, &total[panel * PANEL..], accumulate);
                    }
                },
            );
        }
    });
}

/// Rows of the result that make a task.
fn tile(d: usize) -> usize {
    d.div_ceil(rayon::current_num_threads()).clamp(LEAST_TILE, TILE)
}

/// Rows of so many values, by panels of columns: threads share the columns of a product, and who has
/// those of the gradient and of the weights in its cache finds them there.
pub(super) fn by_panels(values: &mut [f32], columns: usize) -> Vec<Vec<&mut [f32]>> {
    let rows = values.len() / columns;
    let mut panels: Vec<Vec<_>> = Vec::new();
    panels.resize_with(columns.div_ceil(PANEL), || Vec::with_capacity(rows));
    for row in values.chunks_exact_mut(columns) {
        panels.iter_mut().zip(row.chunks_mut(PANEL)).for_each(|(panel, part)| panel.push(part));
    }
    panels
}

/// A term whose y is centred and weighted. x stays as it is, so that bits stay bits, and its offset
/// comes in as the rank-one term −μ (Σ wₙ (yₙ − λ))ᵀ.
struct Side<'a> {
    /// `[rows, D]`.
    x: &'a [f32],
    rows: usize,
    /// wₙ (yₙ − λ), `[rows, H]`.
    centred: Vec<f32>,
    /// Its column sums.
    total: Vec<f32>,
}

impl<'a> Side<'a> {
    fn new(term: &OuterTerm<'a>, y_offset: &[f32]) -> Result<Self> {
        let (rows, h) = term.y.shape();
        let x = host("outer", "x", term.x)?;
        let y = host("outer", "y", term.y)?;
        let weight = row_weight("outer", term.weights)?;
        let mut centred = vec![0.0; rows * h];
        let totals: Vec<Vec<f32>> = centred
            .par_chunks_mut(BATCH * h)
            .zip(y.par_chunks(BATCH * h))
            .enumerate()
            .map(|(batch, (centred, y))| {
                let mut total = vec![0.0; h];
                vectorize(
                    #[inline(always)]
                    || {
                        let rows = centred.chunks_exact_mut(h).zip(y.chunks_exact(h)).enumerate();
                        for (row, (centred, y)) in rows {
                            let weight = weight(batch * BATCH + row);
                            let each = centred.iter_mut().zip(y).zip(y_offset).zip(&mut total);
                            for (((c, y), offset), total) in each {
                                *c = weight * (y - offset);
                                *total += *c;
                            }
                        }
                    },
                );
                total
            })
            .collect();
        let mut total = vec![0.0; h];
        for part in &totals {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
        Ok(Self { x, rows, centred, total })
    }

    fn weights(&self, h: usize, bits: bool) -> Weights<'_> {
        Weights::new(&self.centred, (self.rows, h), false, bits)
    }

    /// The term where columns of x become rows, of which bits need no multiplications.
    fn term<'w>(&self, d: usize, weights: &'w Weights<'w>) -> Term<'w> {
        let tile = tile(d);
        let firsts: Vec<usize> = (0..d).step_by(tile).collect();
        let of = |first: &usize| BitRows::of_columns(self.x, d, *first, tile.min(d - first));
        let tiles = firsts.par_iter().map(of).collect();
        Term::new(weights, tiles, |row| self.x[row..].iter().step_by(d).copied().collect())
    }
}

/// out ← products − μ · total, or adds this to it.
#[inline(always)]
fn shift(out: &mut [f32], products: &[f32], mu: f32, total: &[f32], accumulate: bool) {
    let each = out.iter_mut().zip(products).zip(total);
    if accumulate {
        each.for_each(|((out, x), total)| *out += x - mu * total);
    } else {
        each.for_each(|((out, x), total)| *out = x - mu * total);
    }
}
