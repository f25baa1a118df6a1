//! Host side of `shaders/temper.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Program, Result, Temper, buffer,
    gibbs::{self, Tiles},
    lay_out,
    queue::{Dispatch, Grid, lock},
    rungs,
    tile::Need,
};
use crate::{
    device::Kernels,
    random::{Stream, key},
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    visible: u32,
    hidden: u32,
    chains: u32,
    ladders: u32,
    rungs: u32,
    sweeps: u32,
    done: u32,
    every: u32,
    first_round: u32,
    first_step: u32,
    key_low: u32,
    key_high: u32,
    has_clamp: u32,
    keep_means: u32,
    visible_stream: u32,
    hidden_stream: u32,
    exchange_stream: u32,
    pad: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "temper",
    source: include_str!("../../../shaders/temper.wgsl"),
    bindings: &[
        Access::Read,
        Access::Read,
        Access::Write,
        Access::Write,
        Access::Write,
        Access::Write,
        Access::Write,
    ],
    params: size_of::<Params>(),
    example: gibbs::EXAMPLE,
};

/// Bytes of workgroup memory of a replica, beside its states.
const REPLICA: usize = 12;

pub(super) fn temper(gpu: &Gpu, call: Temper<'_>) -> Result<bool> {
    let _sequence = lock(&gpu.sequence);
    let (d, h) = call.weights.shape();
    let (chains, count) = (call.visible.rows(), call.betas.len());
    let need = Need {
        shape: (d, h),
        chains,
        together: count,
        fixed: gibbs::SUMS,
        each: REPLICA,
        by_matrices: false,
    };
    let mut betas = Array { rows: 1, columns: count, storage: gpu.allocate(1, count)? };
    gpu.write(&mut betas, 0, call.betas)?;
    // Without a clamp its place holds anything.
    let clamp = call.clamp.unwrap_or(call.bias_shift);
    let biases = [call.base_bias, call.hidden_bias, call.bias_shift, clamp, &betas];
    let biases = gibbs::joined(gpu, "temper biases", &biases)?;
    let Some(tile) = gpu.tile(&need) else {
        rungs::by_half_sweeps(gpu, call, &biases)?;
        return Ok(true);
    };
    let weights = lay_out::lay_out(gpu, call.weights)?;
    let ladders = chains / count;
    let [key_low, key_high] = key(call.seed);
    let tiles = Tiles::new(&need, tile, call.sweeps);
    tiles.for_each(gpu, |part| {
        let params = Params {
            grid: Grid::default(),
            visible: d as u32,
            hidden: h as u32,
            chains: chains as u32,
            ladders: ladders as u32,
            rungs: count as u32,
            sweeps: part.sweeps,
            done: part.done,
            every: call.every,
            first_round: call.first_round,
            first_step: call.first_step.wrapping_add(part.done),
            key_low,
            key_high,
            has_clamp: u32::from(call.clamp.is_some()),
            keep_means: u32::from(part.done + part.sweeps == call.sweeps),
            visible_stream: Stream::Visible as u32,
            hidden_stream: Stream::Hidden as u32,
            exchange_stream: Stream::Exchange as u32,
            pad: 0,
        };
        gpu.dispatch(Dispatch {
            program: &PROGRAM,
            constants: &tile.constants((d + h) as u32),
            params: bytemuck::bytes_of(&params),
            buffers: &[
                &weights,
                &biases,
                buffer("temper", "visible", call.visible)?,
                buffer("temper", "hidden", call.hidden)?,
                buffer("temper", "hidden_means", call.hidden_means)?,
                buffer("temper", "labels", call.labels)?,
                buffer("temper", "tallies", call.tallies)?,
            ],
            groups: part.groups,
            work: part.work,
        })
    })?;
    Ok(true)
}
