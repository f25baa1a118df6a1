//! Density maps: a function over a box of the plane as colours, contour lines, and points.

use super::PlotError;
use super::colours::{self, DENSITY};
use super::contours::{contour, levels};
use super::field::Field;
use super::frame::{Area, Labels, frame};
use super::mask::Mask;
use image::{Rgb, RgbImage};

/// Shares of the mass that the contour lines enclose.
pub(super) const SHARES: [f64; 4] = [0.5, 0.8, 0.95, 0.99];

/// Contour lines are white and this strong.
const CONTOUR: f64 = 0.5;

/// Samples: a warm colour that the scale does not have, seen on its dark and its bright end.
const POINTS: Rgb<u8> = Rgb([255, 92, 56]);

/// A picture of a density: colours for exp(log-density − its maximum) from dark to bright, white
/// lines around the smallest regions that hold 50, 80, 95 and 99 % of the mass in the box, and
/// translucent dots for samples. One unit is as long along x as along y.
#[derive(Clone, Copy, Debug)]
pub struct DensityMap<'a> {
    field: Field<'a>,
    points: &'a [[f32; 2]],
    labels: Labels<'a>,
    side: u32,
}

impl<'a> DensityMap<'a> {
    /// A map of a field, 400 pixels on its longer side (labels come on top).
    pub fn new(field: Field<'a>) -> Self {
        Self { field, points: &[], labels: Labels::default(), side: 400 }
    }

    /// Samples (x, y) to lay over the map. The more, the fainter; those outside the box, or not
    /// finite, are not drawn.
    pub fn points(self, points: &'a [[f32; 2]]) -> Self {
        Self { points, ..self }
    }

    /// A line above the map.
    pub fn title(self, title: &'a str) -> Self {
        Self { labels: Labels { title: Some(title), ..self.labels }, ..self }
    }

    /// Lines below the map.
    pub fn captions(self, captions: &'a [&'a str]) -> Self {
        Self { labels: Labels { captions, ..self.labels }, ..self }
    }

    /// Pixels of the longer side of the map, 1 to 4096.
    pub fn side(self, side: u32) -> Self {
        Self { side, ..self }
    }

    /// Draws the picture.
    ///
    /// # Errors
    ///
    /// A field without cells, with another number of values than cells, with edges that are not
    /// finite or not increasing, with a value of +∞ or without a finite one; a side of 0 or over
    /// 4096.
    pub fn draw(&self) -> Result<RgbImage, PlotError> {
        self.field.check()?;
        let (mut image, area) =
            frame("density map", self.field.x, self.field.y, self.side, &self.labels)?;
        let shades = shades(&self.field, &area);
        for (index, shade) in shades.iter().enumerate() {
            let (x, y) = (index as u32 % area.width, index as u32 / area.width);
            image.put_pixel(area.left + x, area.top + y, colours::at(&DENSITY, *shade));
        }
        contour_lines(&self.field, &area).paint(&mut image, area.corner(), Rgb([255; 3]), CONTOUR);

        let mut dots = Mask::new(area.size());
        let radius = (f64::from(self.side) / 280.0).clamp(0.9, 2.5);
        // 0.4 for 2,000 points on 400 pixels; fainter where they lie closer together.
        let strength = 0.9 * (f64::from(self.side) / self.points.len() as f64).sqrt();
        let strength = strength.clamp(0.1, 0.9);
        for point in self.points {
            dots.dot(area.pixel(point.map(f64::from)), radius, strength);
        }
        dots.paint(&mut image, area.corner(), POINTS, 1.0);
        Ok(image)
    }
}

/// The density over its maximum at each pixel of the area.
pub(super) fn shades(field: &Field, area: &Area) -> Vec<f64> {
    let relative = field.relative();
    (0..area.height)
        .flat_map(|row| (0..area.width).map(move |column| (column, row)))
        .map(|(column, row)| field.interpolate(&relative, field.cell(area.point(column, row))))
        .collect()
}

/// The contour lines of a field, at full strength.
pub(super) fn contour_lines(field: &Field, area: &Area) -> Mask {
    let mut lines = Mask::new(area.size());
    let width = (f64::from(area.width.max(area.height)) / 400.0).clamp(0.7, 1.6);
    // A cell of the field in pixels of the area.
    let across = f64::from(area.width) / field.columns as f64;
    let up = f64::from(area.height) / field.rows as f64;
    let pixel = |[x, y]: [f64; 2]| [(x + 0.5) * across, f64::from(area.height) - (y + 0.5) * up];
    for level in levels(field.values, &SHARES) {
        for [from, to] in contour(field.values, field.columns, level) {
            lines.line(pixel(from), pixel(to), width, 1.0);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::field_points;

    const X: (f64, f64) = (-2.0, 4.0);
    const Y: (f64, f64) = (-1.0, 3.0);

    /// A narrow peak at (3, 2): to the right and above.
    fn values() -> Vec<f64> {
        let points = field_points(90, 60, X, Y);
        points.iter().map(|[x, y]| -8.0 * ((x - 3.0).powi(2) + (y - 2.0).powi(2))).collect()
    }

    fn field(values: &[f64]) -> Field<'_> {
        Field { values, columns: 90, rows: 60, x: X, y: Y }
    }

    fn area(labels: &Labels, side: u32) -> Area {
        frame("density map", X, Y, side, labels).unwrap().1
    }

    fn pixel(image: &RgbImage, area: &Area, point: [f64; 2]) -> Rgb<u8> {
        let [x, y] = area.pixel(point);
        *image.get_pixel(area.left + x as u32, area.top + y as u32)
    }

    #[test]
    fn the_peak_is_brightest_at_its_place_and_y_points_up() {
        let values = values();
        for side in [90, 200, 401] {
            let image = DensityMap::new(field(&values)).side(side).draw().unwrap();
            let area = area(&Labels::default(), side);
            assert_eq!(area.size(), (side, (f64::from(side) / 1.5).round() as u32), "equal aspect");
            let light = |point| colours::lightness(pixel(&image, &area, point));
            let peak = light([3.0, 2.0]);
            assert!(peak > 0.85, "{peak}");
            for other in [[3.0, 0.0], [-1.0, 2.0], [-1.0, 0.0]] {
                assert_eq!(pixel(&image, &area, other), Rgb(DENSITY[0]));
            }
            let inside = shades(&field(&values), &area);
            let brightest = (0..inside.len()).max_by(|&a, &b| inside[a].total_cmp(&inside[b]));
            let brightest = brightest.unwrap() as u32;
            let [x, y] = area.point(brightest % area.width, brightest / area.width);
            assert!((x - 3.0).hypot(y - 2.0) < 0.12, "{x} {y}");
        }
    }

    #[test]
    fn contour_lines_run_where_the_regions_end() {
        let values = values();
        let area = area(&Labels::default(), 600);
        let lines = contour_lines(&field(&values), &area);
        let cover = |radius: f64, angle: f64| {
            let [x, y] = area.pixel([3.0 + radius * angle.cos(), 2.0 + radius * angle.sin()]);
            lines.shares()[y as usize * area.width as usize + x as usize]
        };
        // Variance 1/16 along each axis: radius² = −2 ln(1 − share) / 16.
        for share in SHARES {
            let radius = (-f64::ln(1.0 - share) / 8.0).sqrt();
            for turn in 0..12 {
                let angle = f64::from(turn) * 0.5 + 0.1;
                // Within two hundredths, a third of a cell.
                let near = (-4..=4).map(|step| cover(radius + 0.005 * f64::from(step), angle));
                assert!(near.fold(0.0, f32::max) > 0.5, "{share} at {angle}");
            }
        }
        assert_eq!([cover(0.15, 1.0), cover(0.36, 2.0), cover(0.95, 3.5)], [0.0; 3]);
    }

    #[test]
    fn points_are_drawn_where_they_should_be_and_nowhere_else() {
        let values = values();
        let map = DensityMap::new(field(&values));
        let plain = map.draw().unwrap();
        let outside = [[f32::NAN, 0.0], [f32::INFINITY, 1.0], [1e30, 2.0], [-2.5, 0.0], [0.0, 9.0]];
        assert!(map.points(&outside).draw().unwrap() == plain);
        let image = map.points(&[[-1.0, 2.5], [1.0, 0.0]]).draw().unwrap();
        let area = area(&Labels::default(), 400);
        for point in [[-1.0, 2.5], [1.0, 0.0]] {
            let Rgb([red, _, blue]) = pixel(&image, &area, point);
            assert!(red > 150 && blue < 90, "{red} {blue}");
        }
        let changed = image.pixels().zip(plain.pixels()).filter(|(a, b)| a != b).count();
        assert!((8..60).contains(&changed), "two small dots: {changed} pixels");
    }

    #[test]
    fn two_thousand_points_leave_the_map_visible() {
        let values = values();
        let points: Vec<[f32; 2]> = (0..2000)
            .map(|i| [-2.0 + (i % 50) as f32 * 0.12, -1.0 + (i / 50) as f32 * 0.1])
            .collect();
        let map = DensityMap::new(field(&values)).points(&points);
        let (image, plain) = (map.draw().unwrap(), map.points(&[]).draw().unwrap());
        let same = image.pixels().zip(plain.pixels()).filter(|(a, b)| a == b).count();
        assert!(same * 2 > image.pixels().len(), "{same} of {}", image.pixels().len());
    }

    #[test]
    fn labels_stand_around_an_unchanged_map() {
        let values = values();
        let map = DensityMap::new(field(&values));
        let plain = map.draw().unwrap();
        let long = "w".repeat(300);
        for title in ["pcd", long.as_str()] {
            let captions = ["NLL 1.23 nats", long.as_str()];
            let image = map.title(title).captions(&captions).draw().unwrap();
            assert_eq!(image.width(), plain.width());
            assert!(image.height() > plain.height() + 40);
            let labels = Labels { title: Some(title), captions: &captions, ..Labels::default() };
            let (from, to) = (area(&Labels::default(), 400), area(&labels, 400));
            let crop = |image: &RgbImage, area: Area| {
                let (left, top) = area.corner();
                image::imageops::crop_imm(image, left, top, area.width, area.height).to_image()
            };
            assert!(crop(&plain, from) == crop(&image, to));
            let edge = (0..image.height())
                .all(|y| *image.get_pixel(image.width() - 1, y) == Rgb([255; 3]));
            assert!(edge, "text stays inside");
        }
        for side in [1, 2, 30] {
            assert!(map.side(side).title(&long).captions(&[&long]).draw().is_ok(), "{side}");
        }
    }

    #[test]
    fn what_is_no_field_is_an_error() {
        let values = values();
        let good = field(&values);
        let draw = |field: Field| DensityMap::new(field).draw();
        assert!(matches!(draw(Field { columns: 0, ..good }), Err(PlotError::Empty { .. })));
        assert!(matches!(draw(Field { rows: 0, ..good }), Err(PlotError::Empty { .. })));
        assert!(matches!(draw(Field { rows: 59, ..good }), Err(PlotError::Length { .. })));
        assert!(matches!(draw(Field { rows: usize::MAX, ..good }), Err(PlotError::Length { .. })));
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let ranges =
            [(1.0, -1.0), (2.0, 2.0), (0.0, inf), (-inf, 0.0), (nan, 1.0), (-1e308, 1e308)];
        for range in ranges {
            let x = draw(Field { x: range, ..good });
            assert!(matches!(x, Err(PlotError::Range { what: "x", .. })), "{range:?}");
            let y = draw(Field { y: range, ..good });
            assert!(matches!(y, Err(PlotError::Range { what: "y", .. })), "{range:?}");
        }
        for hollow in [nan, -inf] {
            let error = draw(field(&[hollow; 5400]));
            assert!(matches!(error, Err(PlotError::NoDensity { cells: 5400 })));
        }
        let mut values = values.clone();
        values[7] = inf;
        assert!(matches!(draw(field(&values)), Err(PlotError::Value { index: 7, .. })));
        for side in [0, 4097, u32::MAX] {
            let error = DensityMap::new(good).side(side).draw();
            assert!(matches!(error, Err(PlotError::Count { .. })), "{side}");
        }
    }

    #[test]
    fn one_cell_and_flat_boxes_are_drawn() {
        let one = Field { values: &[-3.0], columns: 1, rows: 1, x: (0.0, 1.0), y: (0.0, 1.0) };
        let image = DensityMap::new(one).draw().unwrap();
        assert!(image.pixels().filter(|pixel| pixel.0 == DENSITY[16]).count() == 400 * 400);
        let flat = Field { y: (0.0, 1e-9), ..one };
        assert!(DensityMap::new(flat).draw().is_ok());
        let far = Field { x: (1e15, 1e15 + 1.0), y: (-1e300, 1e300), ..one };
        assert!(DensityMap::new(far).draw().is_ok());
    }
}
