//! Files that belong together, found by their names.

use std::path::{Path, PathBuf};

use super::error::DataError;
use super::format::Format;
use super::part::{Part, Parts};
use super::{Options, idx, npz};

/// Reads a file, and the labels and other parts that lie beside it.
pub(super) fn read(path: &Path, options: &Options) -> Result<Parts, DataError> {
    let format = Format::of(path)?;
    if format == Format::Npz {
        return npz::read(path, options);
    }
    let train = labelled(path, format, options)?;
    let held_out = |words: &[&str]| match sibling(path, words) {
        Some(other) => labelled(&other, format, options).map(Some),
        None => Ok(None),
    };
    let validation = held_out(&["validation", "valid", "val"])?;
    Ok(Parts { train, validation, test: held_out(&["t10k", "test"])? })
}

fn labelled(path: &Path, format: Format, options: &Options) -> Result<Part, DataError> {
    let mut part = format.read(path, options)?;
    if format == Format::Idx
        && let Some(labels) = label_file(path)
    {
        part.attach(idx::read_labels(&labels, options)?, &labels)?;
    }
    Ok(part)
}

/// The file whose name has one of `words` in place of its last `train`.
fn sibling(path: &Path, words: &[&str]) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let (before, after) = name.rsplit_once("train")?;
    words.iter().find_map(|word| existing(path, &format!("{before}{word}{after}")))
}

/// The IDX file of labels beside an IDX file of pictures.
fn label_file(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let labels = name.replace("images", "labels").replace("idx3", "idx1").replace("idx2", "idx1");
    (labels != name).then(|| existing(path, &labels))?
}

/// The file of that name in the folder of `path`, packed or not.
fn existing(path: &Path, name: &str) -> Option<PathBuf> {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    [name, plain, &format!("{plain}.gz")]
        .into_iter()
        .map(|name| path.with_file_name(name))
        .find(|path| path.exists())
}
