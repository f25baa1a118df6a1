//! What the axes span and where their ticks lie.

use super::super::PlotError;
use super::super::text::Line;
use super::super::ticks::{log_ticks, ticks};
use super::trace::drawable;
use super::{MARGIN, Panel, SPACE, Series, TEXT, WIDTH, references};

/// How values become places; panels of a logarithmic plot hold decimal logarithms already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Logarithmic,
}

impl Scale {
    fn ticks(self, range: Range, target: usize, whole: bool) -> Vec<(f64, String)> {
        match self {
            Self::Linear => ticks(range.low, range.high, target, whole),
            Self::Logarithmic => log_ticks(range.low, range.high, target, whole),
        }
    }

    fn is_whole(self, value: f64) -> bool {
        match self {
            Self::Linear => value.fract() == 0.0,
            Self::Logarithmic => {
                let value = 10f64.powf(value);
                value > 0.5 && (value - value.round()).abs() < 1e-9 * value
            }
        }
    }
}

/// The values that an axis spans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Range {
    /// The range of the values, widened by `share` of itself at both ends; `None` without values.
    /// Equal values get a tenth of their size around them, zeros get 1.
    pub(super) fn of(values: impl Iterator<Item = f64>, share: f64) -> Option<Self> {
        let (low, high) =
            values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return None;
        }
        let size = low.abs().max(high.abs());
        let span = high - low;
        // Narrower than this, ticks could not tell the ends apart.
        let pad = if span > size * 1e-12 && span > 1e-300 {
            span * share
        } else if size > 1e-299 {
            size * 0.1
        } else {
            1.0
        };
        Some(Self { low: low - pad, high: high + pad })
    }

    /// Where a value lies: 0 at the low end, 1 at the high end.
    pub(super) fn place(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// The x axis, which all panels share.
pub(super) struct XAxis {
    range: Range,
    pub(super) ticks: Vec<(f64, String)>,
    pub(super) left: u32,
    pub(super) right: u32,
}

impl XAxis {
    pub(super) fn new(panels: &[Panel], left: u32, scale: Scale) -> Result<Self, PlotError> {
        let values = || {
            let series = panels.iter().flat_map(|panel| panel.series.iter().chain(&panel.guides));
            series.flat_map(|series| &series.points).filter(|p| drawable(p)).map(|p| p.0)
        };
        // Points on the frame are hard to see; learning curves, which are long, start on it.
        let margin = if scale == Scale::Logarithmic { 0.02 } else { 0.0 };
        let range = Range::of(values(), margin).unwrap_or(Range { low: 0.0, high: 1.0 });
        let whole = values().all(|value| scale.is_whole(value));
        let mut axis = Self { range, ticks: Vec::new(), left, right: WIDTH - MARGIN };
        // As many ticks as have room for their labels.
        for target in [8, 5, 3, 2] {
            axis.ticks = scale.ticks(range, target, whole);
            let mut widest = 0;
            for (_, label) in &axis.ticks {
                widest = widest.max(Line::new(label, TEXT)?.width);
            }
            axis.right = WIDTH - MARGIN.max(widest / 2 + SPACE);
            let room = (axis.right - left) / axis.ticks.len().max(1) as u32;
            if widest + 2 * SPACE <= room {
                break;
            }
        }
        Ok(axis)
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        f64::from(self.left) + self.range.place(value) * f64::from(self.right - self.left)
    }
}

/// The y axis of one panel.
pub(super) struct YAxis {
    pub(super) range: Range,
    pub(super) ticks: Vec<(f64, String)>,
    /// Whether any point is drawn.
    pub(super) any: bool,
}

impl YAxis {
    pub(super) fn new(panel: &Panel, plot_height: u32, scale: Scale) -> Self {
        let points = |lines: &'_ [Series]| -> Vec<(f64, f64)> {
            let all = lines.iter().flat_map(|line| &line.points);
            all.filter(|point| drawable(point)).copied().collect()
        };
        let lines = [points(&panel.series), points(&panel.guides)];
        let references = references(panel).map(|(_, reference)| reference.value);
        let values = lines.iter().flatten().map(|point| point.1).chain(references);
        let range = Range::of(values, 0.05).unwrap_or(Range { low: 0.0, high: 1.0 });
        let target = (plot_height / 55) as usize;
        let any = !lines[0].is_empty();
        Self { range, ticks: scale.ticks(range, target, false), any }
    }

    pub(super) fn label_width(&self) -> Result<u32, PlotError> {
        let widths = self.ticks.iter().map(|(_, label)| Ok(Line::new(label, TEXT)?.width));
        widths.collect::<Result<Vec<_>, _>>().map(|all| all.into_iter().max().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_odd_values_have_a_width() {
        let range = |values: &[f64]| Range::of(values.iter().copied(), 0.05).unwrap();
        assert_eq!(range(&[0.0, 10.0]), Range { low: -0.5, high: 10.5 });
        assert_eq!(range(&[0.0]), Range { low: -1.0, high: 1.0 });
        assert_eq!(range(&[-5.0, -5.0]), Range { low: -5.5, high: -4.5 });
        for values in [[-1e300, 1e300], [1e-320, 0.0], [1.0, 1.0 + 1e-15], [1e300, 1e300]] {
            let range = range(&values);
            assert!((0.0..=1.0).contains(&range.place(values[0])), "{values:?}");
            assert!(range.place(range.high) == 1.0, "{values:?}");
        }
        assert_eq!(Range::of(std::iter::empty(), 0.05), None);
    }
}
