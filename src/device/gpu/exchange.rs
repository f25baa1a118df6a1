//! Host side of `shaders/exchange.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Exchange, Gpu, Program, Result, buffer, groups_of_256,
    program::Constant,
    queue::{Dispatch, Grid, lock},
};
use crate::random::key;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    rows: u32,
    columns: u32,
    beta_difference: f32,
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
    is_lowest: u32,
    is_top: u32,
    pad: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "exchange",
    source: include_str!("../../../shaders/exchange.wgsl"),
    bindings: &[
        Access::Read,
        Access::Read,
        Access::Write,
        Access::Write,
        Access::Write,
        Access::Write,
    ],
    params: size_of::<Params>(),
    example: &[("OPERATION", Constant::U32(0))],
};

/// Judges pairs, swaps their labels and counts round trips.
const JUDGE: u32 = 0;
/// Swaps states.
const SWAP: u32 = 1;

pub(super) fn exchange(gpu: &Gpu, call: Exchange<'_, '_>) -> Result<()> {
    let _sequence = lock(&gpu.sequence);
    let rows = call.tally.rows();
    let mut params = Params { rows: rows as u32, columns: 1, ..Params::zeroed() };
    params.beta_difference = call.betas[0] - call.betas[1];
    (params.step, params.stream) = (call.draw.step, call.draw.stream as u32);
    [params.key_low, params.key_high] = key(call.draw.seed);
    [params.is_lowest, params.is_top] = call.ends.map(u32::from);
    let taken = gpu.scratch("exchange taken", rows)?;
    let [first, second] = call.differences;
    let dispatch = |operation: u32, params: &Params, pair: [&Array; 2]| {
        gpu.dispatch(Dispatch {
            program: &PROGRAM,
            constants: &[("OPERATION", Constant::U32(operation))],
            params: bytemuck::bytes_of(params),
            buffers: &[
                buffer("exchange", "difference", first)?,
                buffer("exchange", "difference", second)?,
                buffer("exchange", "first of a pair", pair[0])?,
                buffer("exchange", "second of a pair", pair[1])?,
                buffer("exchange", "tally", call.tally)?,
                &taken,
            ],
            groups: groups_of_256(rows * params.columns as usize),
            work: f64::from(params.rows) * f64::from(params.columns),
        })
    };
    let [labels, other_labels] = call.labels;
    dispatch(JUDGE, &params, [labels, other_labels])?;
    for [first, second] in call.states.iter() {
        params.columns = first.columns() as u32;
        dispatch(SWAP, &params, [first, second])?;
    }
    Ok(())
}
