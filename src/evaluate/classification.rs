//! How well a joint model classifies: accuracy, confusion, calibration; and how well its energy
//! tells its own kind of data from others.

use serde::{Deserialize, Serialize};

/// Bins of confidence.
const BINS: usize = 15;

/// The class of the largest value of a row.
fn likeliest(row: &[f32]) -> usize {
    let mut best = 0;
    for (class, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = class;
        }
    }
    best
}

/// Share of rows of logits `[n, K]` whose largest value is at the label.
pub fn accuracy(logits: &[f32], labels: &[u32]) -> f64 {
    let classes = logits.len() / labels.len().max(1);
    let rows = logits.chunks_exact(classes.max(1)).zip(labels);
    let right = rows.filter(|(row, label)| likeliest(row) == **label as usize).count();
    right as f64 / labels.len() as f64
}

/// Counts `[K, K]`: rows are true classes, columns predicted ones.
pub fn confusion(logits: &[f32], labels: &[u32], classes: usize) -> Vec<u64> {
    let mut counts = vec![0; classes * classes];
    for (row, label) in logits.chunks_exact(classes.max(1)).zip(labels) {
        counts[*label as usize * classes + likeliest(row)] += 1;
    }
    counts
}

/// Predictions of a like confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Mean probability of the predicted class.
    pub confidence: f64,
    /// Share of predictions that are right.
    pub accuracy: f64,
    /// Number of predictions.
    pub count: u64,
}

/// Calibration of the probabilities of predicted classes, and the expected calibration error: the
/// mean of |confidence − accuracy| over 15 equal bins of confidence, weighted by their counts.
/// Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
pub fn calibration(logits: &[f32], labels: &[u32]) -> (Vec<Bin>, f64) {
    let classes = (logits.len() / labels.len().max(1)).max(1);
    let mut bins = vec![Bin::default(); BINS];
    for (row, label) in logits.chunks_exact(classes).zip(labels) {
        let best = likeliest(row);
        let sum: f64 = row.iter().map(|x| f64::from(x - row[best]).exp()).sum();
        let confidence = 1.0 / sum;
        let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
        bin.count += 1;
        bin.confidence += confidence;
        bin.accuracy += f64::from(u8::from(best == *label as usize));
    }
    let mut error = 0.0;
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        let count = bin.count as f64;
        bin.confidence /= count;
        bin.accuracy /= count;
        error += count * (bin.confidence - bin.accuracy).abs();
    }
    (bins, error / labels.len() as f64)
}

/// Area under the receiver operating characteristic: the probability that an inlier's energy is
/// below an outlier's, ties counted half (Mann and Whitney's U over its largest value).
pub fn auroc(inliers: &[f32], outliers: &[f32]) -> f64 {
    let mut all: Vec<(f32, bool)> = inliers.iter().map(|e| (*e, true)).collect();
    all.extend(outliers.iter().map(|e| (*e, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut rank_sum = 0.0;
    let mut first = 0;
    while first < all.len() {
        let mut last = first + 1;
        while last < all.len() && all[last].0 == all[first].0 {
            last += 1;
        }
        // Ties share the mean of their ranks, which count from 1.
        let rank = 0.5 * (first + 1 + last) as f64;
        rank_sum += rank * all[first..last].iter().filter(|(_, inlier)| *inlier).count() as f64;
        first = last;
    }
    let (n, m) = (inliers.len() as f64, outliers.len() as f64);
    1.0 - (rank_sum - n * (n + 1.0) / 2.0) / (n * m)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auroc_counts_pairs() {
        assert_eq!(auroc(&[0.0, 1.0], &[2.0, 3.0]), 1.0);
        assert_eq!(auroc(&[2.0, 3.0], &[0.0, 1.0]), 0.0);
        assert_eq!(auroc(&[1.0, 1.0], &[1.0]), 0.5);
        // Pairs: 0 < 1, 0 < 2, 2 > 1, 2 = 2.
        assert_eq!(auroc(&[0.0, 2.0], &[1.0, 2.0]), 2.5 / 4.0);
    }

    #[test]
    fn calibration_of_known_predictions() {
        // Two predictions at probability 0.8, one right; two at 0.6, both right.
        let sure = 4f32.ln();
        let unsure = 1.5f32.ln();
        let logits = [sure, 0.0, sure, 0.0, 0.0, unsure, 0.0, unsure];
        let labels = [0, 1, 1, 1];
        let (bins, error) = calibration(&logits, &labels);
        assert!((error - (0.5 * 0.3 + 0.5 * 0.4)).abs() < 1e-6, "{error}");
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), 4);
        assert_eq!(accuracy(&logits, &labels), 0.75);
        assert_eq!(confusion(&logits, &labels, 2), [1, 0, 1, 2]);
    }
}
