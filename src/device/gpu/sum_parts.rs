//! Host side of `shaders/sum_parts.wgsl`, which adds what a product left in parts.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Gpu, Program, Result, groups_of_256,
    queue::{Dispatch, Grid},
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    count: u32,
    parts: u32,
    accumulate: u32,
    pad: [u32; 3],
}

pub(super) const PROGRAM: Program = Program {
    name: "sum_parts",
    source: include_str!("../../../shaders/sum_parts.wgsl"),
    bindings: &[Access::Read, Access::Write],
    params: size_of::<Params>(),
    example: &[],
};

/// out `[count]` ← the sum of x `[parts, count]` over the parts, or out plus that.
pub(super) fn sum_parts(
    gpu: &Gpu,
    x: &wgpu::Buffer,
    (parts, count): (usize, usize),
    accumulate: bool,
    out: &wgpu::Buffer,
) -> Result<()> {
    let params = Params {
        grid: Grid::default(),
        count: count as u32,
        parts: parts as u32,
        accumulate: u32::from(accumulate),
        pad: [0; 3],
    };
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[],
        params: bytemuck::bytes_of(&params),
        buffers: &[x, out],
        groups: groups_of_256(count),
        work: (parts * count) as f64,
    })
}
