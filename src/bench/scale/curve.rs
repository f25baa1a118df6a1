//! What is measured: a kernel against one of its sizes, the others fixed.

use serde::{Deserialize, Serialize};

use super::{
    super::{Case, Kind, Roofline, Spread, Timing, Work, cases::case},
    fit,
};

/// What moves the chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kernel {
    /// Block-Gibbs sweeps of an RBM whose units are on half of the time.
    Gibbs,
    /// Unadjusted Langevin steps on a net.
    Langevin,
}

/// What a curve varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// Chains.
    Chains,
    /// Units of a layer: both of a square RBM, or each hidden one of a net.
    Units,
    /// Sweeps or steps of a call.
    Steps,
}

/// A measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Units of each layer.
    pub sizes: Vec<usize>,
    /// Chains.
    pub chains: usize,
    /// Steps of a call.
    pub steps: u32,
    /// Seconds of a step of all chains; against steps, of a call.
    pub seconds: Spread,
    /// Rounds behind the spread.
    pub rounds: usize,
    /// The same on paper: the fewest seconds that the roofline allows.
    pub paper_seconds: f64,
    /// Multiply-adds a nanosecond, zeros counted.
    pub macs_per_ns: f64,
}

/// What a call of many steps takes: `fixed_seconds + steps · seconds_each`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Seconds of the call itself; noise may bring it below 0.
    pub fixed_seconds: f64,
    /// Seconds of a step.
    pub seconds_each: f64,
}

/// A kernel against one of its sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The kernel.
    pub kernel: Kernel,
    /// What varies.
    pub against: Against,
    /// The measurements, from small to large.
    pub points: Vec<Point>,
    /// The power of chains or units that the seconds grow with, over the last three points.
    pub exponent: Option<f64>,
    /// Against steps: what a call takes.
    pub call: Option<Call>,
}

/// A measurement that is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wanted {
    pub case: Case,
    pub chains: usize,
    /// Steps of a call, where the time of calls is asked for.
    pub steps: Option<u32>,
}

/// Chains where they do not vary and are to fill a device …
const MANY: usize = 1024;
/// … and where they are to be so few that the cost of a call shows.
const FEW: usize = 64;
const CHAINS: [usize; 6] = [64, 256, 1024, 4096, 16384, 65536];
const STEPS: [u32; 7] = [1, 3, 10, 30, 100, 300, 1000];
/// Squares up to these units are measured in a quick run, and every second of them.
const QUICK_UNITS: usize = 512;
/// Chain counts and steps, likewise.
const QUICK_CHAINS: usize = 16384;
const QUICK_STEPS: u32 = 100;

const SQUARES: [&[usize]; 8] = [
    &[32, 32],
    &[64, 64],
    &[128, 128],
    &[256, 256],
    &[512, 512],
    &[1024, 1024],
    &[2048, 2048],
    &[4096, 4096],
];
const NETS: [&[usize]; 7] = [
    &[64, 32, 32, 1],
    &[64, 64, 64, 1],
    &[64, 128, 128, 1],
    &[64, 256, 256, 1],
    &[64, 512, 512, 1],
    &[64, 1024, 1024, 1],
    &[64, 2048, 2048, 1],
];

impl Kernel {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gibbs => "block Gibbs",
            Self::Langevin => "Langevin",
        }
    }

    /// What it makes.
    pub fn step(self) -> &'static str {
        match self {
            Self::Gibbs => "sweep",
            Self::Langevin => "step",
        }
    }

    fn case(self, sizes: &'static [usize]) -> Case {
        match self {
            Self::Gibbs => case("gibbs", Kind::Gibbs, sizes, &[]),
            Self::Langevin => case("ula", Kind::Ula, sizes, &[]),
        }
    }

    /// The model where units do not vary.
    pub(super) fn sizes(self) -> &'static [usize] {
        match self {
            Self::Gibbs => &[784, 500],
            Self::Langevin => NETS[3],
        }
    }

    fn models(self) -> &'static [&'static [usize]] {
        match self {
            Self::Gibbs => &SQUARES,
            Self::Langevin => &NETS,
        }
    }

    /// What to measure against a size.
    pub(super) fn wanted(self, against: Against, quick: bool) -> Vec<Wanted> {
        let fixed = self.case(self.sizes());
        let all: Vec<Wanted> = match against {
            Against::Chains => {
                let few = CHAINS.into_iter().filter(|chains| !quick || *chains <= QUICK_CHAINS);
                few.map(|chains| Wanted { case: fixed, chains, steps: None }).collect()
            }
            Against::Units => {
                let few = self.models().iter().filter(|sizes| !quick || sizes[1] <= QUICK_UNITS);
                let wanted = |sizes: &&'static [usize]| Wanted {
                    case: self.case(sizes),
                    chains: MANY,
                    steps: None,
                };
                few.map(wanted).collect()
            }
            Against::Steps => {
                let few = STEPS.into_iter().filter(|steps| !quick || *steps <= QUICK_STEPS);
                few.map(|steps| Wanted { case: fixed, chains: FEW, steps: Some(steps) }).collect()
            }
        };
        all.into_iter().step_by(if quick { 2 } else { 1 }).collect()
    }
}

impl Against {
    /// Every size.
    pub const ALL: [Self; 3] = [Self::Chains, Self::Units, Self::Steps];
}

impl Wanted {
    /// Where it lies on its axis.
    pub fn at(&self, against: Against) -> usize {
        at(against, self.case.sizes, self.chains, self.steps.unwrap_or(0))
    }

    /// Multiply-adds of what is timed, the least that a round makes.
    pub fn macs(&self) -> f64 {
        let steps = self.steps.unwrap_or(1);
        Work::of(&self.case, self.chains, steps).macs * self.chains as f64 * f64::from(steps)
    }

    /// The measurement, from its times.
    pub fn point(&self, timing: &Timing, roofline: &Roofline) -> Point {
        // Steps behind a time: those of a call, or one of a long call.
        let (steps, timed) = match self.steps {
            Some(steps) => (steps, f64::from(steps)),
            None => (timing.steps, 1.0),
        };
        let work = Work::of(&self.case, self.chains, steps);
        let chains_steps = self.chains as f64 * timed;
        let seconds = Spread {
            low: timing.quantile(0.25),
            median: timing.median(),
            high: timing.quantile(0.75),
        };
        Point {
            sizes: self.case.sizes.to_vec(),
            chains: self.chains,
            steps,
            seconds,
            rounds: timing.rounds(),
            paper_seconds: roofline.least_seconds(&work).0 * chains_steps,
            macs_per_ns: 1e-9 * work.macs * chains_steps / seconds.median,
        }
    }
}

impl Point {
    /// Where it lies on an axis.
    pub fn at(&self, against: Against) -> usize {
        at(against, &self.sizes, self.chains, self.steps)
    }
}

impl Curve {
    /// A curve without points yet.
    pub(super) fn new(kernel: Kernel, against: Against) -> Self {
        Self { kernel, against, points: Vec::new(), exponent: None, call: None }
    }

    /// The points as (place on the axis, seconds).
    pub fn seconds(&self) -> Vec<(f64, f64)> {
        let place = |point: &Point| (point.at(self.against) as f64, point.seconds.median);
        self.points.iter().map(place).collect()
    }

    /// Finds the law of the points.
    pub(super) fn fit(&mut self) {
        let points = self.seconds();
        if self.against == Against::Steps {
            self.call = fit::line(&points)
                .map(|(fixed_seconds, seconds_each)| Call { fixed_seconds, seconds_each });
        } else {
            self.exponent = fit::exponent(&points[points.len().saturating_sub(3)..]);
        }
    }
}

fn at(against: Against, sizes: &[usize], chains: usize, steps: u32) -> usize {
    match against {
        Against::Chains => chains,
        Against::Units => sizes.get(1).copied().unwrap_or(0),
        Against::Steps => steps as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNELS: [Kernel; 2] = [Kernel::Gibbs, Kernel::Langevin];

    #[test]
    fn a_curve_varies_its_size_and_nothing_else() {
        for (kernel, quick) in
            KERNELS.into_iter().flat_map(|kernel| [(kernel, true), (kernel, false)])
        {
            for against in Against::ALL {
                let wanted = kernel.wanted(against, quick);
                assert!(wanted.len() >= 3, "a law needs three points");
                assert!(wanted.is_sorted_by(|a, b| a.at(against) < b.at(against)));
                for other in Against::ALL.into_iter().filter(|other| *other != against) {
                    assert!(wanted.iter().all(|point| point.at(other) == wanted[0].at(other)));
                }
            }
        }
    }

    #[test]
    fn a_point_on_paper_is_its_products_at_the_best_rate() {
        let roofline = Roofline { gflops: 200.0, gbytes_per_s: 1e9, product: None };
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-12, "{a} {b}");
        let case = Kernel::Gibbs.case(Kernel::Gibbs.sizes());
        let wanted = Wanted { case, chains: 1000, steps: None };
        // 784 million multiply-adds a sweep of 1,000 chains, 10¹¹ a second.
        let point = wanted.point(&Timing::new(50, vec![0.01; 3]), &roofline);
        near(point.paper_seconds, 7.84e-3);
        near(point.macs_per_ns, 78.4);
        assert_eq!((point.steps, point.at(Against::Units)), (50, 500));
        let wanted = Wanted { case, chains: 1000, steps: Some(10) };
        let point = wanted.point(&Timing::new(3, vec![0.1; 3]), &roofline);
        near(point.paper_seconds, 7.84e-2);
        near(point.macs_per_ns, 78.4);
        near(wanted.macs(), 7.84e9);
        assert_eq!(point.at(Against::Steps), 10);
    }
}
