//! The forward and backward passes of a net over a batch, kernel by kernel.

use std::sync::PoisonError;

use super::Mlp;
use crate::{
    device::{
        Activation, Array, Device, DeviceError, Head, Linear, Outer, OuterTerm, Pointwise, Reduce,
        Result, RowWeights,
    },
    energy::{Points, Weights},
};

/// Workspaces that a net keeps for batches of different sizes.
const KEPT: usize = 4;

/// What the passes over a batch of n rows write.
#[derive(Debug)]
pub(super) struct Workspace {
    /// Values of the hidden layers, `[n, H]` each.
    values: Vec<Array>,
    /// Slopes of their nonlinearity.
    slopes: Vec<Array>,
    /// Cotangents of their sums.
    cotangents: Vec<Array>,
    /// f(x), `[n, K]`.
    pub outputs: Array,
    /// The cotangent of f(x).
    top: Array,
    /// A column, `[n, 1]`.
    column: Array,
    rows: usize,
}

impl Mlp {
    /// Lends a workspace for `rows` rows.
    pub(super) fn with_workspace<T>(
        &self,
        rows: usize,
        work: impl FnOnce(&mut Workspace) -> Result<T>,
    ) -> Result<T> {
        let mut kept = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|workspace| workspace.rows == rows);
        let mut workspace = match found {
            Some(position) => kept.remove(position),
            None => {
                drop(kept);
                let new = self.workspace(rows)?;
                kept = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
                new
            }
        };
        drop(kept);
        let result = work(&mut workspace);
        let mut kept = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        // The most recently used last.
        kept.push(workspace);
        if kept.len() > KEPT {
            kept.remove(0);
        }
        result
    }

    fn workspace(&self, rows: usize) -> Result<Workspace> {
        let hidden = || -> Result<Vec<Array>> {
            let layers = &self.layers[..self.layers.len() - 1];
            layers.iter().map(|layer| self.device.zeros(rows, layer.bias.columns())).collect()
        };
        Ok(Workspace {
            values: hidden()?,
            slopes: hidden()?,
            cotangents: hidden()?,
            outputs: self.device.zeros(rows, self.outputs())?,
            top: self.device.zeros(rows, self.outputs())?,
            column: self.device.zeros(rows, 1)?,
            rows,
        })
    }

    /// Values (and slopes, where wanted) of the hidden layers, and the outputs.
    pub(super) fn forward(&self, x: &Array, work: &mut Workspace, slopes: bool) -> Result<()> {
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            let (below, above) = work.values.split_at_mut(index);
            let call = Linear {
                x: below.last().unwrap_or(x),
                weights: &layer.weights,
                transposed: false,
                bias: Some(&layer.bias),
                scale: 1.0,
                activation: match index == last {
                    true => Activation::Identity,
                    false => self.nonlinearity.into(),
                },
            };
            match above.first_mut() {
                None => self.device.linear(&call, &mut work.outputs)?,
                Some(out) if slopes => {
                    self.device.linear_with_slope(&call, out, &mut work.slopes[index])?;
                }
                Some(out) => self.device.linear(&call, out)?,
            }
        }
        Ok(())
    }

    /// E(x) from the outputs. Where the head is `Free`, leaves the softmax of the outputs in
    /// `work.top`.
    fn head_energy(
        &self,
        head: Head,
        x: &Array,
        work: &mut Workspace,
        out: &mut Array,
    ) -> Result<()> {
        let device = &self.device;
        match head {
            Head::Energy => device.copy_rows(&work.outputs, 0, out, 0, x.rows())?,
            Head::Free => {
                device.softmax(&work.outputs, &mut work.top, out)?;
                device.pointwise(Pointwise::Scale(-1.0), out)?;
            }
            Head::Class(class) => {
                let pick = one_hot(device, class, self.outputs())?;
                let call = Linear {
                    x: &work.outputs,
                    weights: &pick,
                    transposed: true,
                    bias: None,
                    scale: -1.0,
                    activation: Activation::Identity,
                };
                device.linear(&call, out)?;
            }
        }
        if self.base_precision != 0.0 {
            device.reduce(Reduce::RowDot(x), x, &mut work.column)?;
            let scale = 0.5 * self.base_precision;
            device.pointwise(Pointwise::Axpy { x: &work.column, scale }, out)?;
        }
        Ok(())
    }

    pub(super) fn energy_with(&self, head: Head, x: &Array, out: &mut Array) -> Result<()> {
        self.with_workspace(x.rows(), |work| {
            self.forward(x, work, false)?;
            self.head_energy(head, x, work, out)
        })
    }

    /// The score, and the energy where wanted.
    pub(super) fn score_with(
        &self,
        head: Head,
        x: &Array,
        energy: Option<&mut Array>,
        score: &mut Array,
    ) -> Result<()> {
        let device = &self.device;
        self.with_workspace(x.rows(), |work| {
            self.forward(x, work, true)?;
            match (energy, head) {
                (Some(energy), _) => self.head_energy(head, x, work, energy)?,
                (None, Head::Free) => {
                    device.softmax(&work.outputs, &mut work.top, &mut work.column)?;
                }
                (None, _) => {}
            }
            // The cotangent of −E with respect to f.
            match head {
                Head::Energy => device.pointwise(Pointwise::Fill(-1.0), &mut work.top)?,
                // The softmax, which is there already.
                Head::Free => {}
                Head::Class(class) => {
                    device.pointwise(Pointwise::Fill(0.0), &mut work.top)?;
                    let one = Pointwise::AddToColumn { column: class as usize, value: 1.0 };
                    device.pointwise(one, &mut work.top)?;
                }
            }
            self.backward(work)?;
            let call = Linear {
                x: work.cotangents.first().unwrap_or(&work.top),
                weights: &self.layers[0].weights,
                transposed: true,
                bias: None,
                scale: 1.0,
                activation: Activation::Identity,
            };
            device.linear(&call, score)?;
            if self.base_precision != 0.0 {
                device.pointwise(Pointwise::Axpy { x, scale: -self.base_precision }, score)?;
            }
            Ok(())
        })
    }

    /// Cotangents of the hidden layers' sums from that of the outputs.
    fn backward(&self, work: &mut Workspace) -> Result<()> {
        for index in (0..work.cotangents.len()).rev() {
            let (below, above) = work.cotangents.split_at_mut(index + 1);
            let call = Linear {
                x: above.first().unwrap_or(&work.top),
                weights: &self.layers[index + 1].weights,
                transposed: true,
                bias: None,
                scale: 1.0,
                activation: Activation::Identity,
            };
            self.device.linear_gated(&call, &work.slopes[index], &mut below[index])?;
        }
        Ok(())
    }

    /// Adds Σ w ∇θE of one set of points, or starts with it.
    pub(super) fn add_gradient(
        &self,
        points: &Points<'_>,
        accumulate: bool,
        gradient: &mut [Array],
    ) -> Result<()> {
        let device = &self.device;
        let x = points.x;
        self.with_workspace(x.rows(), |work| {
            self.forward(x, work, true)?;
            self.weighted_cotangent(points.weights, work)?;
            self.backward(work)?;
            for (index, gradient) in gradient.chunks_exact_mut(2).enumerate() {
                let [weights, bias] = gradient else { continue };
                let input = if index == 0 { x } else { &work.values[index - 1] };
                let cotangent = work.cotangents.get(index).unwrap_or(&work.top);
                let row_weights = RowWeights::Uniform(1.0);
                let outer = Outer {
                    terms: &[OuterTerm { x: input, y: cotangent, weights: row_weights }],
                    x_offset: &self.zeros[index],
                    y_offset: &self.zeros[index + 1],
                    accumulate,
                };
                device.outer(&outer, weights)?;
                let sum = Reduce::ColumnSum { weights: row_weights, accumulate };
                device.reduce(sum, cotangent, bias)?;
            }
            Ok(())
        })
    }

    /// work.top ← the cotangent of f(x) in Σ w E.
    fn weighted_cotangent(&self, weights: Weights<'_>, work: &mut Workspace) -> Result<()> {
        let device = &self.device;
        let rows = work.rows;
        let one_output = self.outputs() == 1;
        match weights {
            Weights::Uniform(weight) if one_output => {
                device.pointwise(Pointwise::Fill(weight), &mut work.top)
            }
            Weights::Each(weights) if one_output => {
                check("weights", weights, (rows, 1))?;
                device.copy_rows(weights, 0, &mut work.top, 0, rows)
            }
            Weights::Outputs(weights) => {
                check("weights", weights, (rows, self.outputs()))?;
                device.copy_rows(weights, 0, &mut work.top, 0, rows)?;
                // E(x, k) = −f(x)[k], but E(x) = f(x) with one output.
                let sign = if one_output { 1.0 } else { -1.0 };
                device.pointwise(Pointwise::Scale(sign), &mut work.top)
            }
            Weights::Uniform(weight) => {
                device.softmax(&work.outputs, &mut work.top, &mut work.column)?;
                device.pointwise(Pointwise::Scale(-weight), &mut work.top)
            }
            Weights::Each(weights) => {
                check("weights", weights, (rows, 1))?;
                let Workspace { outputs, top, column, .. } = work;
                device.softmax(outputs, top, column)?;
                // The outputs are not needed any more: they take the softmax.
                device.copy_rows(top, 0, outputs, 0, rows)?;
                device.pointwise(Pointwise::Fill(0.0), top)?;
                let weighted = Pointwise::AxpyRows { x: outputs, factors: weights, scale: -1.0 };
                device.pointwise(weighted, top)
            }
        }
    }
}

/// `[1, classes]`, 1 for the class and 0 elsewhere.
fn one_hot(device: &Device, class: u32, classes: usize) -> Result<Array> {
    let mut row = device.zeros(1, classes)?;
    device.pointwise(Pointwise::AddToColumn { column: class as usize, value: 1.0 }, &mut row)?;
    Ok(row)
}

fn check(operand: &'static str, array: &Array, wanted: (usize, usize)) -> Result<()> {
    if array.shape() == wanted {
        return Ok(());
    }
    Err(DeviceError::Shape { kernel: "gradient", operand, found: array.shape(), wanted })
}
