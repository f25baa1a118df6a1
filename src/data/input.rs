//! Opening and reading files that are not trusted.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::error::{DataError, clean, show};

/// Deflate cannot expand further than this (zlib, technical details).
const LARGEST_EXPANSION: u64 = 1032;
/// A stream that has unpacked to more than [`FREE_BYTES`] and more than this many times what it
/// took is refused: binarized MNIST expands 15-fold, a bomb 1000-fold.
pub(super) const TRUSTED_EXPANSION: u64 = 200;
/// What any stream may unpack to.
pub(super) const FREE_BYTES: u64 = 16 << 20;
/// The most values that memory is taken for before they were seen.
pub(super) const FIRST_VALUES: usize = 1 << 22;

/// Opens a regular file and tells its length.
pub(super) fn open(path: &Path) -> Result<(BufReader<File>, u64), DataError> {
    // Looked at before it is opened: opening a pipe blocks.
    let metadata = path.metadata().map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a device, pipe or socket" };
        return Err(DataError::NotRegular { file: show(path), found });
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let length = file.metadata().map_err(|error| unreadable(path, &error))?.len();
    if length == 0 {
        return Err(DataError::Empty { file: show(path), what: "0 bytes" });
    }
    Ok((BufReader::new(file), length))
}

/// An error of the system or of a decoder.
pub(super) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> DataError {
    DataError::Read { file: show(path), reason: clean(&error.to_string()) }
}

/// A file, unpacked on the way if it is gzip (which its first bytes tell, not its name).
pub(super) struct Input {
    path: PathBuf,
    length: u64,
    stream: Stream,
}

enum Stream {
    Plain(BufReader<File>),
    Gzip { decoder: Box<MultiGzDecoder<Counted>>, unpacked: u64 },
}

impl Input {
    /// Opens `path`.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let (mut reader, length) = open(path)?;
        let start = reader.fill_buf().map_err(|error| unreadable(path, &error))?;
        let stream = if start.starts_with(&[0x1f, 0x8b]) {
            let decoder = Box::new(MultiGzDecoder::new(Counted { reader, taken: 0 }));
            Stream::Gzip { decoder, unpacked: 0 }
        } else {
            Stream::Plain(reader)
        };
        Ok(Self { path: path.into(), length, stream })
    }

    /// Checks that the stream can hold `wanted` bytes: exactly, if it is plain; by the bound of
    /// the compression, if it is packed.
    pub fn check_length(&self, wanted: u64) -> Result<(), DataError> {
        let (field, fits) = match self.stream {
            Stream::Plain(_) => ("its length", self.length == wanted),
            Stream::Gzip { .. } => {
                ("its packed length", wanted <= self.length.saturating_mul(LARGEST_EXPANSION))
            }
        };
        if fits {
            return Ok(());
        }
        let held = match self.stream {
            Stream::Plain(_) => format!("the {wanted} bytes that its header promises"),
            Stream::Gzip { .. } => {
                format!("enough for the {wanted} bytes that its header promises")
            }
        };
        Err(malformed(&self.path, field, format!("{} bytes", self.length), held, DAMAGED))
    }

    /// Fills `buffer`; `what` names the field if the file ends before.
    pub fn exact(&mut self, buffer: &mut [u8], what: &str) -> Result<(), DataError> {
        self.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => malformed(
                &self.path,
                what,
                "cut off by the end of the file",
                format!("{} bytes", buffer.len()),
                DAMAGED,
            ),
            _ => unreadable(&self.path, &error),
        })
    }
}

const DAMAGED: &str = "the file is damaged or of another format: fetch or write it again";

/// An error about a field of a file.
pub(super) fn malformed(
    path: &Path,
    field: impl Into<String>,
    found: impl Into<String>,
    wanted: impl Into<String>,
    advice: &'static str,
) -> DataError {
    DataError::Malformed {
        file: show(path),
        field: field.into(),
        found: clean(&found.into()),
        wanted: wanted.into(),
        advice,
    }
}

/// Reads exactly `count` unsigned bytes as values, and the end of the stream after them.
pub(super) fn bytes(
    reader: &mut impl Read,
    count: usize,
    path: &Path,
) -> Result<Vec<f32>, DataError> {
    let mut values: Vec<f32> = Vec::with_capacity(count.min(FIRST_VALUES));
    let mut buffer = [0; 1 << 16];
    loop {
        // One byte more than there should be tells of a tail.
        let room = buffer.len().min(count - values.len() + 1);
        let read = match reader.read(&mut buffer[..room]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other.map_err(|error| unreadable(path, &error))?,
        };
        if values.len() + read > count || (read == 0 && values.len() < count) {
            let found = if read == 0 { values.len().to_string() } else { format!("over {count}") };
            return Err(length(path, found, count));
        }
        if read == 0 {
            return Ok(values);
        }
        values.extend(buffer[..read].iter().map(|&byte| f32::from(byte)));
    }
}

/// An error about the number of values in a file.
pub(super) fn length(path: &Path, found: String, wanted: usize) -> DataError {
    malformed(path, "the number of values", found, format!("{wanted}, as its header says"), DAMAGED)
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(reader) => reader.read(buffer),
            Stream::Gzip { decoder, unpacked } => {
                let read = decoder.read(buffer)?;
                *unpacked += read as u64;
                if *unpacked > FREE_BYTES
                    && *unpacked > decoder.get_ref().taken.saturating_mul(TRUSTED_EXPANSION)
                {
                    return Err(io::Error::other(format!(
                        "it unpacks to more than {TRUSTED_EXPANSION} times its size, as an attack would; if you trust it, unpack it with gunzip first"
                    )));
                }
                Ok(read)
            }
        }
    }
}

/// Counts the packed bytes that the decoder took.
struct Counted {
    reader: BufReader<File>,
    taken: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.taken += read as u64;
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.taken += amount as u64;
        self.reader.consume(amount);
    }
}
