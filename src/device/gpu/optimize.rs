//! Host side of `shaders/optimize.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Optimize, Program, Result, buffer, groups_of_256,
    program::Constant,
    queue::{Dispatch, Grid},
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    count: u32,
    rate: f32,
    momentum: f32,
    decay: f32,
    beta2: f32,
    epsilon: f32,
}

pub(super) const PROGRAM: Program = Program {
    name: "optimize",
    source: include_str!("../../../shaders/optimize.wgsl"),
    bindings: &[Access::Read, Access::Write, Access::Write, Access::Write],
    params: size_of::<Params>(),
    example: &[("ADAM", Constant::Bool(true))],
};

pub(super) fn optimize(
    gpu: &Gpu,
    call: Optimize,
    gradient: &Array,
    parameter: &mut Array,
    moments: &mut [Array],
) -> Result<()> {
    let count = parameter.len();
    let blank = Params { count: count as u32, ..Params::zeroed() };
    let (adam, params) = match call {
        Optimize::Sgd { rate, momentum, decay } => {
            (false, Params { rate, momentum, decay, ..blank })
        }
        Optimize::Adam { rate, beta1, beta2, epsilon, decay } => {
            (true, Params { rate, momentum: beta1, decay, beta2, epsilon, ..blank })
        }
    };
    let unused = gpu.unused()?;
    let second = match moments.get(1) {
        Some(second) => buffer("optimize", "second moment", second)?,
        None => &unused,
    };
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[("ADAM", Constant::Bool(adam))],
        params: bytemuck::bytes_of(&params),
        buffers: &[
            buffer("optimize", "gradient", gradient)?,
            buffer("optimize", "parameter", parameter)?,
            buffer("optimize", "first moment", &moments[0])?,
            second,
        ],
        groups: groups_of_256(count),
        work: count as f64,
    })
}
