//! Host side of `shaders/transpose.wgsl`, which lays weights out for `langevin`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Gpu, Program, Result,
    queue::{Dispatch, Grid},
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    rows: u32,
    columns: u32,
    offset: u32,
    pad: [u32; 3],
}

pub(super) const PROGRAM: Program = Program {
    name: "transpose",
    source: include_str!("../../../shaders/transpose.wgsl"),
    bindings: &[Access::Read, Access::Write],
    params: size_of::<Params>(),
    example: &[],
};

/// target[offset ..] ← the transpose of source `[rows, columns]`.
pub(super) fn transpose(
    gpu: &Gpu,
    source: &wgpu::Buffer,
    (rows, columns): (usize, usize),
    target: &wgpu::Buffer,
    offset: usize,
) -> Result<()> {
    let params = Params {
        grid: Grid::default(),
        rows: rows as u32,
        columns: columns as u32,
        offset: offset as u32,
        pad: [0; 3],
    };
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[],
        params: bytemuck::bytes_of(&params),
        buffers: &[source, target],
        groups: (columns.div_ceil(16) * rows.div_ceil(16)) as u32,
        work: (rows * columns) as f64,
    })
}
