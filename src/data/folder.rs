//! Folders: IDX files as MNIST comes, or pictures.

use std::path::{Path, PathBuf};

use super::Options;
use super::error::DataError;
use super::format::Format;
use super::input::{malformed, unreadable};
use super::part::{Labels, Parts};
use super::{png, siblings};

/// Reads a folder. IDX files go before pictures; pictures lie either in the folder itself or in
/// one sub-folder for each class.
pub(super) fn read(path: &Path, options: &Options) -> Result<Parts, DataError> {
    let entries = list(path)?;
    if let Some(train) = training_file(path, &entries)? {
        return siblings::read(&train, options);
    }
    let mut pictures = pictures(&entries);
    let mut ids = Vec::new();
    let mut names = Vec::new();
    for class in entries.iter().filter(|entry| entry.is_dir()) {
        let found = self::pictures(&list(class)?);
        if found.is_empty() {
            continue;
        }
        if ids.len() < pictures.len() {
            return Err(malformed(
                path,
                "its content",
                "PNGs both in it and in its sub-folders",
                "one or the other",
                "move the pictures into sub-folders, one for each class",
            ));
        }
        ids.resize(ids.len() + found.len(), names.len() as u32);
        names.push(class.file_name().unwrap_or_default().to_string_lossy().into_owned());
        pictures.extend(found);
    }
    let mut train = png::read(path, &pictures, options)?;
    train.labels = (!names.is_empty()).then_some(Labels { ids, names: Some(names) });
    Ok(Parts { train, validation: None, test: None })
}

/// The visible entries of a folder in the order of their names.
fn list(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut entries = Vec::new();
    for entry in folder.read_dir().map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

fn pictures(entries: &[PathBuf]) -> Vec<PathBuf> {
    let picture = |path: &&PathBuf| Format::by_name(path) == Some(Format::Png) && path.is_file();
    entries.iter().filter(picture).cloned().collect()
}

/// The one IDX file of training examples, if there are IDX files.
fn training_file(folder: &Path, entries: &[PathBuf]) -> Result<Option<PathBuf>, DataError> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let examples: Vec<&PathBuf> = entries
        .iter()
        .filter(|path| Format::by_name(path) == Some(Format::Idx) && path.is_file())
        .filter(|path| !name(path).contains("label") && !name(path).contains("idx1"))
        // The same file may lie there packed and unpacked.
        .filter(|path| {
            name(path)
                .strip_suffix(".gz")
                .is_none_or(|plain| !entries.contains(&path.with_file_name(plain)))
        })
        .collect();
    let training: Vec<&PathBuf> =
        examples.iter().copied().filter(|path| name(path).contains("train")).collect();
    match (&training[..], &examples[..]) {
        ([path], _) | ([], [path]) => Ok(Some((*path).clone())),
        ([], []) => Ok(None),
        _ => {
            let names: Vec<String> = examples.iter().map(|path| name(path)).collect();
            Err(malformed(
                folder,
                "its list of IDX files",
                names.join(", "),
                "one with 'train' in its name",
                "give the path of the file to train on",
            ))
        }
    }
}
