//! Weights as pictures on a diverging colour scale, with its colour bar.

use super::text::Line;
use super::ticks;
use super::tiling::{Tiling, check_size, fill, pixels};
use super::{INK, NOT_FINITE, PAPER, PlotError, colours};
use crate::data::ImageShape;
use image::{Rgb, RgbImage};

/// Blue, near-white, red in even steps: ColorBrewer's RdBu, safe for colour-blind viewers.
const SCALE: [[u8; 3]; 11] = [
    [5, 48, 97],
    [33, 102, 172],
    [67, 147, 195],
    [146, 197, 222],
    [209, 229, 240],
    [247, 247, 247],
    [253, 219, 199],
    [244, 165, 130],
    [214, 96, 77],
    [178, 24, 43],
    [103, 0, 31],
];

/// Between the tiles.
const GAPS: Rgb<u8> = Rgb([176; 3]);

const MARGIN: u32 = 20;
const TEXT: u32 = 18;
const BAR_HEIGHT: u32 = 18;
/// From the tiles to the bar, from the bar's ticks to their labels, and between words.
const SPACE: u32 = 12;
const TICK: u32 = 6;
/// Odd, so that the middle column is zero.
const BAR_WIDTH: u32 = 401;

/// Draws filters: column j of `weights` (`[height · width, units]`, row-major) as a picture, for
/// the first `limit` units, all on one colour scale that is symmetric about zero.
///
/// Blue is negative, near-white zero, red positive; the ends are ±r, where r is the largest
/// absolute weight shown, and a colour bar below says so. NaN and infinities do not count for r,
/// are drawn in [`NOT_FINITE`](super::NOT_FINITE), and get an entry beside the bar. Where all
/// weights shown are zero, r is 1.
///
/// # Errors
///
/// No units, a `limit` of 0, a shape without pixels, a length that is not height · width · units,
/// or a picture of more than 100 million pixels.
pub fn filters(
    weights: &[f32],
    units: usize,
    shape: ImageShape,
    limit: usize,
) -> Result<RgbImage, PlotError> {
    let size = pixels(shape)?;
    if Some(weights.len()) != size.checked_mul(units) {
        let wanted = format!("{size} x {units} (pixels x units)");
        return Err(PlotError::Length { what: "filter weights", found: weights.len(), wanted });
    }
    let shown = units.min(limit);
    let tiling = Tiling::new("filters", shape, shown, None)?;
    let values = || weights.chunks_exact(units).flat_map(|row| &row[..shown]).copied();
    let range = range(values());
    let legend = Legend::new(range, values().any(|value| !value.is_finite()))?;

    let (width, height) = check_size(
        "filters",
        u64::from(tiling.width.max(legend.width)) + 2 * u64::from(MARGIN),
        u64::from(tiling.height) + u64::from(SPACE + Legend::height() + 2 * MARGIN),
    )?;
    let mut image = RgbImage::from_pixel(width, height, PAPER);
    tiling.paint(&mut image, ((width - tiling.width) / 2, MARGIN), GAPS, |tile, pixel| {
        colour(weights[pixel * units + tile], range)
    });
    let top = MARGIN + tiling.height + SPACE;
    legend.draw(&mut image, ((width - legend.width) / 2, top), range);
    Ok(image)
}

/// The largest absolute finite value; 1 where that is 0 or there is none.
fn range(values: impl Iterator<Item = f32>) -> f32 {
    let range =
        values.filter(|value| value.is_finite()).fold(0.0, |most: f32, v| most.max(v.abs()));
    if range > 0.0 { range } else { 1.0 }
}

/// The colour of a weight on the scale from −`range` to `range`.
fn colour(weight: f32, range: f32) -> Rgb<u8> {
    if !weight.is_finite() {
        return NOT_FINITE;
    }
    // In f64: neither overflow nor a subnormal range spoils the quotient.
    let share = (f64::from(weight) / f64::from(range)).clamp(-1.0, 1.0);
    colours::at(&SCALE, (share + 1.0) / 2.0)
}

/// The colour bar and what is written around it, in one row that is centred below the tiles:
/// name, bar with three ticks, and the entry for what is not finite.
struct Legend {
    name: Line,
    ends: [Line; 3],
    not_finite: Option<Line>,
    width: u32,
}

impl Legend {
    fn new(range: f32, not_finite: bool) -> Result<Self, PlotError> {
        let end = ticks::significant(f64::from(range));
        let line = |text: &str| Line::new(text, TEXT);
        let ends = [line(&format!("−{end}"))?, line("0")?, line(&format!("+{end}"))?];
        let not_finite = if not_finite { Some(line("not finite")?) } else { None };
        let name = line("weight")?;
        let right = not_finite.as_ref().map_or(0, |line| BAR_HEIGHT + SPACE / 2 + line.width);
        // As wide on both sides, so that zero lies under the middle of the tiles.
        let side = name.width.max(right).max(ends[0].width.max(ends[2].width) / 2);
        Ok(Self { name, ends, not_finite, width: BAR_WIDTH + 2 * (side + 2 * SPACE) })
    }

    fn height() -> u32 {
        BAR_HEIGHT + TICK + Line::height(TEXT) as u32
    }

    fn draw(&self, image: &mut RgbImage, (left, top): (u32, u32), range: f32) {
        let bar = left + (self.width - BAR_WIDTH) / 2;
        // The middle of the letters on the middle of the bar.
        let text = (top + BAR_HEIGHT / 2).saturating_sub(TEXT * 64 / 100);
        self.name.draw(image, (bar - 2 * SPACE - self.name.width, text), INK);
        fill(image, (bar - 1, top - 1), (BAR_WIDTH + 2, BAR_HEIGHT + 2), GAPS);
        for column in 0..BAR_WIDTH {
            let share = 2.0 * f64::from(column) / f64::from(BAR_WIDTH - 1) - 1.0;
            let colour = colour((share * f64::from(range)) as f32, range);
            fill(image, (bar + column, top), (1, BAR_HEIGHT), colour);
        }
        let places = [bar, bar + BAR_WIDTH / 2, bar + BAR_WIDTH - 1];
        for (place, label) in places.into_iter().zip(&self.ends) {
            fill(image, (place, top + BAR_HEIGHT), (1, TICK), INK);
            let middle = place.saturating_sub(label.width / 2);
            label.draw(image, (middle, top + BAR_HEIGHT + TICK), INK);
        }
        if let Some(label) = &self.not_finite {
            let swatch = bar + BAR_WIDTH + 2 * SPACE;
            fill(image, (swatch, top), (BAR_HEIGHT, BAR_HEIGHT), NOT_FINITE);
            label.draw(image, (swatch + BAR_HEIGHT + SPACE / 2, text), INK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: ImageShape = ImageShape { height: 2, width: 2 };

    /// The colours of the middles of the pixels of each tile.
    fn shown(weights: &[f32], units: usize, limit: usize) -> Vec<Vec<[u8; 3]>> {
        let image = filters(weights, units, SQUARE, limit).unwrap();
        let tiling = Tiling::new("filters", SQUARE, units.min(limit), None).unwrap();
        let left = (image.width() - tiling.width) / 2;
        let middle = tiling.scale / 2;
        let pixel = |(x, y): (u32, u32), p: u32| {
            let (x, y) = (x + p % 2 * tiling.scale, y + p / 2 * tiling.scale);
            image.get_pixel(left + x + middle, MARGIN + y + middle).0
        };
        (0..tiling.count).map(|t| (0..4).map(|p| pixel(tiling.origin(t), p)).collect()).collect()
    }

    #[test]
    fn the_scale_is_symmetric_and_exact_at_its_ends_and_at_zero() {
        for range in [1.0f32, 0.37, 1e-40, f32::MAX] {
            assert_eq!(colour(-range, range).0, SCALE[0]);
            assert_eq!(colour(0.0, range).0, SCALE[5]);
            assert_eq!(colour(range, range).0, SCALE[10]);
        }
        assert_eq!(colour(0.5, 1.0).0, [229, 131, 104], "half way between two stops");
        assert_eq!(range([0.25, -3.0, f32::NAN, f32::INFINITY].into_iter()), 3.0);
        assert_eq!(range([0.0, -0.0].into_iter()), 1.0);
    }

    #[test]
    fn a_filter_is_a_column_and_all_share_one_range() {
        // Columns: (−4, 0, 0, 2), (4, 0, −4, 0), and a third that the limit leaves out.
        let weights = [-4.0, 4.0, 9.0, 0.0, 0.0, 9.0, 0.0, -4.0, 9.0, 2.0, 0.0, 9.0];
        let (low, zero, high) = (SCALE[0], SCALE[5], SCALE[10]);
        let half = colour(0.5, 1.0).0;
        let tiles = shown(&weights, 3, 2);
        assert_eq!(tiles, [vec![low, zero, zero, half], vec![high, zero, low, zero]]);
    }

    #[test]
    fn values_that_are_not_finite_are_marked() {
        let tiles = shown(&[f32::NAN, 1.0, f32::NEG_INFINITY, 0.0], 1, 9);
        assert_eq!(tiles, [vec![NOT_FINITE.0, SCALE[10], NOT_FINITE.0, SCALE[5]]]);
        let marked = filters(&[f32::NAN; 4], 1, SQUARE, 1).unwrap();
        let plain = filters(&[0.0; 4], 1, SQUARE, 1).unwrap();
        assert!(marked.width() >= plain.width());
    }

    #[test]
    fn the_colour_bar_runs_from_end_to_end_with_zero_in_the_middle() {
        let image = filters(&[0.5; 4], 1, SQUARE, 1).unwrap();
        let row = image.height() - MARGIN - Legend::height() + 3;
        let at = |x: u32| image.get_pixel(x, row).0;
        let first = (0..image.width()).find(|&x| at(x) == SCALE[0]).unwrap();
        assert_eq!((at(first + BAR_WIDTH / 2), at(first + BAR_WIDTH - 1)), (SCALE[5], SCALE[10]));
        assert_eq!((at(first - 1), at(first + BAR_WIDTH)), (GAPS.0, GAPS.0), "the bar's frame");
    }

    #[test]
    fn wrong_sizes_are_errors_and_odd_ones_are_not() {
        let flat = ImageShape { height: 1, width: 3 };
        assert!(matches!(filters(&[], 0, flat, 5), Err(PlotError::Empty { .. })));
        assert!(matches!(filters(&[0.0; 3], 1, flat, 0), Err(PlotError::Empty { .. })));
        assert!(matches!(filters(&[0.0; 5], 2, flat, 5), Err(PlotError::Length { .. })));
        assert!(matches!(filters(&[], usize::MAX, flat, 5), Err(PlotError::Length { .. })));
        let none = ImageShape { height: 0, width: 3 };
        assert!(matches!(filters(&[], 1, none, 5), Err(PlotError::Shape(_))));
        for units in [1, 2, 7, 100, 1000] {
            for shape in [flat, ImageShape { height: 5, width: 2 }] {
                let weights = vec![1e-42; shape.height * shape.width * units];
                let image = filters(&weights, units, shape, usize::MAX).unwrap();
                assert!((400..=1100).contains(&image.width()), "{units} {shape:?}");
            }
        }
    }
}
