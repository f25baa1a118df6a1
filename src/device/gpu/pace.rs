//! How much work goes into one submission: enough to keep the GPU busy, little enough that no
//! driver's watchdog fires (Windows resets a GPU after 2 s).
//!
//! `Gpu::dispatch` cuts every kernel to this, down to single workgroups. The least that a submission
//! can hold is thus one sweep or step of a tile of chains whose states fit into workgroup memory, a
//! tile of a product over its whole depth, a few whole rows, or 65,536 values of a sum: some 10⁹
//! multiply-adds at the very most, which one multiprocessor of a GPU does in 10 ms or so, and a
//! software driver, which has no watchdog, in seconds. Work that is unlike what came before, or a GPU that others use,
//! makes single submissions longer than planned before the pace has learnt it.

use std::time::Duration;

/// The time that a submission aims at; within 10 to 50 ms.
const TARGET: Duration = Duration::from_millis(25);
/// The least budget, in multiply-adds: below this, submissions are mostly fixed costs.
const LEAST: f64 = 1e6;
/// The most by which one measurement may raise the budget.
const GROWTH: f64 = 4.0;

/// A budget of work a submission, learnt from how long the last ones took.
#[derive(Debug)]
pub(super) struct Pace {
    budget: f64,
    learns: bool,
}

impl Pace {
    /// The first budget is what the slowest devices of a kind do in some 10 ms.
    pub fn new(device: wgpu::DeviceType) -> Self {
        let budget = match device {
            wgpu::DeviceType::Cpu => LEAST,
            wgpu::DeviceType::DiscreteGpu => 1e9,
            _ => 1e8,
        };
        Self { budget, learns: true }
    }

    /// A budget that stays as it is, for tests.
    pub fn fixed(budget: f64) -> Self {
        Self { budget, learns: false }
    }

    /// Multiply-adds that the next submission should hold.
    pub fn budget(&self) -> f64 {
        self.budget
    }

    /// Learns from a submission of `work` multiply-adds that kept the GPU busy for `busy`. Where
    /// the host waited for nothing, `busy` is only an upper bound; a small submission then says
    /// little, but the budget still grows until submissions are long enough to be timed.
    pub fn learn(&mut self, work: f64, busy: Duration) {
        if !self.learns {
            return;
        }
        let seconds = busy.as_secs_f64().max(1e-6);
        let fitting = work * TARGET.as_secs_f64() / seconds;
        // Small submissions are dominated by fixed costs and must not shrink the budget.
        let small = work < 0.5 * self.budget;
        if fitting > self.budget {
            self.budget = fitting.min(GROWTH * self.budget);
        } else if !small {
            self.budget = (0.5 * (self.budget + fitting)).max(LEAST);
        }
    }
}

/// How many of the workgroups left, which have so much work together, the next dispatch takes: no more
/// than the budget allows, 1 or more, and an even share, so that the last dispatch fills a GPU as
/// well as the others.
pub(super) fn share(work: f64, groups: u32, budget: f64) -> u32 {
    let most = ((budget * f64::from(groups) / work) as u32).clamp(1, groups.max(1));
    groups.div_ceil(groups.div_ceil(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispatches_stay_under_the_budget() {
        for (groups, each) in [(1, 1e9), (7, 3.0), (1024, 65.0), (4_000_000_000, 1.0)] {
            let each: f64 = each;
            for budget in [1.0, 1e2, 1e7, 1e10, f64::INFINITY] {
                let (mut left, mut count) = (groups, 0_u32);
                while left > 0 && count < 1000 {
                    let taken = share(each * f64::from(left), left, budget);
                    assert!((1..=left).contains(&taken), "{taken} of {left}");
                    assert!(taken == 1 || each * f64::from(taken) <= budget, "{taken} of {left}");
                    (left, count) = (left - taken, count + 1);
                }
                let work = each * f64::from(groups);
                assert!(f64::from(count) <= (2.0 * work / budget + 1.0).max(f64::from(groups)));
                assert!(work > budget || count == 1, "{count} dispatches of {work} in all");
            }
        }
        assert_eq!([share(700.0, 683, 600.0), share(10.0, 10, 4.0)], [342, 4]);
    }

    /// Simulated GPUs from software (10⁸ multiply-adds a second) to the fastest there are.
    #[test]
    fn submissions_settle_between_10_and_50_ms() {
        for rate in [1e8, 1e10, 1e12, 3e13] {
            let mut pace = Pace::new(wgpu::DeviceType::Cpu);
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
        let mut pace = Pace::new(wgpu::DeviceType::Cpu);
        for rate in [1e11, 1e10] {
            for _ in 0..30 {
                let work = pace.budget();
                pace.learn(work, Duration::from_secs_f64(work / rate));
            }
        }
        assert!((0.010..=0.050).contains(&(pace.budget() / 1e10)));
    }
}
