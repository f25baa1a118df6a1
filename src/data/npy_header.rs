//! The header of a .npy file: a Python dictionary with three keys. What NumPy writes for a plain
//! array of numbers is read, nothing else of Python. Source: NEP 1.

use std::io::Read;
use std::path::Path;

use super::error::{DataError, clean};
use super::input::{self, malformed};

/// NumPy's own limit (`max_header_size`).
const LONGEST_HEADER: usize = 10_000;
/// A header of a plain array has two: one for the dictionary, one for the shape.
const MOST_BRACKETS: usize = 8;
pub(super) const ADVICE: &str = "write it again with numpy.save from a plain array of numbers";

/// What the header says.
pub(super) struct Header {
    pub shape: Vec<u64>,
    pub element: Element,
    /// The element's type in NumPy's words.
    pub descr: String,
    /// Whether the first index runs fastest.
    pub fortran: bool,
    /// Bytes before the numbers.
    pub length: u64,
}

/// The type of a number.
#[derive(Clone, Copy)]
pub(super) struct Element {
    /// NumPy's letter for it.
    pub kind: u8,
    pub bytes: u64,
    pub big_endian: bool,
}

impl Header {
    /// Reads the header and no further.
    pub fn read(reader: &mut impl Read, file: &Path) -> Result<Self, DataError> {
        let bytes = bytes(reader, file)?;
        let text = String::from_utf8_lossy(&bytes);
        let shape = shape(&text, file)?;
        let version = bytes[6];
        if !matches!(version, 1..=3) {
            return Err(bad_header(file, &format!("of version {version}")));
        }
        let order = after(&text, "fortran_order", file)?;
        let (fortran, rest) = if let Some(rest) = order.strip_prefix("True") {
            (true, rest)
        } else if let Some(rest) = order.strip_prefix("False") {
            (false, rest)
        } else {
            return Err(bad_header(file, "without True or False for 'fortran_order'"));
        };
        ends(rest, "fortran_order", file)?;
        let descr = after(&text, "descr", file)?;
        let Some(quote) = descr.chars().next().filter(|first| matches!(first, '\'' | '"')) else {
            return Err(bad_type(file, descr));
        };
        let Some((descr, rest)) = descr[1..].split_once(quote) else {
            return Err(bad_header(file, "without an end of 'descr'"));
        };
        ends(rest, "descr", file)?;
        let element = Element::named(descr).ok_or_else(|| bad_type(file, descr))?;
        Ok(Self { shape, element, descr: descr.into(), fortran, length: bytes.len() as u64 })
    }

    /// The number of dimensions, whatever the elements are.
    pub fn rank(reader: &mut impl Read, file: &Path) -> Result<usize, DataError> {
        Ok(shape(&String::from_utf8_lossy(&bytes(reader, file)?), file)?.len())
    }
}

impl Element {
    /// Reads for example `<f4`; none for what is no number or another one.
    fn named(descr: &str) -> Option<Self> {
        let [order, kind, size @ ..] = descr.as_bytes() else { return None };
        let [size @ b'1'..=b'8'] = size else { return None };
        let bytes = u64::from(size - b'0');
        if !matches!((kind, bytes), (b'f', 4 | 8) | (b'u' | b'i', 1 | 2 | 4 | 8) | (b'b', 1)) {
            return None;
        }
        let big_endian = match order {
            b'<' => false,
            b'>' => true,
            b'|' if bytes == 1 => false,
            _ => return None,
        };
        Some(Self { kind: *kind, bytes, big_endian })
    }
}

/// Everything before the numbers, with the magic number: refused here if it is not a short flat
/// dictionary.
fn bytes(reader: &mut impl Read, file: &Path) -> Result<Vec<u8>, DataError> {
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

/// The sizes. No product of them is taken before it is checked.
fn shape(text: &str, file: &Path) -> Result<Vec<u64>, DataError> {
    let inner = after(text, "shape", file)?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let sizes = |inner: &str| {
        let sizes = inner.trim().trim_end_matches(',').split(',');
        sizes.map(|size| size.trim().parse().ok()).collect::<Option<Vec<u64>>>()
    };
    match inner.and_then(|(inner, _)| sizes(inner)) {
        Some(shape) if shape.len() <= 3 => {
            ends(inner.map_or("", |(_, rest)| rest), "shape", file)?;
            Ok(shape)
        }
        _ => Err(malformed(
            file,
            "the shape",
            inner.map_or("missing".into(), |(inner, _)| format!("({})", clean(inner))),
            "one to three sizes",
            "reshape the array",
        )),
    }
}

/// What follows a key, which must be there once.
fn after<'a>(text: &'a str, key: &str, file: &Path) -> Result<&'a str, DataError> {
    let mut parts = text.split(key);
    let (_, Some(rest), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(bad_header(file, &format!("without exactly one '{key}'")));
    };
    let rest = rest.strip_prefix(['\'', '"']).and_then(|rest| rest.trim_start().strip_prefix(':'));
    rest.map(str::trim_start)
        .ok_or_else(|| bad_header(file, &format!("without a colon after '{key}'")))
}

/// Checks that a value ends where a dictionary's may.
fn ends(rest: &str, key: &str, file: &Path) -> Result<(), DataError> {
    if rest.trim_start().starts_with([',', '}']) {
        return Ok(());
    }
    Err(bad_header(file, &format!("with more than a value for '{key}'")))
}

fn bad_header(file: &Path, found: &str) -> DataError {
    malformed(file, "the header", found, "a dictionary of descr, fortran_order and shape", ADVICE)
}

pub(super) fn bad_type(file: &Path, found: &str) -> DataError {
    let wanted = "bool, an integer, or a float of 32 or 64 bits";
    malformed(file, "the element type", found, wanted, "convert it, for example with .astype('f4')")
}
