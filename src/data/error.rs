//! What can go wrong with data.

use std::path::Path;

/// An error of the data layer. Text that comes from a file is cut and stripped of control
/// characters before it enters a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The source is neither a built-in set nor a path.
    #[error(
        "no built-in data set and no file is called '{name}'{}; built-in sets: {}; or give the path of an IDX, .npy, .npz or .csv file or of a folder of PNGs",
        did_you_mean(suggestion.as_deref()), available.join(", ")
    )]
    UnknownSource {
        /// What was asked for.
        name: String,
        /// The built-in name nearest to it.
        suggestion: Option<String>,
        /// The built-in names.
        available: &'static [&'static str],
    },
    /// The system refused to open, list or read a file, or its compressed stream is broken.
    #[error("cannot read {file}: {reason}")]
    Read {
        /// The file.
        file: String,
        /// The system's or the decoder's words.
        reason: String,
    },
    /// A device, a pipe, a socket.
    #[error("{file} is {found}, wanted a regular file or a folder; copy the data into a file")]
    NotRegular {
        /// The file.
        file: String,
        /// What it is.
        found: &'static str,
    },
    /// A file holds no example.
    #[error("{file} holds no data ({what}); give a file with at least one example")]
    Empty {
        /// The file or folder.
        file: String,
        /// What is missing.
        what: &'static str,
    },
    /// A field of a file is not as its format demands.
    #[error("{file}: {field} is {found}, wanted {wanted}; {advice}")]
    Malformed {
        /// The file.
        file: String,
        /// The field of the format.
        field: String,
        /// What it says.
        found: String,
        /// What would be right.
        wanted: String,
        /// What to do.
        advice: &'static str,
    },
    /// A value is not a finite number, or not a class.
    #[error("{file}, {place}: found {found}, wanted {wanted}; correct or remove it")]
    Cell {
        /// The file.
        file: String,
        /// Row and column.
        place: String,
        /// The text or value.
        found: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// The values would take more memory than is allowed.
    #[error(
        "{file}: its values need {} MiB of memory, more than the cap of {} MiB; use fewer examples or raise the cap",
        needed.div_ceil(1 << 20), cap >> 20
    )]
    TooLarge {
        /// The file.
        file: String,
        /// Bytes that the values take as f32; a lower bound where the file was not read on.
        needed: u64,
        /// [`Options::max_bytes`](super::Options::max_bytes).
        cap: u64,
    },
    /// Two files that belong together do not fit.
    #[error(
        "{file} has {found} and {other} has {wanted}; they must agree: replace one, or move it to another folder"
    )]
    Mismatch {
        /// The file that came second.
        file: String,
        /// What it has.
        found: String,
        /// The file that came first.
        other: String,
        /// What that one has.
        wanted: String,
    },
    /// The label column is not in the file.
    #[error(
        "{file} has no column '{label}' for the labels{}; {columns}",
        did_you_mean(suggestion.as_deref())
    )]
    UnknownLabel {
        /// The file.
        file: String,
        /// What was asked for.
        label: String,
        /// The column name nearest to it.
        suggestion: Option<String>,
        /// The columns that there are.
        columns: String,
    },
    /// An option has a value that it cannot have.
    #[error("{option} is {found}, wanted {wanted}")]
    Option {
        /// The option.
        option: String,
        /// Its value.
        found: String,
        /// What would be right.
        wanted: String,
    },
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

/// Untrusted text for a message: at most 200 characters, none of them a control character.
pub(super) fn clean(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(LONGEST + 1).collect();
    if let Some((end, _)) = shown.char_indices().nth(LONGEST) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// A path for a message. A long one loses its beginning, because its end says more.
pub(super) fn show(path: &Path) -> String {
    const LONGEST: usize = 200;
    let text: String = path.to_string_lossy().chars().filter(|c| !c.is_control()).collect();
    match text.char_indices().rev().nth(LONGEST) {
        Some((start, first)) => format!("…{}", &text[start + first.len_utf8()..]),
        None => text,
    }
}

/// The candidate most like `name`, if one is near enough to be a slip of the pen.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let name = clean(name).to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| clean(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_is_cut_and_stripped() {
        assert_eq!(clean("a\u{1b}[31mb\nc\0"), "a[31mbc");
        let long = clean(&"é".repeat(5000));
        assert_eq!(long.chars().count(), 201);
        assert!(long.ends_with('…'));
        assert_eq!(clean(&"é".repeat(200)), "é".repeat(200));
        let path = show(Path::new(&format!("{}/x\u{7}.npy", "é".repeat(300))));
        assert_eq!(path.chars().count(), 201);
        assert!(path.ends_with("/x.npy"));
    }

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(nearest("Digit", ["digits", "bars"]).as_deref(), Some("digits"));
        assert_eq!(nearest("mnist", ["digits", "bars-and-stripes"]), None);
    }
}
