//! Products of rows of chains with a model's weights: rows of bits in their own way, see `bits.rs`, others
//! as dense rows, see `matmul.rs`; on one thread, or on all.

use std::ops::{Deref, Range};

use rayon::prelude::*;

use super::{
    bits::{self, PANEL, Sums, as_sums, as_sums_mut, scratch_sums},
    choices::BitRows,
    instructions::Instructions,
    lanes::LANES,
    matmul::{dense_rows, multiply_rows},
    scratch::Scratch,
    transpose::transpose_all,
};

/// Units and columns from which rows of bits are multiplied in their own way: a row's bits are worth
/// finding if its product is long.
const LEAST_UNITS: usize = 16;
const LEAST_COLUMNS: usize = 64;
/// Rows of a thread from which it takes them as a tile of its own.
const LEAST_ROWS: usize = 512;

/// W `[k, n]`, to be multiplied from the left with rows of chains.
pub(super) struct Weights<'a> {
    set: Instructions,
    k: usize,
    n: usize,
    /// W row by row.
    rows: Rows<'a>,
    /// Whether rows of bits will come, and are multiplied in their own way.
    bits: bool,
}

enum Rows<'a> {
    Given(&'a [f32]),
    /// With their number of values.
    Made(Scratch, usize),
}

impl Deref for Rows<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Rows::Given(rows) => rows,
            Rows::Made(rows, count) => &bytemuck::must_cast_slice(rows)[..*count],
        }
    }
}

impl<'a> Weights<'a> {
    /// W as it is, or the transpose of a row-major `[n, k]`, for rows of bits where such will come.
    pub fn new(
        set: Instructions,
        values: &'a [f32],
        (k, n): (usize, usize),
        is_transposed: bool,
        bits: bool,
    ) -> Self {
        let rows = match is_transposed {
            true => {
                let mut rows = Scratch::new(values.len().div_ceil(LANES));
                let out: &mut [f32] = bytemuck::must_cast_slice_mut(&mut rows);
                transpose_all(set, values, (n, k), &mut out[..k * n]);
                Rows::Made(rows, k * n)
            }
            false => Rows::Given(values),
        };
        Self { set, k, n, rows, bits: bits && bits_pay(k, n) }
    }

    /// Whether rows of bits are multiplied in their own way.
    pub fn takes_bits(&self) -> bool {
        self.bits
    }

    /// out `[m, n]` ← x `[m, k]` · W on this thread: each row's bits depend on that row and on the
    /// weights alone.
    pub fn multiply(&self, x: &[f32], out: &mut [f32]) {
        let Self { k, n, .. } = *self;
        if self.bits {
            let row = |row: usize| x[row * k..(row + 1) * k].to_vec();
            let tiles = [BitRows::of_rows(self.set, x, k)];
            let terms = [Term::new(self, &tiles, row)];
            let mut sums = scratch_sums(x.len() / k);
            let sums = as_sums_mut(&mut sums);
            for panel in 0..n.div_ceil(PANEL) {
                sum_of_products(&terms, panel, (0..1, 0), sums);
                for (out, sums) in out.chunks_exact_mut(n).zip(&*sums) {
                    let out = &mut out[panel * PANEL..];
                    let width = PANEL.min(out.len());
                    out[..width].copy_from_slice(&bytemuck::must_cast_slice(sums)[..width]);
                }
            }
        } else {
            multiply_rows(self.set, out, x, &self.rows, k, n);
        }
    }

    /// Whether threads should share the columns of a product: rows of bits, too few to give each thread
    /// a tile that is worth its tables.
    pub fn shares(&self, rows: usize) -> bool {
        let threads = rayon::current_num_threads();
        self.bits && threads > 1 && rows < threads * LEAST_ROWS
    }

    /// x `[m, k]` · W, whose columns all threads share now, or whose rows are computed when they are asked
    /// for.
    pub fn product(&'a self, x: &'a [f32], share: bool) -> Product<'a> {
        let k = self.k;
        let m = x.len() / k.max(1);
        let mut shared = None;
        if share && self.bits {
            let rows = m.div_ceil(rayon::current_num_threads()).max(1);
            let tiles: Vec<BitRows> =
                x.par_chunks(rows * k).map(|x| BitRows::of_rows(self.set, x, k)).collect();
            if !tiles.iter().any(BitRows::has_others) {
                let mut sums = scratch_sums(m * self.n.div_ceil(PANEL));
                as_sums_mut(&mut sums).par_chunks_mut(m.max(1)).enumerate().for_each(
                    |(panel, sums)| {
                        bits::multiply(self.set, &tiles, &self.rows, self.n, panel, sums, false);
                    },
                );
                shared = Some(sums);
            }
        }
        Product { weights: self, x, shared }
    }
}

/// A product of rows, most of them of bits.
pub(super) struct Term<'a> {
    weights: &'a Weights<'a>,
    tiles: &'a [BitRows],
    /// The rows that are no bits, and their products.
    others: Vec<usize>,
    of_others: Vec<f32>,
}

impl<'a> Term<'a> {
    /// Multiplies the rows that are no bits, whose values `dense` gives.
    pub fn new(
        weights: &'a Weights<'a>,
        tiles: &'a [BitRows],
        dense: impl Fn(usize) -> Vec<f32>,
    ) -> Self {
        let mut others = Vec::new();
        let mut first = 0;
        for tile in tiles {
            others.extend(tile.others().into_iter().map(|row| first + row));
            first += tile.m;
        }
        let mut of_others = vec![0.0; others.len() * weights.n];
        if !others.is_empty() {
            let gathered: Vec<f32> = others.iter().flat_map(|row| dense(*row)).collect();
            dense_rows(weights.set, &mut of_others, &gathered, &weights.rows, weights.k, weights.n);
        }
        Self { weights, tiles, others, of_others }
    }
}

/// A panel of the sum of products of as many rows and columns, on this thread: of some of the tiles, whose
/// first row is number `first`.
pub(super) fn sum_of_products(
    terms: &[Term<'_>],
    panel: usize,
    (tiles, first): (Range<usize>, usize),
    sums: &mut [Sums],
) {
    for (index, term) in terms.iter().enumerate() {
        let (set, n, onto) = (term.weights.set, term.weights.n, index > 0);
        bits::multiply(set, &term.tiles[tiles.clone()], &term.weights.rows, n, panel, sums, onto);
        let others = term.others.iter().zip(term.of_others.chunks_exact(n));
        let here = others.filter_map(|(row, values)| Some((row.checked_sub(first)?, values)));
        for (row, values) in here {
            let Some(sums) = sums.get_mut(row) else { break };
            let sums: &mut [f32] = bytemuck::must_cast_slice_mut(sums);
            for (sum, value) in sums.iter_mut().zip(&values[panel * PANEL..]) {
                *sum = if onto { *sum } else { 0.0 } + value;
            }
        }
    }
}

/// A product whose rows are asked for run by run.
pub(super) struct Product<'a> {
    weights: &'a Weights<'a>,
    x: &'a [f32],
    /// `[panels, m]`, where the threads shared the columns.
    shared: Option<Scratch>,
}

impl Product<'_> {
    /// Writes the rows from `first` on.
    pub fn rows(&self, first: usize, out: &mut [f32]) {
        let Weights { k, n, .. } = *self.weights;
        let Some(sums) = &self.shared else {
            return self.weights.multiply(&self.x[first * k..][..out.len() / n * k], out);
        };
        let (m, sums) = (self.x.len() / k, as_sums(sums));
        for (row, out) in out.chunks_exact_mut(n).enumerate() {
            for (panel, out) in out.chunks_mut(PANEL).enumerate() {
                let sums: &[f32] = bytemuck::must_cast_slice(&sums[panel * m + first + row]);
                out.copy_from_slice(&sums[..out.len()]);
            }
        }
    }
}

/// Whether rows of `k` bits are multiplied with weights `[k, n]` in their own way.
pub(super) fn bits_pay(k: usize, n: usize) -> bool {
    k >= LEAST_UNITS && n >= LEAST_COLUMNS
}

/// Whether any row of `k` values holds only zeros and ones. Others are seen at their first value that
/// is neither.
pub(super) fn any_bits(x: &[f32], k: usize) -> bool {
    // Rows without values are no rows of bits.
    k > 0 && x.chunks_exact(k).any(|row| row.iter().all(|x| *x == 0.0 || *x == 1.0))
}

/// How many rows a tile of at most `most` should have, so that `rows` spread evenly over the threads.
pub(super) fn tile_rows(rows: usize, most: usize) -> usize {
    let threads = rayon::current_num_threads();
    let tiles = rows.div_ceil(most).next_multiple_of(threads);
    rows.div_ceil(tiles).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the chains' independence of tiling rests on, for long and short sums.
    #[test]
    fn a_row_has_the_same_bits_in_every_tile() {
        Instructions::available().into_iter().for_each(same_bits);
    }

    fn same_bits(set: Instructions) {
        for (k, n) in [
            (1, 5),
            (2, 9),
            (4, 6),
            (64, 16),
            (500, 784),
            (784, 500),
            (2000, 70),
            (5000, 33),
            (33, 1),
        ] {
            let value = |i: usize| ((i * 2_654_435_761) % 1009) as f32 / 504.5 - 1.0;
            let x: Vec<f32> = (0..130 * k).map(value).collect();
            let w: Vec<f32> = (0..k * n).map(|i| value(i + 7)).collect();
            // Rows of bits among others.
            let bits: Vec<f32> = x.iter().map(|x| f32::from(*x > 0.0)).collect();
            let mixed = x.chunks(k).zip(bits.chunks(k)).enumerate();
            let mixed: Vec<f32> = mixed
                .flat_map(|(row, (x, bits))| if row % 3 == 0 { x } else { bits })
                .copied()
                .collect();
            for (x, is_transposed) in [(&x, false), (&x, true), (&bits, false), (&mixed, true)] {
                let w = Weights::new(set, &w, (k, n), is_transposed, any_bits(x, k));
                let mut whole = vec![0.0; 130 * n];
                w.multiply(x, &mut whole);
                for (first, rows) in
                    [(0, 1), (129, 1), (3, 2), (9, 12), (64, 63), (1, 64), (65, 65), (7, 100)]
                {
                    let mut part = vec![0.0; rows * n];
                    w.multiply(&x[first * k..(first + rows) * k], &mut part);
                    assert_eq!(
                        part,
                        whole[first * n..(first + rows) * n],
                        "k {k} n {n} rows {rows}, {set:?}"
                    );
                }
                // And where threads share the columns.
                let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
                let mut shared = vec![0.0; 130 * n];
                pool.install(|| {
                    let product = w.product(x, true);
                    for (run, out) in shared.chunks_mut(50 * n).enumerate() {
                        product.rows(run * 50, out);
                    }
                });
                assert_eq!(shared, whole, "k {k} n {n}, {set:?}");
            }
        }
    }
}
