//! Timing: warm-up, rounds that are long enough, median and quartiles. A round ends when the device
//! has done its work.

use std::time::{Duration, Instant};

use pollster::block_on;

use super::BenchError;
use crate::device::{Array, Device};

/// Rounds that are timed, where there is time for them.
const ROUNDS: u32 = 9;
/// Rounds at least.
const LEAST_ROUNDS: u32 = 3;
/// By how much the clocks of host and device may differ.
const CLOCKS_DIFFER: f64 = 0.02;
/// Most steps of a round.
const MOST_STEPS: u32 = 200_000;

/// Seconds of a step of all chains over several rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Steps of a round, made in one call where the library has such a call.
    pub steps: u32,
    /// Seconds a step of each round, sorted.
    seconds: Vec<f64>,
    /// The share of the time in which the device ran kernels, by its own timestamps: the median of
    /// the rounds, where all are known.
    pub busy: Option<f64>,
}

impl Timing {
    /// The times of rounds of `steps` steps.
    pub(super) fn new(steps: u32, mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        Self { steps, seconds, busy: None }
    }

    /// The times of rounds of `steps` steps: of each, seconds and those in which the device was busy.
    fn of_rounds(steps: u32, rounds: &[(f64, Option<f64>)]) -> Self {
        let seconds = rounds.iter().map(|(took, _)| took / f64::from(steps)).collect();
        let shares: Option<Vec<f64>> =
            rounds.iter().map(|(took, busy)| share(*took, (*busy)?)).collect();
        let busy = shares.map(|shares| Self::new(steps, shares).median());
        Self { busy, ..Self::new(steps, seconds) }
    }

    /// Rounds.
    pub fn rounds(&self) -> usize {
        self.seconds.len()
    }

    /// The median.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// A quantile, linear between the rounds beside it.
    pub fn quantile(&self, share: f64) -> f64 {
        let Some(last) = self.seconds.len().checked_sub(1) else { return f64::NAN };
        let place = share.clamp(0.0, 1.0) * last as f64;
        let below = place as usize;
        let above = (below + 1).min(last);
        let (low, high) = (self.seconds[below], self.seconds[above]);
        low + (place - below as f64) * (high - low)
    }
}

/// The share of a round in which the device was busy. None where its clock runs faster than the
/// host's: such stamps are no measurement.
fn share(took: f64, busy: f64) -> Option<f64> {
    let share = busy / took;
    (0.0..=1.0 + CLOCKS_DIFFER).contains(&share).then_some(share.min(1.0))
}

/// Times work on a device.
pub(super) struct Clock {
    device: Device,
    /// What is read back to wait for the device.
    fence: Array,
    budget: Duration,
}

impl Clock {
    /// A clock that spends about `budget` on the rounds of a measurement.
    pub fn new(device: &Device, budget: Duration) -> Result<Self, BenchError> {
        Ok(Self { device: device.clone(), fence: device.zeros(1, 1)?, budget })
    }

    /// How long `advance` takes for a step. It queues as many steps as it is asked for: in a round
    /// `least` or more.
    pub fn time(
        &self,
        least: u32,
        mut advance: impl FnMut(u32) -> Result<(), BenchError>,
    ) -> Result<Timing, BenchError> {
        // Work is done in the order in which it is queued, so the fence is read after it.
        let mut round = |steps: u32| -> Result<(f64, Option<f64>), BenchError> {
            let started = Instant::now();
            advance(steps)?;
            block_on(self.device.read(&self.fence))?;
            let took = started.elapsed().as_secs_f64();
            Ok((took, block_on(self.device.busy_seconds())?))
        };
        // Pipelines are built and memory is touched for the first time.
        round(1)?;
        let wanted = self.budget.as_secs_f64() / f64::from(ROUNDS);
        let mut steps = least;
        let (mut took, mut busy) = round(steps)?;
        while took < wanted / 2.0 && steps < MOST_STEPS {
            let factor = (wanted / took.max(1e-9)).clamp(2.0, 16.0);
            steps = (f64::from(steps) * factor).min(f64::from(MOST_STEPS)) as u32;
            (took, busy) = round(steps)?;
        }
        // The last trial was a round like the others.
        let mut rounds = vec![(took, busy)];
        let mut spent = took;
        while rounds.len() < ROUNDS as usize
            && (spent < self.budget.as_secs_f64() || rounds.len() < LEAST_ROUNDS as usize)
        {
            rounds.push(round(steps)?);
            spent += rounds[rounds.len() - 1].0;
        }
        Ok(Timing::of_rounds(steps, &rounds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_rounds() {
        let timing = Timing::new(3, vec![5.0, 1.0, 2.0, 4.0]);
        assert_eq!((timing.median(), timing.rounds()), (3.0, 4));
        assert_eq!((timing.quantile(0.0), timing.quantile(1.0)), (1.0, 5.0));
        assert_eq!(timing.quantile(0.25), 1.75);
    }

    #[test]
    fn a_device_is_busy_for_a_share_of_the_rounds() {
        let busy = |rounds: &[(f64, Option<f64>)]| Timing::of_rounds(10, rounds).busy;
        assert_eq!(busy(&[(2.0, Some(1.0)), (4.0, Some(3.0)), (1.0, Some(1.0))]), Some(0.75));
        assert_eq!(busy(&[(2.0, Some(2.001))]), Some(1.0), "clocks differ");
        assert_eq!(busy(&[(2.0, Some(1.0)), (2.0, None)]), None, "a round is not known");
        for absurd in [3.0, -1.0, f64::NAN] {
            assert_eq!(busy(&[(2.0, Some(1.0)), (2.0, Some(absurd))]), None, "{absurd}");
        }
        assert_eq!(Timing::of_rounds(10, &[(2.0, None)]).median(), 0.2);
    }

    #[test]
    fn a_step_takes_as_long_as_it_sleeps() {
        let clock = Clock::new(&Device::cpu(), Duration::from_millis(40)).unwrap();
        let mut asked = Vec::new();
        let timing = clock.time(1, |steps| {
            asked.push(steps);
            std::thread::sleep(Duration::from_micros(200) * steps);
            Ok(())
        });
        let timing = timing.unwrap();
        // A sleep may last longer on a busy machine, never less.
        assert!(timing.quantile(0.0) >= 200e-6, "{timing:?}");
        assert!(timing.rounds() >= 3 && asked.len() > timing.rounds(), "{asked:?}");
        let rounds = &asked[asked.len() - timing.rounds()..];
        assert!(rounds.iter().all(|steps| *steps == timing.steps), "{asked:?}");
        assert_eq!(asked[..2], [1, 1], "a warm-up and a first trial");
    }
}
