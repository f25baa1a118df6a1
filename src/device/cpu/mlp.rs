//! The passes of a net over one tile of chains: energies and scores. A tile's values fit the caches
//! nearest to the core.

use super::{
    activation::{elu, exp, silu, softplus, tanh},
    host,
    lanes::{LANES, Lanes, Packed},
    simd::vectorize,
};
use crate::device::{Head, Net, Nonlinearity, Result};

struct HiddenLayer<'a> {
    forward: Packed,
    bias: &'a [f32],
    backward: Packed,
}

/// The last layer, as its head needs it.
enum Top {
    /// E = sign · output, the only one that is computed, with the bias of that output.
    One { forward: Packed, bias: [f32; 1], sign: f32 },
    /// E = −log Σ exp of the outputs.
    Free { forward: Packed, bias: Vec<f32>, backward: Packed },
}

/// A net, its weights packed for tiles.
pub(super) struct PackedNet<'a> {
    hidden: Vec<HiddenLayer<'a>>,
    top: Top,
    nonlinearity: Nonlinearity,
    base_precision: f32,
}

/// What the passes over a tile write.
pub(super) struct Workspace {
    /// Slopes of the nonlinearity in every hidden layer.
    slopes: Vec<Vec<Lanes>>,
    /// Values, then cotangents, of a layer and of the next.
    pair: [Vec<Lanes>; 2],
}

impl<'a> PackedNet<'a> {
    pub fn new(net: &Net<'a>) -> Result<Self> {
        let mut layers = Vec::new();
        for layer in &net.layers {
            let weights = host("langevin", "layer weights", layer.weights)?;
            layers.push((
                weights,
                host("langevin", "layer bias", layer.bias)?,
                layer.weights.shape(),
            ));
        }
        let (last, hidden) = layers.split_last().expect("a net has a layer");
        let forward = |weights: &[f32], (inputs, outputs): (usize, usize)| {
            Packed::new(inputs, outputs, |input, output| weights[input * outputs + output])
        };
        let backward = |weights: &[f32], (inputs, outputs): (usize, usize)| {
            Packed::new(outputs, inputs, |output, input| weights[input * outputs + output])
        };
        let hidden = hidden.iter().map(|(weights, bias, shape)| HiddenLayer {
            forward: forward(weights, *shape),
            bias,
            backward: backward(weights, *shape),
        });
        let (weights, bias, shape) = *last;
        let one = |output: usize, sign| Top::One {
            forward: Packed::new(shape.0, 1, |input, _| weights[input * shape.1 + output]),
            bias: [bias[output]],
            sign,
        };
        Ok(Self {
            hidden: hidden.collect(),
            top: match net.head {
                Head::Energy => one(0, 1.0),
                Head::Class(class) => one(class as usize, -1.0),
                Head::Free => Top::Free {
                    forward: forward(weights, shape),
                    bias: bias.to_vec(),
                    backward: backward(weights, shape),
                },
            },
            nonlinearity: net.nonlinearity,
            base_precision: net.base_precision,
        })
    }

    pub fn workspace(&self) -> Workspace {
        let widths = || self.hidden.iter().map(|layer| layer.forward.outputs);
        let outputs = match &self.top {
            Top::One { .. } => 1,
            Top::Free { forward, .. } => forward.outputs,
        };
        let widest = widths().fold(outputs, usize::max);
        Workspace {
            slopes: widths().map(|width| vec![Lanes::ZERO; width]).collect(),
            pair: [vec![Lanes::ZERO; widest], vec![Lanes::ZERO; widest]],
        }
    }

    /// Scores of the states x, and their energies where wanted.
    pub fn evaluate(
        &self,
        x: &[Lanes],
        energy: Option<&mut Lanes>,
        score: &mut [Lanes],
        workspace: &mut Workspace,
    ) {
        let Workspace { slopes, pair: [current, next] } = workspace;
        for (index, (layer, slopes)) in self.hidden.iter().zip(slopes.iter_mut()).enumerate() {
            let input = if index == 0 { x } else { &current[..] };
            self.activated(layer, input, next, slopes);
            std::mem::swap(current, next);
        }
        let values = if self.hidden.is_empty() { x } else { &current[..] };
        let precision = self.base_precision;
        let mut energy = energy.map(|energy| {
            *energy = half_square(x, precision);
            energy
        });
        // The cotangent of −E at the values of the layer below the last.
        let last_slopes = slopes.last();
        match &self.top {
            Top::One { forward, bias, sign } => {
                if let Some(energy) = &mut energy {
                    let mut output = [Lanes::ZERO];
                    forward.multiply(values, Some(bias), &mut output, |_, _| {});
                    add_scaled(energy, &output[0], *sign);
                }
                match last_slopes {
                    Some(slopes) => {
                        let rows = current.iter_mut().zip(slopes).zip(&forward.weights);
                        vectorize(
                            #[inline(always)]
                            || {
                                for ((out, slope), weight) in rows {
                                    for (out, slope) in out.0.iter_mut().zip(&slope.0) {
                                        *out = -sign * weight * slope;
                                    }
                                }
                            },
                        );
                    }
                    None => {
                        for (score, weight) in score.iter_mut().zip(&forward.weights) {
                            score.0.fill(-sign * weight);
                        }
                    }
                }
            }
            Top::Free { forward, bias, backward } => {
                forward.multiply(values, Some(bias), next, |_, _| {});
                let log_sum = softmax(&mut next[..forward.outputs], energy.is_some());
                if let Some(energy) = &mut energy {
                    add_scaled(energy, &log_sum, -1.0);
                }
                match last_slopes {
                    Some(slopes) => gated(backward, next, slopes, current),
                    None => backward.multiply(next, None, score, |_, _| {}),
                }
            }
        }
        for index in (1..self.hidden.len()).rev() {
            gated(&self.hidden[index].backward, current, &slopes[index - 1], next);
            std::mem::swap(current, next);
        }
        if let Some(first) = self.hidden.first() {
            first.backward.multiply(current, None, score, |_, _| {});
        }
        if precision != 0.0 {
            for (score, x) in score.iter_mut().zip(x) {
                add_scaled(score, x, -precision);
            }
        }
    }

    /// out ← φ of a layer's sums, and its slopes.
    fn activated(
        &self,
        layer: &HiddenLayer<'_>,
        input: &[Lanes],
        out: &mut [Lanes],
        slopes: &mut [Lanes],
    ) {
        macro_rules! multiply {
            ($function:ident) => {
                layer.forward.multiply(
                    input,
                    Some(layer.bias),
                    out,
                    #[inline(always)]
                    |unit, out| {
                        for (out, slope) in out.0.iter_mut().zip(&mut slopes[unit].0) {
                            (*out, *slope) = $function(*out);
                        }
                    },
                )
            };
        }
        match self.nonlinearity {
            Nonlinearity::Silu => multiply!(silu),
            Nonlinearity::Elu => multiply!(elu),
            Nonlinearity::Tanh => multiply!(tanh),
            Nonlinearity::Softplus => multiply!(softplus),
        }
    }
}

/// out ← slopes · the product.
fn gated(packed: &Packed, input: &[Lanes], slopes: &[Lanes], out: &mut [Lanes]) {
    packed.multiply(
        input,
        None,
        out,
        #[inline(always)]
        |unit, out| {
            for (out, slope) in out.0.iter_mut().zip(&slopes[unit].0) {
                *out *= slope;
            }
        },
    );
}

/// out ← out + scale · x.
#[inline(always)]
fn add_scaled(out: &mut Lanes, x: &Lanes, scale: f32) {
    for (out, x) in out.0.iter_mut().zip(&x.0) {
        *out += scale * x;
    }
}

/// ½ · precision · ‖x‖² of every chain; 0 where the precision is.
fn half_square(x: &[Lanes], precision: f32) -> Lanes {
    let mut sum = Lanes::ZERO;
    if precision != 0.0 {
        for x in x {
            for (sum, x) in sum.0.iter_mut().zip(&x.0) {
                *sum += x * x;
            }
        }
        sum.0.iter_mut().for_each(|sum| *sum *= 0.5 * precision);
    }
    sum
}

/// Replaces outputs by their softmax; their log-sum-exp where wanted.
fn softmax(outputs: &mut [Lanes], wanted: bool) -> Lanes {
    vectorize(
        #[inline(always)]
        || {
            let mut largest = Lanes([f32::NEG_INFINITY; LANES]);
            for output in outputs.iter() {
                for (largest, output) in largest.0.iter_mut().zip(&output.0) {
                    *largest = largest.max(*output);
                }
            }
            let mut total = Lanes::ZERO;
            for output in outputs.iter_mut() {
                for lane in 0..LANES {
                    output.0[lane] = exp(output.0[lane] - largest.0[lane]);
                    total.0[lane] += output.0[lane];
                }
            }
            for output in outputs.iter_mut() {
                for (output, total) in output.0.iter_mut().zip(&total.0) {
                    *output *= 1.0 / total;
                }
            }
            if wanted {
                for (largest, total) in largest.0.iter_mut().zip(&total.0) {
                    *largest += total.ln();
                }
            }
            largest
        },
    )
}
