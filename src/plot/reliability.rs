//! Whether a classifier is as often right as it says: the reliability diagram.

use super::colours::mix;
use super::frame::{Labels, frame};
use super::mask::Mask;
use super::text::Line;
use super::tiling::fill;
use super::{INK, PAPER, PlotError, ticks};
use crate::evaluate::Bin;
use image::{Rgb, RgbImage};

/// Pixels of the sides of the plot.
const SIDE: u32 = 320;

const BARS: Rgb<u8> = Rgb([66, 146, 198]);
/// From the accuracy to the mean confidence of a bin.
const GAP: Rgb<u8> = Rgb([213, 94, 0]);
const GRID: Rgb<u8> = Rgb([232; 3]);
const BOX: Rgb<u8> = Rgb([150; 3]);
const DIAGONAL: Rgb<u8> = Rgb([90; 3]);

/// Draws how confidence and accuracy agree (Guo and others 2017): `bins` are the equal-width bins
/// of the confidence from 0 to 1 in their order, those without examples with a count of 0. A bar is
/// as high as the accuracy, and the fainter the fewer examples its bin has; the orange line goes
/// from there to the bin's mean confidence. On the dashed diagonal both agree. `ece` is the
/// expected calibration error Σ count/total · |accuracy − confidence|.
///
/// # Errors
///
/// No bins, more than 100, none with examples; a confidence or accuracy of a bin with examples, or
/// an error, that is not in [0, 1].
pub fn reliability(bins: &[Bin], ece: f64) -> Result<RgbImage, PlotError> {
    check(bins, ece)?;
    let labels = Labels {
        title: Some("reliability"),
        axes: Some(("confidence", "accuracy")),
        ..Labels::default()
    };
    let unit = (0.0, 1.0);
    let (mut image, area) = frame("reliability diagram", unit, unit, SIDE, &labels)?;
    let (left, top) = area.corner();
    let across = |share: f64| (share * f64::from(area.width)).round() as u32;
    let up = |share: f64| (share * f64::from(area.height)).round() as u32;

    for share in [0.2, 0.4, 0.6, 0.8] {
        fill(&mut image, (left, top + area.height - up(share)), (area.width, 1), GRID);
        fill(&mut image, (left + across(share), top), (1, area.height), GRID);
    }
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(0) as f64;
    let mut gaps = Mask::new(area.size());
    for (index, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        let edge = |index: usize| across(index as f64 / bins.len() as f64);
        let (from, to) = (edge(index) + 1, edge(index + 1));
        let faint = 0.3 + 0.7 * (bin.count as f64 / most).sqrt();
        let height = up(bin.accuracy);
        let corner = (left + from, top + area.height - height);
        fill(&mut image, corner, (to.saturating_sub(from), height), mix(PAPER, BARS, faint));
        let middle = f64::from(from + to) / 2.0;
        let place = |share: f64| [middle, (1.0 - share) * f64::from(area.height)];
        gaps.line(place(bin.accuracy), place(bin.confidence), 2.0, 1.0);
        gaps.dot(place(bin.confidence), 3.0, 1.0);
    }
    let mut diagonal = Mask::new(area.size());
    for dash in 0..20 {
        let place = |share: f64| area.pixel([share, share]);
        let from = f64::from(dash) / 20.0;
        diagonal.line(place(from), place(from + 0.028), 1.2, 1.0);
    }
    diagonal.paint(&mut image, (left, top), DIAGONAL, 1.0);
    gaps.paint(&mut image, (left, top), GAP, 1.0);
    for side in [top, top + area.height - 1] {
        fill(&mut image, (left, side), (area.width, 1), BOX);
    }
    for side in [left, left + area.width - 1] {
        fill(&mut image, (side, top), (1, area.height), BOX);
    }

    let total: u128 = bins.iter().map(|bin| u128::from(bin.count)).sum();
    let error = if ece == 0.0 { "0".to_owned() } else { ticks::significant(ece) };
    for (row, text) in [format!("ECE {error}"), format!("{total} examples")].iter().enumerate() {
        let size = [16, 13][row];
        let line = Line::new(text, size)?;
        line.draw(&mut image, (left + 12, top + 10 + 22 * row as u32), INK);
    }
    Ok(image)
}

fn check(bins: &[Bin], ece: f64) -> Result<(), PlotError> {
    if bins.is_empty() || bins.len() > 100 {
        let what = "bins of a reliability diagram";
        return Err(PlotError::Count { what, found: bins.len(), wanted: "1 to 100" });
    }
    if bins.iter().all(|bin| bin.count == 0) {
        return Err(PlotError::Empty { picture: "reliability diagram", what: "examples" });
    }
    let wanted = "a number from 0 to 1";
    let value = |what, index, found: f64| {
        let fine = (0.0..=1.0).contains(&found);
        if fine { Ok(()) } else { Err(PlotError::Value { what, index, found, wanted }) }
    };
    for (index, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        value("confidence of bin", index, bin.confidence)?;
        value("accuracy of bin", index, bin.accuracy)?;
    }
    value("expected calibration error", 0, ece)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins() -> Vec<Bin> {
        let bin = |confidence, accuracy, count| Bin { confidence, accuracy, count };
        vec![bin(f64::NAN, 0.0, 0), bin(0.4, 0.25, 10), bin(0.6, 0.6, 0), bin(0.9, 0.75, 40)]
    }

    #[test]
    fn bars_are_as_high_as_the_accuracy_and_as_strong_as_their_count() {
        let image = reliability(&bins(), 0.15).unwrap();
        let unit = (0.0, 1.0);
        let labels = Labels {
            title: Some("reliability"),
            axes: Some(("confidence", "accuracy")),
            ..Labels::default()
        };
        let (_, area) = frame("reliability diagram", unit, unit, SIDE, &labels).unwrap();
        let at = |x: f64, y: f64| {
            let [column, row] = area.pixel([x, y]);
            *image.get_pixel(area.left + column as u32, area.top + row as u32)
        };
        let faint = mix(PAPER, BARS, 0.3 + 0.7 * 0.5);
        assert_eq!([at(0.3, 0.23), at(0.3, 0.27)], [faint, PAPER]);
        assert_eq!([at(0.95, 0.73), at(0.95, 0.85)], [BARS, PAPER]);
        assert_eq!([at(0.55, 0.1), at(0.1, 0.05)], [PAPER; 2], "no examples, no bar");
        assert_eq!([at(0.375, 0.4), at(0.875, 0.9)], [GAP; 2], "the mean confidence");
    }

    #[test]
    fn what_is_no_share_is_an_error() {
        assert!(matches!(reliability(&[], 0.1), Err(PlotError::Count { found: 0, .. })));
        let none = [Bin::default(); 5];
        assert!(matches!(reliability(&none, 0.1), Err(PlotError::Empty { .. })));
        for bad in [f64::NAN, -0.1, 1.5, f64::INFINITY] {
            let mut wrong = bins();
            wrong[1].accuracy = bad;
            assert!(matches!(reliability(&wrong, 0.1), Err(PlotError::Value { index: 1, .. })));
            assert!(matches!(reliability(&bins(), bad), Err(PlotError::Value { .. })));
        }
        assert!(
            reliability(&vec![Bin { confidence: 1.0, accuracy: 1.0, count: 1 }; 100], 0.0).is_ok()
        );
    }
}
