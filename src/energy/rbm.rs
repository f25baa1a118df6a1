//! The Bernoulli restricted Boltzmann machine: E(v, h) = −vᵀWh − bᵀv − cᵀh over v ∈ {0, 1}^D and
//! h ∈ {0, 1}^H. Source: Fischer and Igel, "Training restricted Boltzmann machines", 2014.

use super::{Bipartite, Domain, Energy, ModelError, Points, Weights};
use crate::{
    device::{
        Activation, Array, Device, DeviceError, Linear, OuterTerm, Pointwise, Result, RowWeights,
        Statistics,
    },
    random::{HostRng, Stream},
    tensor::{self, Tensor},
};

/// Standard deviation of the initial weights.
const INITIAL_WEIGHT: f32 = 0.01;
/// Initial weights that are drawn between writes to the device.
const WEIGHTS_AT_A_TIME: usize = 1 << 20;
/// Data means are kept this far from 0 and 1 before their log-odds are taken.
const MEAN_MARGIN: f32 = 0.001;

/// A Bernoulli RBM on a device.
#[derive(Debug)]
pub struct Rbm {
    device: Device,
    weights: Array,
    visible_bias: Array,
    hidden_bias: Array,
    offsets: Option<Offsets>,
}

/// Offsets of the centred gradient: moving averages of the data's visible and hidden means.
/// Source: Melchior, Fischer and Wiskott, "How to center deep Boltzmann machines", JMLR 2016.
#[derive(Debug)]
pub struct Offsets {
    /// μ, `[1, D]`.
    pub visible: Array,
    /// λ, `[1, H]`.
    pub hidden: Array,
}

/// The log-odds of a mean in [0, 1], kept away from its ends.
pub(crate) fn log_odds(mean: f32) -> f32 {
    let mean = mean.clamp(MEAN_MARGIN, 1.0 - MEAN_MARGIN);
    f64::from(mean / (1.0 - mean)).ln() as f32
}

impl Rbm {
    /// A model to train: W ~ N(0, 0.01²), the visible bias the log-odds of `visible_means` (the
    /// data's means, `[D]`), the hidden bias 0. With `centred`, gradients are centred, and the
    /// offsets start at `visible_means` and ½.
    pub fn initial(
        device: &Device,
        visible_means: &[f32],
        hidden: usize,
        centred: bool,
        seed: u64,
    ) -> Result<Self> {
        let d = visible_means.len();
        let mut rng = HostRng::new(seed, Stream::Parameters, 0);
        let visible_bias: Vec<f32> = visible_means.iter().map(|mean| log_odds(*mean)).collect();
        let mut model = Self {
            device: device.clone(),
            weights: device.zeros(d, hidden)?,
            visible_bias: device.upload(1, d, &visible_bias)?,
            hidden_bias: device.zeros(1, hidden)?,
            offsets: None,
        };
        // A few rows at a time: the device has the room, the host may not have it twice.
        let rows = (WEIGHTS_AT_A_TIME / hidden).clamp(1, d);
        for first in (0..d).step_by(rows) {
            let count = rows.min(d - first) * hidden;
            let weights: Vec<f32> = (0..count).map(|_| INITIAL_WEIGHT * rng.normal()).collect();
            device.write(&mut model.weights, first, &weights)?;
        }
        if centred {
            model.offsets = Some(Offsets {
                visible: device.upload(1, d, visible_means)?,
                hidden: device.upload(1, hidden, &vec![0.5; hidden])?,
            });
        }
        Ok(model)
    }

    /// A model from its parameters: weights `[D, H]` row-major, visible bias `[D]`, hidden bias
    /// `[H]`.
    ///
    /// # Errors
    /// The lengths do not fit together, or the device cannot hold them.
    pub fn new(
        device: &Device,
        weights: &[f32],
        visible_bias: &[f32],
        hidden_bias: &[f32],
    ) -> Result<Self> {
        let (d, h) = (visible_bias.len(), hidden_bias.len());
        Ok(Self {
            device: device.clone(),
            weights: device.upload(d, h, weights)?,
            visible_bias: device.upload(1, d, visible_bias)?,
            hidden_bias: device.upload(1, h, hidden_bias)?,
            offsets: None,
        })
    }

    /// A model of arrays whose shapes fit.
    pub(crate) fn from_arrays(
        device: &Device,
        weights: Array,
        visible_bias: Array,
        hidden_bias: Array,
    ) -> Self {
        Self { device: device.clone(), weights, visible_bias, hidden_bias, offsets: None }
    }

    /// A model from the tensors `weights` [D, H], `visible_bias` [D] and `hidden_bias` [H].
    ///
    /// # Errors
    /// A tensor is missing, of another shape, or not finite, or the device cannot hold the model.
    pub fn from_tensors(device: &Device, tensors: &[Tensor]) -> Result<Self, ModelError> {
        let weights = tensor::find(tensors, "weights")?;
        let &[d, h] = weights.shape.as_slice() else {
            return Err(weights.misshapen("[visible, hidden]").into());
        };
        if d == 0 || h == 0 {
            return Err(weights.misshapen("at least one visible and one hidden unit").into());
        }
        let weights = tensor::expect(tensors, "weights", &[d, h])?;
        let visible_bias = tensor::expect(tensors, "visible_bias", &[d])?;
        let hidden_bias = tensor::expect(tensors, "hidden_bias", &[h])?;
        Ok(Self::new(device, &weights.values, &visible_bias.values, &hidden_bias.values)?)
    }

    /// Means of the visible units: out `[n, D]` ← sigmoid(β (h Wᵀ + b)) for h `[n, H]`.
    pub fn visible_means(&self, hidden: &Array, beta: f32, out: &mut Array) -> Result<()> {
        let call = Linear {
            x: hidden,
            weights: &self.weights,
            transposed: true,
            bias: Some(&self.visible_bias),
            scale: beta,
            activation: Activation::Sigmoid,
        };
        self.device.linear(&call, out)
    }

    /// The offsets, where the gradient is centred.
    pub fn offsets_mut(&mut self) -> Option<&mut Offsets> {
        self.offsets.as_mut()
    }

    /// The offsets, where the gradient is centred.
    pub fn offsets(&self) -> Option<&Offsets> {
        self.offsets.as_ref()
    }

    /// A copy of the parameters, without offsets.
    pub fn duplicate(&self) -> Result<Self> {
        Ok(Self {
            device: self.device.clone(),
            weights: self.device.duplicate(&self.weights)?,
            visible_bias: self.device.duplicate(&self.visible_bias)?,
            hidden_bias: self.device.duplicate(&self.hidden_bias)?,
            offsets: None,
        })
    }

    fn to_hidden<'a>(&'a self, x: &'a Array, activation: Activation) -> Linear<'a> {
        Linear {
            x,
            weights: &self.weights,
            transposed: false,
            bias: Some(&self.hidden_bias),
            scale: 1.0,
            activation,
        }
    }

    /// What points bring to the gradient.
    fn side<'a>(&self, points: &Points<'a>) -> Result<Side<'a>> {
        let hidden_means = match points.hidden_means {
            Some(means) => Kept::Given(means),
            None => {
                let mut means = self.device.zeros(points.x.rows(), self.hidden())?;
                self.hidden_means(points.x, &mut means)?;
                Kept::Made(means)
            }
        };
        let weights = match points.weights {
            Weights::Uniform(weight) => SideWeights::Uniform(-weight),
            Weights::Each(weights) => {
                let mut negated = self.device.duplicate(weights)?;
                self.device.pointwise(Pointwise::Scale(-1.0), &mut negated)?;
                SideWeights::Each(negated)
            }
            Weights::Outputs(weights) => {
                return Err(DeviceError::Shape {
                    kernel: "gradient",
                    operand: "weights for each output of an energy that has one",
                    found: weights.shape(),
                    wanted: (points.x.rows(), 1),
                });
            }
        };
        Ok(Side { x: points.x, hidden_means, weights })
    }
}

/// Points with the means of their hidden units. The energy falls with each product, so their weights
/// have changed sign.
struct Side<'a> {
    x: &'a Array,
    hidden_means: Kept<'a>,
    weights: SideWeights,
}

enum Kept<'a> {
    Given(&'a Array),
    Made(Array),
}

enum SideWeights {
    Uniform(f32),
    Each(Array),
}

impl Side<'_> {
    fn term(&self) -> OuterTerm<'_> {
        OuterTerm {
            x: self.x,
            y: match &self.hidden_means {
                Kept::Given(means) => means,
                Kept::Made(means) => means,
            },
            weights: match &self.weights {
                SideWeights::Uniform(weight) => RowWeights::Uniform(*weight),
                SideWeights::Each(weights) => RowWeights::Each(weights),
            },
        }
    }
}

impl Energy for Rbm {
    fn kind(&self) -> &'static str {
        "rbm"
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn dimension(&self) -> usize {
        self.weights.rows()
    }

    fn domain(&self) -> Domain {
        Domain::Binary
    }

    fn hidden(&self) -> usize {
        self.weights.columns()
    }

    fn parameters(&self) -> Vec<(String, &Array)> {
        vec![
            ("weights".into(), &self.weights),
            ("visible_bias".into(), &self.visible_bias),
            ("hidden_bias".into(), &self.hidden_bias),
        ]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Array> {
        vec![&mut self.weights, &mut self.visible_bias, &mut self.hidden_bias]
    }

    /// The free energy F(v) = −bᵀv − Σⱼ softplus(cⱼ + W·ⱼᵀv).
    fn energy(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.device.linear_sum(&self.to_hidden(x, Activation::Softplus), out)?;
        let mut field = self.device.zeros(x.rows(), 1)?;
        let call = Linear {
            x,
            weights: &self.visible_bias,
            transposed: true,
            bias: None,
            scale: 1.0,
            activation: Activation::Identity,
        };
        self.device.linear(&call, &mut field)?;
        self.device.pointwise(Pointwise::Axpy { x: &field, scale: 1.0 }, out)?;
        self.device.pointwise(Pointwise::Scale(-1.0), out)
    }

    fn hidden_means(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.device.linear(&self.to_hidden(x, Activation::Sigmoid), out)
    }

    /// ∇F(v) = (−v p(h|v)ᵀ, −v, −p(h|v)); centred where the model has offsets, which is the same
    /// gradient in other coordinates when the weights of the points sum to zero.
    fn gradient(&self, points: &[Points<'_>], gradient: &mut [Array]) -> Result<()> {
        let device = &self.device;
        let [products, x_sums, y_sums] = gradient else {
            return Err(DeviceError::Shape {
                kernel: "gradient",
                operand: "list of gradients",
                found: (gradient.len(), 1),
                wanted: (3, 1),
            });
        };
        let zeros;
        let offsets = match &self.offsets {
            Some(offsets) => offsets,
            None => {
                zeros = Offsets {
                    visible: device.zeros(1, self.dimension())?,
                    hidden: device.zeros(1, self.hidden())?,
                };
                &zeros
            }
        };
        let sides: Vec<Side<'_>> =
            points.iter().map(|points| self.side(points)).collect::<Result<_>>()?;
        let terms: Vec<OuterTerm<'_>> = sides.iter().map(Side::term).collect();
        device.statistics(Statistics {
            terms: &terms,
            x_offset: &offsets.visible,
            y_offset: &offsets.hidden,
            products,
            x_sums,
            y_sums,
        })
    }

    fn bipartite(&self) -> Option<Bipartite<'_>> {
        Some(Bipartite {
            weights: &self.weights,
            visible_bias: &self.visible_bias,
            hidden_bias: &self.hidden_bias,
        })
    }
}
