//! Host side of `shaders/reduce.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, FOLD, Gpu, Program, Reduce, Result, buffer, program::Constant, queue::Dispatch,
    row_weights,
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    rows: u32,
    columns: u32,
    accumulate: u32,
    weight: f32,
}

pub(super) const PROGRAM: Program = Program {
    name: "reduce",
    source: include_str!("../../../shaders/reduce.wgsl"),
    bindings: &[Access::Read, Access::Read, Access::Read, Access::Write],
    params: size_of::<Params>(),
    example: &[("OPERATION", Constant::U32(0)), ("EACH", Constant::Bool(false))],
};

pub(super) fn reduce(gpu: &Gpu, call: Reduce<'_>, x: &Array, out: &mut Array) -> Result<()> {
    let mut params =
        Params { rows: x.rows() as u32, columns: x.columns() as u32, accumulate: 0, weight: 0.0 };
    let unused = gpu.unused()?;
    let (mut other, mut each, mut groups) = (None, None, 1);
    let mut has_each = false;
    let operation = match call {
        Reduce::ColumnSum { weights, accumulate } => {
            params.accumulate = u32::from(accumulate);
            (params.weight, each) = row_weights("reduce", weights)?;
            has_each = each.is_some();
            groups = x.columns().div_ceil(16) as u32;
            0
        }
        Reduce::SumOfSquares => 1,
        Reduce::SquaredDistance(array) => {
            other = Some(buffer("reduce", "other", array)?);
            2
        }
        Reduce::NonFinite => 3,
        Reduce::RowDot(array) => {
            other = Some(buffer("reduce", "other", array)?);
            has_each = array.rows() > 1;
            groups = x.rows().div_ceil(16) as u32;
            4
        }
    };
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[("OPERATION", Constant::U32(operation)), ("EACH", Constant::Bool(has_each))],
        params: bytemuck::bytes_of(&params),
        buffers: &[
            buffer("reduce", "x", x)?,
            other.unwrap_or(&unused),
            each.unwrap_or(&unused),
            buffer("reduce", "out", out)?,
        ],
        groups: [groups.min(FOLD), groups.div_ceil(FOLD), 1],
        work: x.len() as f64,
    })
}
