//! What the self-test found, for programs and for people.

use std::fmt;

use serde::Serialize;

use super::{
    accuracy::{Accuracy, Extreme},
    invariance::{Fit, LEVEL},
    known_answers::KnownAnswer,
    wide::Wide,
};

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
    /// Kernels on wide models against f64.
    pub wide: Vec<Wide>,
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
        wide: Vec<Wide>,
        accuracy: Vec<Accuracy>,
    ) -> Self {
        let passed = known_answers.iter().all(|check| check.passed)
            && invariance.iter().all(|check| check.passed)
            && wide.iter().all(|check| check.passed)
            && accuracy.iter().all(|check| check.passed);
        Self { device, seconds, passed, known_answers, invariance, wide, accuracy }
    }

    /// Whether every check passed.
    pub fn passed(&self) -> bool {
        self.passed
    }
}

/// The heading of a check and how it ended.
fn heading(f: &mut fmt::Formatter<'_>, title: &str, passed: bool) -> fmt::Result {
    writeln!(f, "  {title:<64}{}", if passed { "ok" } else { "FAILED" })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Known answers: Philox4x32-10 against Random123")?;
        for (index, check) in self.known_answers.iter().enumerate() {
            heading(f, &format!("vector {}", index + 1), check.passed)?;
            if !check.passed {
                writeln!(f, "    found {:08x?}, wanted {:08x?}", check.found, check.wanted)?;
            }
        }
        writeln!(
            f,
            "Invariance: Gibbs sweeps of an RBM 6 x 4 from exact draws of its law; fails below p = {LEVEL:.0e}"
        )?;
        for check in &self.invariance {
            let plural = if check.sweeps == 1 { "" } else { "s" };
            let title = format!("{} sweep{plural}, {} chains", check.sweeps, check.chains);
            heading(f, &title, check.passed)?;
            let Fit { joint, visible, hidden } = check.fit;
            for (name, test) in [("joint", joint), ("visible", visible), ("hidden", hidden)] {
                writeln!(f, "    {name:<10}{test}")?;
            }
        }
        writeln!(f, "Wide models: an RBM 131 x 67 and a net 131-67-1 against f64")?;
        for check in &self.wide {
            let Wide { kernel, error, bound, wrong_states, states, passed } = check;
            heading(f, kernel, *passed)?;
            writeln!(f, "    {:<10}{error:.1e}, allowed {bound:.1e}", "error")?;
            if *states > 0 {
                writeln!(f, "    {:<10}{wrong_states} of {states} wrong", "states")?;
            }
        }
        writeln!(f, "Accuracy: largest errors against f64")?;
        for check in &self.accuracy {
            heading(f, check.function, check.passed)?;
            for (name, extreme) in [("absolute", check.absolute), ("relative", check.relative)] {
                let Extreme { error, at, bound } = extreme;
                writeln!(f, "    {name:<10}{error:.1e} at {at:.4}, allowed {bound:.1e}")?;
            }
        }
        let verdict = if self.passed { "All checks passed" } else { "FAILED" };
        write!(f, "{verdict} on {} in {:.1} s", self.device, self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_check_fails_the_report_and_shows() {
        let answer = KnownAnswer {
            counter: [0; 4],
            key: [0; 2],
            wanted: [1, 2, 3, 4],
            found: [1, 2, 3, 0xbad],
            passed: false,
        };
        let right = KnownAnswer { passed: true, ..answer };
        let report = |answers| Report::new("a device".into(), 1.0, answers, vec![], vec![], vec![]);
        assert!(report(vec![right, right]).passed());
        let failed = report(vec![right, answer]);
        assert!(!failed.passed());
        let text = failed.to_string();
        assert!(text.contains("00000bad") && text.ends_with("FAILED on a device in 1.0 s"));
        assert_eq!(text.matches("FAILED").count(), 2);
    }
}
