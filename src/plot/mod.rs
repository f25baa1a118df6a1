//! Pictures: grids, filters, curves, density maps, animations. Pixels only; nothing here knows of models,
//! devices or training, and nothing here writes a file.

mod colours;
mod confusion;
mod contours;
mod curves;
mod density;
mod encode;
mod field;
mod filters;
mod flow;
mod frame;
mod grid;
mod mask;
mod page;
mod reliability;
mod text;
mod ticks;
mod tiling;

pub use confusion::confusion;
pub use curves::{Panel, Reference, Series, curves, log_curves};
pub use density::DensityMap;
pub use encode::{gif, png};
pub use field::{Field, field_points};
pub use filters::filters;
pub use flow::Flow;
pub use grid::{Grid, grid};
pub use page::page;
pub use reliability::reliability;

use crate::data::ImageShape;
use image::Rgb;

/// What a number that is not finite is drawn as: amber, which is neither a grey nor on the
/// blue–red scale of the filters, and which stays apart from both for colour-blind viewers.
pub const NOT_FINITE: Rgb<u8> = Rgb([255, 190, 0]);

/// Ink of labels on white.
const INK: Rgb<u8> = Rgb([38, 38, 38]);

/// Paper around labels and curves.
const PAPER: Rgb<u8> = Rgb([255, 255, 255]);

/// Most pixels that one picture may have (300 MB as RGB).
const MAX_PIXELS: u64 = 100_000_000;

/// Why a picture could not be drawn or encoded.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// There is nothing to draw.
    #[error("{picture}: found no {what}; give at least one")]
    Empty {
        /// The picture asked for.
        picture: &'static str,
        /// What there must be one of.
        what: &'static str,
    },
    /// A picture shape with no pixels.
    #[error("image shape is {} x {} pixels; height and width must each be at least 1", .0.height, .0.width)]
    Shape(ImageShape),
    /// A slice has another length than its shape says.
    #[error("{what}: found {found} values, wanted {wanted}")]
    Length {
        /// The argument.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it must have, with its reason.
        wanted: String,
    },
    /// A number of things, or of pixels, that makes no picture.
    #[error("{what}: found {found}, wanted {wanted}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be.
        wanted: &'static str,
    },
    /// The edges of a box are not an interval.
    #[error("{what} range: found {low} to {high}, wanted finite edges, the lower one first")]
    Range {
        /// The axis.
        what: &'static str,
        /// Its first edge.
        low: f64,
        /// Its second edge.
        high: f64,
    },
    /// A number has no place in the picture.
    #[error("{what} {index}: found {found}, wanted {wanted}")]
    Value {
        /// What the number is.
        what: &'static str,
        /// Its place, from 0.
        index: usize,
        /// The number.
        found: f64,
        /// What it must be.
        wanted: &'static str,
    },
    /// No value of a density is finite.
    #[error(
        "density map: none of the {cells} values is finite; draw a box where the log-density is, or look for NaN in the model"
    )]
    NoDensity {
        /// Values given.
        cells: usize,
    },
    /// The picture would be too large to hold or to encode.
    #[error(
        "{picture} would be {width} x {height} pixels, over {limit}; show fewer or smaller tiles, panels or frames"
    )]
    TooLarge {
        /// The picture asked for.
        picture: &'static str,
        /// Its width in pixels.
        width: u64,
        /// Its height in pixels.
        height: u64,
        /// The limit that it breaks.
        limit: &'static str,
    },
    /// The frames of an animation differ in size.
    #[error(
        "animation: frame {index} is {} x {} pixels, frame 0 is {} x {}; give frames of one size",
        found.0, found.1, wanted.0, wanted.1
    )]
    FrameSize {
        /// The first frame that differs, from 0.
        index: usize,
        /// Its width and height.
        found: (u32, u32),
        /// Width and height of frame 0.
        wanted: (u32, u32),
    },
    /// Text or lines could not be turned into pixels.
    #[error("drawing labels and lines failed: {0}")]
    Raster(String),
    /// The encoder or decoder failed.
    #[error("{format} encoding failed: {source}")]
    Encode {
        /// The file format.
        format: &'static str,
        /// What the codec said.
        source: image::ImageError,
    },
}
