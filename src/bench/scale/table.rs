//! Curves and limits as text.

use std::fmt::{Display, Formatter};

use super::{Against, Bound, Curve, Fitting, LeftOut, Most, fit};
use crate::{
    bench::table::{grouped, short},
    device::bytes,
};

impl Curve {
    /// What it is of, for people: the kernel and what does not vary.
    pub(super) fn name(&self) -> String {
        let Some(first) = self.points.first() else { return self.kernel.name().into() };
        let sizes = match self.against {
            Against::Units if first.sizes.len() == 2 => "N-N".into(),
            Against::Units => format!("{}-N-N-1", first.sizes[0]),
            _ => model(&first.sizes),
        };
        match self.against {
            Against::Chains => format!("{} {sizes}", self.kernel.name()),
            _ => format!("{} {sizes}, {} chains", self.kernel.name(), first.chains),
        }
    }

    /// What varies, in a word.
    fn axis(&self) -> String {
        match self.against {
            Against::Chains => "chains".into(),
            Against::Units => "units".into(),
            Against::Steps => format!("{}s", self.kernel.step()),
        }
    }
}

/// What stands above the lines of [`line`].
pub fn header(curve: &Curve) -> String {
    let timed = match curve.against {
        Against::Steps => "µs a call".into(),
        _ => format!("µs a {}", curve.kernel.step()),
    };
    format!(
        "{:>8}{:>14}{:>7}{:>14}{:>10}{:>10}",
        curve.axis(),
        timed,
        "±",
        "on paper",
        "MAC/ns",
        "exponent"
    )
}

/// The last point of a curve; `None` where there is none. The exponent is that from the point before.
pub fn line(curve: &Curve) -> Option<String> {
    let point = curve.points.last()?;
    let places = curve.seconds();
    let exponent = fit::exponent(&places[places.len().saturating_sub(2)..]);
    let spread = 50.0 * (point.seconds.high - point.seconds.low) / point.seconds.median;
    Some(format!(
        "{:>8}{:>14}{:>7}{:>14}{:>10}{:>10}",
        point.at(curve.against),
        grouped(1e6 * point.seconds.median, 4),
        format!("{spread:.0} %"),
        grouped(1e6 * point.paper_seconds, 4),
        short(point.macs_per_ns),
        exponent.map_or("–".into(), |exponent| format!("{exponent:.2}")),
    ))
}

/// The law of a curve.
pub fn growth(curve: &Curve) -> String {
    let name = curve.name();
    match (curve.call, curve.exponent) {
        (Some(call), _) => {
            let (fixed, each) = (1e6 * call.fixed_seconds, 1e6 * call.seconds_each);
            let step = curve.kernel.step();
            // Less than a hundredth of a step cannot be told from noise.
            let fixed = match fixed {
                fixed if fixed > 0.01 * each => format!("{} µs for itself", short(fixed)),
                _ => "nothing that shows for itself".into(),
            };
            format!("{name}: a call takes {fixed} and {} µs a {step}", grouped(each, 4))
        }
        (None, Some(exponent)) => {
            format!("{name}: grows as {}^{exponent:.2} over the last points", curve.axis())
        }
        (None, None) => format!("{name}: too few points for a law"),
    }
}

impl Display for LeftOut {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>8}  left out: {}", self.at, self.why)
    }
}

impl Display for Most {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let bound = match self.bound {
            Bound::Array => "array",
            Bound::Memory => "memory",
            Bound::Program => "program",
        };
        f.pad(&format!("{} ({bound})", grouped(self.count as f64, 9)))
    }
}

impl Display for Fitting {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let memory = match self.room.memory {
            Some(memory) => bytes(memory),
            None => "not told by the system".into(),
        };
        write!(f, "memory: {memory}")?;
        if self.room.memory.is_none_or(|memory| self.room.array < memory) {
            write!(f, ", of which an array may have {}", bytes(self.room.array))?;
        }
        let (sampled, trained) = ("most, sampled", "most, trained");
        write!(
            f,
            "\n{:<18}{:>14}{:>14}{:>14}{sampled:>22}{trained:>22}",
            "model", "parameters", "in training", "a chain"
        )?;
        let none = || "–".to_string();
        for model in &self.models {
            write!(
                f,
                "\n{:<18}{:>14}{:>14}{:>14}{:>22}{:>22}",
                self::model(&model.sizes),
                bytes(model.parameters),
                model.parameters_in_training.map_or_else(none, bytes),
                bytes(model.chain),
                model.sampled,
                model.trained.map_or_else(none, |most| most.to_string()),
            )?;
        }
        write!(f, "\n{:<60}{sampled:>22}{trained:>22}", "units of the largest square RBM")?;
        for square in &self.squares {
            let chains = if square.chains == 1 { "chain" } else { "chains" };
            let label = format!("with {} {chains}", square.chains);
            write!(f, "\n{label:<60}{:>22}{:>22}", square.sampled, square.trained)?;
        }
        Ok(())
    }
}

/// "784-500".
fn model(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Kernel, Point},
        *,
    };
    use crate::{bench::Spread, device::Room};

    fn curve(against: Against, seconds: &[(usize, f64)]) -> Curve {
        let mut curve = Curve::new(Kernel::Gibbs, against);
        for &(at, seconds) in seconds {
            let (sizes, chains, steps) = match against {
                Against::Chains => (vec![784, 500], at, 1),
                Against::Units => (vec![at, at], 1024, 1),
                Against::Steps => (vec![784, 500], 64, at as u32),
            };
            let seconds = Spread { low: seconds, median: seconds, high: seconds };
            curve.points.push(Point {
                sizes,
                chains,
                steps,
                seconds,
                rounds: 3,
                paper_seconds: seconds.median / 2.0,
                macs_per_ns: 1.0,
            });
        }
        curve.fit();
        curve
    }

    #[test]
    fn laws_are_told_in_words() {
        let chains =
            curve(Against::Chains, &[(64, 1e-3), (256, 1.2e-3), (1024, 4.8e-3), (4096, 19.2e-3)]);
        assert_eq!(
            growth(&chains),
            "block Gibbs 784-500: grows as chains^1.00 over the last points"
        );
        let last = line(&chains).unwrap();
        for part in ["4096", "19,200", "9,600", "1.00", "0 %"] {
            assert!(last.contains(part), "{last}");
        }
        assert_eq!(header(&chains).chars().count(), last.chars().count());
        let units = curve(Against::Units, &[(32, 1e-5), (64, 4e-5)]);
        assert_eq!(
            growth(&units),
            "block Gibbs N-N, 1024 chains: grows as units^2.00 over the last points"
        );
        let steps = curve(Against::Steps, &[(1, 15e-6), (10, 60e-6), (100, 510e-6)]);
        let told = growth(&steps);
        assert!(told.ends_with("a call takes 10.0 µs for itself and 5.00 µs a sweep"), "{told}");
        let steps = curve(Against::Steps, &[(1, 5e-6), (10, 49e-6), (100, 501e-6)]);
        assert!(growth(&steps).contains("nothing that shows"), "{}", growth(&steps));
        let none = curve(Against::Chains, &[]);
        assert!(growth(&none).contains("too few") && line(&none).is_none());
    }

    #[test]
    fn limits_are_told_in_lines_of_one_width() {
        let room = Room { array: 1 << 31, memory: None, is_host: false };
        let text = Fitting::of(room).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("not told") && lines[0].contains("2 GiB"), "{text}");
        assert!(lines[1..].iter().all(|line| line.chars().count() == 104), "{text}");
        // 2³¹ bytes of weights are 23,170² floats.
        assert!(text.contains("23,170 (array)"), "{text}");
    }
}
