//! Symmetric positive definite matrices in f64, by their Cholesky factor A = L Lᵀ.

/// The lower factor L, row-major, and the number of rows.
pub(super) struct Cholesky {
    factor: Vec<f64>,
    d: usize,
}

impl Cholesky {
    /// Factors a matrix `[d, d]` of which the lower triangle is read; `None` where it is not
    /// positive definite.
    pub fn of(matrix: &[f64], d: usize) -> Option<Self> {
        let mut factor = vec![0.0; d * d];
        for i in 0..d {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| factor[i * d + k] * factor[j * d + k]).sum();
                let rest = matrix[i * d + j] - dot;
                if i == j {
                    if !(rest > 0.0 && rest.is_finite()) {
                        return None;
                    }
                    factor[i * d + i] = rest.sqrt();
                } else {
                    factor[i * d + j] = rest / factor[j * d + j];
                }
            }
        }
        Some(Self { factor, d })
    }

    /// log det A.
    pub fn log_determinant(&self) -> f64 {
        (0..self.d).map(|i| 2.0 * self.factor[i * self.d + i].ln()).sum()
    }

    /// A⁻¹ b.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (l, d) = (&self.factor, self.d);
        let mut x = b.to_vec();
        for i in 0..d {
            let dot: f64 = (0..i).map(|k| l[i * d + k] * x[k]).sum();
            x[i] = (x[i] - dot) / l[i * d + i];
        }
        for i in (0..d).rev() {
            let dot: f64 = (i + 1..d).map(|k| l[k * d + i] * x[k]).sum();
            x[i] = (x[i] - dot) / l[i * d + i];
        }
        x
    }

    /// A⁻¹, row-major.
    pub fn inverse(&self) -> Vec<f64> {
        let unit = |i: usize| (0..self.d).map(|j| f64::from(u8::from(i == j))).collect::<Vec<_>>();
        (0..self.d).flat_map(|i| self.solve(&unit(i))).collect()
    }
}
