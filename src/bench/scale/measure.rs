//! The curves one after the other.

use std::time::Duration;

use super::{Against, Curve, Kernel, LeftOut, Point, Scaling, curve::Wanted};
use crate::{
    bench::{BenchError, Roofline, clock::Clock, kinds},
    device::Device,
};

/// The curves, in their order.
const CURVES: [(Kernel, Against); 6] = [
    (Kernel::Gibbs, Against::Chains),
    (Kernel::Gibbs, Against::Units),
    (Kernel::Gibbs, Against::Steps),
    (Kernel::Langevin, Against::Chains),
    (Kernel::Langevin, Against::Units),
    (Kernel::Langevin, Against::Steps),
];

/// What a run tells as it goes.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The limits of the device.
    Roofline(&'a Roofline),
    /// A curve begins.
    Begins(&'a Curve),
    /// A point of it begins, at this place.
    At(&'a Curve, usize),
    /// It is measured: the last point of the curve.
    Measured(&'a Curve),
    /// It is left out.
    LeftOut(&'a LeftOut),
    /// A curve has all its points, and its law.
    Ends(&'a Curve),
}

/// Points of all curves.
pub fn measurements(quick: bool) -> usize {
    CURVES.iter().map(|(kernel, against)| kernel.wanted(*against, quick).len()).sum()
}

/// Measures the curves and adds them to `report`. `observe` hears of everything and answers whether
/// to go on; the result is whether all was done.
///
/// # Errors
/// The device refuses for other reasons than its memory. The report holds what was measured before.
pub fn run(
    device: &Device,
    report: &mut Scaling,
    observe: &mut dyn FnMut(Event<'_>) -> bool,
) -> Result<bool, BenchError> {
    report.roofline = Roofline::measure(device, report.quick)?;
    if !observe(Event::Roofline(&report.roofline)) {
        return Ok(false);
    }
    let budget = Duration::from_millis(if report.quick { 150 } else { 900 });
    let clock = Clock::new(device, budget)?;
    for (kernel, against) in CURVES {
        let mut curve = Curve::new(kernel, against);
        let ended = measure(device, &clock, (&mut curve, report), observe);
        curve.fit();
        let go_on = matches!(ended, Ok(true)) && observe(Event::Ends(&curve));
        if !curve.points.is_empty() {
            report.curves.push(curve);
        }
        if !(ended? && go_on) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Measures the points of a curve.
fn measure(
    device: &Device,
    clock: &Clock,
    (curve, report): (&mut Curve, &mut Scaling),
    observe: &mut dyn FnMut(Event<'_>) -> bool,
) -> Result<bool, BenchError> {
    let (kernel, against) = (curve.kernel, curve.against);
    let mut go_on = observe(Event::Begins(curve));
    for wanted in kernel.wanted(against, report.quick) {
        let at = wanted.at(against);
        if !go_on || !observe(Event::At(curve, at)) {
            return Ok(false);
        }
        let expected = expected(report, curve, &wanted);
        let measured = if expected > longest_round(report.quick) {
            Err(format!("it would take {expected:.1} s"))
        } else {
            match point(device, clock, &wanted, &report.roofline) {
                Err(error) if error.is_lack_of_memory() => Err(error.to_string()),
                measured => Ok(measured?),
            }
        };
        go_on = match measured {
            Ok(point) => {
                curve.points.push(point);
                observe(Event::Measured(curve))
            }
            Err(why) => {
                let left_out = LeftOut { kernel, against, at, why };
                let go_on = observe(Event::LeftOut(&left_out));
                report.left_out.push(left_out);
                go_on
            }
        };
    }
    Ok(go_on)
}

/// Seconds that a measurement will take, about: what the point before took, where a call may cost more
/// than its products, and the products at the best rate of any point so far.
fn expected(report: &Scaling, curve: &Curve, wanted: &Wanted) -> f64 {
    let before = curve.points.last().map_or(0.0, |point| point.seconds.median);
    let points = report.curves.iter().chain([curve]).flat_map(|curve| &curve.points);
    let best = points.map(|point| point.macs_per_ns).reduce(f64::max);
    before + 1e-9 * wanted.macs() / best.unwrap_or(report.roofline.gflops / 2.0)
}

fn point(
    device: &Device,
    clock: &Clock,
    wanted: &Wanted,
    roofline: &Roofline,
) -> Result<Point, BenchError> {
    let timing = match wanted.steps {
        Some(steps) => kinds::measure_calls(device, &wanted.case, (wanted.chains, steps), clock)?,
        None => kinds::measure(device, &wanted.case, wanted.chains, clock)?.0,
    };
    Ok(wanted.point(&timing, roofline))
}

/// Seconds that the least work of a round may take.
fn longest_round(quick: bool) -> f64 {
    if quick { 0.25 } else { 2.0 }
}
