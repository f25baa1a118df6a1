//! Host side of `shaders/potential.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Gpu, Program, Result, buffer, groups_of_256,
    program::Constant,
    queue::{Dispatch, Grid},
};
use crate::device::{Formula, Potential};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    rows: u32,
    columns: u32,
    components: u32,
    has_energy: u32,
    has_score: u32,
    pad: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "potential",
    source: include_str!("../../../shaders/potential.wgsl"),
    bindings: &[Access::Read, Access::Read, Access::Write, Access::Write],
    params: size_of::<Params>(),
    example: &[("OPERATION", Constant::U32(0))],
};

pub(super) fn potential(gpu: &Gpu, call: Potential<'_>) -> Result<()> {
    let (rows, columns) = call.x.shape();
    let params = Params {
        grid: Grid::default(),
        rows: rows as u32,
        columns: columns as u32,
        components: call.parameters.rows() as u32,
        has_energy: u32::from(call.energy.is_some()),
        has_score: u32::from(call.score.is_some()),
        pad: 0,
    };
    let (operation, work) = match call.formula {
        Formula::Mixture => (0, 2 * call.parameters.len()),
        Formula::DoubleWell => (1, columns),
        Formula::Ring => (2, columns),
        Formula::Banana => (3, columns),
    };
    // Every binding that is written to must be a buffer of its own.
    let energy = match call.energy {
        Some(energy) => buffer("potential", "energy", energy)?.clone(),
        None => gpu.scratch("potential energy", 4)?,
    };
    let score = match call.score {
        Some(score) => buffer("potential", "score", score)?.clone(),
        None => gpu.scratch("potential score", 4)?,
    };
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[("OPERATION", Constant::U32(operation))],
        params: bytemuck::bytes_of(&params),
        buffers: &[
            buffer("potential", "parameters", call.parameters)?,
            buffer("potential", "x", call.x)?,
            &energy,
            &score,
        ],
        groups: groups_of_256(rows),
        work: (rows * work) as f64,
    })
}
