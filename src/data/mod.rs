//! Data sets: formats, built-in sets, binarisation, minibatches. Host memory only; nothing here
//! knows of devices, models or training.

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
}
