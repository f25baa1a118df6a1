//! Text as pixels, in the DejaVu Sans that the plotting crate carries, so that no font has to be
//! installed; and the plotting crate's scenes as pictures.

use super::PlotError;
use image::{ImageFormat, Rgb, RgbImage};
use kuva::RasterBackend;
use kuva::render::color::Color;
use kuva::render::render::{Primitive, Scene, TextAnchor};

/// Labels are cut to this many characters.
const MAX_CHARACTERS: usize = 60;

/// Turns a scene into pixels, one pixel a unit of the scene; each is the mean of `samples` ×
/// `samples` finer ones. The plotting crate smooths lines from left to right only, so flat lines
/// need more than one sample; letters do not.
pub(super) fn rasterise(scene: &Scene, samples: u8) -> Result<RgbImage, PlotError> {
    let backend = RasterBackend::new().with_scale(samples.into());
    let png = backend.render_scene(scene).map_err(PlotError::Raster)?;
    let image = image::load_from_memory_with_format(&png, ImageFormat::Png)
        .map_err(|error| PlotError::Raster(error.to_string()))?
        .into_rgb8();
    if samples == 1 {
        return Ok(image);
    }
    let (width, height) = (image.width() / u32::from(samples), image.height() / u32::from(samples));
    Ok(image::imageops::thumbnail(&image, width, height))
}

/// A scene's text, left-aligned at (`x`, baseline `y`).
pub(super) fn primitive(
    content: &str,
    (x, y): (f64, f64),
    anchor: TextAnchor,
    size: u32,
    colour: Rgb<u8>,
) -> Primitive {
    // The plotting crate reads `$…$` as mathematics; a label here means what it says.
    let content = clean(content).replace('$', "\\$");
    let color = Some(paint(colour));
    Primitive::Text { x, y, content, size, anchor, rotate: None, bold: false, color }
}

/// A colour as the plotting crate holds it.
pub(super) fn paint(Rgb([red, green, blue]): Rgb<u8>) -> Color {
    Color::Rgb(red, green, blue)
}

/// One line of text: how much of each pixel is ink. Cut to the ink from left to right; from top
/// to bottom it always spans [`Line::height`], so that lines of one size share their baseline.
pub(super) struct Line {
    ink: RgbImage,
    first: u32,
    /// Width of the ink, at least 1.
    pub(super) width: u32,
}

impl Line {
    /// Renders `content` with letters of `size` pixels.
    pub(super) fn new(content: &str, size: u32) -> Result<Self, PlotError> {
        let characters = clean(content).chars().count() as u32;
        // No glyph of the font is wider than twice its size.
        let mut scene = Scene::new(f64::from((2 * characters + 2) * size), Self::height(size));
        let at = (f64::from(size), f64::from(size));
        scene.add(primitive(content, at, TextAnchor::Start, size, Rgb([0; 3])));
        let ink = rasterise(&scene, 1)?;
        let mut columns =
            (0..ink.width()).filter(|&x| (0..ink.height()).any(|y| ink.get_pixel(x, y).0[0] < 255));
        let first = columns.next().unwrap_or(0);
        let last = columns.next_back().unwrap_or(first);
        Ok(Self { ink, first, width: last - first + 1 })
    }

    /// A line in letters of `size` pixels or, where that is wider than `width`, as much smaller as
    /// fits, down to `least`; what is still too wide ends in an ellipsis.
    pub(super) fn fitted(
        content: &str,
        size: u32,
        least: u32,
        width: u32,
    ) -> Result<(Self, u32), PlotError> {
        let mut size = size;
        let mut line = Self::new(content, size)?;
        while line.width > width && size > least {
            size = (size * width / line.width).clamp(least, size - 1);
            line = Self::new(content, size)?;
        }
        let mut keep = clean(content);
        while line.width > width && keep.pop().is_some() {
            line = Self::new(&format!("{}…", keep.trim_end()), size)?;
        }
        Ok((line, size))
    }

    /// Height in pixels of a line of letters of `size`; the baseline lies `size` below its top.
    pub(super) fn height(size: u32) -> f64 {
        (f64::from(size) * 1.3).ceil()
    }

    /// Draws the line with its top left corner at (`left`, `top`); what lies outside is cut.
    pub(super) fn draw(&self, image: &mut RgbImage, (left, top): (u32, u32), colour: Rgb<u8>) {
        self.blend(image, colour, |x, y| (left + x, top + y));
    }

    /// Draws the line turned a quarter to the left, to be read from bottom to top: the tops of its
    /// letters point left, and (`left`, `top`) is the top left corner of the whole.
    pub(super) fn draw_turned(
        &self,
        image: &mut RgbImage,
        (left, top): (u32, u32),
        colour: Rgb<u8>,
    ) {
        self.blend(image, colour, |x, y| (left + y, top + self.width - 1 - x));
    }

    /// Lays the ink over the picture, each pixel (x, y) of the line at `place(x, y)`.
    fn blend(&self, image: &mut RgbImage, colour: Rgb<u8>, place: impl Fn(u32, u32) -> (u32, u32)) {
        for y in 0..self.ink.height() {
            for x in 0..self.width {
                let cover = 255 - u32::from(self.ink.get_pixel(self.first + x, y).0[0]);
                let (left, top) = place(x, y);
                if let Some(pixel) = image.get_pixel_mut_checked(left, top) {
                    for (below, above) in pixel.0.iter_mut().zip(colour.0) {
                        let mix = u32::from(*below) * (255 - cover) + u32::from(above) * cover;
                        *below = ((mix + 127) / 255) as u8;
                    }
                }
            }
        }
    }
}

/// Without control characters, and short enough to lay out.
fn clean(content: &str) -> String {
    let cut = content.chars().count() > MAX_CHARACTERS;
    let keep = if cut { MAX_CHARACTERS - 1 } else { MAX_CHARACTERS };
    let mut text: String =
        content.chars().take(keep).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if cut {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_grows_with_the_text_and_odd_text_is_harmless() {
        let width = |content: &str| Line::new(content, 16).unwrap().width;
        assert!(width("0.25") > width("0.2") && width("0.2") > width("0"));
        assert_eq!(width(""), 1);
        assert!(width("$5 and $6") > width("5 and 6"), "a dollar is a dollar");
        assert!(width("a\nb\u{0}") > 0 && width("漢字🙂") > 0);
        assert!(width(&"w".repeat(10_000)) < 60 * 2 * 16);
    }

    #[test]
    fn a_fitted_line_shrinks_first_and_is_cut_last() {
        let width = |content: &str, size| Line::new(content, size).unwrap().width;
        let (line, size) = Line::fitted("density", 20, 10, 1000).unwrap();
        assert_eq!((line.width, size), (width("density", 20), 20));
        let room = width("density", 15);
        let (line, size) = Line::fitted("density", 20, 10, room).unwrap();
        assert!(line.width <= room && (13..20).contains(&size), "{size}");
        let (line, size) = Line::fitted("density of a long name", 20, 10, room).unwrap();
        assert!(line.width <= room && line.width > room / 2 && size == 10);
        assert!(Line::fitted("density", 20, 10, 0).is_ok());
    }

    #[test]
    fn a_turned_line_is_the_line_turned() {
        let line = Line::new("true", 20).unwrap();
        let paper = RgbImage::from_pixel(80, 80, Rgb([255; 3]));
        let (mut flat, mut turned) = (paper.clone(), paper);
        line.draw(&mut flat, (0, 0), Rgb([0; 3]));
        line.draw_turned(&mut turned, (0, 80 - line.width), Rgb([0; 3]));
        assert!(image::imageops::rotate270(&flat) == turned);
    }

    #[test]
    fn full_ink_is_the_colour_and_the_rest_stays() {
        let mut image = RgbImage::from_pixel(60, 40, Rgb([10, 20, 30]));
        let line = Line::new("l—", 24).unwrap();
        line.draw(&mut image, (5, 5), Rgb([200, 100, 50]));
        assert!(image.pixels().any(|pixel| *pixel == Rgb([200, 100, 50])));
        assert_eq!(*image.get_pixel(2, 20), Rgb([10, 20, 30]));
        line.draw(&mut image, (58, 39), Rgb([0; 3]));
    }
}
