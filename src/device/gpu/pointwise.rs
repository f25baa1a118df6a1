//! Host side of `shaders/pointwise.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Pointwise, Program, Result, buffer, groups_of_256, program::Constant,
    queue::Dispatch,
};
use crate::random::key;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    count: u32,
    columns: u32,
    value: f32,
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
    pad: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "pointwise",
    source: include_str!("../../../shaders/pointwise.wgsl"),
    bindings: &[Access::Read, Access::Read, Access::Write],
    params: size_of::<Params>(),
    example: &[("OPERATION", Constant::U32(2))],
};

pub(super) fn pointwise(gpu: &Gpu, call: Pointwise<'_>, out: &mut Array) -> Result<()> {
    let mut params = Params { columns: out.columns() as u32, ..Params::zeroed() };
    params.count = out.len() as u32;
    let (operation, x, mask) = match call {
        Pointwise::Fill(value) => {
            params.value = value;
            (0, None, None)
        }
        Pointwise::Lerp { x, rate } => {
            params.value = rate;
            (1, Some(x), None)
        }
        Pointwise::Bernoulli { p, draw } => {
            (params.step, params.stream) = (draw.step, draw.stream as u32);
            [params.key_low, params.key_high] = key(draw.seed);
            (2, Some(p), None)
        }
        Pointwise::Select { mask, x } => (3, Some(x), Some(mask)),
        Pointwise::Axpy { x, scale } => {
            params.value = scale;
            (4, Some(x), None)
        }
        Pointwise::Scale(value) => {
            params.value = value;
            (5, None, None)
        }
        Pointwise::Normal { scale, draw } => {
            (params.value, params.step, params.stream) = (scale, draw.step, draw.stream as u32);
            [params.key_low, params.key_high] = key(draw.seed);
            (6, None, None)
        }
        _ => {
            return Err(crate::device::DeviceError::Refused {
                what: "kernel".into(),
                reason: "to do".into(),
            });
        }
    };
    let unused = gpu.unused()?;
    let bind = |array: Option<&Array>| match array {
        Some(array) => buffer("pointwise", "operand", array).cloned(),
        None => Ok(unused.clone()),
    };
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[("OPERATION", Constant::U32(operation))],
        params: bytemuck::bytes_of(&params),
        buffers: &[&bind(x)?, &bind(mask)?, buffer("pointwise", "out", out)?],
        groups: groups_of_256(out.len()),
        work: out.len() as f64,
    })
}
