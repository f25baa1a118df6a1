//! A box of the plane in a picture: equal aspect, a title above, ticks around, captions below.

use super::text::Line;
use super::tiling::{check_size, fill};
use super::{INK, PAPER, PlotError, ticks};
use image::{Rgb, RgbImage};

/// Tick marks and the numbers on them.
const SOFT: Rgb<u8> = Rgb([96; 3]);

/// The least letters that can be read.
const LEAST: u32 = 9;

/// Longest side of an area in pixels.
const SIDES: std::ops::RangeInclusive<u32> = 1..=4096;

/// What is written around an area.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Labels<'a> {
    /// Above, from the left edge of the area.
    pub(super) title: Option<&'a str>,
    /// Beside the title, to the right edge of the area.
    pub(super) aside: Option<&'a str>,
    /// Lines below.
    pub(super) captions: &'a [&'a str],
    /// What the x and the y axis show.
    pub(super) axes: Option<(&'a str, &'a str)>,
}

/// The part of a picture that shows a box of the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    x: (f64, f64),
    y: (f64, f64),
}

impl Area {
    /// Pixels from the top left corner of the area to a point of the plane.
    pub(super) fn pixel(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let share = |v: f64, (low, high): (f64, f64)| (v - low) / (high - low);
        let right = share(x, self.x) * f64::from(self.width);
        [right, (1.0 - share(y, self.y)) * f64::from(self.height)]
    }

    /// The point of the plane under the middle of a pixel of the area.
    pub(super) fn point(&self, column: u32, row: u32) -> [f64; 2] {
        let along = |(low, high): (f64, f64), share: f64| low + share * (high - low);
        let right = (f64::from(column) + 0.5) / f64::from(self.width);
        let down = (f64::from(row) + 0.5) / f64::from(self.height);
        [along(self.x, right), along(self.y, 1.0 - down)]
    }

    pub(super) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    pub(super) fn corner(&self) -> (u32, u32) {
        (self.left, self.top)
    }
}

/// Sizes of letters and spaces for an area of a side.
struct Sizes {
    title: u32,
    text: u32,
    tick: u32,
    mark: u32,
    margin: u32,
}

impl Sizes {
    fn new(side: u32) -> Self {
        Self {
            title: (side / 18).clamp(14, 30),
            text: (side / 25).clamp(11, 22),
            tick: (side / 32).clamp(10, 19),
            mark: (side / 100).clamp(3, 6),
            margin: (side / 30).clamp(8, 24),
        }
    }
}

/// Paper with the labels and ticks of a box whose longer side is `side` pixels, and the area in
/// it. The ranges must be finite and increasing.
///
/// # Errors
///
/// A side of 0 or over 4096 pixels; a picture that is too large.
pub(super) fn frame(
    picture: &'static str,
    x: (f64, f64),
    y: (f64, f64),
    side: u32,
    labels: &Labels,
) -> Result<(RgbImage, Area), PlotError> {
    if !SIDES.contains(&side) {
        let wanted = "1 to 4096";
        let what = "pixels of the longer side of a plot";
        return Err(PlotError::Count { what, found: side as usize, wanted });
    }
    let sizes = Sizes::new(side);
    let longest = (x.1 - x.0).max(y.1 - y.0);
    let pixels = |(low, high): (f64, f64)| {
        ((high - low) / longest * f64::from(side)).round().max(1.0) as u32
    };
    let (width, height) = (pixels(x), pixels(y));

    let x_ticks = axis(x, width, &sizes)?;
    let y_ticks = axis(y, height, &sizes)?;
    let line_height = |size: u32| Line::height(size) as u32;
    let widest = y_ticks.iter().map(|(_, line)| line.width).max().unwrap_or(0);
    let name = if labels.axes.is_some() { line_height(sizes.text) + sizes.mark } else { 0 };
    let left = sizes.margin + name + widest + 2 * sizes.mark;
    // Room for half of a label under the right edge.
    let right = sizes.margin.max(x_ticks.last().map_or(0, |(_, line)| line.width / 2 + 2));
    let titled = labels.title.is_some() || labels.aside.is_some();
    let top = sizes.margin
        + if titled { line_height(sizes.title) + sizes.mark } else { sizes.tick.div_ceil(2) / 2 };
    let x_axis = 2 * sizes.mark + line_height(sizes.tick);
    let captions = labels.captions.len() as u64 * u64::from(line_height(sizes.text));
    let space = if labels.captions.is_empty() { 0 } else { sizes.mark };
    let (total_width, total_height) = check_size(
        picture,
        u64::from(left + width + right),
        u64::from(top + height + x_axis + name + space) + captions + u64::from(sizes.margin),
    )?;
    let mut image = RgbImage::from_pixel(total_width, total_height, PAPER);
    let area = Area { left, top, width, height, x, y };

    title(&mut image, &area, &sizes, labels)?;
    for (value, line) in &x_ticks {
        let at = left + (area.pixel([*value, y.0])[0].round() as u32).min(width - 1);
        fill(&mut image, (at, top + height), (1, sizes.mark), SOFT);
        let start = at.saturating_sub(line.width / 2);
        line.draw(&mut image, (start, top + height + 2 * sizes.mark - 1), SOFT);
    }
    for (value, line) in &y_ticks {
        let at = top + (area.pixel([x.0, *value])[1].round() as u32).min(height - 1);
        fill(&mut image, (left - sizes.mark, at), (sizes.mark, 1), SOFT);
        // The middle of the digits (0.36 above the baseline) on the tick.
        let start = at.saturating_sub(sizes.tick * 64 / 100);
        line.draw(&mut image, (left - 2 * sizes.mark - line.width, start), SOFT);
    }
    let mut below = top + height + x_axis;
    if let Some((x_name, y_name)) = labels.axes {
        let (line, _) = Line::fitted(x_name, sizes.text, LEAST, width)?;
        line.draw(&mut image, (left + (width.saturating_sub(line.width)) / 2, below), INK);
        let (line, _) = Line::fitted(y_name, sizes.text, LEAST, height)?;
        let start = top + (height.saturating_sub(line.width)) / 2;
        line.draw_turned(&mut image, (sizes.margin, start), INK);
        below += name;
    }
    below += space;
    for caption in labels.captions {
        let (line, _) = Line::fitted(caption, sizes.text, LEAST, total_width - left - 4)?;
        line.draw(&mut image, (left, below), INK);
        below += line_height(sizes.text);
    }
    Ok((image, area))
}

/// The title from the left edge, what stands beside it to the right edge, on one baseline.
fn title(
    image: &mut RgbImage,
    area: &Area,
    sizes: &Sizes,
    labels: &Labels,
) -> Result<(), PlotError> {
    let baseline = area.top - sizes.mark - (sizes.title * 3).div_ceil(10);
    let room = image.width() - area.left - 4;
    let mut free = room;
    if let Some(aside) = labels.aside {
        let (line, size) = Line::fitted(aside, sizes.text, LEAST, room / 2)?;
        let start = (area.left + area.width).saturating_sub(line.width);
        line.draw(image, (start.max(area.left), baseline.saturating_sub(size)), INK);
        free = area.width.saturating_sub(line.width + sizes.text);
    }
    if let Some(title) = labels.title {
        let (line, size) = Line::fitted(title, sizes.title, LEAST, free)?;
        line.draw(image, (area.left, baseline.saturating_sub(size)), INK);
    }
    Ok(())
}

/// A few ticks of an axis of some pixels, with their labels.
fn axis(range: (f64, f64), pixels: u32, sizes: &Sizes) -> Result<Vec<(f64, Line)>, PlotError> {
    let target = (pixels / (sizes.tick * 5)).clamp(2, 6) as usize;
    let ticks = if pixels < 3 * sizes.tick {
        Vec::new()
    } else {
        ticks::ticks(range.0, range.1, target, false)
    };
    ticks
        .into_iter()
        .filter(|(value, _)| (range.0..=range.1).contains(value))
        .map(|(value, label)| Ok((value, Line::new(&label, sizes.tick)?)))
        .collect()
}
