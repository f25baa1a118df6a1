//! The cases one after the other.

use std::{path::PathBuf, time::Duration};

use super::{
    BenchError, Case, Kind, LeftOut, Report, Roofline, Row, Work, clock::Clock, cold_start, kinds,
};
use crate::device::Device;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The cases; see [`super::select`].
    pub cases: Vec<Case>,
    /// Chain counts in place of the cases' own.
    pub chains: Option<Vec<usize>>,
    /// Whether to be done in some twenty seconds.
    pub quick: bool,
    /// The program whose cold start is measured.
    pub program: PathBuf,
    /// The device as the program's `--device` takes it.
    pub device: String,
}

/// What a run tells as it goes.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The limits of the device.
    Roofline(&'a Roofline),
    /// A case begins.
    Begins(&'a Case, usize),
    /// It is measured.
    Measured(&'a Row),
    /// It is left out.
    LeftOut(&'a LeftOut),
}

impl Plan {
    /// Cases with chain counts, in their order.
    pub fn measurements(&self) -> Vec<(Case, usize)> {
        let counts = |case: &Case| case.counts(self.chains.as_deref(), self.quick);
        let of_case = |case: &Case| counts(case).into_iter().map(|n| (*case, n)).collect();
        self.cases.iter().flat_map(|case| -> Vec<_> { of_case(case) }).collect()
    }

    /// Seconds that the rounds of a measurement take together.
    fn budget(&self) -> Duration {
        Duration::from_millis(if self.quick { 450 } else { 1400 })
    }

    /// Seconds that the least steps of a round may take; with chain counts that were asked for, more.
    fn longest_round(&self) -> f64 {
        match (&self.chains, self.quick) {
            (Some(_), _) => 30.0,
            (None, true) => 0.3,
            (None, false) => 4.0,
        }
    }
}

/// Measures what is planned and adds it to `report`, whose device's limits are measured first.
/// `observe` hears of everything and answers whether to go on; the result is whether all was done.
///
/// # Errors
/// The device refuses for other reasons than its memory, or the program does not start. The report
/// holds what was measured before.
pub fn run(
    device: &Device,
    plan: &Plan,
    report: &mut Report,
    observe: &mut dyn FnMut(Event<'_>) -> bool,
) -> Result<bool, BenchError> {
    report.roofline = Roofline::measure(device, plan.quick)?;
    let roofline = report.roofline;
    if !observe(Event::Roofline(&roofline)) {
        return Ok(false);
    }
    let clock = Clock::new(device, plan.budget())?;
    // Seconds of a chain step of the case at hand with fewer chains.
    let mut before: Option<(&str, f64)> = None;
    for (case, chains) in plan.measurements() {
        if !observe(Event::Begins(&case, chains)) {
            return Ok(false);
        }
        let known = before.filter(|(name, _)| *name == case.name).map(|(_, seconds)| seconds);
        let steps = case.least_steps();
        let least = roofline.least_seconds(&Work::of(&case, chains, steps)).0;
        let expected = f64::from(steps) * chains as f64 * known.unwrap_or(least);
        let result = if expected > plan.longest_round() {
            let steps = if steps > 1 { format!("{steps} steps") } else { "a step".into() };
            Err(format!("{steps} would take {expected:.1} s"))
        } else {
            let measured = match case.kind {
                Kind::ColdStart => cold_start::measure(&plan.program, &plan.device, case.sizes)
                    .map(|timing| (timing, None)),
                _ => kinds::measure(device, &case, chains, &clock),
            };
            match measured {
                Err(error) if error.is_lack_of_memory() => Err(error.to_string()),
                measured => Ok(measured?),
            }
        };
        let go_on = match result {
            Ok((timing, activity)) => {
                before = Some((case.name, timing.median() / chains as f64));
                let row = Row::new(&case, chains, &timing, activity, &roofline);
                let go_on = observe(Event::Measured(&row));
                report.cases.push(row);
                go_on
            }
            Err(why) => {
                let left_out = LeftOut { case: case.name.into(), chains, why };
                let go_on = observe(Event::LeftOut(&left_out));
                report.left_out.push(left_out);
                go_on
            }
        };
        if !go_on {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Report {
    /// A report without figures yet.
    pub fn new(device: &Device, quick: bool) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            device: device.name().into(),
            quick,
            roofline: Roofline { gflops: 0.0, gbytes_per_s: 0.0, product: None },
            cases: Vec::new(),
            left_out: Vec::new(),
        }
    }
}
