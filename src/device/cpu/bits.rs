//! Products with rows of bits, without a multiplication: four rows of W have sixteen sums, one for
//! each choice of them, and a row of x takes the one that its four bits name. A table of these sums
//! is made for a block of units and columns at a time, small enough to stay in the cache nearest to
//! the core, and serves all rows of a tile.
//! Source: the "method of the four Russians", Arlazarov, Dinic, Kronrod and Faradzhev, "On economical
//! construction of the transitive closure of a directed graph", 1970.
//!
//! Where few bits of a row are on, the rows of W that they select are fewer than the groups, and are
//! summed one by one.
//!
//! Which way a row is taken depends on that row alone, and so do its sums: where rows are too few for
//! a table, those of a group are summed in the order in which the table would sum them.

use std::cell::RefCell;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{
    lanes::{LANES, Lanes, registers, registers_mut},
    matmul::View,
    real::{One, Registers, Two},
    simd::vectorize,
};

/// Units of a group, whose bits name a sum.
const UNITS: usize = 4;
/// Sums of a group.
const SUMS: usize = 1 << UNITS;
/// Groups of a block; with a wide panel its table takes 32 KiB.
const GROUPS: usize = 8;
/// Columns of a panel, in [`LANES`]: of a wide one, and of one at the edge.
const WIDE: usize = 2;
const NARROW: usize = 1;
/// Rows from which a table pays.
const FEW_ROWS: usize = 8;
/// Up to this share of ones, 1 / `SPARSE`, the rows of W that they select are summed one by one.
const SPARSE: usize = 6;
/// Units and columns from which products are taken this way: a row's bits are worth finding if its
/// product is long.
const LEAST_UNITS: usize = 16;
const LEAST_COLUMNS: usize = 64;

/// W `[k, n]` in the order in which products with bits read it: by panels of columns, and in these by
/// blocks of groups.
pub(super) struct Blocks {
    /// Of every block `[UNITS, GROUPS]` rows of a panel, zeros where there are no units or columns.
    values: Vec<Lanes>,
    n: usize,
    /// Groups, whole blocks of them: group g has the units g, g + Q, g + 2Q and g + 3Q, where 4Q is
    /// the number of units rounded up.
    groups: usize,
}

impl Blocks {
    /// Lays out W, or Wᵀ, on all threads; none where the product is too small for it to pay.
    pub fn new(weights: View<'_>, (k, n): (usize, usize)) -> Option<Self> {
        if k < LEAST_UNITS || n < LEAST_COLUMNS {
            return None;
        }
        let quarter = k.div_ceil(UNITS);
        let groups = quarter.next_multiple_of(GROUPS);
        let lanes = n.div_ceil(LANES);
        let mut values = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        values.resize(groups * UNITS * lanes, Lanes::ZERO);
        let panel = groups * UNITS * WIDE;
        values.par_chunks_mut(panel).enumerate().for_each(|(panel, values)| {
            let width = values.len() / (groups * UNITS) * LANES;
            let first = panel * WIDE * LANES;
            let columns = width.min(n - first);
            let values: &mut [f32] = bytemuck::must_cast_slice_mut(values);
            for (run, values) in values.chunks_exact_mut(GROUPS * width).enumerate() {
                let (group, place) = (run / UNITS * GROUPS, run % UNITS);
                let unit = group + place * quarter;
                let units = GROUPS.min(quarter.saturating_sub(group)).min(k.saturating_sub(unit));
                if units < GROUPS || columns < width {
                    values.fill(0.0);
                }
                weights.copy_block((unit, units), (first, columns), width, values);
            }
        });
        Some(Self { values, n, groups })
    }
}

thread_local! {
    /// Memory of blocks that are gone: new pages cost more than what is laid out in them.
    static SPARE: RefCell<Vec<Vec<Lanes>>> = const { RefCell::new(Vec::new()) };
}

/// Blocks whose memory is kept: a model has two directions.
const KEPT: usize = 2;

impl Drop for Blocks {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < KEPT {
                spare.push(values);
            }
        });
    }
}

/// The rows of a tile that hold only zeros and ones.
pub(super) struct BitRows {
    /// Places in the tile of those with many ones.
    rows: Vec<usize>,
    groups: usize,
    /// `[rows, groups]`: which units of the group are on, the first in the lowest bit.
    choices: Vec<u8>,
    /// Places in the tile of those with few ones, and where these end in `ones`.
    sparse: Vec<(usize, usize)>,
    /// Rows of a panel of [`Blocks`].
    ones: Vec<u32>,
}

impl BitRows {
    /// Looks through rows of `k` values.
    pub fn find(x: &[f32], k: usize) -> Self {
        let quarter = k.div_ceil(UNITS);
        let groups = quarter.next_multiple_of(GROUPS);
        let place = |unit: usize| {
            let (group, place) = (unit % quarter, unit / quarter);
            ((group / GROUPS * UNITS + place) * GROUPS + group % GROUPS) as u32
        };
        let places: Vec<u32> = (0..k).map(place).collect();
        let (rows, choices, sparse) = (Vec::new(), Vec::new(), Vec::new());
        let mut found = Self { rows, groups, choices, sparse, ones: Vec::new() };
        let mut whole = vec![0.0; UNITS * quarter];
        for (row, x) in x.chunks_exact(k).enumerate() {
            whole[..k].copy_from_slice(x);
            let end = found.choices.len();
            found.choices.resize(end + groups, 0);
            let (is_bits, count) = vectorize(
                #[inline(always)]
                || choose(&whole, &mut found.choices[end..][..quarter]),
            );
            if is_bits && count * SPARSE > k {
                found.rows.push(row);
                continue;
            }
            found.choices.truncate(end);
            if is_bits {
                let mut end = found.ones.len();
                // Without a branch, which bits would mislead; there is room for one too many.
                found.ones.resize(end + count + 1, 0);
                for (x, place) in x.iter().zip(&places) {
                    found.ones[end] = *place;
                    end += usize::from(*x == 1.0);
                }
                found.ones.truncate(end);
                found.sparse.push((row, end));
            }
        }
        found
    }

    /// The other rows of a tile of `m`.
    pub fn others(&self, m: usize) -> Vec<usize> {
        let mut is_other = vec![true; m];
        self.places().for_each(|row| is_other[row] = false);
        (0..m).filter(|row| is_other[*row]).collect()
    }

    /// The places of all: those with many ones, then those with few.
    fn places(&self) -> impl Iterator<Item = usize> {
        self.rows.iter().copied().chain(self.sparse.iter().map(|(row, _)| *row))
    }

    /// Writes these rows of out `[m, n]` ← x · W.
    pub fn multiply(&self, weights: &Blocks, out: &mut [f32]) {
        Arch::new().dispatch(Multiply { bits: self, weights, out });
    }
}

/// Which units of every group are on, given the values of all; whether all are 0 or 1, and how many are
/// not 0.
#[inline(always)]
fn choose(x: &[f32], choices: &mut [u8]) -> (bool, usize) {
    const ONE: u32 = 1f32.to_bits();
    let quarter = choices.len();
    let (a, rest) = x.split_at(quarter);
    let (b, rest) = rest.split_at(quarter);
    let (c, d) = rest.split_at(quarter);
    let (mut others, mut count) = (0, 0);
    for ((((choice, a), b), c), d) in choices.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let bits = [a.to_bits(), b.to_bits(), c.to_bits(), d.to_bits()];
        for bits in bits {
            others |= u32::from((bits != 0) & (bits != ONE));
            count += u32::from(bits != 0);
        }
        // The lowest bit of the exponent of 1.
        let [a, b, c, d] = bits.map(|bits| bits >> 23 & 1);
        *choice = (a | b << 1 | c << 2 | d << 3) as u8;
    }
    (others == 0, count as usize)
}

struct Multiply<'a> {
    bits: &'a BitRows,
    weights: &'a Blocks,
    out: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        type R1<S> = Two<One<S>>;
        type R2<S> = Two<R1<S>>;
        type R3<S> = Two<R2<S>>;
        type R4<S> = Two<R3<S>>;
        let Self { bits, weights, out } = self;
        let (n, rows) = (weights.n, weights.groups * UNITS);
        let mut table = vec![Lanes::ZERO; GROUPS * SUMS * WIDE];
        let count = bits.rows.len() + bits.sparse.len();
        let mut sums = vec![Lanes::ZERO; count * WIDE];
        for (panel, values) in weights.values.chunks(rows * WIDE).enumerate() {
            let wide = values.len() == rows * WIDE;
            let values = registers::<S>(values);
            let table = registers_mut::<S>(&mut table);
            let to = registers_mut::<S>(&mut sums);
            match (wide, S::F32_LANES) {
                (true, 16) => panel_sums::<S, R2<S>>(simd, bits, values, table, to),
                (true, 8) => panel_sums::<S, R3<S>>(simd, bits, values, table, to),
                (true, _) => panel_sums::<S, R4<S>>(simd, bits, values, table, to),
                (false, 16) => panel_sums::<S, R1<S>>(simd, bits, values, table, to),
                (false, 8) => panel_sums::<S, R2<S>>(simd, bits, values, table, to),
                (false, _) => panel_sums::<S, R3<S>>(simd, bits, values, table, to),
            }
            let first = panel * WIDE * LANES;
            let width = (WIDE * LANES).min(n - first);
            let sums: &[f32] = bytemuck::must_cast_slice(&sums);
            let lanes = if wide { WIDE } else { NARROW } * LANES;
            for (row, sums) in bits.places().zip(sums.chunks_exact(lanes)) {
                out[row * n + first..][..width].copy_from_slice(&sums[..width]);
            }
        }
    }
}

/// The sums of all rows over a panel, `R` registers each.
#[inline(always)]
fn panel_sums<S: Simd, R: Registers<S>>(
    simd: S,
    bits: &BitRows,
    values: &[S::f32s],
    table: &mut [S::f32s],
    sums: &mut [S::f32s],
) {
    let groups = bits.groups;
    let (sums, of_sparse) = sums.split_at_mut(bits.rows.len() * R::COUNT);
    let mut start = 0;
    for ((_, end), to) in bits.sparse.iter().zip(of_sparse.chunks_exact_mut(R::COUNT)) {
        let mut sum = R::load(simd, to).like(0.0);
        for row in &bits.ones[start..*end] {
            sum = sum + R::load(simd, &values[*row as usize * R::COUNT..][..R::COUNT]);
        }
        sum.store(to);
        start = *end;
    }
    if bits.rows.is_empty() {
        return;
    }
    let table = &mut table[..GROUPS * SUMS * R::COUNT];
    for (block, weights) in values.chunks_exact(GROUPS * UNITS * R::COUNT).enumerate() {
        let few = bits.rows.len() < FEW_ROWS;
        if !few {
            for (group, table) in table.chunks_exact_mut(SUMS * R::COUNT).enumerate() {
                tabulate::<S, R>(simd, &weights[group * R::COUNT..], table);
            }
        }
        let rows = bits.choices.chunks_exact(groups).zip(sums.chunks_exact_mut(R::COUNT));
        for (choices, sums) in rows {
            let choices: &[u8; GROUPS] =
                choices[block * GROUPS..][..GROUPS].try_into().expect("a block has as many");
            let mut sum = R::load(simd, sums);
            if block == 0 {
                sum = sum.like(0.0);
            }
            for (group, choice) in choices.iter().enumerate() {
                sum = sum
                    + if few {
                        chosen::<S, R>(simd, &weights[group * R::COUNT..], *choice)
                    } else {
                        let place = group * SUMS + usize::from(*choice) % SUMS;
                        R::load(simd, &table[place * R::COUNT..][..R::COUNT])
                    };
            }
            sum.store(sums);
        }
    }
}

/// The sums of a group for all choices of its four units.
#[inline(always)]
fn tabulate<S: Simd, R: Registers<S>>(simd: S, weights: &[S::f32s], table: &mut [S::f32s]) {
    R::load(simd, weights).like(0.0).store(table);
    for unit in 0..UNITS {
        let weight = R::load(simd, &weights[unit * GROUPS * R::COUNT..]);
        for choice in 0..1 << unit {
            let sum = R::load(simd, &table[choice * R::COUNT..]) + weight;
            sum.store(&mut table[(choice + (1 << unit)) * R::COUNT..]);
        }
    }
}

/// One of these sums.
#[inline(always)]
fn chosen<S: Simd, R: Registers<S>>(simd: S, weights: &[S::f32s], choice: u8) -> R {
    let mut sum = R::load(simd, weights).like(0.0);
    for unit in 0..UNITS {
        if choice >> unit & 1 == 1 {
            sum = sum + R::load(simd, &weights[unit * GROUPS * R::COUNT..]);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::cpu::transpose::transposed;

    #[test]
    fn rows_of_bits_are_found_and_multiplied() {
        for (k, n) in [(16, 64), (30, 300), (33, 65), (65, 97), (129, 130)] {
            let rows = [
                (0..k).map(|u| f32::from(u % 7 == 0)).collect::<Vec<_>>(),
                (0..k).map(|u| f32::from(u % 2 == 0)).collect(),
                vec![0.0; k],
                (0..k).map(|u| if u == 3 { 0.5 } else { 0.0 }).collect(), // no bits
                vec![1.0; k],
                (0..k).map(|u| if u == k - 1 { 2.0 } else { 0.0 }).collect(), // none either
            ];
            let weights: Vec<f32> = (0..k * n).map(|i| ((i * 37) % 101) as f32).collect();
            let back = transposed(&weights, (k, n));
            let layouts = [View::rows(&weights, n), View::transposed(&back, k)];
            // Few rows, and enough for a table.
            for (times, layout) in [(1, 0), (5, 0), (1, 1), (5, 1)] {
                let blocks = Blocks::new(layouts[layout], (k, n)).unwrap();
                let x = rows.concat().repeat(times);
                let m = rows.len() * times;
                let bits = BitRows::find(&x, k);
                assert_eq!(bits.places().count(), 4 * times);
                assert!(bits.sparse.len() >= times && bits.rows.len() >= 2 * times);
                let others: Vec<usize> = (0..times).flat_map(|i| [6 * i + 3, 6 * i + 5]).collect();
                assert_eq!(bits.others(m), others);
                let mut out = vec![-1.0; m * n];
                bits.multiply(&blocks, &mut out);
                for (row, (x, out)) in x.chunks(k).zip(out.chunks(n)).enumerate() {
                    for (column, out) in out.iter().enumerate() {
                        let exact: f32 = (0..k).map(|u| x[u] * weights[u * n + column]).sum();
                        let wanted = if others.contains(&row) { -1.0 } else { exact };
                        assert_eq!(*out, wanted, "{k} x {n}, row {row}, column {column}");
                    }
                }
            }
        }
    }
}
