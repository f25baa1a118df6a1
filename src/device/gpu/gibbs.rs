//! Host side of `shaders/gibbs.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gibbs, Gpu, Program, Result, Storage, buffer, lay_out, linear, pointwise,
    program::Constant,
    queue::{Dispatch, Grid, lock},
    split,
    tile::{Need, Tile},
};
use crate::{
    device::{Activation, Companion, Draw, Linear, Pointwise},
    random::{Stream, key},
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    visible: u32,
    hidden: u32,
    chains: u32,
    sweeps: u32,
    first_step: u32,
    key_low: u32,
    key_high: u32,
    beta: f32,
    has_clamp: u32,
    keep_means: u32,
    visible_stream: u32,
    hidden_stream: u32,
    pad: [u32; 2],
}

pub(super) const PROGRAM: Program = Program {
    name: "gibbs",
    source: include_str!("../../../shaders/gibbs.wgsl"),
    bindings: &[
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Write,
        Access::Write,
        Access::Write,
    ],
    params: size_of::<Params>(),
    example: EXAMPLE,
};

/// Constants of `lib/half_sweep.wgsl`: 784-500 with 64 chains a workgroup.
pub(super) const EXAMPLE: &[(&str, Constant)] = &[
    ("BLOCKS", Constant::U32(2)),
    ("PART", Constant::U32(8)),
    ("CHAINS", Constant::U32(64)),
    ("WORDS", Constant::U32(2568)),
];

pub(super) fn gibbs(gpu: &Gpu, call: Gibbs<'_>) -> Result<()> {
    let _sequence = lock(&gpu.sequence);
    let need = need(&call);
    let Some(first) = gpu.tile(&need) else { return by_half_sweeps(gpu, call) };
    // Workgroups that own no chains work as others do, and neither read nor write states.
    let run = |tile: Tile, count: u32, sweeps: u32| {
        let tiles = Tiles { count, ..Tiles::new(&need, tile, sweeps) };
        Fused::new(gpu, &call, tile)?.dispatch(0, tiles.part(0, sweeps))
    };
    let units = (need.shape.0 + need.shape.1) as u32;
    let pipeline = |tile: Tile| gpu.pipeline(&PROGRAM, &tile.constants(units));
    let tile = gpu.timed_tile(&need, first, pipeline, run)?;
    by_tile(gpu, &call, tile)
}

fn need(call: &Gibbs<'_>) -> Need {
    Need {
        shape: call.weights.shape(),
        chains: call.visible.rows(),
        together: 1,
        fixed: 0,
        each: 0,
        by_matrices: true,
    }
}

/// All sweeps in as few dispatches as the device's pace allows.
pub(super) fn by_tile(gpu: &Gpu, call: &Gibbs<'_>, tile: Tile) -> Result<()> {
    let need = need(call);
    let fused = Fused::new(gpu, call, tile)?;
    let tiles = Tiles::new(&need, tile, call.sweeps);
    tiles.for_each(gpu, |part| fused.dispatch(need.chains, part))
}

/// Bytes of workgroup memory of `lib/totals.wgsl`.
pub(super) const SUMS: usize = 1024;

/// Arrays one after the other in one buffer, since a kernel has few bindings.
pub(super) fn joined(gpu: &Gpu, purpose: &'static str, arrays: &[&Array]) -> Result<wgpu::Buffer> {
    let target = gpu.scratch(purpose, arrays.iter().map(|array| array.len()).sum())?;
    let mut place = 0;
    for array in arrays {
        let bytes = 4 * array.len() as u64;
        gpu.copy((buffer("gibbs", purpose, array)?, 0), (&target, place), bytes)?;
        place += bytes;
    }
    Ok(target)
}

/// The tiles of chains and the sweeps of a call, to be split into dispatches.
pub(super) struct Tiles {
    /// Work of a sweep of one tile.
    work: f64,
    count: u32,
    sweeps: u32,
}

/// What one dispatch does.
pub(super) struct Part {
    /// Sweeps that came before.
    pub done: u32,
    pub sweeps: u32,
    /// Workgroups, one a tile.
    pub groups: u32,
    pub work: f64,
}

impl Tiles {
    pub fn new(need: &Need, tile: Tile, sweeps: u32) -> Self {
        let (d, h) = need.shape;
        Self {
            work: 2.0 * f64::from(tile.chains) * (d * h) as f64,
            count: need.workgroups(tile) as u32,
            sweeps,
        }
    }

    fn part(&self, done: u32, sweeps: u32) -> Part {
        let work = self.work * f64::from(self.count) * f64::from(sweeps);
        Part { done, sweeps, groups: self.count, work }
    }

    /// As many sweeps at once as the device's pace allows; where it does not allow one of all tiles,
    /// `Gpu::dispatch` takes some tiles at a time.
    pub fn for_each(&self, gpu: &Gpu, mut dispatch: impl FnMut(Part) -> Result<()>) -> Result<()> {
        let mut done = 0;
        while done < self.sweeps {
            let sweeps = gpu.rounds(self.part(0, 1).work).min(self.sweeps - done);
            dispatch(self.part(done, sweeps))?;
            done += sweeps;
        }
        Ok(())
    }
}

/// A call with what its dispatches share.
struct Fused<'a> {
    gpu: &'a Gpu,
    call: &'a Gibbs<'a>,
    tile: Tile,
    weights: wgpu::Buffer,
    biases: wgpu::Buffer,
    unused: wgpu::Buffer,
}

impl<'a> Fused<'a> {
    fn new(gpu: &'a Gpu, call: &'a Gibbs<'a>, tile: Tile) -> Result<Self> {
        let weights = match tile.matrices {
            None => lay_out::lay_out(gpu, call.weights)?,
            Some(matrices) => split::split(gpu, call.weights, matrices.size)?,
        };
        let biases = joined(gpu, "gibbs biases", &[call.visible_bias, call.hidden_bias])?;
        Ok(Self { gpu, call, tile, weights, biases, unused: gpu.unused()? })
    }

    fn dispatch(&self, chains: usize, part: Part) -> Result<()> {
        let call = self.call;
        let (d, h) = call.weights.shape();
        let clamp = call.clamp.map(|clamp| buffer("gibbs", "clamp", clamp)).transpose()?;
        let [key_low, key_high] = key(call.seed);
        let params = Params {
            grid: Grid::default(),
            visible: d as u32,
            hidden: h as u32,
            chains: chains as u32,
            sweeps: part.sweeps,
            first_step: call.first_step.wrapping_add(part.done),
            key_low,
            key_high,
            beta: call.beta,
            has_clamp: u32::from(clamp.is_some()),
            keep_means: u32::from(part.done + part.sweeps == call.sweeps),
            visible_stream: Stream::Visible as u32,
            hidden_stream: Stream::Hidden as u32,
            pad: [0; 2],
        };
        self.gpu.dispatch(Dispatch {
            program: &PROGRAM,
            constants: &self.tile.constants((d + h) as u32),
            params: bytemuck::bytes_of(&params),
            buffers: &[
                &self.weights,
                &self.biases,
                clamp.unwrap_or(&self.unused),
                buffer("gibbs", "visible", call.visible)?,
                buffer("gibbs", "hidden", call.hidden)?,
                buffer("gibbs", "hidden_means", call.hidden_means)?,
            ],
            groups: part.groups,
            work: part.work,
        })
    }
}

/// For models whose states do not fit into workgroup memory: each half-sweep is a product.
fn by_half_sweeps(gpu: &Gpu, call: Gibbs<'_>) -> Result<()> {
    let Gibbs { weights, visible_bias, hidden_bias, visible, hidden, hidden_means, .. } = call;
    let scale = call.beta;
    let held = call.clamp.map(|clamp| Ok((clamp, copy_of(gpu, visible)?))).transpose()?;
    for sweep in 0..call.sweeps {
        let step = call.first_step.wrapping_add(sweep);
        let draw = |stream| Draw { seed: call.seed, step, stream };
        let to_visible = Linear {
            x: &*hidden,
            weights,
            transposed: true,
            bias: Some(visible_bias),
            scale,
            activation: Activation::Bernoulli(draw(Stream::Visible)),
        };
        linear::linear(gpu, &to_visible, Companion::None, visible)?;
        if let Some((mask, held)) = &held {
            pointwise::pointwise(gpu, Pointwise::Select { mask, x: held }, visible)?;
        }
        let to_hidden = Linear {
            x: &*visible,
            weights,
            transposed: false,
            bias: Some(hidden_bias),
            scale,
            activation: Activation::Sigmoid,
        };
        linear::linear(gpu, &to_hidden, Companion::None, hidden_means)?;
        let draws = Pointwise::Bernoulli { p: &*hidden_means, draw: draw(Stream::Hidden) };
        pointwise::pointwise(gpu, draws, hidden)?;
    }
    Ok(())
}

/// A copy in scratch memory, of visible states that a clamp holds.
pub(super) fn copy_of(gpu: &Gpu, array: &Array) -> Result<Array> {
    let (rows, columns) = array.shape();
    let copy = gpu.scratch("gibbs held", rows * columns)?;
    gpu.copy((buffer("gibbs", "visible", array)?, 0), (&copy, 0), 4 * array.len() as u64)?;
    Ok(Array { rows, columns, storage: Storage::Gpu(copy) })
}
