//! The passes of a net over one tile of chains: energies and scores. A tile's values fit the caches
//! nearest to the core.

use super::{
    activation::{exp, ln},
    finish::{Activated, Gated, Last},
    host,
    instructions::Instructions,
    lanes::{LANES, Lanes, Packed},
};
use crate::device::{Head, Net, Nonlinearity, Result};

struct HiddenLayer<'a> {
    forward: Packed,
    bias: &'a [f32],
    backward: Packed,
}

/// The last layer, as its head needs it.
enum Top<'a> {
    /// E = bias + Σ weight · value: one output, its sign that of the energy.
    One { weights: Vec<f32>, bias: f32 },
    /// E = −log Σ exp of the outputs.
    Free { forward: Packed, bias: &'a [f32], backward: Packed },
}

/// A net, its weights packed for tiles.
pub(super) struct PackedNet<'a> {
    hidden: Vec<HiddenLayer<'a>>,
    top: Top<'a>,
    nonlinearity: Nonlinearity,
    base_precision: f32,
    set: Instructions,
}

/// What the passes over a tile write.
pub(super) struct Workspace {
    /// Slopes of the nonlinearity in every hidden layer.
    slopes: Vec<Vec<Lanes>>,
    /// Values, then cotangents, of a layer and of the next.
    pair: [Vec<Lanes>; 2],
}

impl<'a> PackedNet<'a> {
    pub fn new(set: Instructions, net: &Net<'a>) -> Result<Self> {
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
        // Each direction on a thread: this also wakes the threads for the tiles.
        let pack = |weights, shape| {
            rayon::join(
                || Packed::new(set, weights, shape),
                || Packed::transposed(set, weights, shape),
            )
        };
        let hidden = hidden.iter().map(|(weights, bias, shape)| {
            let (forward, backward) = pack(weights, *shape);
            HiddenLayer { forward, bias, backward }
        });
        let (weights, bias, shape) = *last;
        let one = |output: usize, sign: f32| Top::One {
            weights: (0..shape.0).map(|input| sign * weights[input * shape.1 + output]).collect(),
            bias: sign * bias[output],
        };
        Ok(Self {
            hidden: hidden.collect(),
            top: match net.head {
                Head::Energy => one(0, 1.0),
                Head::Class(class) => one(class as usize, -1.0),
                Head::Free => {
                    let (forward, backward) = pack(weights, shape);
                    Top::Free { forward, bias, backward }
                }
            },
            nonlinearity: net.nonlinearity,
            base_precision: net.base_precision,
            set,
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
        let mut energy = energy.map(|energy| {
            let constant = if let Top::One { bias, .. } = &self.top { *bias } else { 0.0 };
            *energy = base_energy(x, self.base_precision, constant);
            energy
        });
        // Leaves in `current` the cotangent of −E at the sums of the last hidden layer.
        for (index, layer) in self.hidden.iter().enumerate() {
            let input = if index == 0 { x } else { &current[..] };
            let (forward, bias) = (&layer.forward, Some(layer.bias));
            match &self.top {
                Top::One { weights, .. } if index + 1 == self.hidden.len() => {
                    let energy = energy.as_deref_mut();
                    let last = Last { nonlinearity: self.nonlinearity, weights, energy };
                    forward.multiply(input, bias, next, last);
                }
                _ => {
                    let slopes = &mut slopes[index];
                    let activated = Activated { nonlinearity: self.nonlinearity, slopes };
                    forward.multiply(input, bias, next, activated);
                }
            }
            std::mem::swap(current, next);
        }
        match &self.top {
            Top::One { weights, .. } if self.hidden.is_empty() => {
                for ((score, x), weight) in score.iter_mut().zip(x).zip(weights) {
                    score.0.fill(-weight);
                    if let Some(energy) = &mut energy {
                        add_scaled(energy, x, *weight);
                    }
                }
            }
            Top::One { .. } => {}
            Top::Free { forward, bias, backward } => {
                let values = if self.hidden.is_empty() { x } else { &current[..] };
                forward.multiply(values, Some(bias), next, ());
                let log_sum = softmax(self.set, &mut next[..forward.outputs], energy.is_some());
                if let Some(energy) = &mut energy {
                    add_scaled(energy, &log_sum, -1.0);
                }
                match slopes.last() {
                    Some(slopes) => backward.multiply(next, None, current, Gated { slopes }),
                    None => backward.multiply(next, None, score, ()),
                }
            }
        }
        for index in (1..self.hidden.len()).rev() {
            let below = Gated { slopes: &slopes[index - 1] };
            self.hidden[index].backward.multiply(current, None, next, below);
            std::mem::swap(current, next);
        }
        if let Some(first) = self.hidden.first() {
            first.backward.multiply(current, None, score, ());
        }
        if self.base_precision != 0.0 {
            for (score, x) in score.iter_mut().zip(x) {
                add_scaled(score, x, -self.base_precision);
            }
        }
    }
}

/// out ← out + scale · x.
#[inline(always)]
fn add_scaled(out: &mut Lanes, x: &Lanes, scale: f32) {
    for (out, x) in out.0.iter_mut().zip(&x.0) {
        *out += scale * x;
    }
}

/// constant + ½ · precision · ‖x‖² of every chain.
fn base_energy(x: &[Lanes], precision: f32, constant: f32) -> Lanes {
    let mut energy = Lanes([constant; LANES]);
    if precision != 0.0 {
        for x in x {
            for (energy, x) in energy.0.iter_mut().zip(&x.0) {
                *energy += 0.5 * precision * x * x;
            }
        }
    }
    energy
}

/// Replaces outputs by their softmax; their log-sum-exp where wanted.
fn softmax(set: Instructions, outputs: &mut [Lanes], wanted: bool) -> Lanes {
    set.vectorize(
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
                    *largest += ln(*total);
                }
            }
            largest
        },
    )
}
