//! Where equal tiles lie in a picture: columns, whole-number enlargement, uniform gaps.

use super::{MAX_PIXELS, PlotError};
use crate::data::ImageShape;
use image::{Rgb, RgbImage};

/// Tiles are enlarged as far as they stay inside this width …
const TARGET_WIDTH: u64 = 960;
/// … and this height …
const TARGET_HEIGHT: u64 = 1600;
/// … and one of their pixels is no wider than this.
const MAX_SCALE: u64 = 96;
/// Preferred width over height of the whole.
const ASPECT: f64 = 1.3;

/// A block of `count` tiles, row by row, with a gap around each and around the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tiling {
    pub(super) shape: ImageShape,
    pub(super) count: usize,
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Side in picture pixels of one tile pixel.
    pub(super) scale: u32,
    /// Picture pixels between tiles.
    pub(super) gap: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Tiling {
    /// Lays out `count` tiles; `columns` is cut to `count`, and chosen where it is `None`.
    pub(super) fn new(
        picture: &'static str,
        shape: ImageShape,
        count: usize,
        columns: Option<usize>,
    ) -> Result<Self, PlotError> {
        if count == 0 {
            return Err(PlotError::Empty { picture, what: "tiles" });
        }
        let columns = match columns {
            Some(0) => return Err(PlotError::Empty { picture, what: "columns" }),
            Some(columns) => columns.min(count),
            None => best_columns(shape, count, ASPECT),
        };
        let rows = count.div_ceil(columns);
        let size = |scale: u64| {
            let gap = gap(shape, scale);
            let side = |tiles: usize, pixels: usize| {
                (pixels as u64).saturating_mul(scale).saturating_add(gap) as u128 * tiles as u128
                    + gap as u128
            };
            (side(columns, shape.width), side(rows, shape.height))
        };
        let fits = |&scale: &u64| {
            let (width, height) = size(scale);
            width <= TARGET_WIDTH.into() && height <= TARGET_HEIGHT.into()
        };
        let scale = (1..=MAX_SCALE).rev().find(fits).unwrap_or(1);
        let (width, height) = size(scale);
        let clip = |side: u128| u64::try_from(side).unwrap_or(u64::MAX);
        let (width, height) = check_size(picture, clip(width), clip(height))?;
        let gap = gap(shape, scale) as u32;
        Ok(Self { shape, count, columns, rows, scale: scale as u32, gap, width, height })
    }

    /// Picture pixels from the top of a row of tiles to the top of the next.
    pub(super) fn row_pitch(&self) -> u32 {
        self.shape.height as u32 * self.scale + self.gap
    }

    /// Left and top of a tile within the block.
    pub(super) fn origin(&self, tile: usize) -> (u32, u32) {
        let column = (tile % self.columns) as u32;
        let row = (tile / self.columns) as u32;
        let column_pitch = self.shape.width as u32 * self.scale + self.gap;
        (self.gap + column * column_pitch, self.gap + row * self.row_pitch())
    }

    /// Paints the block with its top left corner at (`left`, `top`): `gaps` everywhere, then
    /// each pixel of each tile in `colour(tile, pixel)`.
    pub(super) fn paint(
        &self,
        image: &mut RgbImage,
        (left, top): (u32, u32),
        gaps: Rgb<u8>,
        colour: impl Fn(usize, usize) -> Rgb<u8>,
    ) {
        fill(image, (left, top), (self.width, self.height), gaps);
        for tile in 0..self.count {
            let (x, y) = self.origin(tile);
            for row in 0..self.shape.height {
                for column in 0..self.shape.width {
                    let corner =
                        (left + x + column as u32 * self.scale, top + y + row as u32 * self.scale);
                    let colour = colour(tile, row * self.shape.width + column);
                    fill(image, corner, (self.scale, self.scale), colour);
                }
            }
        }
    }
}

/// Pixels of a shape, at least one.
pub(super) fn pixels(shape: ImageShape) -> Result<usize, PlotError> {
    match shape.height.checked_mul(shape.width) {
        Some(pixels) if pixels > 0 => Ok(pixels),
        _ => Err(PlotError::Shape(shape)),
    }
}

/// A picture's size as the image type wants it, if it is not too large.
pub(super) fn check_size(
    picture: &'static str,
    width: u64,
    height: u64,
) -> Result<(u32, u32), PlotError> {
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(w), Ok(h)) if width.saturating_mul(height) <= MAX_PIXELS => Ok((w, h)),
        _ => Err(PlotError::TooLarge { picture, width, height, limit: "100 million pixels" }),
    }
}

/// Fills a rectangle that lies inside the picture.
pub(super) fn fill(
    image: &mut RgbImage,
    (left, top): (u32, u32),
    (width, height): (u32, u32),
    colour: Rgb<u8>,
) {
    for y in top..top + height {
        for x in left..left + width {
            image.put_pixel(x, y, colour);
        }
    }
}

/// A twentieth of the tile's shorter side, at least 2 and at most 8 pixels.
fn gap(shape: ImageShape, scale: u64) -> u64 {
    (shape.height.min(shape.width) as u64).saturating_mul(scale).div_ceil(20).clamp(2, 8)
}

/// The columns that bring the whole nearest to a `wanted` width over height with few empty places.
pub(super) fn best_columns(shape: ImageShape, count: usize, wanted: f64) -> usize {
    let cost = |columns: usize| {
        let rows = count.div_ceil(columns);
        let aspect = (columns as f64 * shape.width as f64) / (rows as f64 * shape.height as f64);
        let empty = (rows * columns - count) as f64 / (rows * columns) as f64;
        let ragged = if empty > 0.0 { 0.2 + 2.0 * empty } else { 0.0 };
        (aspect / wanted).ln().abs() + ragged
    };
    (1..=count).min_by(|&a, &b| cost(a).total_cmp(&cost(b))).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: ImageShape = ImageShape { height: 8, width: 8 };

    #[test]
    fn columns_make_a_pleasant_whole() {
        let columns = |shape, count| best_columns(shape, count, ASPECT);
        assert_eq!(columns(SQUARE, 1), 1);
        assert_eq!(columns(SQUARE, 2), 2);
        assert_eq!(columns(SQUARE, 7), 4);
        assert_eq!(columns(SQUARE, 100), 10);
        assert_eq!(columns(SQUARE, 1000), 40);
        assert_eq!(columns(ImageShape { height: 1, width: 64 }, 20), 1);
    }

    #[test]
    fn sizes_stay_inside_the_target_where_they_can() {
        let strip = ImageShape { height: 1, width: 64 };
        let tall = ImageShape { height: 20, width: 3 };
        for shape in [SQUARE, ImageShape { height: 28, width: 28 }, strip, tall] {
            for count in [1, 2, 7, 64, 100, 500] {
                let tiling = Tiling::new("grid", shape, count, None).unwrap();
                let (width, height) = (u64::from(tiling.width), u64::from(tiling.height));
                assert!(width <= TARGET_WIDTH && height <= TARGET_HEIGHT, "{tiling:?}");
                assert!(width >= 500 || height >= 500 || shape.height == 1, "{tiling:?}");
            }
        }
        let wide = Tiling::new("grid", ImageShape { height: 1, width: 5000 }, 1, None).unwrap();
        assert_eq!((wide.scale, wide.width), (1, 5004));
    }

    #[test]
    fn impossible_sizes_are_errors() {
        let huge = ImageShape { height: usize::MAX, width: 1 };
        for (shape, count) in [(SQUARE, 100_000_000), (huge, 1), (huge, 1 << 20)] {
            let error = Tiling::new("grid", shape, count, Some(3)).unwrap_err();
            assert!(matches!(error, PlotError::TooLarge { .. }), "{error}");
        }
        assert!(matches!(pixels(ImageShape { height: 0, width: 4 }), Err(PlotError::Shape(_))));
        let overflow = ImageShape { height: usize::MAX, width: 2 };
        assert!(matches!(pixels(overflow), Err(PlotError::Shape(_))));
    }
}
