//! The draws of a scalar statistic, chain by chain.

use std::borrow::Cow;

use rayon::prelude::*;
use thiserror::Error;

/// The fewest draws a chain that a diagnostic is given for: two for each half.
const MIN_DRAWS: usize = 4;

/// Draws of one scalar statistic from several chains of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Draws {
    /// Row-major [chains, draws].
    values: Vec<f64>,
    chains: usize,
    draws: usize,
}

/// Why values are no draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DrawsError {
    /// The values do not split evenly.
    #[error(
        "draws: {values} values do not split into {chains} chains of one length; give one value for each chain and each draw, of at least one chain"
    )]
    Uneven {
        /// How many values there are.
        values: usize,
        /// How many chains were asked for.
        chains: usize,
    },
}

impl Draws {
    /// Takes `values`, row-major [chains, draws].
    ///
    /// # Errors
    /// `chains` is zero or does not divide the number of values.
    pub fn new(values: Vec<f64>, chains: usize) -> Result<Self, DrawsError> {
        let draws = length(values.len(), chains)?;
        Ok(Self { values, chains, draws })
    }

    /// Takes a trace as devices record it: row-major [draws, chains], a row for each draw.
    ///
    /// # Errors
    /// `chains` is zero or does not divide the number of values.
    pub fn from_trace(trace: &[f32], chains: usize) -> Result<Self, DrawsError> {
        let draws = length(trace.len(), chains)?;
        let mut values = vec![0.0; trace.len()];
        // A few chains at a time, so that each cache line of the trace is read once.
        values.par_chunks_mut((16 * draws).max(1)).enumerate().for_each(|(block, out)| {
            for (t, row) in trace.chunks_exact(chains).enumerate() {
                for (chain, x) in row[16 * block..].iter().take(16).enumerate() {
                    out[chain * draws + t] = f64::from(*x);
                }
            }
        });
        Ok(Self { values, chains, draws })
    }

    /// How many chains.
    pub fn chains(&self) -> usize {
        self.chains
    }

    /// How many draws a chain.
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// Every draw, row-major [chains, draws].
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Whether there are enough draws for diagnostics, and no NaN among them.
    pub(super) fn usable(&self) -> bool {
        self.draws >= MIN_DRAWS && !self.values.iter().any(|x| x.is_nan())
    }

    /// Half the length of a chain.
    pub(super) fn half(&self) -> usize {
        self.draws / 2
    }

    /// The halves of every chain, row-major [2 · chains, half]. Expects at least two draws.
    pub(super) fn split(&self) -> Cow<'_, [f64]> {
        split(&self.values, self.draws)
    }
}

/// Cuts every row of `values`, each of `draws` elements, into its first and its last half.
pub(super) fn split<T: Copy>(values: &[T], draws: usize) -> Cow<'_, [T]>
where
    [T]: ToOwned<Owned = Vec<T>>,
{
    if draws.is_multiple_of(2) {
        return Cow::Borrowed(values);
    }
    let half = draws / 2;
    let halves = values.chunks_exact(draws).flat_map(|row| [&row[..half], &row[half + 1..]]);
    Cow::Owned(halves.flatten().copied().collect())
}

fn length(values: usize, chains: usize) -> Result<usize, DrawsError> {
    if chains == 0 || !values.is_multiple_of(chains) {
        return Err(DrawsError::Uneven { values, chains });
    }
    Ok(values / chains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_transposed() {
        let (chains, draws) = (37, 5);
        let trace: Vec<f32> = (0..chains * draws).map(|i| i as f32).collect();
        let found = Draws::from_trace(&trace, chains).unwrap();
        for (i, x) in found.values().iter().enumerate() {
            assert_eq!(*x, ((i % draws) * chains + i / draws) as f64);
        }
        assert_eq!((found.chains(), found.draws()), (chains, draws));
    }

    #[test]
    fn an_odd_length_leaves_out_the_middle() {
        let odd = Draws::new((0..10).map(f64::from).collect(), 2).unwrap();
        assert_eq!(*odd.split(), [0.0, 1.0, 3.0, 4.0, 5.0, 6.0, 8.0, 9.0]);
        let even = Draws::new((0..8).map(f64::from).collect(), 2).unwrap();
        assert_eq!(*even.split(), *even.values());
    }

    #[test]
    fn uneven_values_are_refused() {
        let error = Draws::new(vec![0.0; 7], 2).unwrap_err();
        assert!(error.to_string().contains("7 values") && error.to_string().contains("2 chains"));
        assert!(Draws::new(Vec::new(), 0).is_err());
        assert!(Draws::from_trace(&[0.0; 7], 2).is_err());
        assert_eq!(Draws::from_trace(&[], 3).unwrap().draws(), 0);
    }
}
