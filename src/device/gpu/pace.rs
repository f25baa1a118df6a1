//! How much work goes into one submission: enough to keep the GPU busy, little enough that no
//! driver's watchdog fires (Windows resets a GPU after 2 s).

use std::time::Duration;

/// The time that a submission aims at; within 10 to 50 ms.
const TARGET: Duration = Duration::from_millis(25);
/// Work of the first submission, before anything is known of the GPU, in multiply-adds.
const START: f64 = 1e6;
/// The most by which one measurement may raise the budget.
const GROWTH: f64 = 4.0;

/// A budget of work a submission, learnt from how long the last ones took.
#[derive(Debug)]
pub(super) struct Pace {
    budget: f64,
}

impl Pace {
    pub fn new() -> Self {
        Self { budget: START }
    }

    /// Multiply-adds that the next submission should hold.
    pub fn budget(&self) -> f64 {
        self.budget
    }

    /// Learns from a submission of `work` multiply-adds that kept the GPU busy for `busy`. Where
    /// the host waited for nothing, `busy` is only an upper bound; a small submission then says
    /// little, but the budget still grows until submissions are long enough to be timed.
    pub fn learn(&mut self, work: f64, busy: Duration) {
        let seconds = busy.as_secs_f64().max(1e-6);
        let fitting = work * TARGET.as_secs_f64() / seconds;
        // Small submissions are dominated by fixed costs and must not shrink the budget.
        let small = work < 0.5 * self.budget;
        if fitting > self.budget {
            self.budget = fitting.min(GROWTH * self.budget);
        } else if !small {
            self.budget = (0.5 * (self.budget + fitting)).max(START);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulated GPUs from software (10⁸ multiply-adds a second) to the fastest there are.
    #[test]
    fn submissions_settle_between_10_and_50_ms() {
        for rate in [1e8, 1e10, 1e12, 3e13] {
            let mut pace = Pace::new();
            for _ in 0..30 {
                let work = pace.budget();
                pace.learn(work, Duration::from_secs_f64(work / rate + 2e-4));
            }
            let seconds = pace.budget() / rate;
            assert!((0.010..=0.050).contains(&seconds), "{rate}: {seconds} s");
        }
    }

    #[test]
    fn a_gpu_that_slows_down_gets_smaller_submissions() {
        let mut pace = Pace::new();
        for rate in [1e11, 1e10] {
            for _ in 0..30 {
                let work = pace.budget();
                pace.learn(work, Duration::from_secs_f64(work / rate));
            }
        }
        assert!((0.010..=0.050).contains(&(pace.budget() / 1e10)));
    }
}
