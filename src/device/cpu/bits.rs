//! Products with rows of bits, without a multiplication: four rows of W have sixteen sums, one for
//! each choice of them, and a row of x takes the one that its four bits name. A table of these sums
//! is made for a block of units and columns at a time, small enough to stay in the cache nearest to
//! the core, and serves many rows.
//! Source: the "method of the four Russians", Arlazarov, Dinic, Kronrod and Faradzhev, "On economical
//! construction of the transitive closure of a directed graph", 1970.
//!
//! Where few bits of a row are on, the rows of W that they select are fewer than the groups, and are
//! summed one by one.
//!
//! Which way a row is taken depends on that row alone, and so do its sums: where rows are too few for
//! a table, those of a group are summed in the order in which the table would sum them.

use pulp::Simd;

use super::{
    choices::{BitRows, GROUPS, SUMS, UNITS},
    instructions::{Instructions, Kernel, Wide},
    lanes::{LANES, Lanes, registers, registers_mut},
    real::{One, Registers},
    scratch::Scratch,
};

/// Columns of a panel, in [`LANES`]; its table takes 32 KiB.
const WIDE: usize = 2;
/// Columns of a panel.
pub(super) const PANEL: usize = WIDE * LANES;
/// The sums of a row over a panel, zeros past the last column.
pub(super) type Sums = [Lanes; WIDE];
/// Lanes as the sums of rows.
pub(super) fn as_sums(lanes: &[Lanes]) -> &[Sums] {
    lanes.as_chunks().0
}

/// The same, to write to.
pub(super) fn as_sums_mut(lanes: &mut [Lanes]) -> &mut [Sums] {
    lanes.as_chunks_mut().0
}

/// Lanes of so many sums.
pub(super) fn scratch_sums(count: usize) -> Scratch {
    Scratch::new(count * WIDE)
}

/// Tables have a place for every number that a byte holds, so that none needs to be checked.
const PLACES: usize = 1 << u8::BITS;
/// Rows from which a table pays.
const FEW_ROWS: usize = 8;

/// Writes the sums over panel number `panel` of x · W, for W `[k, n]` with its rows one after the
/// other, to `sums`, which has a place for each row of the tiles, or adds them `onto` what it holds.
/// Rows that are no bits are left out.
pub(super) fn multiply(
    set: Instructions,
    tiles: &[BitRows],
    weights: &[f32],
    n: usize,
    panel: usize,
    sums: &mut [Sums],
    onto: bool,
) {
    set.dispatch(Multiply { tiles, weights, n, first: panel * PANEL, sums, onto });
}

struct Multiply<'a> {
    tiles: &'a [BitRows],
    weights: &'a [f32],
    n: usize,
    /// The first column.
    first: usize,
    sums: &'a mut [Sums],
    onto: bool,
}

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Wide>(self, simd: S) {
        if self.n - self.first > LANES {
            self.panel_sums::<S, S::Panel>(simd);
        } else {
            self.panel_sums::<S, S::HalfPanel>(simd);
        }
    }
}

/// A panel of W `[k, n]`.
struct Panel<'a, S> {
    simd: S,
    weights: &'a [f32],
    n: usize,
    /// The first column, and how many.
    first: usize,
    width: usize,
    units: usize,
    quarter: usize,
}

impl<S: Simd> Panel<'_, S> {
    /// A row.
    #[inline(always)]
    fn row<R: Registers<S>>(&self, unit: usize) -> R {
        R::load_part(self.simd, &self.weights[unit * self.n + self.first..][..self.width])
    }

    /// The row of a unit of a group, zeros where there is none.
    #[inline(always)]
    fn of_group<R: Registers<S>>(&self, zero: R, group: usize, place: usize) -> R {
        let unit = group + place * self.quarter;
        if unit < self.units { self.row(unit) } else { zero }
    }

    /// The sums of a group for all choices of its units, a register of columns at a time: each sum is
    /// stored once and never read back.
    #[inline(always)]
    fn tabulate<R: Registers<S>>(&self, group: usize, table: &mut [Sums; SUMS]) {
        for column in 0..R::COUNT {
            let zero = One::load_part(self.simd, &[]);
            let weight = |place| self.register(group + place * self.quarter, column);
            let (a, b, c, d) = (weight(0), weight(1), weight(2), weight(3));
            let t1 = zero + a;
            let (t2, t3) = (zero + b, t1 + b);
            let (t4, t5, t6, t7) = (zero + c, t1 + c, t2 + c, t3 + c);
            let sums = [zero, t1, t2, t3, t4, t5, t6, t7];
            let (without, with) = table.split_at_mut(SUMS / 2);
            for ((sum, without), with) in sums.into_iter().zip(without).zip(with) {
                sum.store(&mut registers_mut::<S>(without)[column..]);
                (sum + d).store(&mut registers_mut::<S>(with)[column..]);
            }
        }
    }

    /// A register of a unit's row, zeros past the last column and where there is no such unit.
    #[inline(always)]
    fn register(&self, unit: usize, column: usize) -> One<S> {
        let start = column * S::F32_LANES;
        let row = match unit < self.units {
            true => &self.weights[unit * self.n + self.first..][..self.width],
            false => &[],
        };
        One::load_part(self.simd, row.get(start..).unwrap_or_default())
    }

    /// One of these sums.
    #[inline(always)]
    fn chosen<R: Registers<S>>(&self, zero: R, group: usize, choice: u8) -> R {
        let mut sum = zero;
        for place in 0..UNITS {
            if choice >> place & 1 == 1 {
                sum = sum + self.of_group(zero, group, place);
            }
        }
        sum
    }
}

impl Multiply<'_> {
    /// The sums of all rows, `R` registers each.
    #[inline(always)]
    fn panel_sums<S: Simd, R: Registers<S>>(self, simd: S) {
        let Self { tiles, weights, n, first, sums, onto } = self;
        let units = weights.len() / n;
        let quarter = units.div_ceil(UNITS);
        let width = (R::COUNT * S::F32_LANES).min(n - first);
        let panel = Panel { simd, weights, n, first, width, units, quarter };
        let zero = panel.row::<R>(0).like(0.0);

        let mut place = 0;
        for tile in tiles {
            let mut start = 0;
            for (at, end) in &tile.sparse {
                let sums = &mut sums[place + *at as usize];
                let mut sum = if onto { load::<S, R>(simd, sums) } else { zero };
                for unit in &tile.ones[start..*end] {
                    sum = sum + panel.row(*unit as usize);
                }
                store(sum, sums);
                start = *end;
            }
            place += tile.m;
        }

        let dense: usize = tiles.iter().map(|tile| tile.rows.len()).sum();
        if dense == 0 {
            return;
        }
        let few = dense < FEW_ROWS;
        let mut table = Scratch::new(PLACES * WIDE);
        let table = &mut as_sums_mut(&mut table)[..PLACES];
        for (block, start) in (0..quarter).step_by(GROUPS).enumerate() {
            let groups = GROUPS.min(quarter - start);
            let from_zero = block == 0 && !onto;
            if !few {
                let tables = table.as_chunks_mut().0.iter_mut().take(groups);
                for (group, table) in tables.enumerate() {
                    panel.tabulate::<R>(start + group, table);
                }
            }
            let mut place = 0;
            for tile in tiles {
                let sums = &mut sums[place..][..tile.m];
                let choices = &tile.choices[block * tile.m..][..tile.m];
                for row in &tile.rows {
                    let (sums, choices) = (&mut sums[*row as usize], &choices[*row as usize]);
                    let mut sum = if from_zero { zero } else { load::<S, R>(simd, sums) };
                    if few {
                        for (group, choice) in choices[..groups].iter().enumerate() {
                            sum = sum + panel.chosen(zero, start + group, *choice);
                        }
                    } else if groups == GROUPS {
                        // Read at once: loads are what this loop waits for.
                        let choices = u64::from_le_bytes(*choices);
                        for group in 0..GROUPS {
                            let choice = usize::from((choices >> (8 * group)) as u8);
                            sum = sum + load::<S, R>(simd, &table[choice]);
                        }
                    } else {
                        for choice in &choices[..groups] {
                            sum = sum + load::<S, R>(simd, &table[usize::from(*choice)]);
                        }
                    }
                    store(sum, sums);
                }
                place += tile.m;
            }
        }
    }
}

#[inline(always)]
fn load<S: Simd, R: Registers<S>>(simd: S, from: &Sums) -> R {
    R::load(simd, registers::<S>(from))
}

#[inline(always)]
fn store<S: Simd, R: Registers<S>>(value: R, to: &mut Sums) {
    value.store(registers_mut::<S>(to));
}

#[cfg(test)]
mod tests {
    use super::{super::transpose::transpose_all, *};

    #[test]
    fn rows_of_bits_are_found_and_multiplied() {
        Instructions::available().into_iter().for_each(found_and_multiplied);
    }

    fn found_and_multiplied(set: Instructions) {
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
            // Few rows, and enough for a table, in one tile and in two, as rows and as columns.
            for (times, split, as_columns) in [
                (1, 6, false),
                (1, 2, true),
                (5, 30, false),
                (5, 7, false),
                (5, 30, true),
                (5, 7, true),
            ] {
                let x = rows.concat().repeat(times);
                let m = rows.len() * times;
                let tiles = if as_columns {
                    let mut columns = vec![0.0; x.len()];
                    transpose_all(set, &x, (m, k), &mut columns);
                    let of =
                        |first, m| BitRows::of_columns(set, &columns, rows.len() * times, first, m);
                    [of(0, split), of(split, m - split)]
                } else {
                    let (first, second) = x.split_at(split * k);
                    [BitRows::of_rows(set, first, k), BitRows::of_rows(set, second, k)]
                };
                for tile in &tiles {
                    assert_eq!(tile.has_others(), !tile.others().is_empty());
                }
                let others = [tiles[0].others(), tiles[1].others()];
                let others: Vec<usize> = others[0]
                    .iter()
                    .copied()
                    .chain(others[1].iter().map(|row| split + row))
                    .collect();
                let wanted: Vec<usize> = (0..times).flat_map(|i| [6 * i + 3, 6 * i + 5]).collect();
                assert_eq!(others, wanted);
                let count = |of: fn(&BitRows) -> usize| tiles.iter().map(of).sum::<usize>();
                assert!(count(|tile| tile.sparse.len()) >= times);
                assert!(count(|tile| tile.rows.len()) >= 2 * times);
                for panel in 0..n.div_ceil(PANEL) {
                    let mut sums = vec![[Lanes([-1.0; LANES]); WIDE]; m];
                    multiply(set, &tiles, &weights, n, panel, &mut sums, false);
                    for (row, (x, sums)) in x.chunks(k).zip(&sums).enumerate() {
                        let sums: &[f32] = bytemuck::must_cast_slice(sums);
                        for (column, sum) in (panel * PANEL..n).zip(sums) {
                            let exact: f32 = (0..k).map(|u| x[u] * weights[u * n + column]).sum();
                            let wanted = if others.contains(&row) { -1.0 } else { exact };
                            assert_eq!(
                                *sum, wanted,
                                "{k} x {n}, row {row}, column {column}, {set:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}
