//! Pictures of one size, converted to grey.

use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::error::{DataError, show};
use super::input::{self, malformed};
use super::part::{self, Part};
use super::{ImageShape, Options};

/// The largest side of a picture.
const LARGEST_SIDE: u32 = 4096;
/// The most memory that one picture may take while it is decoded.
const LARGEST_PICTURE: u64 = 128 << 20;

/// Reads the pictures, one example each.
pub(super) fn read(
    folder: &Path,
    pictures: &[PathBuf],
    options: &Options,
) -> Result<Part, DataError> {
    let mut values = Vec::new();
    let mut first: Option<(u32, u32)> = None;
    for path in pictures {
        let decoder = open(path)?;
        let size @ (width, height) = decoder.dimensions();
        if first.is_none() {
            let shape = [pictures.len() as u64, u64::from(height), u64::from(width)];
            part::count(folder, &shape, options)?;
        }
        let wanted = *first.get_or_insert(size);
        if size != wanted {
            return Err(DataError::Mismatch {
                file: show(path),
                found: format!("{width} x {height} pixels"),
                other: show(&pictures[0]),
                wanted: format!("{} x {}", wanted.0, wanted.1),
            });
        }
        let picture =
            DynamicImage::from_decoder(decoder).map_err(|error| input::unreadable(path, &error))?;
        values.extend(picture.to_luma8().as_raw().iter().map(|&grey| f32::from(grey)));
    }
    let Some((width, height)) = first else {
        let what = "no IDX file and no PNG, nor sub-folders with PNGs";
        return Err(DataError::Empty { file: show(folder), what });
    };
    let image = ImageShape { height: height as usize, width: width as usize };
    Ok(Part {
        file: folder.into(),
        rows: pictures.len(),
        columns: image.height * image.width,
        values,
        bytes: true,
        image: Some(image),
        labels: None,
    })
}

fn open(path: &Path) -> Result<impl ImageDecoder, DataError> {
    let (file, _) = input::open(path)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(LARGEST_PICTURE);
    let mut reader = ImageReader::with_format(file, ImageFormat::Png);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| input::unreadable(path, &error))?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > LARGEST_SIDE || decoder.total_bytes() > LARGEST_PICTURE {
        return Err(malformed(
            path,
            "its size",
            format!("{width} x {height} pixels"),
            format!("at most {LARGEST_SIDE} a side"),
            "scale the pictures down",
        ));
    }
    Ok(decoder)
}
