//! Host side of `shaders/anneal.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Anneal, Array, Gpu, Program, Result, Storage, buffer,
    gibbs::{self, Tiles},
    lay_out, linear, pointwise,
    queue::{Dispatch, Grid, lock},
    tile::{Need, Tile},
};
use crate::{
    device::{Activation, Companion, Draw, Kernels, Linear, Pointwise},
    random::{Stream, key},
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    visible: u32,
    hidden: u32,
    chains: u32,
    sweeps: u32,
    first_step: u32,
    key_low: u32,
    key_high: u32,
    first_beta: u32,
    visible_stream: u32,
    hidden_stream: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "anneal",
    source: include_str!("../../../shaders/anneal.wgsl"),
    bindings: &[
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Write,
        Access::Write,
        Access::Write,
    ],
    params: size_of::<Params>(),
    example: gibbs::EXAMPLE,
};

pub(super) fn anneal(gpu: &Gpu, call: Anneal<'_>) -> Result<()> {
    let _sequence = lock(&gpu.sequence);
    let need = Need {
        shape: call.weights.shape(),
        chains: call.visible.rows(),
        together: 1,
        fixed: gibbs::SUMS,
        each: 0,
        by_matrices: false,
    };
    match gpu.tile(&need) {
        None => by_half_sweeps(gpu, call),
        Some(tile) => fused(gpu, call, &need, tile),
    }
}

fn fused(gpu: &Gpu, call: Anneal<'_>, need: &Need, tile: Tile) -> Result<()> {
    let (d, h) = call.weights.shape();
    let chains = call.visible.rows();
    let weights = lay_out::lay_out(gpu, call.weights)?;
    let biases = [call.base_bias, call.hidden_bias, call.bias_shift];
    let biases = gibbs::joined(gpu, "anneal biases", &biases)?;
    let mut betas =
        Array { rows: 1, columns: call.betas.len(), storage: gpu.allocate(1, call.betas.len())? };
    gpu.write(&mut betas, 0, call.betas)?;
    let sweeps = call.betas.len() as u32 - 1;
    let [key_low, key_high] = key(call.seed);
    let tiles = Tiles::new(need, tile, sweeps);
    tiles.for_each(gpu, |part| {
        let params = Params {
            grid: Grid::default(),
            visible: d as u32,
            hidden: h as u32,
            chains: chains as u32,
            sweeps: part.sweeps,
            first_step: call.first_step.wrapping_add(part.done),
            key_low,
            key_high,
            first_beta: part.done,
            visible_stream: Stream::Visible as u32,
            hidden_stream: Stream::Hidden as u32,
        };
        gpu.dispatch(Dispatch {
            program: &PROGRAM,
            constants: &tile.constants((d + h) as u32),
            params: bytemuck::bytes_of(&params),
            buffers: &[
                &weights,
                &biases,
                buffer("anneal", "betas", &betas)?,
                buffer("anneal", "visible", call.visible)?,
                buffer("anneal", "hidden", call.hidden)?,
                buffer("anneal", "log_weights", call.log_weights)?,
            ],
            groups: part.groups,
            work: part.work,
        })
    })
}

/// For models whose states do not fit into workgroup memory: each half-sweep is a product, and so is
/// each term of the weights.
fn by_half_sweeps(gpu: &Gpu, call: Anneal<'_>) -> Result<()> {
    let Anneal { weights, visible, hidden, log_weights, .. } = call;
    let n = visible.rows();
    let scratch = |purpose, columns| -> Result<Array> {
        let storage = Storage::Gpu(gpu.scratch(purpose, n.max(1) * columns)?);
        Ok(Array { rows: n, columns, storage })
    };
    let mut term = scratch("anneal term", 1)?;
    let d = weights.rows();
    let mut field_bias =
        Array { rows: 1, columns: d, storage: Storage::Gpu(gpu.scratch("anneal bias", d)?) };
    for (sweep, betas) in call.betas.windows(2).enumerate() {
        let draw = |stream| Draw {
            seed: call.seed,
            step: call.first_step.wrapping_add(sweep as u32),
            stream,
        };
        for (beta, sign) in [(betas[0], -1.0), (betas[1], 1.0)] {
            // The field is beta (W h + bias) with this bias; a scale of 0 would lose the base.
            let beta = beta.max(LEAST_BETA);
            pointwise::pointwise(gpu, Pointwise::Fill(0.0), &mut field_bias)?;
            for (x, scale) in [(call.base_bias, 1.0 / beta), (call.bias_shift, 1.0)] {
                pointwise::pointwise(gpu, Pointwise::Axpy { x, scale }, &mut field_bias)?;
            }
            let fields = |activation| Linear {
                x: &*hidden,
                weights,
                transposed: true,
                bias: Some(&field_bias),
                scale: beta,
                activation,
            };
            linear::linear_sum(gpu, &fields(Activation::Softplus), &mut term)?;
            let add = Pointwise::Axpy { x: &term, scale: sign };
            pointwise::pointwise(gpu, add, log_weights)?;
            if sign > 0.0 {
                let draws = fields(Activation::Bernoulli(draw(Stream::Visible)));
                linear::linear(gpu, &draws, Companion::None, visible)?;
            }
        }
        let biases = Linear {
            x: &*hidden,
            weights: call.hidden_bias,
            transposed: true,
            bias: None,
            scale: betas[1] - betas[0],
            activation: Activation::Identity,
        };
        linear::linear(gpu, &biases, Companion::None, &mut term)?;
        pointwise::pointwise(gpu, Pointwise::Axpy { x: &term, scale: 1.0 }, log_weights)?;
        let to_hidden = Linear {
            x: &*visible,
            weights,
            transposed: false,
            bias: Some(call.hidden_bias),
            scale: betas[1],
            activation: Activation::Bernoulli(draw(Stream::Hidden)),
        };
        linear::linear(gpu, &to_hidden, Companion::None, hidden)?;
    }
    Ok(())
}

/// Stands for an inverse temperature of 0.
const LEAST_BETA: f32 = 1e-6;
