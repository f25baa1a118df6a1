//! What a file holds, before splitting and scaling.

use std::path::{Path, PathBuf};

use super::error::{DataError, clean, show};
use super::{ImageShape, Options};

/// Labels above this are taken for a mistake, before someone makes a column for each class.
const LARGEST_LABEL: u32 = 65_535;

/// The examples of one file, with the values that stand in it.
#[derive(Debug)]
pub(super) struct Part {
    /// The file, for messages.
    pub file: PathBuf,
    pub rows: usize,
    pub columns: usize,
    /// `rows × columns` values, row-major.
    pub values: Vec<f32>,
    /// Whether the values are unsigned bytes, 0 to 255.
    pub bytes: bool,
    pub image: Option<ImageShape>,
    pub labels: Option<Labels>,
}

/// A class for each example.
#[derive(Debug)]
pub(super) struct Labels {
    pub ids: Vec<u32>,
    /// Where the source writes classes as text: what each id stands for.
    pub names: Option<Vec<String>>,
}

/// The parts of a source.
#[derive(Debug)]
pub(super) struct Parts {
    pub train: Part,
    pub validation: Option<Part>,
    pub test: Option<Part>,
}

impl Part {
    /// Joins labels from `file` on.
    pub fn attach(&mut self, labels: Vec<u32>, file: &Path) -> Result<(), DataError> {
        if labels.len() != self.rows {
            return Err(DataError::Mismatch {
                file: show(file),
                found: format!("{} labels", labels.len()),
                other: show(&self.file),
                wanted: format!("{} examples", self.rows),
            });
        }
        self.labels = Some(Labels { ids: labels, names: None });
        Ok(())
    }

    /// An error at the first value that is not a finite f32.
    pub fn check_finite(&self) -> Result<(), DataError> {
        match self.values.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(index) => Err(DataError::Cell {
                file: show(&self.file),
                place: format!(
                    "row {}, column {} (counted from 0)",
                    index / self.columns,
                    index % self.columns
                ),
                found: self.values[index].to_string(),
                wanted: "a finite number within the range of 32-bit floats",
            }),
        }
    }
}

/// Labels from numbers.
pub(super) fn labels_from_numbers(values: &[f32], file: &Path) -> Result<Vec<u32>, DataError> {
    let label = |(row, &value): (usize, &f32)| {
        let whole = value.fract() == 0.0 && (0.0..=LARGEST_LABEL as f32).contains(&value);
        if whole { Ok(value as u32) } else { Err(bad_label(file, row, value.to_string())) }
    };
    values.iter().enumerate().map(label).collect()
}

/// The whole number from 0 to 65,535 that a label's text means, if it means one.
pub(super) fn label_from_text(text: &str) -> Option<u32> {
    let value: f64 = text.parse().ok()?;
    (value.fract() == 0.0 && (0.0..=f64::from(LARGEST_LABEL)).contains(&value))
        .then_some(value as u32)
}

fn bad_label(file: &Path, row: usize, found: String) -> DataError {
    DataError::Cell {
        file: show(file),
        place: format!("label of row {row} (counted from 0)"),
        found: clean(&found),
        wanted: "a whole number from 0 to 65535",
    }
}

/// Checks a shape from a header: no zero, no overflow, within the cap. Returns the number of
/// values.
pub(super) fn count(file: &Path, shape: &[u64], options: &Options) -> Result<usize, DataError> {
    if shape.contains(&0) {
        let what = if shape[0] == 0 { "0 rows" } else { "examples of 0 values" };
        return Err(DataError::Empty { file: show(file), what });
    }
    let values = shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size));
    let needed = values.and_then(|count| count.checked_mul(4)).unwrap_or(u64::MAX);
    match usize::try_from(needed) {
        Ok(bytes) if needed <= options.max_bytes => Ok(bytes / 4),
        _ => Err(DataError::TooLarge { file: show(file), needed, cap: options.max_bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_must_be_small_whole_numbers() {
        let file = Path::new("y.npy");
        assert_eq!(labels_from_numbers(&[0.0, 9.0, 65535.0], file).unwrap(), [0, 9, 65535]);
        for bad in [-1.0, 0.5, 65536.0, f32::NAN, f32::INFINITY] {
            assert!(labels_from_numbers(&[1.0, bad], file).is_err(), "{bad}");
        }
        assert_eq!(label_from_text("3.0"), Some(3));
        assert_eq!(label_from_text("setosa"), None);
        assert_eq!(label_from_text("nan"), None);
    }

    #[test]
    fn shapes_are_checked_without_overflow() {
        let options = Options::default();
        let file = Path::new("x");
        assert_eq!(count(file, &[10, 28, 28], &options).unwrap(), 7840);
        assert!(matches!(count(file, &[0, 3], &options), Err(DataError::Empty { .. })));
        assert!(matches!(count(file, &[3, 0], &options), Err(DataError::Empty { .. })));
        for shape in [[1 << 32, 1 << 32], [u64::MAX, 1], [1 << 63, 2], [1 << 30, 2]] {
            assert!(matches!(count(file, &shape, &options), Err(DataError::TooLarge { .. })));
        }
        assert!(count(file, &[1 << 30, 1], &options).is_ok(), "exactly the cap");
    }
}
