//! An f32 matrix on a device.

/// An f32 matrix on a device, row-major: rows are chains or examples, columns are units.
#[derive(Debug)]
pub struct Array {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) storage: Storage,
}

/// Where the values are.
#[derive(Debug)]
pub enum Storage {
    /// In host memory.
    Cpu(Vec<f32>),
    /// In a GPU buffer.
    Gpu(wgpu::Buffer),
}

impl Array {
    /// (rows, columns).
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// Whether there are no values; a device never makes such an array.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same values in row-major order under another shape of as many values.
    pub(crate) fn reshaped(self, rows: usize, columns: usize) -> Self {
        assert_eq!(rows * columns, self.rows * self.columns, "as many values");
        Self { rows, columns, storage: self.storage }
    }
}
