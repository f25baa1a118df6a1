//! Products with rows of bits. Where a row of x holds only zeros and ones, and few ones, x·W is the
//! sum of the rows of W that the ones select: cheaper than a dense product, and what visible
//! states of pictures mostly are.
//!
//! Whether a row is taken this way depends on that row alone, and so do its sums.

use super::simd::vectorize;

/// Rows are selected up to this share of ones: 1 / `SPARSE`. Dense products do more arithmetic a
/// byte, so they win from about one half on.
const SPARSE: usize = 3;
/// Columns of W from which the search for ones pays.
pub(super) const LEAST_COLUMNS: usize = 64;
/// Columns of W that are summed at a time, so that their rows stay in the second-level cache.
const PANEL: usize = 256;

/// Which rows of a tile are sparse bits, and where their ones are.
#[derive(Default)]
pub(super) struct SparseRows {
    /// For each sparse row: its place in the tile and where its ones end in `ones`.
    rows: Vec<(usize, usize)>,
    ones: Vec<u32>,
}

impl SparseRows {
    /// Looks through rows of `k` values.
    pub fn find(x: &[f32], k: usize) -> Self {
        let mut found = Self::default();
        let mut ones = vec![0u32; k + 1];
        for (row, x) in x.chunks_exact(k).enumerate() {
            let (count, bits) = vectorize(
                #[inline(always)]
                || {
                    x.iter().fold((0u32, true), |(count, bits), x| {
                        (count + u32::from(*x == 1.0), bits & ((*x == 0.0) | (*x == 1.0)))
                    })
                },
            );
            if !bits || count as usize * SPARSE > k {
                continue;
            }
            let mut end = 0;
            for (unit, x) in x.iter().enumerate() {
                // Without a branch, which bits would mislead.
                ones[end] = unit as u32;
                end += usize::from(*x == 1.0);
            }
            found.ones.extend_from_slice(&ones[..end]);
            found.rows.push((row, found.ones.len()));
        }
        found
    }

    /// How many rows are sparse.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows of a tile of `m` that are not sparse.
    pub fn others(&self, m: usize) -> Vec<usize> {
        let mut sparse = self.rows.iter().map(|(row, _)| *row).peekable();
        (0..m).filter(|row| sparse.next_if_eq(row).is_none()).collect()
    }

    /// Writes the sparse rows of out `[m, n]` ← x · weights `[k, n]`.
    pub fn multiply(&self, weights: &[f32], n: usize, out: &mut [f32]) {
        for first in (0..n).step_by(PANEL) {
            let width = PANEL.min(n - first);
            let mut start = 0;
            for (row, end) in &self.rows {
                let out = &mut out[row * n + first..][..width];
                let selected = self.ones[start..*end].iter();
                let selected = selected.map(|unit| &weights[*unit as usize * n + first..][..width]);
                vectorize(
                    #[inline(always)]
                    || sum_rows(selected, out),
                );
                start = *end;
            }
        }
    }
}

/// out ← the sum of rows, one after the other: partial sums that overflow to either side must not
/// meet. Four are taken at a time, to load and store `out` less often.
#[inline(always)]
fn sum_rows<'a>(mut rows: impl Iterator<Item = &'a [f32]>, out: &mut [f32]) {
    out.fill(0.0);
    loop {
        match (rows.next(), rows.next(), rows.next(), rows.next()) {
            (Some(a), Some(b), Some(c), Some(d)) => {
                for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    *out = *out + a + b + c + d;
                }
            }
            (a, b, c, _) => {
                for row in [a, b, c].into_iter().flatten() {
                    for (out, x) in out.iter_mut().zip(row) {
                        *out += x;
                    }
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_rows_are_found_and_multiplied() {
        let (k, n) = (30, 300);
        let rows = [
            (0..k).map(|u| f32::from(u % 7 == 0)).collect::<Vec<_>>(), // 5 ones
            (0..k).map(|u| f32::from(u % 2 == 0)).collect(),           // too many ones
            vec![0.0; k],
            (0..k).map(|u| if u == 3 { 0.5 } else { 0.0 }).collect(), // no bits
            (0..k).map(|u| f32::from(u >= k - 10)).collect(),         // the most that is sparse
        ];
        let x = rows.concat();
        let weights: Vec<f32> = (0..k * n).map(|i| ((i * 37) % 101) as f32).collect();
        let sparse = SparseRows::find(&x, k);
        assert_eq!(sparse.len(), 3);
        assert_eq!(sparse.others(5), [1, 3]);
        let mut out = vec![-1.0; 5 * n];
        sparse.multiply(&weights, n, &mut out);
        for row in [0, 2, 4] {
            for column in 0..n {
                let exact: f32 = (0..k).map(|u| rows[row][u] * weights[u * n + column]).sum();
                assert_eq!(out[row * n + column], exact);
            }
        }
        assert!(out[n..2 * n].iter().all(|x| *x == -1.0), "other rows are left alone");
    }
}
