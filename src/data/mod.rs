//! Data sets: formats, built-in sets, binarisation, minibatches. Host memory only; nothing here
//! knows of devices, models or training.
//!
//! [`load`] turns a built-in name or a path into a [`Dataset`]. A file of a format becomes a
//! `part::Part` (its values as they are in the file); `assemble` puts parts together, splits and
//! scales them. Files are not trusted: every size is checked against what the file holds before
//! memory is taken for it.

mod assemble;
mod binarize;
mod builtin;
mod csv;
mod error;
mod folder;
mod format;
mod idx;
mod input;
mod minibatches;
pub(crate) mod npy;
mod npy_header;
mod npz;
mod part;
mod planar;
mod png;
mod siblings;

use std::path::Path;

pub use binarize::Binarize;
pub use builtin::BUILTIN;
pub(crate) use builtin::bars_and_stripes_of;
pub use error::DataError;
pub use minibatches::Minibatches;
pub use planar::Planar;

/// Height and width of the picture that a row of data spells out, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
}

/// A host matrix of examples, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examples {
    /// Number of examples.
    pub rows: usize,
    /// Number of units of an example.
    pub columns: usize,
    /// `rows × columns` values.
    pub values: Vec<f32>,
    /// One class per example, where the source has them.
    pub labels: Option<Vec<u32>>,
}

impl Examples {
    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether every value is 0 or 1.
    pub fn is_bits(&self) -> bool {
        self.values.iter().all(|x| *x == 0.0 || *x == 1.0)
    }

    /// The least and the greatest value.
    pub fn range(&self) -> (f32, f32) {
        let start = (f32::INFINITY, f32::NEG_INFINITY);
        self.values.iter().fold(start, |(low, high), x| (low.min(*x), high.max(*x)))
    }

    /// The mean of each column.
    pub fn means(&self) -> Vec<f32> {
        let mut sums = vec![0f64; self.columns];
        for row in self.values.chunks_exact(self.columns.max(1)) {
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        sums.iter().map(|sum| (sum / self.rows.max(1) as f64) as f32).collect()
    }

    /// The values of one example. Panics if there is no such row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }
}

/// The map from the source's values to [0, 1]: (v − min) / (max − min). Where `min` and `max` are
/// equal, every value becomes 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The source's value that became 0.
    pub min: f32,
    /// The source's value that became 1.
    pub max: f32,
}

impl Default for Scale {
    fn default() -> Self {
        Self { min: 0.0, max: 1.0 }
    }
}

/// A data set split for training, validation and test.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// What the user called it.
    pub name: String,
    /// The examples to fit.
    pub train: Examples,
    /// Held-out examples for choices made during training; may be empty.
    pub validation: Examples,
    /// Held-out examples for the final figure; may be empty.
    pub test: Examples,
    /// The picture shape, where an example is a picture.
    pub image: Option<ImageShape>,
    /// How the source's values were brought into [0, 1].
    pub scale: Scale,
    /// Values of validation and test that lay outside the training part's range and were clamped.
    pub clamped: usize,
    /// The classes' names, where the source names them by words; label i means name i.
    pub class_names: Option<Vec<String>>,
    /// What [`Dataset::binarize`] did.
    pub binarized: Binarize,
    /// The law that the examples were drawn from, where it is known.
    pub planar: Option<Planar>,
    /// The values are coordinates in natural units, not brought into [0, 1]. So it is for the sets
    /// of [`Planar`] only; their `scale` is the default.
    pub natural: bool,
}

impl Default for Dataset {
    fn default() -> Self {
        Self {
            name: String::new(),
            train: Examples::default(),
            validation: Examples::default(),
            test: Examples::default(),
            image: None,
            scale: Scale::default(),
            clamped: 0,
            class_names: None,
            binarized: Binarize::None,
            planar: None,
            natural: false,
        }
    }
}

impl Dataset {
    /// Brings values from [0, 1] to [-1, 1], as nets take them; natural units stay as they are.
    pub fn centre(&mut self) {
        if self.natural {
            return;
        }
        for part in [&mut self.train, &mut self.validation, &mut self.test] {
            part.values.iter_mut().for_each(|x| *x = 2.0 * *x - 1.0);
        }
    }

    /// The part for the final figure: test, else validation; `None` where both are empty.
    pub fn held_out(&self) -> Option<&Examples> {
        [&self.test, &self.validation].into_iter().find(|part| !part.is_empty())
    }

    /// Number of classes: one more than the largest label of the training part; `None` without
    /// labels.
    pub fn classes(&self) -> Option<usize> {
        let largest = self.train.labels.as_ref()?.iter().max()?;
        Some(*largest as usize + 1)
    }
}

/// Choices for [`load`].
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The column of a CSV file that holds the labels: its name, or its position counted from 0,
    /// where a negative one counts from the end. Only CSV files take one.
    pub label: Option<String>,
    /// The share of the examples that is set aside for test where the source has no test part;
    /// from 0 to less than 1.
    pub holdout: f64,
    /// The seed that chooses which examples are set aside, and that draws the sets of [`Planar`].
    pub seed: u64,
    /// The most bytes that the values of one part may take in memory, 4 a value.
    pub max_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { label: None, holdout: 0.1, seed: 0, max_bytes: 4 << 30 }
    }
}

/// Substreams of [`Stream::Data`](crate::random::Stream::Data) that this folder draws from. They
/// lie high, out of the way of generators that count their sets from 0.
mod substream {
    pub(super) const HOLDOUT: u64 = 1 << 32;
    pub(super) const BINARIZE_TRAIN: u64 = HOLDOUT + 1;
    pub(super) const BINARIZE_VALIDATION: u64 = HOLDOUT + 2;
    pub(super) const BINARIZE_TEST: u64 = HOLDOUT + 3;
}

/// Loads a built-in set (see [`BUILTIN`]) or a path. A built-in name wins over a file of that
/// name; write `./digits` for the file.
///
/// | path | what is read |
/// |---|---|
/// | IDX, IDX.gz | unsigned bytes, `[n, width]` or `[n, height, width]`; labels beside it, `images` → `labels` and `idx3` → `idx1` in its name |
/// | .npy | numbers, `[n, width]` or `[n, height, width]` |
/// | .npz | see below |
/// | .csv, .csv.gz | one example a line, with or without a header; see [`Options::label`] |
/// | folder | the IDX files in it, else its PNGs; sub-folders of PNGs are classes |
///
/// IDX, .npy and .csv files bring their other parts along if these lie beside them: `train` in the
/// name becomes `t10k` or `test` for test, `valid`, `validation` or `val` for validation. From a
/// .npz come `x_train`, `train`, `train_data`, `x` or `data` (or else the only array of two or
/// three dimensions); `x_test`, `test` or `test_data`; `x_valid`, `x_val`, `valid`, `validation`,
/// `val` or `valid_data`; and with them the labels `y_train`, `train_labels`, `y`, `labels` or
/// `target`; `y_test` or `test_labels`; `y_valid`, `y_val` or `valid_labels`.
///
/// Values come out in [0, 1], but for the sets of [`Planar`], which keep their natural units and
/// are drawn afresh for each [`Options::seed`]. Unsigned bytes are divided by 255 unless none exceeds 1. Other
/// values stay as they are if the training part lies in [0, 1]; else the training part's least and
/// greatest value become 0 and 1. Held-out values outside are clamped. [`Dataset::scale`] and
/// [`Dataset::clamped`] say what was done. A row whose width is a square number from 16 on is
/// taken for a square picture.
///
/// # Errors
/// See [`DataError`]. A malformed file is never a panic.
pub fn load(source: &str, options: &Options) -> Result<Dataset, DataError> {
    if !(0.0..1.0).contains(&options.holdout) {
        return Err(DataError::Option {
            option: "the holdout share".into(),
            found: options.holdout.to_string(),
            wanted: "a number from 0 to less than 1".into(),
        });
    }
    let name = source.to_ascii_lowercase();
    let is_csv = name.ends_with(".csv") || name.ends_with(".csv.gz");
    if let Some(label) = options.label.as_ref().filter(|_| !is_csv) {
        return Err(DataError::Option {
            option: "the label column".into(),
            found: error::clean(label),
            wanted: "none, since only .csv files have columns to choose from".into(),
        });
    }
    if let Some(builtin) = builtin::load(source, options.seed) {
        return builtin;
    }
    let path = Path::new(source);
    let parts = match path.metadata() {
        Ok(metadata) if metadata.is_dir() => folder::read(path, options)?,
        Ok(_) => siblings::read(path, options)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(DataError::UnknownSource {
                name: error::clean(source),
                suggestion: error::nearest(source, BUILTIN.iter().copied()),
                available: BUILTIN,
            });
        }
        Err(error) => return Err(input::unreadable(path, &error)),
    };
    assemble::dataset(source, parts, options)
}

/// Whether a source names a built-in set, rather than a path.
pub fn is_builtin(source: &str) -> bool {
    let name = source.split(':').next().unwrap_or(source);
    BUILTIN.contains(&name)
}
