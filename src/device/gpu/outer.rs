//! Host side of `shaders/outer.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Outer, Program, Result, buffer, program::Constant, queue::Dispatch,
    row_weights,
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    rows: u32,
    x_columns: u32,
    y_columns: u32,
    accumulate: u32,
    weight: f32,
    pad: [u32; 3],
}

pub(super) const PROGRAM: Program = Program {
    name: "outer",
    source: include_str!("../../../shaders/outer.wgsl"),
    bindings: &[
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Write,
    ],
    params: size_of::<Params>(),
    example: &[("EACH", Constant::Bool(true))],
};

pub(super) fn outer(gpu: &Gpu, call: &Outer<'_>, out: &mut Array) -> Result<()> {
    let (rows, d) = call.x.shape();
    let h = call.y.columns();
    let (weight, each) = row_weights("outer", call.weights)?;
    let params = Params {
        rows: rows as u32,
        x_columns: d as u32,
        y_columns: h as u32,
        accumulate: u32::from(call.accumulate),
        weight,
        pad: [0; 3],
    };
    let unused = gpu.unused()?;
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[("EACH", Constant::Bool(each.is_some()))],
        params: bytemuck::bytes_of(&params),
        buffers: &[
            buffer("outer", "x", call.x)?,
            buffer("outer", "y", call.y)?,
            buffer("outer", "x_offset", call.x_offset)?,
            buffer("outer", "y_offset", call.y_offset)?,
            each.unwrap_or(&unused),
            buffer("outer", "out", out)?,
        ],
        groups: [d.div_ceil(64) as u32, h.div_ceil(64) as u32, 1],
        work: (rows * d * h) as f64,
    })
}
