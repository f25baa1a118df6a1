//! What the self-test found, for programs and for people.

use std::fmt;

use serde::Serialize;

use super::{accuracy::Accuracy, invariance::Fit, known_answers::KnownAnswer};

/// What the self-test found on a device.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The device.
    pub device: String,
    /// How long the test took.
    pub seconds: f64,
    passed: bool,
    /// Random words against published ones.
    pub known_answers: Vec<KnownAnswer>,
    /// Block Gibbs against an enumerated law.
    pub invariance: Vec<Invariance>,
    /// Elementary functions against f64.
    pub accuracy: Vec<Accuracy>,
}

/// A number of Gibbs sweeps, and whether the chains still follow the law after them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Invariance {
    /// How many sweeps.
    pub sweeps: u32,
    /// How many chains.
    pub chains: usize,
    /// The tests.
    #[serde(flatten)]
    pub fit: Fit,
    /// Whether none of them rejects.
    pub passed: bool,
}

impl Report {
    pub(super) fn new(
        device: String,
        seconds: f64,
        known_answers: Vec<KnownAnswer>,
        invariance: Vec<Invariance>,
        accuracy: Vec<Accuracy>,
    ) -> Self {
        let passed = known_answers.iter().all(|check| check.passed)
            && invariance.iter().all(|check| check.passed)
            && accuracy.iter().all(|check| check.passed);
        Self { device, seconds, passed, known_answers, invariance, accuracy }
    }

    /// Whether every check passed.
    pub fn passed(&self) -> bool {
        self.passed
    }
}

fn verdict(passed: bool) -> &'static str {
    if passed { "ok" } else { "FAILED" }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Known answers: Philox4x32-10 against Random123")?;
        for (index, check) in self.known_answers.iter().enumerate() {
            writeln!(f, "  vector {}{:60}{}", index + 1, "", verdict(check.passed))?;
            if !check.passed {
                writeln!(f, "    found {:08x?}, wanted {:08x?}", check.found, check.wanted)?;
            }
        }
        writeln!(f, "Invariance: Gibbs sweeps of an RBM 6 x 4 from exact draws of its law")?;
        for check in &self.invariance {
            let plural = if check.sweeps == 1 { "" } else { "s" };
            let title = format!("{} sweep{plural}, {} chains", check.sweeps, check.chains);
            writeln!(f, "  {title:67}{}", verdict(check.passed))?;
            let Fit { joint, visible, hidden } = check.fit;
            for (name, test) in [("joint", joint), ("visible", visible), ("hidden", hidden)] {
                writeln!(f, "    {name:<10}{test}")?;
            }
        }
        writeln!(f, "Accuracy: largest errors against f64")?;
        for check in &self.accuracy {
            writeln!(f, "  {:67}{}", check.function, verdict(check.passed))?;
            for (name, extreme) in [("absolute", check.absolute), ("relative", check.relative)] {
                writeln!(
                    f,
                    "    {name:<10}{:.1e} at {:.4}, allowed {:.1e}",
                    extreme.error, extreme.at, extreme.bound
                )?;
            }
        }
        let verdict = if self.passed { "All checks passed" } else { "FAILED" };
        write!(f, "{verdict} on {} in {:.1} s", self.device, self.seconds)
    }
}
