//! Host side of `shaders/split.wgsl`, which lays weights out for cooperative matrices.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Program, Result, buffer,
    program::Constant,
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
    name: "split",
    source: include_str!("../../../shaders/split.wgsl"),
    bindings: &[Access::Read, Access::Write, Access::Write],
    params: size_of::<Params>(),
    example: &[("PASS", Constant::U32(1)), ("SIZE", Constant::U32(16))],
};

/// Shares of the weights whose largest magnitudes are found apart.
const SHARES: usize = 64;
/// Halves before the first direction.
const HEADER: usize = 256;

/// Halves of the weights from `depth` units to `units`.
fn halves(depth: usize, units: usize, size: usize) -> usize {
    let rows = (4 * units.div_ceil(4)).next_multiple_of(2 * size);
    2 * rows * depth.next_multiple_of(size)
}

/// W `[D, H]` as `lib/half_sweep_matrix.wgsl` reads it for squares of a size, from D to H, then from
/// H to D.
pub(super) fn split(gpu: &Gpu, weights: &Array, size: u32) -> Result<wgpu::Buffer> {
    let (d, h) = weights.shape();
    let source = buffer("gibbs", "weights", weights)?;
    let side = size as usize;
    let to_hidden = halves(d, h, side);
    let target = gpu.scratch("gibbs halves", (HEADER + to_hidden + halves(h, d, side)) / 2)?;
    let largest = gpu.scratch("gibbs largest", SHARES)?;
    let pass = |pass, (depth, units, k_stride, unit_stride), first: usize, groups: usize| {
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
            constants: &[("PASS", Constant::U32(pass)), ("SIZE", Constant::U32(size))],
            params: bytemuck::bytes_of(&params),
            buffers: &[source, &largest, &target],
            groups: groups as u32,
            work: (d * h) as f64,
        })
    };
    let (forth, back) = ((d, h, h, 1), (h, d, 1, h));
    // A weight a thread, high and low part.
    let groups = |depth, units| (halves(depth, units, side) / 2).div_ceil(256);
    pass(0, forth, 0, SHARES)?;
    pass(1, forth, HEADER, groups(d, h))?;
    pass(1, back, HEADER + to_hidden, groups(h, d))?;
    Ok(target)
}
