//! Autocovariance by the fast Fourier transform.

use rayon::prelude::*;
use rustfft::{FftPlanner, num_complex::Complex};

use super::{draws::Draws, moments};

/// Pairs of chains whose spectra one task adds up. A constant, so that sums do not depend on the
/// number of threads.
const PAIRS: usize = 16;

/// The autocorrelation of the draws at every lag from 0 to draws − 1: the autocovariance around
/// the mean of all draws, averaged over the chains, as a share of that at lag 0. The sum at lag t is
/// divided by the number of draws, not by the number of terms. Of one chain it is what ArviZ's
/// `autocorr` gives; chains that stand in different places show as a correlation that does not
/// decay. NaN where all draws are the same or one is NaN.
pub fn autocorrelation(draws: &Draws) -> Vec<f64> {
    if draws.draws() == 0 {
        return Vec::new();
    }
    let centre = moments::mean(draws.values());
    let covariance = autocovariance(draws.values(), draws.draws(), &vec![centre; draws.chains()]);
    covariance.iter().map(|c| c / covariance[0]).collect()
}

/// The autocovariance of each row of `draws` elements around its centre, averaged over the rows,
/// for the lags 0 to draws − 1.
///
/// The spectrum of a pair a + ib of real rows has the sum of both autocovariances as the real part
/// of its inverse transform, and the inverse is linear: so there is one transform for each pair, and
/// one inverse transform in all.
pub(super) fn autocovariance(values: &[f64], draws: usize, centres: &[f64]) -> Vec<f64> {
    // Padding, so that the end of a row does not meet its start.
    let length = (2 * draws).next_power_of_two();
    let mut planner = FftPlanner::new();
    let forward = planner.plan_fft_forward(length);
    let spectra: Vec<Vec<f64>> = values
        .par_chunks(2 * PAIRS * draws)
        .zip(centres.par_chunks(2 * PAIRS))
        .map(|(rows, centres)| {
            let mut power = vec![0.0; length];
            let mut signal = vec![Complex::default(); length];
            let mut scratch = vec![Complex::default(); forward.get_inplace_scratch_len()];
            for (pair, centres) in rows.chunks(2 * draws).zip(centres.chunks(2)) {
                signal.fill(Complex::default());
                for (s, x) in signal.iter_mut().zip(&pair[..draws]) {
                    s.re = x - centres[0];
                }
                for (s, x) in signal.iter_mut().zip(&pair[draws..]) {
                    s.im = x - centres[1];
                }
                forward.process_with_scratch(&mut signal, &mut scratch);
                for (sum, s) in power.iter_mut().zip(&signal) {
                    *sum += s.norm_sqr();
                }
            }
            power
        })
        .collect();
    let mut power = vec![Complex::default(); length];
    for spectrum in &spectra {
        for (sum, s) in power.iter_mut().zip(spectrum) {
            sum.re += s;
        }
    }
    planner.plan_fft_inverse(length).process(&mut power);
    // The crate's transforms are not normalised.
    let scale = 1.0 / (length as f64 * values.len() as f64);
    power[..draws].iter().map(|c| c.re * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Σ over rows and s of (x_s − c)(x_{s+t} − c), over the number of values.
    fn direct(values: &[f64], draws: usize, centres: &[f64], lag: usize) -> f64 {
        let rows = values.chunks_exact(draws).zip(centres);
        let sum: f64 = rows
            .flat_map(|(row, c)| row.iter().zip(&row[lag..]).map(move |(a, b)| (a - c) * (b - c)))
            .sum();
        sum / values.len() as f64
    }

    #[test]
    fn equals_the_sum_of_products() {
        for (rows, draws) in [(1, 1), (1, 7), (2, 8), (3, 33), (70, 50)] {
            let values: Vec<f64> =
                (0..rows * draws).map(|i| ((i * i + 3 * i) % 101) as f64 / 10.0).collect();
            let centres = moments::row_means(&values, draws);
            let found = autocovariance(&values, draws, &centres);
            assert_eq!(found.len(), draws);
            for (lag, found) in found.iter().enumerate() {
                let want = direct(&values, draws, &centres, lag);
                assert!((found - want).abs() < 1e-12, "{rows}x{draws} lag {lag}: {found} {want}");
            }
        }
    }
}
