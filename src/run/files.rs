//! Reading files with a bound, writing them whole or not at all.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use atomic_write_file::AtomicWriteFile;

use super::RunError;

/// Writes a file under a temporary name, syncs it and renames it, so that a reader, or a crash,
/// sees either the old file or the new one.
///
/// # Errors
/// The system refuses; the old file is then as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let failed = |source| RunError::io("write", path)(source);
    let mut file = AtomicWriteFile::open(path).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.commit().map_err(failed)
}

/// Opens a regular file and gives its length.
pub(super) fn open_regular(path: &Path) -> Result<(File, u64), RunError> {
    let metadata = std::fs::metadata(path).map_err(RunError::io("read", path))?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "is a folder" } else { "is not a regular file" };
        return Err(RunError::file(path, format!("{what}, wanted a file")));
    }
    let file = File::open(path).map_err(RunError::io("read", path))?;
    Ok((file, metadata.len()))
}

/// Reads a text file of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, RunError> {
    let (file, length) = open_regular(path)?;
    if length > limit {
        let problem = format!("has {length} bytes, more than the {limit} that are read");
        return Err(RunError::file(path, problem));
    }
    let mut text = String::new();
    file.take(limit).read_to_string(&mut text).map_err(|error| {
        if error.kind() == std::io::ErrorKind::InvalidData {
            RunError::file(path, "is not UTF-8 text")
        } else {
            RunError::io("read", path)(error)
        }
    })?;
    Ok(text)
}

/// At most 200 printable characters of a text that somebody else wrote.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
