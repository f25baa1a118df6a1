//! Host side of `shaders/rungs.wgsl`: tempering by products, where a ladder does not fit into a
//! workgroup. Its draws are those of `temper`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Program, Result, Temper, buffer, gibbs, groups_of_256, linear,
    program::Constant,
    queue::{Dispatch, Grid},
};
use crate::{
    device::{Activation, Companion, Linear},
    random::{Stream, key},
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    visible: u32,
    hidden: u32,
    rows: u32,
    ladders: u32,
    rungs: u32,
    round: u32,
    step: u32,
    key_low: u32,
    key_high: u32,
    has_clamp: u32,
    keep_means: u32,
    visible_stream: u32,
    hidden_stream: u32,
    exchange_stream: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "rungs",
    source: include_str!("../../../shaders/rungs.wgsl"),
    bindings: &[
        Access::Read,
        Access::Read,
        Access::Write,
        Access::Write,
        Access::Write,
        Access::Write,
        Access::Write,
        Access::Write,
    ],
    params: size_of::<Params>(),
    example: &[("OPERATION", Constant::U32(0))],
};

/// Rows, or pairs of them, that a workgroup of draws or swaps takes.
const ROWS: usize = 16;

/// The operations of the shader.
#[derive(Clone, Copy)]
enum Operation {
    DrawVisible,
    Judge,
    Swap,
    DrawHidden,
}

/// All sweeps and rounds of a call, whose biases are joined in `biases`. The caller holds `sequence`.
pub(super) fn by_half_sweeps(gpu: &Gpu, call: Temper<'_>, biases: &wgpu::Buffer) -> Result<()> {
    let (d, h) = call.weights.shape();
    let (rows, rungs) = (call.visible.rows(), call.betas.len());
    let ladders = rows / rungs;
    let held = call.clamp.map(|_| gibbs::copy_of(gpu, call.visible)).transpose()?;
    let notes = gpu.scratch("temper notes", 2 * rows)?;
    let unused = gpu.unused()?;
    let [key_low, key_high] = key(call.seed);
    let mut params = Params {
        grid: Grid::default(),
        visible: d as u32,
        hidden: h as u32,
        rows: rows as u32,
        ladders: ladders as u32,
        rungs: rungs as u32,
        round: 0,
        step: 0,
        key_low,
        key_high,
        has_clamp: u32::from(held.is_some()),
        keep_means: 0,
        visible_stream: Stream::Visible as u32,
        hidden_stream: Stream::Hidden as u32,
        exchange_stream: Stream::Exchange as u32,
    };
    let buffers = [
        biases,
        held.as_ref().map_or(Ok(&unused), |held| buffer("temper", "held", held))?,
        &buffer("temper", "visible", call.visible)?.clone(),
        &buffer("temper", "hidden", call.hidden)?.clone(),
        buffer("temper", "hidden_means", call.hidden_means)?,
        buffer("temper", "labels", call.labels)?,
        buffer("temper", "tallies", call.tallies)?,
        &notes,
    ];
    let run = |operation: Operation, params: &Params| {
        // Pairs of neighbours that a round takes, of one ladder.
        let pairs = (rungs - params.round as usize % 2) / 2;
        let (groups, work) = match operation {
            Operation::DrawVisible => (rows.div_ceil(ROWS), rows * d),
            Operation::Judge => (groups_of_256(pairs * ladders) as usize, pairs * ladders),
            Operation::Swap => ((pairs * ladders).div_ceil(ROWS), pairs * ladders * d),
            Operation::DrawHidden => (groups_of_256(rows * h.div_ceil(4)) as usize, rows * h),
        };
        gpu.dispatch(Dispatch {
            program: &PROGRAM,
            constants: &[("OPERATION", Constant::U32(operation as u32))],
            params: bytemuck::bytes_of(params),
            buffers: &buffers,
            groups: groups as u32,
            work: work as f64,
        })
    };
    for sweep in 0..call.sweeps {
        params.step = call.first_step.wrapping_add(sweep);
        params.round = call.first_round.wrapping_add(sweep / call.every);
        params.keep_means = u32::from(sweep + 1 == call.sweeps);
        if let Some(held) = &held {
            // Every sweep anew: what a replica holds goes with it from rung to rung.
            let (from, to) =
                (buffer("temper", "visible", call.visible)?, buffer("temper", "held", held)?);
            gpu.copy((from, 0), (to, 0), 4 * call.visible.len() as u64)?;
        }
        let changes = inputs(&*call.hidden, call.weights, true, call.bias_shift);
        linear::linear(gpu, &changes, Companion::None, call.visible)?;
        run(Operation::DrawVisible, &params)?;
        if sweep % call.every == 0 {
            run(Operation::Judge, &params)?;
            run(Operation::Swap, &params)?;
        }
        let fields = inputs(&*call.visible, call.weights, false, call.hidden_bias);
        linear::linear(gpu, &fields, Companion::None, call.hidden)?;
        run(Operation::DrawHidden, &params)?;
    }
    Ok(())
}

fn inputs<'a>(x: &'a Array, weights: &'a Array, transposed: bool, bias: &'a Array) -> Linear<'a> {
    let activation = Activation::Identity;
    Linear { x, weights, transposed, bias: Some(bias), scale: 1.0, activation }
}
