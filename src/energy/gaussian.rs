//! The Gaussian: E(x) = ½ xᵀPx − bᵀx with a symmetric precision matrix P and a field b, so that the
//! mean is P⁻¹b and the covariance P⁻¹.

use super::{Domain, Energy, ModelError, Points, Weights, cholesky::Cholesky};
use crate::{
    device::{
        Activation, Array, Device, DeviceError, Linear, Outer, OuterTerm, Pointwise, Reduce,
        Result, RowWeights,
    },
    tensor::{self, Tensor},
};

/// A Gaussian on a device, by its precision and field.
#[derive(Debug)]
pub struct Gaussian {
    device: Device,
    precision: Array,
    field: Array,
}

impl Gaussian {
    /// A Gaussian from its precision `[D, D]`, row-major and symmetric, and its field `[D]`. The
    /// precision need not be positive definite, as one that is being trained need not be.
    ///
    /// # Errors
    /// The precision is not symmetric, the lengths do not fit, or the device refuses.
    pub fn new(device: &Device, precision: &[f32], field: &[f32]) -> Result<Self, ModelError> {
        let d = field.len();
        let array = device.upload(d, d, precision)?;
        let asymmetric = (0..d).find_map(|i| {
            (0..i).find(|j| precision[i * d + j] != precision[j * d + i]).map(|j| (i, j))
        });
        if let Some((i, j)) = asymmetric {
            return Err(ModelError::Unfit {
                energy: "gaussian",
                reason: format!("entries [{i}, {j}] and [{j}, {i}] of the precision differ"),
            });
        }
        Ok(Self { device: device.clone(), precision: array, field: device.upload(1, d, field)? })
    }

    /// A Gaussian from its mean `[D]` and its covariance `[D, D]`.
    ///
    /// # Errors
    /// The covariance is not positive definite, the lengths do not fit, or the device refuses.
    pub fn from_moments(
        device: &Device,
        mean: &[f64],
        covariance: &[f64],
    ) -> Result<Self, ModelError> {
        let d = mean.len();
        let unfit = |reason| ModelError::Unfit { energy: "gaussian", reason };
        if covariance.len() != d * d {
            return Err(unfit(format!(
                "the covariance has {} entries, wanted {} for a mean of {d}",
                covariance.len(),
                d * d
            )));
        }
        let factor = Cholesky::of(covariance, d)
            .ok_or_else(|| unfit("the covariance is not positive definite".into()))?;
        let exact = factor.inverse();
        // Rounding must not spoil the symmetry.
        let precision: Vec<f32> =
            (0..d * d).map(|at| (0.5 * (exact[at] + exact[at % d * d + at / d])) as f32).collect();
        let field: Vec<f32> = factor.solve(mean).iter().map(|b| *b as f32).collect();
        Self::new(device, &precision, &field)
    }

    /// A Gaussian from the tensors `precision` [D, D] and `field` [D].
    ///
    /// # Errors
    /// A tensor is missing, of another shape, or not finite, or [`Gaussian::new`] refuses.
    pub fn from_tensors(device: &Device, tensors: &[Tensor]) -> Result<Self, ModelError> {
        let field = tensor::find(tensors, "field")?;
        let &[d] = field.shape.as_slice() else { return Err(field.misshapen("[units]").into()) };
        let field = tensor::expect(tensors, "field", &[d])?;
        let precision = tensor::expect(tensors, "precision", &[d, d])?;
        Self::new(device, &precision.values, &field.values)
    }

    /// log Z = (D log 2π − log det P + bᵀP⁻¹b) / 2, in f64; `None` where P is not positive
    /// definite, so that there is no Z.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn log_partition(&self) -> Result<Option<f64>> {
        let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
        let precision = wide(self.device.read(&self.precision).await?);
        let field = wide(self.device.read(&self.field).await?);
        let d = field.len();
        Ok(Cholesky::of(&precision, d).map(|factor| {
            let mean = factor.solve(&field);
            let square: f64 = mean.iter().zip(&field).map(|(m, b)| m * b).sum();
            0.5 * (d as f64 * std::f64::consts::TAU.ln() - factor.log_determinant() + square)
        }))
    }

    /// out `[n, 1]` ← E from x and the score: xᵀPx − bᵀx = −xᵀs, so E = −½ (xᵀs + bᵀx).
    fn energy_from_score(&self, x: &Array, score: &Array, out: &mut Array) -> Result<()> {
        let device = &self.device;
        let mut pull = device.zeros(x.rows(), 1)?;
        let along_field = Linear {
            x,
            weights: &self.field,
            transposed: true,
            bias: None,
            scale: -0.5,
            activation: Activation::Identity,
        };
        device.linear(&along_field, out)?;
        device.reduce(Reduce::RowDot(score), x, &mut pull)?;
        device.pointwise(Pointwise::Axpy { x: &pull, scale: -0.5 }, out)
    }
}

impl Energy for Gaussian {
    fn kind(&self) -> &'static str {
        "gaussian"
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn dimension(&self) -> usize {
        self.field.columns()
    }

    fn domain(&self) -> Domain {
        Domain::Real
    }

    fn energy(&self, x: &Array, out: &mut Array) -> Result<()> {
        let mut score = self.device.zeros(x.rows(), x.columns())?;
        self.energy_and_score(x, out, &mut score)
    }

    /// s = b − Px.
    fn score(&self, x: &Array, out: &mut Array) -> Result<()> {
        let mut negative = self.device.duplicate(&self.field)?;
        self.device.pointwise(Pointwise::Scale(-1.0), &mut negative)?;
        let call = Linear {
            x,
            weights: &self.precision,
            transposed: false,
            bias: Some(&negative),
            scale: -1.0,
            activation: Activation::Identity,
        };
        self.device.linear(&call, out)
    }

    fn energy_and_score(&self, x: &Array, energy: &mut Array, score: &mut Array) -> Result<()> {
        self.score(x, score)?;
        self.energy_from_score(x, score, energy)
    }

    fn parameters(&self) -> Vec<(String, &Array)> {
        vec![("precision".into(), &self.precision), ("field".into(), &self.field)]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Array> {
        vec![&mut self.precision, &mut self.field]
    }

    /// ∇E = (½ xxᵀ, −x). The gradient of the precision is symmetric, so a precision that starts
    /// symmetric stays so.
    fn gradient(&self, points: &[Points<'_>], gradient: &mut [Array]) -> Result<()> {
        let device = &self.device;
        let wrong = |operand, found, wanted| DeviceError::Shape {
            kernel: "gradient",
            operand,
            found,
            wanted,
        };
        let [precision, field] = gradient else {
            return Err(wrong("list of gradients", (gradient.len(), 1), (2, 1)));
        };
        let offset = device.zeros(1, self.dimension())?;
        for (index, points) in points.iter().enumerate() {
            let scaled = |factor: f32| -> Result<(f32, Option<Array>)> {
                match points.weights {
                    Weights::Uniform(weight) => Ok((factor * weight, None)),
                    Weights::Each(weights) => {
                        let mut weights = device.duplicate(weights)?;
                        device.pointwise(Pointwise::Scale(factor), &mut weights)?;
                        Ok((0.0, Some(weights)))
                    }
                    Weights::Outputs(weights) => Err(wrong(
                        "weights for each output of an energy that has one",
                        weights.shape(),
                        (points.x.rows(), 1),
                    )),
                }
            };
            let accumulate = index > 0;
            let (uniform, each) = scaled(0.5)?;
            let weights = each.as_ref().map_or(RowWeights::Uniform(uniform), RowWeights::Each);
            let terms = &[OuterTerm { x: points.x, y: points.x, weights }];
            let outer = Outer { terms, x_offset: &offset, y_offset: &offset, accumulate };
            device.outer(&outer, precision)?;
            let (uniform, each) = scaled(-1.0)?;
            let weights = each.as_ref().map_or(RowWeights::Uniform(uniform), RowWeights::Each);
            device.reduce(Reduce::ColumnSum { weights, accumulate }, points.x, field)?;
        }
        Ok(())
    }
}
