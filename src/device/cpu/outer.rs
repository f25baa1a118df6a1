//! Σₙ wₙ (xₙ − μ)(yₙ − λ)ᵀ: every weight gradient. Threads share the columns of the result where x are
//! bits, else its rows.

use rayon::prelude::*;

use super::{
    ROWS_OF_BITS,
    bits::{PANEL, as_sums_mut, scratch_sums},
    choices::BitRows,
    host, host_mut,
    instructions::Instructions,
    lanes::LANES,
    row_weight,
    scratch::Scratch,
    transpose::transpose,
    weights::{Term, Weights, any_bits, bits_pay, sum_of_products},
};
use crate::device::{Array, Outer, OuterTerm, Result};

/// Rows of the result that one task computes, where there are so many.
const LEAST_TILE: usize = 16;
/// The most; what is in common to the rows is worth sharing, and their sums fit the cache.
const TILE: usize = ROWS_OF_BITS;
/// Rows of bits that share a table.
const TABLE_ROWS: usize = 2 * TILE;
/// Rows of the batch that one task takes.
pub(super) const BATCH: usize = 256;

pub(super) fn outer(set: Instructions, call: &Outer<'_>, out: &mut Array) -> Result<()> {
    let sides = Side::all(set, "outer", call)?;
    let x_offset = host("outer", "x_offset", call.x_offset)?;
    multiply(set, &sides, x_offset, call.accumulate, host_mut("outer", "out", out)?);
    Ok(())
}

/// out ← the sum over the sides, or adds this to it.
pub(super) fn multiply(
    set: Instructions,
    sides: &[Side<'_>],
    x_offset: &[f32],
    accumulate: bool,
    out: &mut [f32],
) {
    let h = out.len() / x_offset.len();
    let tiles: Option<Vec<&[BitRows]>> = sides.iter().map(|side| side.tiles.as_deref()).collect();
    if let Some(tiles) = tiles {
        let mut total = vec![0.0; h];
        for side in sides {
            total.iter_mut().zip(&side.total).for_each(|(total, side)| *total += side);
        }
        let weights: Vec<_> = sides.iter().map(|side| side.weights(set, h, true)).collect();
        let terms = sides.iter().zip(&weights).zip(tiles);
        let terms: Vec<_> =
            terms.map(|((side, weights), tiles)| side.term(weights, tiles)).collect();
        by_bits(set, &terms, x_offset, &total, accumulate, out);
        return;
    }
    let tile = tile(x_offset.len());
    out.par_chunks_mut(tile * h).enumerate().for_each(|(index, out)| {
        let (first, rows) = (index * tile, out.len() / h);
        let mut product = vec![0.0; out.len()];
        for (index, side) in sides.iter().enumerate() {
            let mut columns = vec![0.0; rows * side.rows];
            transpose(set, &side.x[first..], side.d, (side.rows, rows), &mut columns, side.rows);
            side.weights(set, h, false).multiply(&columns, &mut product);
            set.vectorize(
                #[inline(always)]
                || {
                    let each = out.chunks_exact_mut(h).zip(product.chunks_exact(h));
                    for ((out, product), mu) in each.zip(&x_offset[first..]) {
                        shift(out, product, *mu, &side.total, accumulate || index > 0);
                    }
                },
            );
        }
    });
}

/// out ← the sum of all terms − μ · total, or adds this to it: every value is written once.
fn by_bits(
    set: Instructions,
    terms: &[Term<'_>],
    x_offset: &[f32],
    total: &[f32],
    accumulate: bool,
    out: &mut [f32],
) {
    let tile = tile(x_offset.len());
    // Tiles that share a table.
    let tiles = (TABLE_ROWS / tile).max(1);
    let panels = total.len().div_ceil(PANEL);
    // A thread's share: whole panels.
    let width = PANEL * panels.div_ceil(2 * rayon::current_num_threads());
    by_columns(out, total.len(), width).into_par_iter().enumerate().for_each(
        |(share, mut rows)| {
            let mut sums = scratch_sums(rows.len().min(tile * tiles));
            for start in (0..rows[0].len()).step_by(PANEL) {
                let first_column = share * width + start;
                for (part, rows) in rows.chunks_mut(tile * tiles).enumerate() {
                    let (first, count) = (part * tiles, rows.len().div_ceil(tile));
                    let sums = &mut as_sums_mut(&mut sums)[..rows.len()];
                    let panel = first_column / PANEL;
                    sum_of_products(terms, panel, (first..first + count, first * tile), sums);
                    set.vectorize(
                        #[inline(always)]
                        || {
                            let each = rows.iter_mut().zip(&*sums).zip(&x_offset[first * tile..]);
                            for ((out, sums), mu) in each {
                                let sums = bytemuck::must_cast_slice(sums);
                                shift(
                                    &mut out[start..],
                                    sums,
                                    *mu,
                                    &total[first_column..],
                                    accumulate,
                                );
                            }
                        },
                    );
                }
            }
        },
    );
}

/// Rows of the result that make a task.
fn tile(d: usize) -> usize {
    d.div_ceil(rayon::current_num_threads()).clamp(LEAST_TILE, TILE)
}

/// The rows of values, cut into shares of `width` columns.
fn by_columns(values: &mut [f32], columns: usize, width: usize) -> Vec<Vec<&mut [f32]>> {
    let rows = values.len() / columns;
    let mut shares: Vec<Vec<_>> = Vec::new();
    shares.resize_with(columns.div_ceil(width), || Vec::with_capacity(rows));
    for row in values.chunks_exact_mut(columns) {
        shares.iter_mut().zip(row.chunks_mut(width)).for_each(|(share, part)| share.push(part));
    }
    shares
}

/// A term whose y is centred and weighted. x stays as it is, so that bits stay bits, and its offset
/// comes in as the rank-one term −μ (Σ wₙ (yₙ − λ))ᵀ.
pub(super) struct Side<'a> {
    /// `[rows, D]`.
    pub x: &'a [f32],
    pub rows: usize,
    pub d: usize,
    /// wₙ (yₙ − λ), `[rows, H]`.
    centred: Scratch,
    /// Its column sums.
    total: Vec<f32>,
    /// x by tiles of columns, where columns of bits are multiplied in their own way.
    tiles: Option<Vec<BitRows>>,
}

impl<'a> Side<'a> {
    /// All of a call; their columns of x are looked at while their y are centred.
    pub fn all(set: Instructions, kernel: &'static str, call: &Outer<'a>) -> Result<Vec<Self>> {
        let (d, h) = (call.x_offset.columns(), call.y_offset.columns());
        let y_offset = host(kernel, "y_offset", call.y_offset)?;
        let xs = call.terms.iter().map(|term| host(kernel, "x", term.x));
        let xs: Vec<&[f32]> = xs.collect::<Result<_>>()?;
        let pay = |x: &&[f32]| bits_pay(x.len() / d, h) && any_bits(x, d);
        let by_bits = xs.iter().all(pay);
        let sides = call.terms.par_iter().zip(xs).map(|(term, x)| {
            let (tiles, centred) = rayon::join(
                || by_bits.then(|| columns_of_bits(set, x, d)),
                || centre(set, kernel, term, y_offset),
            );
            let (centred, total) = centred?;
            Ok(Self { x, rows: term.x.rows(), d, centred, total, tiles })
        });
        sides.collect()
    }

    /// wₙ (yₙ − λ), `[rows, H]`.
    pub fn centred(&self) -> &[f32] {
        &bytemuck::must_cast_slice(&self.centred)[..self.rows * self.total.len()]
    }

    fn weights(&self, set: Instructions, h: usize, bits: bool) -> Weights<'_> {
        Weights::new(set, self.centred(), (self.rows, h), false, bits)
    }

    /// The term where columns of x become rows, of which bits need no multiplications.
    fn term<'w>(&self, weights: &'w Weights<'w>, tiles: &'w [BitRows]) -> Term<'w> {
        Term::new(weights, tiles, |row| self.x[row..].iter().step_by(self.d).copied().collect())
    }
}

/// The columns of x `[rows, D]` by tiles.
fn columns_of_bits(set: Instructions, x: &[f32], d: usize) -> Vec<BitRows> {
    let tile = tile(d);
    let firsts: Vec<usize> = (0..d).step_by(tile).collect();
    let of = |first: &usize| BitRows::of_columns(set, x, d, *first, tile.min(d - first));
    firsts.par_iter().map(of).collect()
}

/// The y of a term, centred and weighted, and its column sums.
fn centre(
    set: Instructions,
    kernel: &'static str,
    term: &OuterTerm<'_>,
    y_offset: &[f32],
) -> Result<(Scratch, Vec<f32>)> {
    let (rows, h) = term.y.shape();
    let y = host(kernel, "y", term.y)?;
    let weight = row_weight(kernel, term.weights)?;
    let mut centred = Scratch::new((rows * h).div_ceil(LANES));
    let values: &mut [f32] = bytemuck::must_cast_slice_mut(&mut centred);
    let totals: Vec<Vec<f32>> = values[..rows * h]
        .par_chunks_mut(BATCH * h)
        .zip(y.par_chunks(BATCH * h))
        .enumerate()
        .map(|(batch, (centred, y))| {
            let mut total = vec![0.0; h];
            set.vectorize(
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
    Ok((centred, total))
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
