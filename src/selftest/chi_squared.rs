//! Pearson's χ² test of counts against known probabilities.

use serde::Serialize;

use super::gamma::upper_regularized;

/// Cells that expect fewer counts are pooled, so that the χ² law holds.
const MIN_EXPECTED: f64 = 5.0;

/// The result of a χ² test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ChiSquared {
    /// Σ (count − expected)² / expected. Infinite where something impossible was counted.
    pub statistic: f64,
    /// Degrees of freedom: cells after pooling, less one.
    pub degrees: usize,
    /// Probability of a statistic at least as large, were the law right.
    pub p: f64,
}

/// Probability that a χ² variable of `degrees` ≥ 1 degrees of freedom exceeds `x`.
pub fn chi_squared_tail(x: f64, degrees: usize) -> f64 {
    upper_regularized(degrees as f64 / 2.0, x / 2.0)
}

impl ChiSquared {
    /// Tests counts against the probabilities of their cells, which sum to 1. Cells that expect
    /// fewer than 5 counts are pooled into one, and that one into the smallest of the others where
    /// it still expects fewer. A count in a cell of probability 0 fails at once.
    pub fn of(counts: &[u64], probabilities: &[f64]) -> Self {
        let total = counts.iter().sum::<u64>() as f64;
        let cells = counts.iter().zip(probabilities).map(|(n, p)| (*n as f64, p * total));
        let (mut kept, small): (Vec<_>, Vec<_>) =
            cells.clone().partition(|(_, expected)| *expected >= MIN_EXPECTED);
        let pool = small.iter().fold((0.0, 0.0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1));
        let smallest = kept.iter_mut().min_by(|a, b| a.1.total_cmp(&b.1));
        match smallest {
            Some(smallest) if pool.1 < MIN_EXPECTED => {
                *smallest = (smallest.0 + pool.0, smallest.1 + pool.1);
            }
            _ => kept.push(pool),
        }
        let degrees = (kept.len() - 1).max(1);
        let impossible = cells.clone().any(|(count, expected)| expected == 0.0 && count > 0.0);
        let statistic = if impossible {
            f64::INFINITY
        } else {
            kept.iter().map(|(count, expected)| (count - expected).powi(2) / expected).sum()
        };
        Self { statistic, degrees, p: chi_squared_tail(statistic, degrees) }
    }
}

impl std::fmt::Display for ChiSquared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { statistic, degrees, p } = self;
        write!(f, "χ² = {statistic:.1} on {degrees} degrees of freedom, p = ")?;
        if *p >= 0.001 { write!(f, "{p:.3}") } else { write!(f, "{p:.1e}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistic_of_a_small_table() {
        // Mendel's peas: 315, 108, 101, 32 against 9 : 3 : 3 : 1.
        let probabilities = [9.0, 3.0, 3.0, 1.0].map(|share| share / 16.0);
        let test = ChiSquared::of(&[315, 108, 101, 32], &probabilities);
        assert!((test.statistic - 0.470_024).abs() < 1e-6, "{test}");
        assert_eq!(test.degrees, 3);
        assert!((test.p - 0.925_426).abs() < 1e-6, "{test}");
    }

    #[test]
    fn rare_cells_are_pooled() {
        // Of 100 counts the last two cells expect 3 each: one pool of 6.
        let test = ChiSquared::of(&[50, 44, 6, 0], &[0.5, 0.44, 0.03, 0.03]);
        assert_eq!((test.statistic, test.degrees), (0.0, 2));
        // One cell that expects 3 joins the smallest of the others.
        let test = ChiSquared::of(&[50, 50, 0], &[0.5, 0.47, 0.03]);
        assert_eq!(test.degrees, 1);
        assert!(test.statistic < 1e-20, "{test}");
    }

    #[test]
    fn the_impossible_fails() {
        let test = ChiSquared::of(&[50, 49, 1], &[0.5, 0.5, 0.0]);
        assert_eq!((test.statistic, test.p), (f64::INFINITY, 0.0));
    }
}
