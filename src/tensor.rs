//! Named arrays in host memory: what model files and checkpoints hold.

/// A named f32 array in host memory, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name, as in a model file.
    pub name: String,
    /// Its sizes; `[units]` for a bias, `[rows, columns]` for a matrix.
    pub shape: Vec<usize>,
    /// The values; as many as the product of the sizes.
    pub values: Vec<f32>,
}

impl Tensor {
    /// A tensor whose number of values fits its shape by construction of the caller.
    pub fn new(name: impl Into<String>, shape: &[usize], values: Vec<f32>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Self { name: name.into(), shape: shape.to_vec(), values }
    }

    /// The error that says that this tensor has the wrong shape.
    pub fn misshapen(&self, wanted: impl Into<String>) -> TensorError {
        TensorError::Shape {
            name: self.name.clone(),
            found: self.shape.clone(),
            wanted: wanted.into(),
        }
    }
}

/// Why a set of tensors is not what was wanted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// A tensor is not there.
    #[error("there is no tensor '{name}'; there are: {}", available.join(", "))]
    Missing {
        /// What was looked for.
        name: String,
        /// What there is.
        available: Vec<String>,
    },
    /// A tensor has other sizes.
    #[error("tensor '{name}' has shape {found:?}, wanted {wanted}")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// What would fit, in words.
        wanted: String,
    },
    /// A tensor holds NaN or infinity.
    #[error("tensor '{name}' holds {value} at position {position}; parameters must be finite")]
    NonFinite {
        /// The tensor.
        name: String,
        /// The value.
        value: f32,
        /// Its position, row-major.
        position: usize,
    },
}

/// Finds a tensor by name.
///
/// # Errors
/// It is not there; the message lists those that are.
pub fn find<'a>(tensors: &'a [Tensor], name: &str) -> Result<&'a Tensor, TensorError> {
    tensors.iter().find(|tensor| tensor.name == name).ok_or_else(|| TensorError::Missing {
        name: name.into(),
        available: tensors.iter().map(|tensor| tensor.name.clone()).collect(),
    })
}

/// Finds a tensor of a known shape whose values are finite.
///
/// # Errors
/// It is missing, has another shape, or holds NaN or infinity.
pub fn expect<'a>(
    tensors: &'a [Tensor],
    name: &str,
    shape: &[usize],
) -> Result<&'a Tensor, TensorError> {
    let tensor = find(tensors, name)?;
    if tensor.shape != shape {
        return Err(tensor.misshapen(format!("{shape:?}")));
    }
    match tensor.values.iter().position(|value| !value.is_finite()) {
        None => Ok(tensor),
        Some(position) => {
            let value = tensor.values[position];
            Err(TensorError::NonFinite { name: name.into(), value, position })
        }
    }
}
