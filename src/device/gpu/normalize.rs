//! Host side of `shaders/normalize.wgsl`.

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
    name: "normalize",
    source: include_str!("../../../shaders/normalize.wgsl"),
    bindings: &[Access::Write, Access::Write],
    params: size_of::<Params>(),
    example: &[],
};

pub(super) fn normalize(gpu: &Gpu, out: &mut Array, norms: &mut Array) -> Result<()> {
    let (rows, columns) = out.shape();
    let params = Params { grid: Grid::default(), rows: rows as u32, columns: columns as u32 };
    let groups = rows.div_ceil(16) as u32;
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[],
        params: bytemuck::bytes_of(&params),
        buffers: &[buffer("normalize", "out", out)?, buffer("normalize", "norms", norms)?],
        groups,
        work: out.len() as f64,
    })
}
