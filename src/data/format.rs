//! Which format a file has.

use std::io::Read;
use std::path::Path;

use super::error::DataError;
use super::input::{self, Input, malformed};
use super::part::Part;
use super::{Options, csv, idx, npy};

/// The formats of single files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Idx,
    Npy,
    Npz,
    Csv,
    Png,
}

impl Format {
    /// The format that a file's name tells.
    pub fn by_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension {
            "npy" => Some(Self::Npy),
            "npz" => Some(Self::Npz),
            "csv" => Some(Self::Csv),
            "png" => Some(Self::Png),
            "idx" => Some(Self::Idx),
            _ => name.contains("ubyte").then_some(Self::Idx),
        }
    }

    /// The format of a file, by its name, else by its first bytes.
    pub fn of(path: &Path) -> Result<Self, DataError> {
        if let Some(format) = Self::by_name(path) {
            return Ok(format);
        }
        let mut start = Vec::new();
        Input::open(path)?
            .take(8)
            .read_to_end(&mut start)
            .map_err(|error| input::unreadable(path, &error))?;
        if idx::is_idx(&start) {
            Ok(Self::Idx)
        } else if start.starts_with(b"\x93NUMPY") {
            Ok(Self::Npy)
        } else if start.starts_with(b"PK\x03\x04") {
            Ok(Self::Npz)
        } else if start.starts_with(b"\x89PNG") {
            Ok(Self::Png)
        } else {
            Err(malformed(
                path,
                "its format",
                format!("unknown, its first bytes are {start:02x?}"),
                "IDX, .npy, .npz, .csv or a folder of PNGs",
                "convert the data, or add the extension if it is missing",
            ))
        }
    }

    /// Reads a file that holds one part.
    pub fn read(self, path: &Path, options: &Options) -> Result<Part, DataError> {
        match self {
            Self::Idx => idx::read(path, options),
            Self::Npy => npy::read(path, options),
            Self::Csv => csv::read(path, options),
            Self::Npz | Self::Png => Err(malformed(
                path,
                "its format",
                format!("{self:?}"),
                "a file that holds one part: IDX, .npy or .csv",
                "for pictures give the folder that they are in",
            )),
        }
    }
}
