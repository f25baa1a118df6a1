//! Host side of `shaders/langevin.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Gpu, Langevin, Program, Result, buffer,
    program::Constant,
    queue::{Dispatch, Grid, lock},
    transpose,
};
use crate::{
    device::{Head, Layer, Nonlinearity},
    random::{Stream, key},
};

/// Layers that the parameters have room for.
const MAX_LAYERS: usize = 7;
/// Fours of chains that a tile may hold, the best first: every weight that is read serves them all.
const QUADS: [usize; 3] = [4, 2, 1];
/// Bytes of workgroup memory for a vector of four chains.
const VECTOR: usize = 16;
/// Bytes of workgroup memory for the bits of failed and taken proposals, with room for padding.
const FLAGS: usize = 16;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    widths: [u32; MAX_LAYERS + 1],
    layers: u32,
    class_index: u32,
    values: u32,
    slots: u32,
    chains: u32,
    steps: u32,
    first_step: u32,
    key_low: u32,
    key_high: u32,
    noise_stream: u32,
    accept_stream: u32,
    drift: f32,
    noise: f32,
    beta: f32,
    factor: f32,
    base_precision: f32,
}

pub(super) const PROGRAM: Program = Program {
    name: "langevin",
    source: include_str!("../../../shaders/langevin.wgsl"),
    bindings: &[Access::Read, Access::Write, Access::Write],
    params: size_of::<Params>(),
    example: &[
        ("QUADS", Constant::U32(2)),
        ("THREADS", Constant::U32(64)),
        ("WORDS", Constant::U32(782)),
        ("METROPOLIS", Constant::Bool(true)),
        ("NONLINEARITY", Constant::U32(0)),
        ("HEAD", Constant::U32(0)),
    ],
};

/// How a net lies in workgroup memory.
struct Plan {
    quads: usize,
    threads: usize,
    /// Vectors of the whole tile, and where the values and the slots of the layers start.
    words: usize,
    values: usize,
    slots: usize,
}

impl Plan {
    /// The largest tile that fits; none where none does. It must not depend on the number of
    /// chains: the order of some sums, and so the bits of a chain, depend on it.
    fn new(widths: &[usize], metropolis: bool, limits: &wgpu::Limits) -> Option<Self> {
        let [d, above @ ..] = widths else { return None };
        if above.len() > MAX_LAYERS {
            return None;
        }
        let hidden = &above[..above.len() - 1];
        let widest = hidden.iter().copied().fold(*d, usize::max);
        let values = if metropolis { 3 * d } else { *d };
        let slots = values + widest;
        let units = slots + above.iter().sum::<usize>();
        // Two units a thread.
        let most = limits.max_compute_invocations_per_workgroup.min(256) as usize;
        let threads = (widest.div_ceil(2).next_multiple_of(32)).min(most);
        let available = limits.max_compute_workgroup_storage_size as usize;
        let fits = |quads: &usize| VECTOR * (quads * units + threads + quads) + FLAGS <= available;
        QUADS.into_iter().find(fits).map(|quads| Self {
            quads,
            threads,
            words: quads * units,
            values: quads * values,
            slots: quads * slots,
        })
    }
}

pub(super) fn langevin(gpu: &Gpu, call: Langevin<'_>) -> Result<bool> {
    let widths = call.net.widths();
    let Some(plan) = Plan::new(&widths, call.metropolis, &gpu.device.limits()) else {
        return Ok(false);
    };
    let _sequence = lock(&gpu.sequence);
    let parameters = pack(gpu, &call.net.layers)?;
    let chains = call.x.rows();
    let tile_chains = 4 * plan.quads;
    let tiles = chains.div_ceil(tile_chains) as u32;
    let mut params = Params {
        layers: call.net.layers.len() as u32,
        class_index: 0,
        values: plan.values as u32,
        slots: plan.slots as u32,
        chains: chains as u32,
        noise_stream: Stream::Noise as u32,
        accept_stream: Stream::Accept as u32,
        drift: call.drift,
        noise: call.noise,
        beta: call.beta,
        factor: call.drift / (call.noise * call.noise),
        base_precision: call.net.base_precision,
        ..Params::zeroed()
    };
    [params.key_low, params.key_high] = key(call.seed);
    for (to, width) in params.widths.iter_mut().zip(&widths) {
        *to = *width as u32;
    }
    let head = match call.net.head {
        Head::Energy => 0,
        Head::Free => 1,
        Head::Class(class) => {
            params.class_index = class;
            2
        }
    };
    let nonlinearity = match call.net.nonlinearity {
        Nonlinearity::Silu => 0,
        Nonlinearity::Elu => 1,
        Nonlinearity::Tanh => 2,
        Nonlinearity::Softplus => 3,
    };

    let weights: usize = widths.windows(2).map(|sizes| sizes[0] * sizes[1]).sum();
    let step_work = f64::from(tiles) * (2 * tile_chains * weights) as f64;
    let mut done = 0;
    while done < call.steps {
        params.steps = gpu.rounds(step_work).min(call.steps - done);
        params.first_step = call.first_step.wrapping_add(done);
        // MALA evaluates the states first.
        let evaluations = params.steps + u32::from(call.metropolis);
        gpu.dispatch(Dispatch {
            program: &PROGRAM,
            constants: &[
                ("QUADS", Constant::U32(plan.quads as u32)),
                ("THREADS", Constant::U32(plan.threads as u32)),
                ("WORDS", Constant::U32(plan.words as u32)),
                ("METROPOLIS", Constant::Bool(call.metropolis)),
                ("NONLINEARITY", Constant::U32(nonlinearity)),
                ("HEAD", Constant::U32(head)),
            ],
            params: bytemuck::bytes_of(&params),
            buffers: &[
                &parameters,
                buffer("langevin", "x", call.x)?,
                buffer("langevin", "tally", call.tally)?,
            ],
            groups: tiles,
            work: step_work * f64::from(evaluations),
        })?;
        done += params.steps;
    }
    Ok(true)
}

/// For every layer W, its transpose and b, one after the other: forward and backward passes both
/// read neighbouring weights.
fn pack(gpu: &Gpu, layers: &[Layer<'_>]) -> Result<wgpu::Buffer> {
    let sizes = layers.iter().map(|layer| 2 * layer.weights.len() + layer.bias.len());
    let packed = gpu.scratch("langevin parameters", sizes.sum())?;
    let mut offset = 0;
    for layer in layers {
        let weights = buffer("langevin", "layer weights", layer.weights)?;
        let bias = buffer("langevin", "layer bias", layer.bias)?;
        let (count, units) = (layer.weights.len(), layer.bias.len());
        gpu.copy((weights, 0), (&packed, 4 * offset as u64), 4 * count as u64)?;
        offset += count;
        transpose::transpose(gpu, weights, layer.weights.shape(), &packed, offset)?;
        offset += count;
        gpu.copy((bias, 0), (&packed, 4 * offset as u64), 4 * units as u64)?;
        offset += units;
    }
    Ok(packed)
}
