//! What was measured, as `bench.json` holds it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BenchError, Case, Kind, Roofline, Timing, Work};
use crate::run::{RunError, read_text, shortened};

/// Bytes of a report that is read.
const LARGEST: u64 = 1 << 24;

/// What was measured on one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of the program.
    #[serde(default)]
    pub version: String,
    /// The device.
    pub device: String,
    /// Whether it was a quick run, with fewer cases and shorter rounds.
    #[serde(default)]
    pub quick: bool,
    /// The limits of the device.
    pub roofline: Roofline,
    /// What was measured.
    pub cases: Vec<Row>,
    /// What was not, and why.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
}

/// A case with a number of chains. What does not apply, or is not known, is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The case.
    pub case: String,
    /// Units of each layer.
    pub sizes: Vec<usize>,
    /// Chains; points of cases that evaluate; of cases that train, the examples of a batch too.
    pub chains: usize,
    /// Steps of all chains together: chains × steps / s, by the median.
    pub steps_per_second: Option<f64>,
    /// Updates of the parameters.
    #[serde(default)]
    pub updates_per_second: Option<f64>,
    /// Training examples.
    #[serde(default)]
    pub examples_per_second: Option<f64>,
    /// Binary units drawn.
    pub flips_per_ns: Option<f64>,
    /// Multiply-adds, zeros counted; see [`Work`].
    pub macs_per_ns: Option<f64>,
    /// The least time that the roofline allows over the time it took; above 1 where zeros are
    /// skipped, or where memory is the limit and the operands are in a cache.
    pub roofline_share: Option<f64>,
    /// The share of the time in which the device ran kernels, by its own timestamps: where it is
    /// small, the host is the bottleneck. Copies are left out.
    #[serde(default)]
    pub busy_share: Option<f64>,
    /// What the roofline sets the least time by.
    #[serde(default)]
    pub limit: Option<Limit>,
    /// Bytes that a chain step must move at least; see [`Work`].
    #[serde(default)]
    pub bytes_per_step: Option<f64>,
    /// Seconds of a step of all chains; of cold-start, to the end of the program.
    pub seconds: Spread,
    /// Rounds behind the spread.
    #[serde(default)]
    pub rounds: usize,
    /// Steps of a round.
    #[serde(default)]
    pub steps: u32,
    /// Shares of binary units that are on.
    #[serde(default)]
    pub activity: Option<Activity>,
}

/// Quartiles over the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// A quarter of the rounds took less.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// A quarter of the rounds took more.
    pub high: f64,
}

/// What limits a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The rate of products.
    Products,
    /// The rate of the memory.
    Memory,
}

/// Shares of units that are on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Of the visible units.
    pub visible: f64,
    /// Of the hidden units.
    pub hidden: f64,
}

/// A case with a number of chains that was not measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The case.
    pub case: String,
    /// The chains.
    pub chains: usize,
    /// Why.
    pub why: String,
}

impl Row {
    /// The figures of a case from its times.
    pub fn new(
        case: &Case,
        chains: usize,
        timing: &Timing,
        activity: Option<Activity>,
        roofline: &Roofline,
    ) -> Self {
        let seconds = Spread {
            low: timing.quantile(0.25),
            median: timing.median(),
            high: timing.quantile(0.75),
        };
        let work = Work::of(case, chains, timing.steps);
        let rate = chains as f64 / seconds.median;
        let (least, limit) = roofline.least_seconds(&work);
        let steps = (case.kind != Kind::ColdStart).then_some(rate);
        let trains = case.kind == Kind::Pcd;
        Self {
            case: case.name.into(),
            sizes: case.sizes.to_vec(),
            chains,
            steps_per_second: steps,
            updates_per_second: trains.then_some(1.0 / seconds.median),
            examples_per_second: trains.then_some(rate),
            flips_per_ns: work.flips.map(|flips| 1e-9 * flips * rate),
            macs_per_ns: steps.map(|rate| 1e-9 * work.macs * rate),
            roofline_share: steps.map(|rate| least * rate),
            busy_share: timing.busy,
            limit: steps.map(|_| limit),
            bytes_per_step: steps.map(|_| work.bytes),
            seconds,
            rounds: timing.rounds(),
            steps: timing.steps,
            activity,
        }
    }
}

impl Report {
    /// Reads a report that this or another run has written. Text in it is shortened to what a table
    /// can show.
    ///
    /// # Errors
    /// The file cannot be read, or is no report.
    pub fn read(path: &Path) -> Result<Self, BenchError> {
        let text = read_text(path, LARGEST)?;
        let mut report: Self = serde_json::from_str(&text).map_err(|error| {
            let problem = format!(
                "is no report of `ergodic bench` ({error}); wanted the bench.json that it writes"
            );
            BenchError::File { path: path.into(), problem }
        })?;
        report.device = shortened(&report.device);
        for row in &mut report.cases {
            row.case = shortened(&row.case);
        }
        Ok(report)
    }

    /// The report as the text of a file.
    ///
    /// # Errors
    /// A figure is no number.
    pub fn to_json(&self, path: &Path) -> Result<String, BenchError> {
        let text = serde_json::to_string_pretty(self);
        Ok(text.map_err(|error| RunError::file(path, error.to_string()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::CASES, *};

    #[test]
    fn figures_follow_from_the_time_of_a_step() {
        let case = |name: &str| CASES.iter().find(|case| case.name == name).unwrap();
        let roofline = Roofline { gflops: 200.0, gbytes_per_s: 10.0, product: None };
        // 1,000 chains a hundredth of a second: 100,000 chain sweeps a second.
        let timing = Timing::new(100, vec![0.01; 5]);
        let row = Row::new(case("gibbs-784-500"), 1000, &timing, None, &roofline);
        let near = |found: Option<f64>, wanted: f64| {
            assert!((found.unwrap() / wanted - 1.0).abs() < 1e-12, "{found:?} {wanted}");
        };
        near(row.steps_per_second, 1e5);
        near(row.flips_per_ns, 1284.0 * 1e5 * 1e-9);
        near(row.macs_per_ns, 784_000.0 * 1e5 * 1e-9);
        near(row.roofline_share, 2.0 * 78.4 / 200.0);
        assert_eq!((row.limit, row.updates_per_second), (Some(Limit::Products), None));
        assert_eq!(row.busy_share, None);

        let mut timing = Timing::new(100, vec![0.002; 5]);
        timing.busy = Some(0.75);
        let row = Row::new(case("pcd-784-500"), 100, &timing, None, &roofline);
        near(row.updates_per_second, 500.0);
        near(row.examples_per_second, 50_000.0);
        assert_eq!(row.busy_share, Some(0.75));
        let row = Row::new(case("ula-2-128-128-1"), 64, &timing, None, &roofline);
        assert_eq!(row.flips_per_ns, None);
        let row = Row::new(case("cold-start"), 1, &timing, None, &roofline);
        assert_eq!((row.steps_per_second, row.roofline_share), (None, None));
        assert_eq!(row.seconds.median, 0.002);
    }
}
