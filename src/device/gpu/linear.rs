//! Host side of `shaders/linear.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Gpu, Linear, Program, Result, buffer, matmul,
    program::Constant,
    queue::{Dispatch, Grid},
    sum_parts::sum_parts,
};
use crate::{
    device::{Activation, Array, Companion},
    random::key,
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    rows: u32,
    depth: u32,
    columns: u32,
    transposed: u32,
    has_bias: u32,
    scale: f32,
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
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
        Access::Write,
        Access::Write,
    ],
    params: size_of::<Params>(),
    example: &[
        ("ACTIVATION", Constant::U32(3)),
        ("COMPANION", Constant::U32(0)),
        ("ROW_SUM", Constant::Bool(false)),
        ("TILE", Constant::U32(64)),
    ],
};

/// Columns that are summed before the sums of a row are added.
const PART: usize = 64;

pub(super) fn linear(
    gpu: &Gpu,
    call: &Linear<'_>,
    companion: Companion<'_>,
    out: &mut Array,
) -> Result<()> {
    let (depth, columns) = call.sizes();
    let tile = matmul::whole(gpu.filling, (call.x.rows(), columns), depth);
    dispatch(gpu, call, companion, buffer("linear", "out", out)?, (tile, false))
}

/// The caller holds `sequence`.
pub(super) fn linear_sum(gpu: &Gpu, call: &Linear<'_>, out: &mut Array) -> Result<()> {
    let (depth, columns) = call.sizes();
    let rows = call.x.rows();
    let kind = (matmul::by_columns(gpu.filling, (rows, columns), depth), true);
    let out = buffer("linear", "out", out)?;
    let count = columns.div_ceil(PART);
    if count == 1 {
        return dispatch(gpu, call, Companion::None, out, kind);
    }
    let parts = gpu.scratch("parts of row sums", count * rows)?;
    dispatch(gpu, call, Companion::None, &parts, kind)?;
    sum_parts(gpu, &parts, (count, rows), false, out)
}

fn dispatch(
    gpu: &Gpu,
    call: &Linear<'_>,
    companion: Companion<'_>,
    out: &wgpu::Buffer,
    (tile, row_sum): (usize, bool),
) -> Result<()> {
    let (depth, columns) = call.sizes();
    let rows = call.x.rows();
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
    let params = Params {
        grid: Grid::default(),
        rows: rows as u32,
        depth: depth as u32,
        columns: columns as u32,
        transposed: u32::from(call.transposed),
        has_bias: u32::from(call.bias.is_some()),
        scale: call.scale,
        step: draw.map_or(0, |draw| draw.step),
        stream: draw.map_or(0, |draw| draw.stream as u32),
        key_low,
        key_high,
    };
    let unused = gpu.unused()?;
    // A buffer that is written can be bound nowhere else.
    let [nowhere, nowhere_slope, no_slope] = [
        gpu.scratch("unused result", 4)?,
        gpu.scratch("unused view of slopes", 4)?,
        gpu.scratch("unused slopes", 4)?,
    ];
    let (kind, gate, slope) = match &companion {
        Companion::None => (0, &unused, &no_slope),
        Companion::Slope(slope) => (1, &unused, buffer("linear", "slope", slope)?),
        Companion::Gate(gate) => (2, buffer("linear", "gate", gate)?, &no_slope),
    };
    let ([out, out_quads], [slope, slope_quads]) = if columns.is_multiple_of(4) && !row_sum {
        ([&nowhere, out], [&nowhere_slope, slope])
    } else {
        ([out, &nowhere], [slope, &nowhere_slope])
    };
    let bias = call.bias.map(|bias| buffer("linear", "bias", bias)).transpose()?;
    // Tiles are summed whole, even past the last row and column.
    let groups = rows.div_ceil(tile) * columns.div_ceil(tile);
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[
            ("ACTIVATION", Constant::U32(activation)),
            ("COMPANION", Constant::U32(kind)),
            ("ROW_SUM", Constant::Bool(row_sum)),
            ("TILE", Constant::U32(tile as u32)),
        ],
        params: bytemuck::bytes_of(&params),
        buffers: &[
            buffer("linear", "x", call.x)?,
            buffer("linear", "weights", call.weights)?,
            bias.unwrap_or(&unused),
            gate,
            out,
            slope,
            out_quads,
            slope_quads,
        ],
        groups: groups as u32,
        work: (groups * tile * tile * depth) as f64,
    })
}
