//! .npy, NumPy's array format, versions 1 to 3. Source: NEP 1.

use std::io::Read;
use std::path::Path;

use super::error::DataError;
use super::input::{self, FIRST_VALUES, malformed};
use super::npy_header::{ADVICE, Header, bad_type};
use super::part::{self, Part};
use super::{ImageShape, Options};

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

/// Reads an array from a stream of `length` bytes.
pub(super) fn array(
    reader: &mut impl Read,
    length: u64,
    file: &Path,
    options: &Options,
) -> Result<Array, DataError> {
    let header = Header::read(reader, file)?;
    let (shape, element) = (&header.shape, header.element);
    let promised = shape
        .iter()
        .try_fold(element.bytes, |product, &size| product.checked_mul(size))
        .and_then(|bytes| bytes.checked_add(header.length));
    if promised != Some(length) {
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
    let count = part::count(file, shape, options)?;
    let mut numbers = Numbers { reader: &mut *reader, count, big_endian: element.big_endian, file };
    let stored = match (element.kind, element.bytes) {
        (b'f', 4) => numbers.read(f32::from_le_bytes),
        (b'f', 8) => numbers.read(|bytes| f64::from_le_bytes(bytes) as f32),
        (b'u', 1) => numbers.read(|[byte]| f32::from(byte)),
        (b'u', 2) => numbers.read(|bytes| f32::from(u16::from_le_bytes(bytes))),
        (b'u', 4) => numbers.read(|bytes| u32::from_le_bytes(bytes) as f32),
        (b'u', 8) => numbers.read(|bytes| u64::from_le_bytes(bytes) as f32),
        (b'i', 1) => numbers.read(|bytes| f32::from(i8::from_le_bytes(bytes))),
        (b'i', 2) => numbers.read(|bytes| f32::from(i16::from_le_bytes(bytes))),
        (b'i', 4) => numbers.read(|bytes| i32::from_le_bytes(bytes) as f32),
        (b'i', 8) => numbers.read(|bytes| i64::from_le_bytes(bytes) as f32),
        (b'b', 1) => numbers.read(|[byte]| f32::from(byte)),
        _ => Err(bad_type(file, &header.descr)),
    }?;
    if element.kind == b'b'
        && let Some(value) = stored.iter().find(|value| **value > 1.0)
    {
        return Err(input::unreadable(file, &format!("a bool of {value}")));
    }
    // The end of a packed stream is where its checksum is looked at.
    let tail = reader.read(&mut [0]).map_err(|error| input::unreadable(file, &error))?;
    if tail != 0 {
        return Err(input::length(file, format!("over {count}"), count));
    }
    let shape: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
    let values = if header.fortran { c_order(&stored, &shape) } else { stored };
    Ok(Array { shape, values, bytes: (element.kind, element.bytes) == (b'u', 1) })
}

/// Numbers that are to be read.
struct Numbers<'a, R> {
    reader: &'a mut R,
    count: usize,
    big_endian: bool,
    file: &'a Path,
}

impl<R: Read> Numbers<'_, R> {
    /// Reads them all; `convert` takes an element's bytes, the lowest first.
    fn read<const N: usize>(
        &mut self,
        convert: impl Fn([u8; N]) -> f32,
    ) -> Result<Vec<f32>, DataError> {
        let mut values = Vec::with_capacity(self.count.min(FIRST_VALUES));
        let mut buffer = vec![[0; N]; self.count.min(1 << 14)];
        while values.len() < self.count {
            let room = buffer.len().min(self.count - values.len());
            let elements = &mut buffer[..room];
            self.reader
                .read_exact(elements.as_flattened_mut())
                .map_err(|error| input::unreadable(self.file, &error))?;
            if self.big_endian {
                elements.iter_mut().for_each(|element| element.reverse());
            }
            values.extend(elements.iter().map(|element| convert(*element)));
        }
        Ok(values)
    }
}

/// A matrix as a file of version 1, with the text and the padding of NumPy's own.
pub(crate) fn write(values: &[f32], rows: usize, columns: usize) -> Vec<u8> {
    /// NumPy begins the numbers at a multiple of this.
    const ALIGNMENT: usize = 64;
    const BEFORE: usize = 10;
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Two sizes of at most 20 digits: 110 bytes at most, which two bytes of length hold.
    let length = (BEFORE + header.len() + 1).next_multiple_of(ALIGNMENT) - BEFORE;
    header.push_str(&" ".repeat(length - 1 - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
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

#[cfg(test)]
mod tests {
    /// What `numpy.save("x.npy", numpy.float32([[1, 2, 3], [4, 5, 6]]))` of NumPy 1.26 writes.
    #[test]
    fn written_as_numpy_does() {
        let bytes = super::write(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3);
        let (header, numbers) = bytes.split_at(128);
        assert_eq!(&header[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        assert_eq!(header[10..], *format!("{text:<117}\n").as_bytes());
        let read: Vec<f32> =
            numbers.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        assert_eq!(read, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
