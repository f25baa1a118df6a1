//! Host side of `shaders/lay_out.wgsl`, which lays weights out for the block-Gibbs kernels.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Program, Result, buffer,
    queue::{Dispatch, Grid},
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    depth: u32,
    units: u32,
    k_stride: u32,
    unit_stride: u32,
    first: u32,
    pad: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "lay_out",
    source: include_str!("../../../shaders/lay_out.wgsl"),
    bindings: &[Access::Read, Access::Write],
    params: size_of::<Params>(),
    example: &[],
};

/// W `[D, H]` as `lib/half_sweep.wgsl` reads it, from D to H, then from H to D.
pub(super) fn lay_out(gpu: &Gpu, weights: &Array) -> Result<wgpu::Buffer> {
    let (d, h) = weights.shape();
    let source = buffer("gibbs", "weights", weights)?;
    let (to_hidden, to_visible) = (d * h.div_ceil(4), h * d.div_ceil(4));
    let target = gpu.scratch("gibbs weights", 4 * (to_hidden + to_visible))?;
    for (depth, units, k_stride, unit_stride, first) in [(d, h, h, 1, 0), (h, d, 1, h, to_hidden)] {
        let params = Params {
            grid: Grid::default(),
            depth: depth as u32,
            units: units as u32,
            k_stride: k_stride as u32,
            unit_stride: unit_stride as u32,
            first: first as u32,
            pad: 0,
        };
        gpu.dispatch(Dispatch {
            program: &PROGRAM,
            constants: &[],
            params: bytemuck::bytes_of(&params),
            buffers: &[source, &target],
            groups: (units.div_ceil(64) * depth.div_ceil(16)) as u32,
            work: (d * h) as f64,
        })?;
    }
    Ok(target)
}
