//! The order in which training visits its examples.

use rand::seq::SliceRandom;

use crate::random::{HostRng, Stream};

/// Which rows make up the minibatch of a step. The order of an epoch depends on the seed and the
/// epoch's number only, so a resumed run may ask for any step and gets what it would have got.
#[derive(Clone, Debug)]
pub struct Minibatches {
    batch: usize,
    seed: u64,
    /// The epoch that `order` belongs to.
    epoch: Option<u64>,
    order: Vec<usize>,
}

impl Minibatches {
    /// Minibatches of `batch` rows out of `rows`. The size is clamped to 1..=`rows`.
    pub fn new(rows: usize, batch: usize, seed: u64) -> Self {
        Self { batch: batch.clamp(1, rows.max(1)), seed, epoch: None, order: (0..rows).collect() }
    }

    /// Rows of a minibatch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Minibatches of an epoch. Rows that do not fill a last one sit that epoch out.
    pub fn batches_per_epoch(&self) -> u64 {
        (self.order.len() / self.batch) as u64
    }

    /// The epoch that a step falls in, counted from 0.
    pub fn epoch(&self, step: u64) -> u64 {
        step / self.batches_per_epoch().max(1)
    }

    /// The rows of the minibatch of the global step `step`, counted from 0; none if there are no
    /// rows. The order of the last epoch asked for is kept, so going on step by step is cheap.
    pub fn indices(&mut self, step: u64) -> &[usize] {
        if self.order.is_empty() {
            return &[];
        }
        let epoch = self.epoch(step);
        if self.epoch != Some(epoch) {
            // A shuffle of a shuffle would depend on the epochs visited before.
            for (row, place) in self.order.iter_mut().enumerate() {
                *place = row;
            }
            self.order.shuffle(&mut HostRng::new(self.seed, Stream::Shuffle, epoch));
            self.epoch = Some(epoch);
        }
        let first = (step % self.batches_per_epoch()) as usize * self.batch;
        &self.order[first..first + self.batch]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(batches: &mut Minibatches, epoch: u64) -> Vec<usize> {
        let steps = batches.batches_per_epoch();
        (0..steps).flat_map(|step| batches.indices(epoch * steps + step).to_vec()).collect()
    }

    #[test]
    fn an_epoch_is_a_permutation_that_repeats_and_differs_from_the_next() {
        let mut batches = Minibatches::new(120, 8, 3);
        assert_eq!(batches.batches_per_epoch(), 15);
        let (first, second) = (epoch(&mut batches, 0), epoch(&mut batches, 1));
        for order in [&first, &second] {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..120).collect::<Vec<_>>());
        }
        assert_ne!(first, second);
        assert_ne!(first, (0..120).collect::<Vec<_>>());
        assert_eq!(first, epoch(&mut Minibatches::new(120, 8, 3), 0));
        assert_eq!(first, epoch(&mut batches, 0), "going back gives the same order");
        assert_ne!(first, epoch(&mut Minibatches::new(120, 8, 4), 0));
        // The order is the epoch's alone: another batch size cuts it elsewhere.
        assert_eq!(first, epoch(&mut Minibatches::new(120, 30, 3), 0));
    }

    #[test]
    fn a_resumed_run_sees_what_it_would_have_seen() {
        let mut straight = Minibatches::new(103, 10, 9);
        let all: Vec<Vec<usize>> = (0..40).map(|step| straight.indices(step).to_vec()).collect();
        for step in [39, 7, 23, 0] {
            assert_eq!(Minibatches::new(103, 10, 9).indices(step), all[step as usize]);
        }
        assert_eq!(straight.epoch(9), 0);
        assert_eq!(straight.epoch(10), 1);
    }

    #[test]
    fn an_incomplete_last_batch_is_dropped_and_sizes_are_clamped() {
        assert_eq!(Minibatches::new(103, 10, 0).batches_per_epoch(), 10);
        assert_eq!(Minibatches::new(5, 100, 0).indices(0).len(), 5);
        assert_eq!(Minibatches::new(5, 0, 0).indices(3).len(), 1);
        let mut none = Minibatches::new(0, 4, 0);
        assert_eq!((none.batches_per_epoch(), none.indices(12).len()), (0, 0));
        assert_eq!(Minibatches::new(7, 2, 0).indices(u64::MAX).len(), 2);
    }

    /// Over 40,000 epochs each of 8 rows comes first about 5,000 times: chi-square with 7 degrees of
    /// freedom below 40.5 (false alarm 1e-6). A row that comes first 10 % too often adds
    /// a noncentrality of 57 and is caught with probability 0.94.
    #[test]
    fn every_row_comes_first_equally_often() {
        let mut batches = Minibatches::new(8, 8, 5);
        let mut first = [0.0_f64; 8];
        for epoch in 0..40_000 {
            first[batches.indices(epoch)[0]] += 1.0;
        }
        let chi_square: f64 = first.iter().map(|n| (n - 5000.0).powi(2) / 5000.0).sum();
        assert!(chi_square < 40.5, "{first:?}");
    }
}
