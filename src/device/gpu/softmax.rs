//! Host side of `shaders/softmax.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Program, Result, buffer,
    queue::{Dispatch, Grid},
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    rows: u32,
    columns: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "softmax",
    source: include_str!("../../../shaders/softmax.wgsl"),
    bindings: &[Access::Read, Access::Write, Access::Write],
    params: size_of::<Params>(),
    example: &[],
};

pub(super) fn softmax(gpu: &Gpu, x: &Array, p: &mut Array, log_sum: &mut Array) -> Result<()> {
    let (rows, columns) = x.shape();
    let params = Params { grid: Grid::default(), rows: rows as u32, columns: columns as u32 };
    let groups = rows.div_ceil(64) as u32;
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[],
        params: bytemuck::bytes_of(&params),
        buffers: &[
            buffer("softmax", "x", x)?,
            buffer("softmax", "p", p)?,
            buffer("softmax", "log_sum", log_sum)?,
        ],
        groups,
        work: x.len() as f64,
    })
}
