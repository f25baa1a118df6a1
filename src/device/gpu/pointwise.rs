//! Host side of `shaders/pointwise.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Pointwise, Program, Result, buffer, groups_of_256,
    program::Constant,
    queue::{Dispatch, Grid},
};
use crate::{device::Draw, random::key};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    count: u32,
    columns: u32,
    column: u32,
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
    value: f32,
    high: f32,
    pad: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "pointwise",
    source: include_str!("../../../shaders/pointwise.wgsl"),
    bindings: &[Access::Read, Access::Read, Access::Write],
    params: size_of::<Params>(),
    example: &[("OPERATION", Constant::U32(9))],
};

/// What the shader gets for a call: OPERATION, the numbers, and the arrays x and k.
#[derive(Default)]
struct Operation<'a> {
    number: u32,
    value: f32,
    high: f32,
    column: usize,
    x: Option<&'a Array>,
    k: Option<&'a Array>,
    draw: Option<Draw>,
}

impl<'a> From<Pointwise<'a>> for Operation<'a> {
    fn from(call: Pointwise<'a>) -> Self {
        let other = Self::default();
        match call {
            Pointwise::Fill(value) => Self { number: 0, value, ..other },
            Pointwise::Scale(value) => Self { number: 1, value, ..other },
            Pointwise::Axpy { x, scale } => Self { number: 2, value: scale, x: Some(x), ..other },
            Pointwise::Lerp { x, rate } => Self { number: 3, value: rate, x: Some(x), ..other },
            Pointwise::Multiply { x } => Self { number: 4, x: Some(x), ..other },
            Pointwise::AxpyRows { x, factors, scale } => {
                Self { number: 5, value: scale, x: Some(x), k: Some(factors), ..other }
            }
            Pointwise::AddToColumn { column, value } => Self { number: 6, column, value, ..other },
            Pointwise::Clamp { low, high } => Self { number: 7, value: low, high, ..other },
            Pointwise::Select { mask, x } => Self { number: 8, x: Some(x), k: Some(mask), ..other },
            Pointwise::Bernoulli { p, draw } => {
                Self { number: 9, x: Some(p), draw: Some(draw), ..other }
            }
            Pointwise::Normal { scale, draw } => {
                Self { number: 10, value: scale, draw: Some(draw), ..other }
            }
            Pointwise::Uniform { low, high, draw } => {
                Self { number: 11, value: low, high, draw: Some(draw), ..other }
            }
            Pointwise::Rademacher { draw } => Self { number: 12, draw: Some(draw), ..other },
            Pointwise::MixRows { x, share, draw } => {
                Self { number: 13, value: share, x: Some(x), draw: Some(draw), ..other }
            }
        }
    }
}

pub(super) fn pointwise(gpu: &Gpu, call: Pointwise<'_>, out: &mut Array) -> Result<()> {
    let operation = Operation::from(call);
    let draw = operation.draw;
    let [key_low, key_high] = key(draw.map_or(0, |draw| draw.seed));
    let params = Params {
        grid: Grid::default(),
        count: out.len() as u32,
        columns: out.columns() as u32,
        column: operation.column as u32,
        step: draw.map_or(0, |draw| draw.step),
        stream: draw.map_or(0, |draw| draw.stream as u32),
        key_low,
        key_high,
        value: operation.value,
        high: operation.high,
        pad: 0,
    };
    let unused = gpu.unused()?;
    let bind = |array: Option<&Array>| match array {
        Some(array) => buffer("pointwise", "operand", array).cloned(),
        None => Ok(unused.clone()),
    };
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[("OPERATION", Constant::U32(operation.number))],
        params: bytemuck::bytes_of(&params),
        buffers: &[&bind(operation.x)?, &bind(operation.k)?, buffer("pointwise", "out", out)?],
        groups: groups_of_256(out.len()),
        work: out.len() as f64,
    })
}
