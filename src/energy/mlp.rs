//! Energies that are multilayer perceptrons f: E(x) = f(x) with one output; with K outputs
//! E(x, y) = −f(x)[y] and E(x) = −log Σᵧ exp f(x)[y], so that p(y | x) is the softmax of f(x).
//! Source: Grathwohl et al., "Your classifier is secretly an energy based model and you should
//! treat it like one", ICLR 2020.
//!
//! The gradients are backpropagation by hand: every layer keeps its values and the slopes of its
//! nonlinearity, and a backward product is gated by the slopes.

mod passes;

use std::sync::Mutex;

use super::{Domain, Energy, ModelError, Points};
use crate::{
    device::{Array, Device, DeviceError, Head, Layer, Net, Nonlinearity, Result},
    random::{HostRng, Stream},
    tensor::{self, Tensor, TensorError},
};
use passes::Workspace;

/// The tensor that holds the precision of the Gaussian base measure.
const BASE_PRECISION: &str = "base_precision";

/// The shape of a net.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// Units of the input, D.
    pub inputs: usize,
    /// Units of the hidden layers.
    pub hidden: Vec<usize>,
    /// Outputs: 1 for an energy, K for a joint model of K classes.
    pub outputs: usize,
    /// φ of the hidden layers.
    pub nonlinearity: Nonlinearity,
    /// The energy gains ½ · base_precision · ‖x‖²: a Gaussian base measure, which makes Z finite.
    /// 0 for none.
    pub base_precision: f32,
}

/// A multilayer perceptron as an energy, on a device.
#[derive(Debug)]
pub struct Mlp {
    device: Device,
    layers: Vec<Parameters>,
    nonlinearity: Nonlinearity,
    base_precision: f32,
    /// A zero for every width, `[1, width]`: the offsets of the outer products.
    zeros: Vec<Array>,
    workspaces: Mutex<Vec<Workspace>>,
}

#[derive(Debug)]
struct Parameters {
    weights: Array,
    bias: Array,
}

impl Parameters {
    fn layer(&self) -> Layer<'_> {
        Layer { weights: &self.weights, bias: &self.bias }
    }
}

impl Mlp {
    /// A net to train: weights and biases uniform in ±1/√(inputs of the layer).
    ///
    /// # Errors
    /// A layer without units, or the device cannot hold it.
    pub fn initial(device: &Device, shape: &Architecture, seed: u64) -> Result<Self> {
        let mut rng = HostRng::new(seed, Stream::Parameters, 0);
        let widths: Vec<usize> = std::iter::once(shape.inputs)
            .chain(shape.hidden.iter().copied())
            .chain([shape.outputs])
            .collect();
        let mut layers = Vec::new();
        for sizes in widths.windows(2) {
            let bound = 1.0 / (sizes[0] as f32).sqrt();
            let mut draw = |count: usize| -> Vec<f32> {
                (0..count).map(|_| bound * (2.0 * rng.uniform() - 1.0)).collect()
            };
            layers.push(Parameters {
                weights: device.upload(sizes[0], sizes[1], &draw(sizes[0] * sizes[1]))?,
                bias: device.upload(1, sizes[1], &draw(sizes[1]))?,
            });
        }
        Self::new(device, layers, shape.nonlinearity, shape.base_precision)
    }

    /// A net from the tensors `layers.N.weight` [in, out], `layers.N.bias` [out], N from 0, and
    /// `base_precision` [1] where there is one.
    ///
    /// # Errors
    /// A tensor is missing, of another shape, or not finite, or the device cannot hold the net.
    pub fn from_tensors(
        device: &Device,
        tensors: &[Tensor],
        nonlinearity: Nonlinearity,
    ) -> Result<Self, ModelError> {
        let mut layers: Vec<Parameters> = Vec::new();
        loop {
            let name = weight_name(layers.len());
            if !layers.is_empty() && !tensors.iter().any(|tensor| tensor.name == name) {
                break;
            }
            let weights = tensor::find(tensors, &name)?;
            let &[inputs, outputs] = weights.shape.as_slice() else {
                return Err(weights.misshapen("[in, out]").into());
            };
            let fits = layers.last().is_none_or(|layer| layer.weights.columns() == inputs);
            if inputs == 0 || outputs == 0 || !fits {
                let wanted = "[in, out], in the width of the layer before it";
                return Err(weights.misshapen(wanted).into());
            }
            let weights = tensor::expect(tensors, &name, &[inputs, outputs])?;
            let bias = tensor::expect(tensors, &bias_name(layers.len()), &[outputs])?;
            layers.push(Parameters {
                weights: device.upload(inputs, outputs, &weights.values)?,
                bias: device.upload(1, outputs, &bias.values)?,
            });
        }
        let base_precision = match tensor::expect(tensors, BASE_PRECISION, &[1]) {
            Ok(tensor) => tensor.values[0],
            Err(TensorError::Missing { .. }) => 0.0,
            Err(error) => return Err(error.into()),
        };
        Ok(Self::new(device, layers, nonlinearity, base_precision)?)
    }

    fn new(
        device: &Device,
        layers: Vec<Parameters>,
        nonlinearity: Nonlinearity,
        base_precision: f32,
    ) -> Result<Self> {
        let widths = layers.iter().map(|layer| layer.weights.rows());
        let outputs = layers.last().map(|layer| layer.weights.columns());
        let zeros = widths.chain(outputs).map(|width| device.zeros(1, width));
        Ok(Self {
            device: device.clone(),
            zeros: zeros.collect::<Result<_>>()?,
            layers,
            nonlinearity,
            base_precision,
            workspaces: Mutex::default(),
        })
    }

    /// The shape of the net.
    pub fn architecture(&self) -> Architecture {
        let hidden = &self.layers[..self.layers.len() - 1];
        Architecture {
            inputs: self.layers[0].weights.rows(),
            hidden: hidden.iter().map(|layer| layer.weights.columns()).collect(),
            outputs: self.outputs(),
            nonlinearity: self.nonlinearity,
            base_precision: self.base_precision,
        }
    }

    /// The number of outputs, K.
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].weights.columns()
    }

    /// Every tensor of a model file besides the parameters.
    pub fn constants(&self) -> Vec<Tensor> {
        match self.base_precision {
            0.0 => Vec::new(),
            precision => vec![Tensor::new(BASE_PRECISION, &[1], vec![precision])],
        }
    }

    /// A copy of the net.
    ///
    /// # Errors
    /// The device refuses.
    pub fn duplicate(&self) -> Result<Self> {
        let copy = |layer: &Parameters| {
            Ok(Parameters {
                weights: self.device.duplicate(&layer.weights)?,
                bias: self.device.duplicate(&layer.bias)?,
            })
        };
        let layers = self.layers.iter().map(copy).collect::<Result<_>>()?;
        Self::new(&self.device, layers, self.nonlinearity, self.base_precision)
    }

    /// The energy E(x, y) of one class y, for chains of p(x | y).
    ///
    /// # Errors
    /// There is no such class, or the device refuses.
    pub fn conditional(&self, class: usize) -> Result<Conditional<'_>> {
        let classes = self.outputs();
        if class >= classes || classes < 2 {
            return Err(DeviceError::Shape {
                kernel: "conditional",
                operand: "class",
                found: (class, 1),
                wanted: (classes.saturating_sub(1), 1),
            });
        }
        Ok(Conditional { mlp: self, class: class as u32 })
    }

    fn head(&self) -> Head {
        if self.outputs() == 1 { Head::Energy } else { Head::Free }
    }

    fn net(&self, head: Head) -> Net<'_> {
        Net {
            layers: self.layers.iter().map(Parameters::layer).collect(),
            nonlinearity: self.nonlinearity,
            head,
            base_precision: self.base_precision,
        }
    }
}

fn weight_name(layer: usize) -> String {
    format!("layers.{layer}.weight")
}

fn bias_name(layer: usize) -> String {
    format!("layers.{layer}.bias")
}

impl Energy for Mlp {
    fn kind(&self) -> &'static str {
        if self.outputs() == 1 { "mlp" } else { "jem" }
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn dimension(&self) -> usize {
        self.layers[0].weights.rows()
    }

    fn domain(&self) -> Domain {
        Domain::Real
    }

    fn energy(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.energy_with(self.head(), x, out)
    }

    fn score(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.score_with(self.head(), x, None, out)
    }

    fn energy_and_score(&self, x: &Array, energy: &mut Array, score: &mut Array) -> Result<()> {
        self.score_with(self.head(), x, Some(energy), score)
    }

    fn parameters(&self) -> Vec<(String, &Array)> {
        let layers = self.layers.iter().enumerate();
        layers
            .flat_map(|(index, layer)| {
                [(weight_name(index), &layer.weights), (bias_name(index), &layer.bias)]
            })
            .collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Array> {
        let layers = self.layers.iter_mut();
        layers.flat_map(|layer| [&mut layer.weights, &mut layer.bias]).collect()
    }

    /// The bias of the output, where there is one output.
    fn constant(&self) -> Option<usize> {
        (self.outputs() == 1).then_some(2 * self.layers.len() - 1)
    }

    fn gradient(&self, points: &[Points<'_>], gradient: &mut [Array]) -> Result<()> {
        if gradient.len() != 2 * self.layers.len() {
            return Err(DeviceError::Shape {
                kernel: "gradient",
                operand: "list of gradients",
                found: (gradient.len(), 1),
                wanted: (2 * self.layers.len(), 1),
            });
        }
        for (index, points) in points.iter().enumerate() {
            self.add_gradient(points, index > 0, gradient)?;
        }
        Ok(())
    }

    fn classes(&self) -> usize {
        if self.outputs() == 1 { 0 } else { self.outputs() }
    }

    /// out ← f(x).
    fn logits(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.with_workspace(x.rows(), |work| {
            self.forward(x, work, false)?;
            self.device.copy_rows(&work.outputs, 0, out, 0, x.rows())
        })
    }

    fn net(&self) -> Option<Net<'_>> {
        Some(self.net(self.head()))
    }
}

/// The energy E(x, y) = −f(x)[y] of one class: chains on it sample p(x | y).
#[derive(Debug)]
pub struct Conditional<'a> {
    mlp: &'a Mlp,
    class: u32,
}

impl Energy for Conditional<'_> {
    fn kind(&self) -> &'static str {
        "jem"
    }

    fn device(&self) -> &Device {
        &self.mlp.device
    }

    fn dimension(&self) -> usize {
        self.mlp.dimension()
    }

    fn domain(&self) -> Domain {
        Domain::Real
    }

    fn energy(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.mlp.energy_with(Head::Class(self.class), x, out)
    }

    fn score(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.mlp.score_with(Head::Class(self.class), x, None, out)
    }

    fn energy_and_score(&self, x: &Array, energy: &mut Array, score: &mut Array) -> Result<()> {
        self.mlp.score_with(Head::Class(self.class), x, Some(energy), score)
    }

    fn net(&self) -> Option<Net<'_>> {
        Some(self.mlp.net(Head::Class(self.class)))
    }
}
