//! The kernels on the GPU: buffers, tile choice and dispatch. The shaders are in `shaders/`.

mod accept;
mod anneal;
mod busy;
mod cache;
mod command;
mod exchange;
mod gibbs;
mod kernels;
mod langevin;
mod lay_out;
mod linear;
mod matmul;
mod matrices;
mod normalize;
mod optimize;
mod outer;
mod pace;
mod philox;
mod pipeline;
mod pointwise;
mod potential;
mod program;
mod queue;
mod reduce;
mod room;
mod rungs;
mod scratch;
mod softmax;
mod split;
mod sum_parts;
mod temper;
mod tile;
mod transpose;
mod tune;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
};

use super::{
    Accept, Anneal, Array, Companion, DeviceError, Exchange, Gibbs, Kernels, Langevin, Linear,
    Optimize, Outer, OuterTerm, Pending, Pointwise, Potential, Reduce, Result, Room, RowWeights,
    Storage, Temper,
};
use cache::PipelineCache;
pub use matrices::{FEATURES as MATRIX_FEATURES, Matrices};
use pace::Pace;
use pipeline::{Pipeline, Workshop};
pub use program::{Access, Constant, Program};
use queue::Recorder;
use scratch::Scratch;
use tile::Need;
pub use tile::Tile;

/// Whether shaders check bounds and loops. Off in release builds: the kernels are tested with
/// the checks on and off, and never index by untrusted values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// Every check that naga can insert, and zeroed workgroup memory.
    Full,
    /// None.
    Off,
}

impl Default for Checks {
    fn default() -> Self {
        if cfg!(debug_assertions) { Self::Full } else { Self::Off }
    }
}

/// The GPU backend.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    name: String,
    checks: Checks,
    /// Workgroups of a large tile that fill the device.
    filling: f64,
    fault: Arc<Fault>,
    pipelines: Mutex<HashMap<String, Arc<Pipeline>>>,
    workshop: Workshop,
    /// Pipelines of earlier processes.
    cache: Option<PipelineCache>,
    recorder: Mutex<Recorder>,
    scratch: Mutex<Scratch<wgpu::Buffer>>,
    /// Held while commands are recorded that hand each other values through scratch buffers, or
    /// another thread's commands would come between them.
    sequence: Mutex<()>,
    is_software: bool,
    /// The tile that the block-Gibbs kernels must take, where one is forced.
    tile: Option<Tile>,
    matrices: Option<Matrices>,
    tuner: tune::Tuner,
}

impl Drop for Gpu {
    fn drop(&mut self) {
        self.close_workshop();
        if let (Some(cache), None) = (&self.cache, self.fault.lost.get()) {
            cache.save();
        }
    }
}

/// Why nothing more can be expected of a device: the first reason of either kind.
#[derive(Default)]
struct Fault {
    lost: OnceLock<String>,
    /// What was refused, and why.
    refused: OnceLock<(String, String)>,
}

/// Every GPU program of the crate, for tests that check shaders against their host side.
pub const PROGRAMS: &[&Program] = &[
    &anneal::PROGRAM,
    &gibbs::PROGRAM,
    &langevin::PROGRAM,
    &linear::PROGRAM,
    &softmax::PROGRAM,
    &normalize::PROGRAM,
    &outer::PROGRAM,
    &reduce::PROGRAM,
    &pointwise::PROGRAM,
    &optimize::PROGRAM,
    &transpose::PROGRAM,
    &philox::PROGRAM,
    &accept::PROGRAM,
    &exchange::PROGRAM,
    &potential::PROGRAM,
    &temper::PROGRAM,
    &rungs::PROGRAM,
    &sum_parts::PROGRAM,
    &lay_out::PROGRAM,
    &split::PROGRAM,
];

impl Gpu {
    /// Wraps an open device; `name` goes into messages.
    pub fn new(device: wgpu::Device, queue: wgpu::Queue, name: &str, checks: Checks) -> Self {
        let fault = Arc::new(Fault::default());
        let found = fault.clone();
        device.set_device_lost_callback(move |reason, message| {
            let message = message.trim();
            let separator = if message.is_empty() { "" } else { ": " };
            // The reason may have been recorded already; the first one counts.
            let _ = found.lost.set(format!("{reason:?}{separator}{message}"));
        });
        let found = fault.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let _ = found.refused.set(("a command".into(), error.to_string()));
        }));
        let kind = device.adapter_info().device_type;
        let recorder = Mutex::new(Recorder::new(&device, Pace::new(kind)));
        let tuner = tune::Tuner::new();
        let filling = matmul::filling(kind);
        let is_software = kind == wgpu::DeviceType::Cpu;
        // Software drivers take no longer to compile, and tests run on them.
        let folder = tuner.folder.as_ref().filter(|_| !is_software);
        let cache = folder.and_then(|folder| PipelineCache::open(&device, folder));
        Self {
            device,
            queue,
            name: name.into(),
            checks,
            filling,
            fault,
            pipelines: Mutex::default(),
            workshop: Workshop::default(),
            cache,
            recorder,
            scratch: Mutex::default(),
            sequence: Mutex::default(),
            is_software,
            tile: None,
            matrices: None,
            tuner,
        }
    }

    /// The name that it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its adapter is a software driver.
    pub fn is_software(&self) -> bool {
        self.is_software
    }

    /// Makes the block-Gibbs kernels take this tile wherever it fits, for tests and measurements.
    pub fn with_tile(mut self, tile: Tile) -> Self {
        self.tile = Some(tile);
        self
    }

    /// Chooses the tiles of products and the parts of sums as for a device that so many workgroups
    /// fill, for tests.
    pub fn with_filling(mut self, workgroups: f64) -> Self {
        self.filling = workgroups;
        self
    }

    /// Cuts every kernel into dispatches of at most so many multiply-adds, or of single workgroups,
    /// whatever time they take, for tests.
    pub fn with_budget(self, budget: f64) -> Self {
        queue::lock(&self.recorder).set_pace(Pace::fixed(budget));
        self
    }

    /// Lets `gibbs` take cooperative matrices where it finds them faster. The device must have been
    /// opened with the [`MATRIX_FEATURES`].
    pub fn with_matrices(mut self, matrices: Option<Matrices>) -> Self {
        self.matrices = matrices;
        self
    }

    /// Makes `gibbs` time its tiles at every size and on software drivers too, and keeps the choices
    /// in this folder, for tests.
    pub fn with_timed_tiles(mut self, folder: PathBuf) -> Self {
        self.tuner.always = true;
        self.tuner.folder = Some(folder);
        self
    }

    /// Keeps compiled pipelines in this folder, on software drivers too, for tests.
    pub fn with_kept_pipelines(mut self, folder: PathBuf) -> Self {
        self.cache = PipelineCache::open(&self.device, &folder);
        self
    }

    /// The tile for a block-Gibbs kernel; none where not even the smallest fits into workgroup memory.
    fn tile(&self, need: &Need) -> Option<Tile> {
        let candidates = self.candidates(need);
        let forced = self.tile.filter(|tile| candidates.contains(tile));
        forced.or(candidates.first().copied())
    }

    /// The tiles that fit, those with cooperative matrices last.
    fn candidates(&self, need: &Need) -> Vec<Tile> {
        let room = self.device.limits().max_compute_workgroup_storage_size as usize;
        let by_matrices = self.matrices.filter(|_| need.by_matrices);
        let by_matrices = by_matrices.into_iter().flat_map(Matrices::tiles);
        let mut tiles = need.candidates(room, self.is_software);
        tiles.extend(by_matrices.filter(|tile| need.fits(tile, room)));
        tiles
    }

    /// The error that the device is in, if it is.
    fn healthy(&self) -> Result<()> {
        let lost = || match self.fault.lost.get() {
            None => Ok(()),
            Some(reason) => Err(DeviceError::Lost { reason: reason.clone() }),
        };
        lost()?;
        let Some((what, reason)) = self.fault.refused.get() else { return Ok(()) };
        // A device that its owner destroyed refuses commands before its loss is told, which
        // happens in a poll.
        self.poll(None);
        lost()?;
        Err(DeviceError::Refused { what: what.clone(), reason: reason.clone() })
    }

    /// A zeroed storage buffer for `rows × columns` floats.
    fn buffer(&self, rows: usize, columns: usize) -> Result<wgpu::Buffer> {
        self.healthy()?;
        let available = self.largest_buffer();
        let needed = (rows as u64).saturating_mul(columns as u64).saturating_mul(4);
        let size = Room::size(rows, columns);
        if size > available {
            let device = self.name.clone();
            return Err(DeviceError::TooLarge { rows, columns, needed, available, device });
        }
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("array"),
            size,
            usage: wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_SRC
                | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        match pollster::block_on(memory.pop()) {
            None => Ok(buffer),
            Some(error) => Err(DeviceError::OutOfMemory {
                needed,
                device: self.name.clone(),
                reason: error.to_string(),
            }),
        }
    }

    /// A buffer of at least `count` floats that kernels share, one a purpose and size.
    fn scratch(&self, purpose: &'static str, count: usize) -> Result<wgpu::Buffer> {
        let key = (purpose, count as u64);
        if let Some(buffer) = queue::lock(&self.scratch).get(key) {
            return Ok(buffer);
        }
        let buffer = self.buffer(count, 1)?;
        queue::lock(&self.scratch).put(key, buffer.clone());
        Ok(buffer)
    }

    /// A buffer to bind where a variant of a kernel reads nothing.
    fn unused(&self) -> Result<wgpu::Buffer> {
        self.scratch("unused", 4)
    }
}

/// The buffer of an array.
fn buffer<'a>(
    kernel: &'static str,
    operand: &'static str,
    array: &'a Array,
) -> Result<&'a wgpu::Buffer> {
    match &array.storage {
        Storage::Gpu(buffer) => Ok(buffer),
        Storage::Cpu(_) => Err(DeviceError::Foreign { kernel, operand }),
    }
}

/// Row weights as (uniform weight, buffer of weights).
fn row_weights<'a>(
    kernel: &'static str,
    weights: RowWeights<'a>,
) -> Result<(f32, Option<&'a wgpu::Buffer>)> {
    match weights {
        RowWeights::Uniform(weight) => Ok((weight, None)),
        RowWeights::Each(array) => Ok((0.0, Some(buffer(kernel, "weights", array)?))),
    }
}

/// Groups of 256 threads over `count` values.
fn groups_of_256(count: usize) -> u32 {
    count.div_ceil(256) as u32
}

/// Groups along x before a dispatch folds into another dimension; `lib/grid.wgsl` knows it too.
const FOLD: u32 = 32_768;
