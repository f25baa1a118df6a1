//! Learning curves: panels in a column over one x axis.
//!
//! The plotting crate gives the tick positions, the lines and the text. Its own figures do not
//! serve here: panels of one figure end up with plot areas of different widths, so that their x
//! axes do not line up, a NaN swallows a line, a lone point vanishes, and turned text is ragged.

mod area;
mod axes;
mod header;
mod trace;

use super::text::{Line, primitive, rasterise};
use super::{INK, PlotError};
use area::Plot;
use axes::{Scale, XAxis, YAxis};
use header::Header;
use image::{Rgb, RgbImage};
use kuva::render::render::{Scene, TextAnchor};
use trace::drawable;

/// A named line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Points (x, y) in the order in which they are joined. A point that is not finite (or lies
    /// beyond 10³⁰⁰) leaves a gap.
    pub points: Vec<(f64, f64)>,
}

/// A named value to compare with, drawn as a dashed horizontal line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    /// What the legend calls it.
    pub name: String,
    /// Where it lies on the y axis; not drawn if it is not finite.
    pub value: f64,
}

/// One plot of a column of plots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// What the y axis shows, with its unit: `log-likelihood (nats)`. Written above the plot.
    pub y_label: String,
    /// The lines, at least one.
    pub series: Vec<Series>,
    /// Values to compare with.
    pub references: Vec<Reference>,
    /// Lines to compare with, thin and without dots: each in the colour of the series of its place.
    /// Those of one name share an entry of the legend.
    pub guides: Vec<Series>,
}

/// Okabe and Ito's colours for colour-blind viewers, without the yellow that white swallows.
const COLOURS: [Rgb<u8>; 7] = [
    Rgb([0, 114, 178]),
    Rgb([213, 94, 0]),
    Rgb([0, 158, 115]),
    Rgb([204, 121, 167]),
    Rgb([230, 159, 0]),
    Rgb([86, 180, 233]),
    Rgb([110, 110, 110]),
];
const REFERENCE: Rgb<u8> = Rgb([70, 70, 70]);
/// Lengths of ink and gap by turns.
const DASHES: [&[f64]; 3] = [&[8.0, 4.0], &[2.0, 3.0], &[12.0, 3.0, 2.0, 3.0]];

const WIDTH: u32 = 960;
const MARGIN: u32 = 24;
/// Sizes of letters.
const TITLE: u32 = 18;
const TEXT: u32 = 16;
/// Between one thing and the next: axis and tick label, title and plot, words of the legend.
const SPACE: u32 = 8;
/// Width of lines.
const LINE: f64 = 2.0;
/// Width of lines to compare with.
const THIN: f64 = 1.0;
/// Samples a pixel in each direction.
const SAMPLES: u8 = 3;
/// Most rows of pixels (at the finer scale of the samples this is some 300 MB).
const MAX_HEIGHT: u32 = 8000;

/// Draws panels one above the other, 960 pixels wide, over a shared x axis named `x_label`.
///
/// Each panel has its label above, a legend, round ticks and grid lines; the colours of its series
/// repeat after fourteen. The picture says so where a panel or a series has no drawable point.
///
/// # Errors
///
/// No panels, a panel without series, or more panels than 8000 rows of pixels hold (some 30).
pub fn curves(x_label: &str, panels: &[Panel]) -> Result<RgbImage, PlotError> {
    draw(x_label, panels, Scale::Linear)
}

/// As [`curves`], with logarithmic axes; points that are not positive leave gaps.
///
/// # Errors
///
/// Those of [`curves`].
pub fn log_curves(x_label: &str, panels: &[Panel]) -> Result<RgbImage, PlotError> {
    let mut panels = panels.to_vec();
    for panel in &mut panels {
        let lines = panel.series.iter_mut().chain(&mut panel.guides);
        for (x, y) in lines.flat_map(|series| &mut series.points) {
            (*x, *y) = (x.log10(), y.log10());
        }
        for reference in &mut panel.references {
            reference.value = reference.value.log10();
        }
    }
    draw(x_label, &panels, Scale::Logarithmic)
}

fn draw(x_label: &str, panels: &[Panel], scale: Scale) -> Result<RgbImage, PlotError> {
    let empty = |what| Err(PlotError::Empty { picture: "curves", what });
    if panels.is_empty() {
        return empty("panels");
    }
    if panels.iter().any(|panel| panel.series.is_empty()) {
        return empty("series in a panel");
    }
    let plot_height = match panels.len() {
        1 => 400,
        2 => 280,
        _ => 200,
    };
    let axes = panels.iter().map(|panel| YAxis::new(panel, plot_height, scale)).collect::<Vec<_>>();
    let labels = axes.iter().map(YAxis::label_width).collect::<Result<Vec<_>, _>>()?;
    let left = MARGIN + labels.into_iter().max().unwrap_or(0) + SPACE;
    let x = XAxis::new(panels, left, scale)?;

    let mut top = MARGIN;
    let mut plots = Vec::new();
    for (panel, y) in panels.iter().zip(axes) {
        let header = Header::new(panel, x.right - x.left)?;
        let plot_top = top + header.height + SPACE;
        plots.push((header, y, top, plot_top));
        top = plot_top + plot_height + MARGIN;
        if top > MAX_HEIGHT {
            let (width, height) = (WIDTH.into(), top.into());
            let limit = "8000 rows of pixels";
            return Err(PlotError::TooLarge { picture: "curves", width, height, limit });
        }
    }
    let bottom = top - MARGIN;
    let line = Line::height(TEXT) as u32;
    let height = bottom + SPACE + line + SPACE + line + MARGIN / 2;
    let mut scene = Scene::new(WIDTH.into(), height.into()).with_background(Some("white"));
    for (panel, (header, y, top, plot_top)) in panels.iter().zip(&plots) {
        header.draw(&mut scene, x.left, x.right, *top);
        let plot = Plot { x: &x, y, top: *plot_top, bottom: plot_top + plot_height };
        plot.draw(&mut scene, panel);
    }
    let baseline = f64::from(bottom + SPACE + TEXT);
    for (value, label) in &x.ticks {
        let at = (x.place(*value), baseline);
        scene.add(primitive(label, at, TextAnchor::Middle, TEXT, INK));
    }
    let middle = f64::from(x.left + x.right) / 2.0;
    let at = (middle, baseline + f64::from(line + SPACE));
    scene.add(primitive(x_label, at, TextAnchor::Middle, TEXT, INK));
    rasterise(&scene, SAMPLES)
}

/// The colour of a series; the second seven are darker.
fn series_colour(index: usize) -> Rgb<u8> {
    let Rgb(colour) = COLOURS[index % COLOURS.len()];
    let darker = index / COLOURS.len() % 2 == 1;
    Rgb(colour.map(|channel| if darker { channel / 2 } else { channel }))
}

/// The references that can be drawn, with their numbers.
fn references(panel: &Panel) -> impl Iterator<Item = (usize, &Reference)> {
    let all = panel.references.iter().enumerate();
    all.filter(|(_, reference)| drawable(&(0.0, reference.value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(points: &[(f64, f64)]) -> Panel {
        let series = Series { name: "train".into(), points: points.to_vec() };
        Panel { y_label: "loss (nats)".into(), series: vec![series], ..Panel::default() }
    }

    /// Columns, right of the axis and its labels, in which a colour appears unmixed.
    fn columns(image: &RgbImage, colour: Rgb<u8>, rows: std::ops::Range<u32>) -> Vec<u32> {
        let has = |&x: &u32| rows.clone().any(|y| *image.get_pixel(x, y) == colour);
        (120..image.width()).filter(has).collect()
    }

    /// Rows of the plot of a lone panel, without the legend.
    fn plot_rows(image: &RgbImage) -> std::ops::Range<u32> {
        let top = MARGIN + Line::height(TITLE) as u32 + SPACE;
        assert!(image.height() > top + 400);
        top..top + 400
    }

    #[test]
    fn a_line_spans_the_plot_and_a_nan_breaks_it() {
        let line: Vec<_> = (0..=100).map(|i| (f64::from(i), 2.0)).collect();
        let whole = curves("epoch", &[panel(&line)]).unwrap();
        let drawn = columns(&whole, COLOURS[0], plot_rows(&whole));
        assert!(drawn.len() > 800);
        assert!(drawn.windows(2).all(|pair| pair[1] == pair[0] + 1));

        let mut broken = line;
        broken[40..=60].fill((50.0, f64::NAN));
        let image = curves("epoch", &[panel(&broken)]).unwrap();
        let drawn = columns(&image, COLOURS[0], plot_rows(&image));
        let jumps: Vec<_> = drawn.windows(2).filter(|pair| pair[1] > pair[0] + 1).collect();
        assert_eq!(jumps.len(), 1, "one gap");
        let gap = f64::from(jumps[0][1] - jumps[0][0]) / drawn.len() as f64;
        assert!((0.2..0.35).contains(&gap), "22 of 100 epochs are missing: {gap}");
    }

    #[test]
    fn panels_share_the_x_axis_whatever_their_labels() {
        let nan = (f64::NAN, 0.0);
        let small = panel(&[(0.0, 1e-7), nan, (40.0, 1.5e-7), nan, (100.0, 2e-7)]);
        let large = panel(&[(0.0, -5e5), nan, (40.0, 2e5), nan, (100.0, 5e5)]);
        let image = curves("epoch", &[small, large]).unwrap();
        let half = image.height() / 2;
        // The dot at 40 epochs; the legends' samples lie right of the middle.
        let dots = |rows| -> Vec<u32> {
            let all = columns(&image, COLOURS[0], rows);
            all.into_iter().filter(|&x| x < image.width() / 2).collect()
        };
        let (upper, lower) = (dots(0..half), dots(half..image.height()));
        assert!(!upper.is_empty());
        assert_eq!(upper, lower);
    }

    #[test]
    fn a_lone_point_and_a_reference_are_drawn() {
        let mut one = panel(&[(3.0, 0.5)]);
        let image = curves("epoch", &[one.clone()]).unwrap();
        assert!(columns(&image, COLOURS[0], plot_rows(&image)).len() >= 5);
        assert!(columns(&image, REFERENCE, plot_rows(&image)).is_empty());
        one.references.push(Reference { name: "best".into(), value: 0.7 });
        one.references.push(Reference { name: "none".into(), value: f64::NAN });
        let image = curves("epoch", &[one]).unwrap();
        assert!(columns(&image, REFERENCE, plot_rows(&image)).len() > 300);
    }

    #[test]
    fn a_power_law_is_straight_on_logarithmic_axes() {
        let law: Vec<_> = (0..=8).map(|i| (4f64.powi(i), 8f64.powi(i))).collect();
        let image = log_curves("chains", &[panel(&law)]).unwrap();
        let rows = plot_rows(&image);
        // The dot in the middle of the law lies in the middle of the line's ends.
        let place = |column: u32| {
            let inked: Vec<u32> =
                rows.clone().filter(|y| *image.get_pixel(column, *y) == COLOURS[0]).collect();
            f64::from(inked.iter().sum::<u32>()) / inked.len() as f64
        };
        let drawn = columns(&image, COLOURS[0], rows.clone());
        let (first, last) = (drawn[4], drawn[drawn.len() - 5]);
        let bend = place((first + last) / 2) - (place(first) + place(last)) / 2.0;
        assert!(bend.abs() < 3.0, "{bend}");
        assert!(log_curves("chains", &[panel(&[(-1.0, 2.0), (0.0, 0.0), (1.0, 1.0)])]).is_ok());
    }

    #[test]
    fn a_guide_is_a_thin_line_in_the_colour_of_its_series() {
        let law = |factor: f64| (0..=8).map(|i| (4f64.powi(i), factor * 2f64.powi(i))).collect();
        let mut found = panel(&[(1.0, 1.0), (4f64.powi(8), 1.0)]);
        found.guides = vec![Series { name: "on paper".into(), points: law(1.0) }];
        let image = log_curves("chains", &[found.clone()]).unwrap();
        let rows = plot_rows(&image);
        let upper = rows.start..rows.start + 200;
        // The series stays at the bottom; the guide, of less than a pixel of pure colour, climbs.
        let bluish = |x: &u32| {
            upper.clone().any(|y| {
                let Rgb([red, _, blue]) = *image.get_pixel(*x, y);
                u32::from(blue) > u32::from(red) + 40
            })
        };
        let climbing = (120..image.width()).filter(bluish).count();
        assert!(climbing > 300, "{climbing}");
        found.guides[0].points = law(1e6);
        let higher = log_curves("chains", &[found]).unwrap();
        assert!(higher != image, "the axis holds the guide");
    }

    #[test]
    fn any_values_and_names_make_a_picture() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let long: Vec<_> =
            (0..100_000).map(|i| (f64::from(i), f64::from(i * 7919 % 1009))).collect();
        let cases: [&[(f64, f64)]; 9] = [
            &[],
            &[(nan, nan)],
            &[(0.0, inf), (1.0, -inf)],
            &[(0.0, f64::MAX), (1.0, f64::MIN), (2.0, 1.0)],
            &[(-1e300, -1e300), (1e300, 1e300)],
            &[(1e-320, 1e-320), (0.0, 0.0)],
            &[(5.0, 7.0), (5.0, 7.0), (5.0, 8.0)],
            &[(1e15, 1.0), (1e15 + 1.0, 1.0 + 1e-15), (3.0, 0.0)],
            &long,
        ];
        for points in cases {
            let image = curves("", &[panel(points)]).unwrap();
            assert_eq!(image.width(), WIDTH);
        }
        let name = "a name that goes on and on $x^2$\n".repeat(50);
        let many = Series { name: name.clone(), points: vec![(0.0, 1.0)] };
        let odd = Panel { y_label: name.clone(), series: vec![many; 40], ..Panel::default() };
        assert!(curves(&name, &[odd]).is_ok());
    }

    #[test]
    fn nothing_and_too_much_are_errors() {
        assert!(matches!(curves("x", &[]), Err(PlotError::Empty { what: "panels", .. })));
        let none = Panel::default();
        assert!(matches!(curves("x", &[none]), Err(PlotError::Empty { .. })));
        let error = curves("x", &vec![panel(&[(0.0, 0.0)]); 100]).unwrap_err();
        assert!(matches!(error, PlotError::TooLarge { .. }), "{error}");
    }
}
