//! Host side of `shaders/philox.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Program, Result, buffer, groups_of_256,
    queue::{Dispatch, Grid},
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    count: u32,
    pad: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "philox",
    source: include_str!("../../../shaders/philox.wgsl"),
    bindings: &[Access::Read, Access::Write],
    params: size_of::<Params>(),
    example: &[],
};

pub(super) fn philox(gpu: &Gpu, blocks: &Array, out: &mut Array) -> Result<()> {
    let params = Params { grid: Grid::default(), count: blocks.rows() as u32, pad: 0 };
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[],
        params: bytemuck::bytes_of(&params),
        buffers: &[buffer("philox", "blocks", blocks)?, buffer("philox", "out", out)?],
        groups: groups_of_256(blocks.rows()),
        work: blocks.len() as f64,
    })
}
