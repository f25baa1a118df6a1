//! Grey pictures side by side.

use super::text::Line;
use super::tiling::{Tiling, check_size, pixels};
use super::{INK, NOT_FINITE, PAPER, PlotError};
use crate::data::ImageShape;
use image::{Rgb, RgbImage};

/// Between the tiles. A grey, so that a grey grid has no more than 256 colours and a GIF holds
/// it exactly.
const GAPS: Rgb<u8> = Rgb([112; 3]);

/// What given pixels are tinted with, and how much of the tint they take.
const TINT: Rgb<u8> = Rgb([0, 114, 255]);
const TINT_SHARE: f32 = 0.25;

/// White around captions.
const MARGIN: u32 = 16;

/// Draws grey pictures in a grid: 0 black, 1 white, thin grey gaps, pixels enlarged by a whole
/// number without blur so that the whole is 600 to 1000 pixels wide where it can be.
///
/// `tiles` is `[count, height · width]`, row-major, probabilities in [0, 1]. Values outside are
/// clamped; NaN and infinities are drawn in [`NOT_FINITE`]. The tiles fill the grid row by row;
/// without `columns` the grid is a little wider than high.
///
/// # Errors
///
/// No tiles, no columns, a shape without pixels, a length that is no multiple of the shape, or a
/// picture of more than 100 million pixels.
pub fn grid(
    tiles: &[f32],
    shape: ImageShape,
    columns: Option<usize>,
) -> Result<RgbImage, PlotError> {
    Grid { columns, ..Grid::new(tiles, shape) }.draw()
}

/// A [`grid`] with captions for its rows and a tint for pixels that were given.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    tiles: &'a [f32],
    shape: ImageShape,
    columns: Option<usize>,
    given: Option<&'a [bool]>,
    captions: &'a [&'a str],
}

impl<'a> Grid<'a> {
    /// Tiles `[count, height · width]` as for [`grid`].
    pub fn new(tiles: &'a [f32], shape: ImageShape) -> Self {
        Self { tiles, shape, columns: None, given: None, captions: &[] }
    }

    /// Tiles in a row; cut to the number of tiles.
    pub fn columns(self, columns: usize) -> Self {
        Self { columns: Some(columns), ..self }
    }

    /// Marks the pixels that are `true` in this `[height · width]` mask with a faint blue tint in
    /// every tile: the half of a completed picture that was given.
    pub fn given(self, mask: &'a [bool]) -> Self {
        Self { given: Some(mask), ..self }
    }

    /// One caption for each row of tiles, written to its left.
    pub fn captions(self, captions: &'a [&'a str]) -> Self {
        Self { captions, ..self }
    }

    /// Draws the picture.
    ///
    /// # Errors
    ///
    /// Those of [`grid`], a mask of another size than the shape, or a number of captions that is
    /// not the number of rows.
    pub fn draw(&self) -> Result<RgbImage, PlotError> {
        let size = pixels(self.shape)?;
        if !self.tiles.len().is_multiple_of(size) {
            let wanted = format!("a multiple of {size} (height x width of a tile)");
            let found = self.tiles.len();
            return Err(PlotError::Length { what: "grid tiles", found, wanted });
        }
        if let Some(mask) = self.given
            && mask.len() != size
        {
            let wanted = format!("{size} (height x width of a tile)");
            return Err(PlotError::Length {
                what: "mask of given pixels",
                found: mask.len(),
                wanted,
            });
        }
        let tiling = Tiling::new("grid", self.shape, self.tiles.len() / size, self.columns)?;
        let (mut image, corner) = self.canvas(&tiling)?;
        tiling.paint(&mut image, corner, GAPS, |tile, pixel| {
            let given = self.given.is_some_and(|mask| mask[pixel]);
            shade(self.tiles[tile * size + pixel], given)
        });
        Ok(image)
    }

    /// The empty picture, with the captions on it, and where the tiles go.
    fn canvas(&self, tiling: &Tiling) -> Result<(RgbImage, (u32, u32)), PlotError> {
        if self.captions.is_empty() {
            return Ok((RgbImage::new(tiling.width, tiling.height), (0, 0)));
        }
        if self.captions.len() != tiling.rows {
            let wanted = format!("{} (one for each row of tiles)", tiling.rows);
            let found = self.captions.len();
            return Err(PlotError::Length { what: "grid captions", found, wanted });
        }
        // A line is 1.3 times its letters: the largest that keeps rows apart, if readable.
        let size = (tiling.row_pitch() * 10 / 13).clamp(8, 18);
        let lines = self
            .captions
            .iter()
            .map(|caption| Line::new(caption, size))
            .collect::<Result<Vec<_>, _>>()?;
        let label = lines.iter().map(|line| line.width).max().unwrap_or(0);
        let left = MARGIN + label + MARGIN * 3 / 4;
        let (width, height) = check_size(
            "grid",
            u64::from(left) + u64::from(tiling.width) + u64::from(MARGIN),
            u64::from(tiling.height) + 2 * u64::from(MARGIN),
        )?;
        let mut image = RgbImage::from_pixel(width, height, PAPER);
        let tile_height = tiling.row_pitch() - tiling.gap;
        for (row, line) in lines.iter().enumerate() {
            let (_, top) = tiling.origin(row * tiling.columns);
            // The middle of the letters (0.36 above the baseline) on the middle of the row.
            let middle = MARGIN + top + tile_height / 2;
            let top = middle.saturating_sub(size * 64 / 100);
            line.draw(&mut image, (MARGIN + label - line.width, top), INK);
        }
        Ok((image, (left, MARGIN)))
    }
}

/// The colour of a probability.
fn shade(value: f32, given: bool) -> Rgb<u8> {
    if !value.is_finite() {
        return NOT_FINITE;
    }
    let grey = value.clamp(0.0, 1.0) * 255.0;
    if !given {
        return Rgb([grey.round() as u8; 3]);
    }
    Rgb(TINT.0.map(|tint| (grey + (f32::from(tint) - grey) * TINT_SHARE).round() as u8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tiling::pixels;

    const SHAPES: [ImageShape; 4] = [
        ImageShape { height: 8, width: 8 },
        ImageShape { height: 1, width: 64 },
        ImageShape { height: 20, width: 3 },
        ImageShape { height: 1, width: 1 },
    ];

    /// Distinct greys, so that a misplaced pixel shows.
    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37) % 101) as f32 / 100.0).collect()
    }

    #[test]
    fn every_pixel_is_a_sharp_square_and_every_gap_is_uniform() {
        for shape in SHAPES {
            for count in [1, 2, 7, 100, 1000] {
                let size = pixels(shape).unwrap();
                let tiles = values(size * count);
                let image = grid(&tiles, shape, None).unwrap();
                let tiling = Tiling::new("grid", shape, count, None).unwrap();
                assert_eq!(image.dimensions(), (tiling.width, tiling.height));

                let mut wanted = RgbImage::from_pixel(image.width(), image.height(), GAPS);
                let scale = tiling.scale as usize;
                let pitch = |side: usize| side * scale + tiling.gap as usize;
                for (x, y, pixel) in wanted.enumerate_pixels_mut() {
                    let (x, y) = (x as usize, y as usize);
                    let Some(x) = x.checked_sub(tiling.gap as usize) else { continue };
                    let Some(y) = y.checked_sub(tiling.gap as usize) else { continue };
                    let (column, x) = (x / pitch(shape.width), x % pitch(shape.width) / scale);
                    let (row, y) = (y / pitch(shape.height), y % pitch(shape.height) / scale);
                    let tile = row * tiling.columns + column;
                    if x < shape.width && y < shape.height && tile < count {
                        let value = tiles[tile * size + y * shape.width + x];
                        *pixel = Rgb([(value * 255.0).round() as u8; 3]);
                    }
                }
                assert!(image == wanted, "{count} tiles of {shape:?}");
            }
        }
    }

    #[test]
    fn values_outside_are_clamped_and_what_is_not_finite_is_marked() {
        let shape = ImageShape { height: 1, width: 6 };
        let values = [-2.0, 0.5, 7.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        let image = grid(&values, shape, None).unwrap();
        let tiling = Tiling::new("grid", shape, 1, None).unwrap();
        let at = |i: u32| image.get_pixel(tiling.gap + i * tiling.scale, tiling.gap).0;
        let marker = NOT_FINITE.0;
        assert_eq!([at(0), at(1), at(2)], [[0; 3], [128; 3], [255; 3]]);
        assert_eq!([at(3), at(4), at(5)], [marker; 3]);
    }

    #[test]
    fn given_pixels_are_tinted_and_no_others() {
        let shape = ImageShape { height: 1, width: 2 };
        let image = Grid::new(&[1.0, 1.0, 0.0, 0.0], shape).given(&[true, false]).columns(1);
        let image = image.draw().unwrap();
        let tiling = Tiling::new("grid", shape, 2, Some(1)).unwrap();
        let at = |tile, pixel: u32| {
            let (x, y) = tiling.origin(tile);
            image.get_pixel(x + pixel * tiling.scale, y).0
        };
        assert_eq!((at(0, 1), at(1, 1)), ([255; 3], [0; 3]));
        assert_eq!((at(0, 0), at(1, 0)), ([191, 220, 255], [0, 29, 64]));
    }

    #[test]
    fn captions_stand_left_of_unchanged_tiles() {
        let shape = SHAPES[0];
        let tiles = values(64 * 6);
        let plain = grid(&tiles, shape, Some(3)).unwrap();
        let grid = Grid::new(&tiles, shape).columns(3);
        let image = grid.captions(&["data", "completed"]).draw().unwrap();
        let left = image.width() - plain.width() - MARGIN;
        let part = image::imageops::crop_imm(&image, left, MARGIN, plain.width(), plain.height());
        assert!(part.to_image() == plain);
        // Ink beside each row, none on the picture's edge.
        let ink = |rows: std::ops::Range<u32>| {
            rows.flat_map(|y| (0..left).map(move |x| (x, y)))
                .filter(|&(x, y)| *image.get_pixel(x, y) != PAPER)
                .map(|(x, _)| x)
                .collect::<Vec<_>>()
        };
        let (first, second) = (ink(0..image.height() / 2), ink(image.height() / 2..image.height()));
        assert!(!first.is_empty() && second.len() > first.len());
        assert!(first.iter().chain(&second).all(|&x| x >= MARGIN && x < left - 4));
    }

    #[test]
    fn wrong_sizes_are_errors() {
        let shape = SHAPES[0];
        let tiles = values(128);
        assert!(matches!(grid(&[], shape, None), Err(PlotError::Empty { .. })));
        assert!(matches!(grid(&tiles, shape, Some(0)), Err(PlotError::Empty { .. })));
        assert!(matches!(grid(&tiles[1..], shape, None), Err(PlotError::Length { .. })));
        let flat = ImageShape { height: 4, width: 0 };
        assert!(matches!(grid(&tiles, flat, None), Err(PlotError::Shape(_))));
        let given = Grid::new(&tiles, shape).given(&[true]).draw();
        assert!(matches!(given, Err(PlotError::Length { found: 1, .. })));
        let captions = Grid::new(&tiles, shape).columns(1).captions(&["one"]).draw();
        assert!(matches!(captions, Err(PlotError::Length { found: 1, .. })));
        assert_eq!(grid(&tiles, shape, Some(9)).unwrap(), grid(&tiles, shape, Some(2)).unwrap());
    }
}
