//! .npy, NumPy's array format, versions 1 to 3. Source: NEP 1.
//!
//! `npyz` parses the header and the numbers, after a check of our own: it multiplies sizes without
//! looking for overflow, recurses on nested brackets and takes trailing bytes.

use std::io::Read;
use std::path::Path;

use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, TypeChar};

use super::error::{DataError, clean};
use super::input::{self, FIRST_VALUES, malformed};
use super::part::{self, Part};
use super::{ImageShape, Options};

/// NumPy's own limit (`max_header_size`).
const LONGEST_HEADER: usize = 10_000;
/// A header of a plain array has two: one for the dictionary, one for the shape.
const MOST_BRACKETS: usize = 8;
const ADVICE: &str = "write it again with numpy.save from a plain array of numbers";

/// An array of numbers in C order.
pub(super) struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
    /// Whether the elements are unsigned bytes.
    pub bytes: bool,
}

/// Reads a file of examples.
pub(super) fn read(path: &Path, options: &Options) -> Result<Part, DataError> {
    let (mut reader, length) = input::open(path)?;
    examples(array(&mut reader, length, path, options)?, path)
}

/// Takes an array of rank 2 or 3 for examples. `file` is what messages call it.
pub(super) fn examples(array: Array, file: &Path) -> Result<Part, DataError> {
    let image = match array.shape[..] {
        [_, _] => None,
        [_, height, width] => Some(ImageShape { height, width }),
        _ => {
            return Err(malformed(
                file,
                "the shape",
                format!("{:?}", array.shape),
                "[examples, values] or [examples, height, width]",
                "reshape the array",
            ));
        }
    };
    let part = Part {
        file: file.into(),
        rows: array.shape[0],
        columns: array.shape[1..].iter().product(),
        values: array.values,
        bytes: array.bytes,
        image,
        labels: None,
    };
    part.check_finite()?;
    Ok(part)
}

/// The number of dimensions, from the header alone.
pub(super) fn rank(reader: &mut impl Read, file: &Path) -> Result<usize, DataError> {
    Ok(shape(&header_text(reader, file)?, file)?.len())
}

/// Reads an array from a stream of `length` bytes.
pub(super) fn array(
    reader: &mut impl Read,
    length: u64,
    file: &Path,
    options: &Options,
) -> Result<Array, DataError> {
    let text = header_text(reader, file)?;
    let shape = shape(&text, file)?;
    let header =
        NpyHeader::from_reader(&text[..]).map_err(|error| bad_header(file, &error.to_string()))?;
    if header.shape() != shape {
        return Err(bad_header(file, "contradicting itself about the shape"));
    }
    let DType::Plain(kind) = header.dtype() else {
        return Err(bad_type(file, &header.dtype().descr()));
    };
    let size = kind.num_bytes().unwrap_or(0) as u64;
    let promised = shape
        .iter()
        .try_fold(size, |product, &size| product.checked_mul(size))
        .and_then(|bytes| bytes.checked_add(text.len() as u64));
    if size != 0 && promised != Some(length) {
        return Err(malformed(
            file,
            "its length",
            format!("{length} bytes"),
            match promised {
                Some(bytes) => format!("the {bytes} bytes that its shape {shape:?} promises"),
                None => format!("more than 2^64 bytes for its shape {shape:?}"),
            },
            ADVICE,
        ));
    }
    let count = part::count(file, &shape, options)?;
    let order = header.order();
    let npy = NpyFile::with_header(header, &mut *reader);
    let stored = match (kind.type_char(), size) {
        (TypeChar::Float, 4) => values(npy, count, file, |v: f32| v),
        (TypeChar::Float, 8) => values(npy, count, file, |v: f64| v as f32),
        (TypeChar::Uint, 1) => values(npy, count, file, |v: u8| f32::from(v)),
        (TypeChar::Uint, 2) => values(npy, count, file, |v: u16| f32::from(v)),
        (TypeChar::Uint, 4) => values(npy, count, file, |v: u32| v as f32),
        (TypeChar::Uint, 8) => values(npy, count, file, |v: u64| v as f32),
        (TypeChar::Int, 1) => values(npy, count, file, |v: i8| f32::from(v)),
        (TypeChar::Int, 2) => values(npy, count, file, |v: i16| f32::from(v)),
        (TypeChar::Int, 4) => values(npy, count, file, |v: i32| v as f32),
        (TypeChar::Int, 8) => values(npy, count, file, |v: i64| v as f32),
        (TypeChar::Bool, 1) => values(npy, count, file, |v: bool| f32::from(u8::from(v))),
        _ => Err(bad_type(file, &kind.to_string())),
    }?;
    // The end of a packed stream is where its checksum is looked at.
    let tail = reader.read(&mut [0]).map_err(|error| input::unreadable(file, &error))?;
    if tail != 0 {
        return Err(input::length(file, format!("over {count}"), count));
    }
    let shape: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
    let values = match order {
        Order::C => stored,
        Order::Fortran => c_order(&stored, &shape),
    };
    Ok(Array { shape, values, bytes: (kind.type_char(), size) == (TypeChar::Uint, 1) })
}

fn values<T: Deserialize>(
    npy: NpyFile<&mut impl Read>,
    count: usize,
    file: &Path,
    convert: impl Fn(T) -> f32,
) -> Result<Vec<f32>, DataError> {
    let reader = npy.data::<T>().map_err(|error| bad_header(file, &error.to_string()))?;
    let mut values = Vec::with_capacity(count.min(FIRST_VALUES));
    for value in reader {
        values.push(convert(value.map_err(|error| input::unreadable(file, &error))?));
    }
    if values.len() == count {
        Ok(values)
    } else {
        Err(input::length(file, values.len().to_string(), count))
    }
}

/// Everything before the numbers, with the magic number: refused here if it is not a short flat
/// dictionary.
fn header_text(reader: &mut impl Read, file: &Path) -> Result<Vec<u8>, DataError> {
    let mut text = Vec::new();
    let mut fill = |text: &mut Vec<u8>, bytes: usize, what: &str| {
        let start = text.len();
        text.resize(start + bytes, 0);
        reader.read_exact(&mut text[start..]).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => malformed(
                file,
                what,
                "cut off by the end of the file",
                format!("{bytes} bytes"),
                ADVICE,
            ),
            _ => input::unreadable(file, &error),
        })
    };
    fill(&mut text, 10, "the magic number")?;
    if !text.starts_with(b"\x93NUMPY") {
        let found = format!("{:02x?}", &text[..6]);
        return Err(malformed(file, "the magic number", found, "'\\x93NUMPY'", ADVICE));
    }
    let mut length = usize::from(u16::from_le_bytes([text[8], text[9]]));
    if text[6] > 1 {
        fill(&mut text, 2, "the header's length")?;
        length |= usize::from(u16::from_le_bytes([text[10], text[11]])) << 16;
    }
    if length > LONGEST_HEADER {
        return Err(malformed(
            file,
            "the header's length",
            length.to_string(),
            format!("at most {LONGEST_HEADER}"),
            ADVICE,
        ));
    }
    let start = text.len();
    fill(&mut text, length, "the header")?;
    let brackets = text[start..].iter().filter(|c| b"([{".contains(c)).count();
    if brackets > MOST_BRACKETS {
        return Err(bad_header(file, &format!("nested or structured, with {brackets} brackets")));
    }
    Ok(text)
}

/// The shape, read by ourselves so that no product of it is taken before it is checked.
fn shape(header: &[u8], file: &Path) -> Result<Vec<u64>, DataError> {
    let text = String::from_utf8_lossy(header);
    let mut after = text.split("shape");
    let (_, Some(rest), None) = (after.next(), after.next(), after.next()) else {
        return Err(bad_header(file, "without exactly one 'shape'"));
    };
    let inner = rest
        .trim_start_matches(['\'', '"'])
        .trim_start()
        .strip_prefix(':')
        .and_then(|rest| rest.trim_start().strip_prefix('('))
        .and_then(|rest| rest.split_once(')'))
        .map(|(inner, _)| inner);
    let sizes = |inner: &str| {
        let sizes = inner.trim().trim_end_matches(',').split(',');
        sizes.map(|size| size.trim().parse().ok()).collect::<Option<Vec<u64>>>()
    };
    match inner.and_then(sizes) {
        Some(shape) if shape.len() <= 3 => Ok(shape),
        _ => Err(malformed(
            file,
            "the shape",
            inner.map_or("missing".into(), |inner| format!("({})", clean(inner))),
            "one to three sizes",
            "reshape the array",
        )),
    }
}

/// From Fortran order, where the first index runs fastest, to C order.
fn c_order(stored: &[f32], shape: &[usize]) -> Vec<f32> {
    let rows = shape[0];
    let (height, width) = match shape {
        [_, height, width] => (*height, *width),
        _ => (shape[1..].iter().product(), 1),
    };
    let mut values = Vec::with_capacity(stored.len());
    for row in 0..rows {
        for y in 0..height {
            values.extend((0..width).map(|x| stored[row + rows * (y + height * x)]));
        }
    }
    values
}

fn bad_header(file: &Path, found: &str) -> DataError {
    malformed(file, "the header", found, "a dictionary of descr, fortran_order and shape", ADVICE)
}

fn bad_type(file: &Path, found: &str) -> DataError {
    let wanted = "bool, an integer, or a float of 32 or 64 bits";
    malformed(file, "the element type", found, wanted, "convert it, for example with .astype('f4')")
}
