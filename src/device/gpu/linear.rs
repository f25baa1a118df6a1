//! Host side of `shaders/linear.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, FOLD, Gpu, Linear, Program, Result, buffer, program::Constant, queue::Dispatch,
};
use crate::{
    device::{Activation, Array, Companion},
    random::key,
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    rows: u32,
    depth: u32,
    columns: u32,
    weight_k_stride: u32,
    weight_column_stride: u32,
    has_bias: u32,
    scale: f32,
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
    row_tiles: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "linear",
    source: include_str!("../../../shaders/linear.wgsl"),
    bindings: &[
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Write,
        Access::Write,
    ],
    params: size_of::<Params>(),
    example: &[
        ("ACTIVATION", Constant::U32(3)),
        ("COMPANION", Constant::U32(0)),
        ("ROW_SUM", Constant::Bool(false)),
    ],
};

pub(super) fn linear(
    gpu: &Gpu,
    call: &Linear<'_>,
    companion: Companion<'_>,
    out: &mut Array,
) -> Result<()> {
    dispatch(gpu, call, companion, out, false)
}

pub(super) fn linear_sum(gpu: &Gpu, call: &Linear<'_>, out: &mut Array) -> Result<()> {
    dispatch(gpu, call, Companion::None, out, true)
}

fn dispatch(
    gpu: &Gpu,
    call: &Linear<'_>,
    companion: Companion<'_>,
    out: &mut Array,
    row_sum: bool,
) -> Result<()> {
    let (depth, columns) = call.sizes();
    let rows = call.x.rows();
    let stride = call.weights.columns() as u32;
    let (activation, draw) = match call.activation {
        Activation::Identity => (0, None),
        Activation::Sigmoid => (1, None),
        Activation::Softplus => (2, None),
        Activation::Bernoulli(draw) => (3, Some(draw)),
        Activation::Silu => (4, None),
        Activation::Elu => (5, None),
        Activation::Tanh => (6, None),
    };
    let [key_low, key_high] = key(draw.map_or(0, |draw| draw.seed));
    let row_tiles = rows.div_ceil(64) as u32;
    let params = Params {
        rows: rows as u32,
        depth: depth as u32,
        columns: columns as u32,
        weight_k_stride: if call.transposed { 1 } else { stride },
        weight_column_stride: if call.transposed { stride } else { 1 },
        has_bias: u32::from(call.bias.is_some()),
        scale: call.scale,
        step: draw.map_or(0, |draw| draw.step),
        stream: draw.map_or(0, |draw| draw.stream as u32),
        key_low,
        key_high,
        row_tiles,
    };
    let unused = gpu.unused()?;
    // A buffer that is read cannot be one that is written.
    let nowhere = gpu.scratch("unused result", 4)?;
    let (kind, gate, slope) = match &companion {
        Companion::None => (0, &unused, &nowhere),
        Companion::Slope(slope) => (1, &unused, buffer("linear", "slope", slope)?),
        Companion::Gate(gate) => (2, buffer("linear", "gate", gate)?, &nowhere),
    };
    let bias = call.bias.map(|bias| buffer("linear", "bias", bias)).transpose()?;
    let column_tiles = if row_sum { 1 } else { columns.div_ceil(64) as u32 };
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[
            ("ACTIVATION", Constant::U32(activation)),
            ("COMPANION", Constant::U32(kind)),
            ("ROW_SUM", Constant::Bool(row_sum)),
        ],
        params: bytemuck::bytes_of(&params),
        buffers: &[
            buffer("linear", "x", call.x)?,
            buffer("linear", "weights", call.weights)?,
            bias.unwrap_or(&unused),
            gate,
            buffer("linear", "out", out)?,
            slope,
        ],
        groups: [row_tiles.min(FOLD), column_tiles, row_tiles.div_ceil(FOLD)],
        work: (rows * depth * columns) as f64,
    })
}
