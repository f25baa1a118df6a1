//! IDX, the format of MNIST: a magic number `0, 0, type, rank`, the sizes as big-endian u32, the
//! values. Only unsigned bytes (type 8) are read. Source: LeCun, Cortes and Burges, "The MNIST
//! database of handwritten digits".

use std::path::Path;

use super::error::DataError;
use super::input::{self, Input, malformed};
use super::part::{self, Part, labels_from_numbers};
use super::{ImageShape, Options};

/// Whether a file is IDX of unsigned bytes, by its first bytes.
pub(super) fn is_idx(start: &[u8]) -> bool {
    matches!(start, [0, 0, 8, 1..=3, ..])
}

/// Reads a file of examples, rank 2 or 3.
pub(super) fn read(path: &Path, options: &Options) -> Result<Part, DataError> {
    let (shape, values) = array(path, 2..=3, options)?;
    let image = match shape[..] {
        [_, height, width] => Some(ImageShape { height, width }),
        _ => None,
    };
    let columns = shape[1..].iter().product();
    Ok(Part {
        file: path.into(),
        rows: shape[0],
        columns,
        values,
        bytes: true,
        image,
        labels: None,
    })
}

/// Reads a file of labels, rank 1.
pub(super) fn read_labels(path: &Path, options: &Options) -> Result<Vec<u32>, DataError> {
    let (_, values) = array(path, 1..=1, options)?;
    labels_from_numbers(&values, path)
}

fn array(
    path: &Path,
    ranks: std::ops::RangeInclusive<u8>,
    options: &Options,
) -> Result<(Vec<usize>, Vec<f32>), DataError> {
    let mut input = Input::open(path)?;
    let mut magic = [0; 4];
    input.exact(&mut magic, "the magic number")?;
    let [zero, zero_too, kind, rank] = magic;
    if (zero, zero_too, kind) != (0, 0, 8) {
        return Err(malformed(
            path,
            "the magic number",
            format!("{magic:02x?}"),
            "[00, 00, 08, rank] (IDX of unsigned bytes)",
            "convert other types to .npy",
        ));
    }
    if !ranks.contains(&rank) {
        let (wanted, advice) = if *ranks.end() == 1 {
            ("1", "a file of labels has one number for each example")
        } else {
            ("2 or 3", "give the file of the examples; labels beside it are found by themselves")
        };
        return Err(malformed(path, "the rank", rank.to_string(), wanted, advice));
    }
    let mut sizes = [0; 12];
    let sizes = &mut sizes[..4 * usize::from(rank)];
    input.exact(sizes, "the header's list of sizes")?;
    let shape: Vec<u64> =
        sizes.as_chunks::<4>().0.iter().map(|&size| u64::from(u32::from_be_bytes(size))).collect();
    let promised = shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size));
    let header = 4 + 4 * u64::from(rank);
    input.check_length(promised.unwrap_or(u64::MAX).saturating_add(header))?;
    let count = part::count(path, &shape, options)?;
    let values = input::bytes(&mut input, count, path)?;
    Ok((shape.iter().map(|&size| size as usize).collect(), values))
}
