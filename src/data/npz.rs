//! .npz: a zip of .npy files. Only stored and deflated entries are read.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::error::{DataError, clean};
use super::input::{self, FREE_BYTES, TRUSTED_EXPANSION, malformed};
use super::npy_header::Header;
use super::part::{Part, Parts, labels_from_numbers};
use super::{Options, npy};

const MOST_ENTRIES: usize = 64;
const ADVICE: &str = "write it again with numpy.savez, or each array with numpy.save";

/// Names of the arrays, the first that is there is taken.
const TRAIN: &[&str] = &["x_train", "train", "train_data", "x", "data"];
const VALIDATION: &[&str] = &["x_valid", "x_val", "valid", "validation", "val", "valid_data"];
const TEST: &[&str] = &["x_test", "test", "test_data"];
const TRAIN_LABELS: &[&str] = &["y_train", "train_labels", "y", "labels", "target"];
const VALIDATION_LABELS: &[&str] = &["y_valid", "y_val", "valid_labels"];
const TEST_LABELS: &[&str] = &["y_test", "test_labels"];

struct Archive<'a> {
    zip: ZipArchive<BufReader<File>>,
    names: Vec<String>,
    length: u64,
    path: &'a Path,
    options: &'a Options,
}

/// Reads the parts of an archive; [`load`](super::load) lists the names.
pub(super) fn read(path: &Path, options: &Options) -> Result<Parts, DataError> {
    let mut archive = Archive::open(path, options)?;
    let mut train = match archive.part(TRAIN)? {
        Some(part) => part,
        None => archive.only_matrix()?,
    };
    archive.attach(&mut train, TRAIN_LABELS)?;
    let mut held_out = |names, label_names| -> Result<Option<Part>, DataError> {
        let mut part = archive.part(names)?;
        if let Some(part) = &mut part {
            archive.attach(part, label_names)?;
        }
        Ok(part)
    };
    let validation = held_out(VALIDATION, VALIDATION_LABELS)?;
    let test = held_out(TEST, TEST_LABELS)?;
    Ok(Parts { train, validation, test })
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path, options: &'a Options) -> Result<Self, DataError> {
        let (mut reader, length) = input::open(path)?;
        let entries = check_directory(&mut reader, length, path)?;
        let mut zip = ZipArchive::new(reader).map_err(|error| input::unreadable(path, &error))?;
        let twice = |name: &str| {
            let found = format!("{name} twice");
            malformed(path, "its directory", found, "each name once", ADVICE)
        };
        // The library keeps the last entry of a name.
        if zip.len() != entries {
            return Err(twice("a name"));
        }
        let mut names: Vec<String> = Vec::new();
        for index in 0..entries {
            let entry = zip.by_index_raw(index);
            let entry = entry.map_err(|error| input::unreadable(path, &error))?;
            let name = entry.name().map_err(|error| input::unreadable(path, &error))?;
            let name = name.strip_suffix(".npy").unwrap_or_default().to_lowercase();
            if !name.is_empty() && names.contains(&name) {
                return Err(twice(&format!("the name '{name}'")));
            }
            names.push(name);
        }
        Ok(Self { zip, names, length, path, options })
    }

    fn find(&self, wanted: &[&str]) -> Option<usize> {
        wanted.iter().find_map(|name| self.names.iter().position(|there| there == name))
    }

    /// What messages call an array.
    fn file(&self, index: usize) -> PathBuf {
        self.path.join(clean(&self.names[index]))
    }

    fn part(&mut self, wanted: &[&str]) -> Result<Option<Part>, DataError> {
        let Some(index) = self.find(wanted) else { return Ok(None) };
        npy::examples(self.array(index)?, &self.file(index)).map(Some)
    }

    fn attach(&mut self, part: &mut Part, wanted: &[&str]) -> Result<(), DataError> {
        let Some(index) = self.find(wanted) else { return Ok(()) };
        let file = self.file(index);
        let labels = self.array(index)?;
        part.attach(labels_from_numbers(&labels.values, &file)?, &file)
    }

    /// The one array that has two or three dimensions.
    fn only_matrix(&mut self) -> Result<Part, DataError> {
        let mut matrices = Vec::new();
        for index in 0..self.names.len() {
            if self.names[index].is_empty() {
                continue;
            }
            let file = self.file(index);
            // What has no shape that we read is no candidate.
            let rank = Header::rank(&mut self.entry(index)?.0, &file).unwrap_or(0);
            if matches!(rank, 2..=3) {
                matrices.push(index);
            }
        }
        match matrices[..] {
            [index] => npy::examples(self.array(index)?, &self.file(index)),
            _ => Err(malformed(
                self.path,
                "its list of arrays",
                format!("[{}]", self.names.join(", ")),
                format!("one called {}, or only one of two or three dimensions", TRAIN.join(", ")),
                "rename the training array",
            )),
        }
    }

    fn array(&mut self, index: usize) -> Result<npy::Array, DataError> {
        let (file, options) = (self.file(index), self.options);
        let (mut entry, length) = self.entry(index)?;
        npy::array(&mut entry, length, &file, options)
    }

    /// An entry's bytes, unpacked, and how many the directory says they are. The reader goes one
    /// byte further, to meet the end of the stream, where the checksum is compared, or a tail.
    fn entry(&mut self, index: usize) -> Result<(impl Read, u64), DataError> {
        let file = self.file(index);
        let unreadable = |error: &dyn std::fmt::Display| input::unreadable(&file, error);
        let raw = self.zip.by_index_raw(index).map_err(|error| unreadable(&error))?;
        let (size, packed) = (raw.size(), raw.compressed_size());
        let method = format!("{:?}", raw.compression());
        drop(raw);
        if method != "Stored" && method != "Deflated" {
            return Err(malformed(&file, "its compression", method, "none or deflate", ADVICE));
        }
        let bomb = size > FREE_BYTES && size > packed.saturating_mul(TRUSTED_EXPANSION);
        if packed > self.length || bomb {
            return Err(malformed(
                &file,
                "its unpacked size",
                format!("{size} bytes out of {packed}"),
                format!("at most {TRUSTED_EXPANSION} times its packed size"),
                "if you trust it, write it again with numpy.savez, uncompressed",
            ));
        }
        let entry = self.zip.by_index(index).map_err(|error| unreadable(&error))?;
        Ok((entry.take(size.saturating_add(1)), size))
    }
}

/// Looks at the end of the directory before the zip library does: it trusts the number of entries,
/// and looks through the whole file for a 64-bit directory. Returns the number of entries.
fn check_directory(
    reader: &mut BufReader<File>,
    length: u64,
    path: &Path,
) -> Result<usize, DataError> {
    const RECORD: usize = 22;
    const LOCATOR: usize = 20;
    let mut tail = Vec::new();
    let start = length.saturating_sub((RECORD + LOCATOR + usize::from(u16::MAX)) as u64);
    reader
        .seek(SeekFrom::Start(start))
        .and_then(|_| reader.read_to_end(&mut tail))
        .map_err(|error| input::unreadable(path, &error))?;
    let bad =
        |found: String, wanted: String| malformed(path, "its directory", found, wanted, ADVICE);
    let Some(at) = tail.windows(RECORD).rposition(|window| window.starts_with(b"PK\x05\x06"))
    else {
        return Err(bad("missing".into(), "that of a zip archive".into()));
    };
    let field = |offset: usize| u16::from_le_bytes([tail[at + offset], tail[at + offset + 1]]);
    if usize::from(field(20)) != tail.len() - at - RECORD {
        return Err(bad("followed by other bytes".into(), "at the end of the file".into()));
    }
    if at >= LOCATOR && tail[at - LOCATOR..].starts_with(b"PK\x06\x07") {
        return Err(bad("a 64-bit one".into(), "that of an archive under 4 GiB".into()));
    }
    let entries = usize::from(field(8).max(field(10)));
    if entries > MOST_ENTRIES {
        return Err(bad(format!("{entries} entries long"), format!("at most {MOST_ENTRIES}")));
    }
    reader.rewind().map_err(|error| input::unreadable(path, &error))?;
    Ok(entries)
}
