//! Host side of `shaders/accept.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Accept, Access, Array, Gpu, Program, Result, buffer, groups_of_256,
    program::Constant,
    queue::{Dispatch, Grid, lock},
};
use crate::{device::Rule, random::key};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    rows: u32,
    columns: u32,
    beta: f32,
    drift: f32,
    factor: f32,
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
    has_energies: u32,
    has_vectors: u32,
    pad: [u32; 3],
}

pub(super) const PROGRAM: Program = Program {
    name: "accept",
    source: include_str!("../../../shaders/accept.wgsl"),
    bindings: &[
        Access::Write,
        Access::Read,
        Access::Write,
        Access::Read,
        Access::Write,
        Access::Read,
        Access::Write,
        Access::Write,
    ],
    params: size_of::<Params>(),
    example: &[("OPERATION", Constant::U32(2))],
};

/// The operation that takes over the accepted rows.
const TAKE: u32 = 4;

pub(super) fn accept(gpu: &Gpu, call: Accept<'_>) -> Result<()> {
    let _sequence = lock(&gpu.sequence);
    let (rows, columns) = call.x.shape();
    let mut params = Params { rows: rows as u32, columns: columns as u32, ..Params::zeroed() };
    (params.step, params.stream) = (call.draw.step, call.draw.stream as u32);
    [params.key_low, params.key_high] = key(call.draw.seed);
    // Every binding that is written to must be a buffer of its own.
    let unused = gpu.unused()?;
    let pair = |purpose, arrays: Option<(&Array, &Array)>| match arrays {
        Some((old, new)) => {
            Ok((buffer("accept", purpose, old)?.clone(), buffer("accept", purpose, new)?.clone()))
        }
        None => Ok((gpu.scratch(purpose, 4)?, unused.clone())),
    };
    let energy = call.energies.as_ref().map(|(old, new)| (&**old, *new));
    let score = call.scores.as_ref().map(|(old, new)| (&**old, *new));
    let energies = pair("accept energies", energy)?;
    let scores = pair("accept scores", score)?;
    let mut judged = scores.clone();
    let operation = match call.rule {
        Rule::Always => 0,
        Rule::Symmetric { beta } => {
            params.beta = beta;
            1
        }
        Rule::Langevin { beta, drift, noise } => {
            (params.beta, params.drift, params.factor) = (beta, drift, drift / (noise * noise));
            2
        }
        Rule::Hamiltonian { beta, momentum, proposal_momentum } => {
            params.beta = beta;
            judged = pair("accept momenta", Some((momentum, proposal_momentum)))?;
            3
        }
    };
    params.has_energies = u32::from(energy.is_some());
    params.has_vectors = u32::from(score.is_some());
    let taken = gpu.scratch("accept taken", rows)?;
    for (operation, vectors, count) in [(operation, &judged, rows), (TAKE, &scores, rows * columns)]
    {
        gpu.dispatch(Dispatch {
            program: &PROGRAM,
            constants: &[("OPERATION", Constant::U32(operation))],
            params: bytemuck::bytes_of(&params),
            buffers: &[
                buffer("accept", "x", call.x)?,
                buffer("accept", "proposal", call.proposal)?,
                &energies.0,
                &energies.1,
                &vectors.0,
                &vectors.1,
                buffer("accept", "tally", call.tally)?,
                &taken,
            ],
            groups: groups_of_256(count),
            work: (rows * columns) as f64,
        })?;
    }
    Ok(())
}
