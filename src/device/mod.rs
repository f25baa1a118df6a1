//! Devices, arrays and kernels: the only place that knows wgpu. No mathematics of models here.
//!
//! [`Device`] checks the shapes of every call and passes it to its backend, `cpu` or `gpu`, which
//! implement the same [`Kernels`]. A kernel NAME lives in `cpu/NAME.rs`, `gpu/NAME.rs` and
//! `shaders/NAME.wgsl`.

mod array;
mod calls;
pub mod cpu;
mod error;
mod exchange;
pub mod gpu;
mod kernels;
mod memory;
mod net;
mod operands;
mod potential;
mod room;
mod select;
mod statistics;
mod temper;

use std::sync::Arc;

pub use array::{Array, Storage};
pub use error::{DeviceError, bytes};
pub use exchange::{Exchange, LABELS};
pub use kernels::{Kernels, Pending, Result};
pub use net::{
    Accept, Head, LARGEST_ENERGY, LARGEST_STATE, Langevin, Layer, Net, Nonlinearity, Rule, TALLY,
};
pub use operands::{
    Activation, Anneal, Companion, Draw, Gibbs, Linear, Optimize, Outer, OuterTerm, Pointwise,
    Reduce, RowWeights,
};
pub use potential::{Formula, Potential};
pub use room::Room;
pub use select::{AdapterReport, adapters};
pub use statistics::Statistics;
pub use temper::Temper;

/// A device: cheap to clone, safe to share.
#[derive(Clone)]
pub struct Device {
    backend: Arc<dyn Kernels>,
    name: Arc<str>,
    is_gpu: bool,
}

impl Device {
    /// Opens a device by name: `auto` (a discrete GPU, else an integrated one, else the CPU
    /// kernels), `cpu`, `cpu:SET` with an instruction set of [`cpu::NAMES`] that the processor has,
    /// `gpu`, `gpu:INDEX`, or part of an adapter's name. A software Vulkan driver is used only when
    /// it is named or indexed. With `+matrices` at the end of the name, block
    /// Gibbs may use the GPU's cooperative matrices where they are faster; see docs/gpu.md.
    ///
    /// # Errors
    /// No adapter, an unknown name (the message lists those there are), an instruction set that the
    /// processor lacks, no such matrices, or a driver's refusal.
    pub async fn open(name: &str) -> Result<Self> {
        Self::open_with(name, gpu::Checks::default()).await
    }

    /// As [`Device::open`], with a choice of the checks in the shaders.
    pub async fn open_with(name: &str, checks: gpu::Checks) -> Result<Self> {
        select::open(name, checks).await
    }

    /// The CPU kernels on rayon's current thread pool and the widest instruction set of this processor.
    pub fn cpu() -> Self {
        Self::cpu_with(cpu::Instructions::best())
    }

    /// The CPU kernels on an instruction set of one's choice.
    pub fn cpu_with(set: cpu::Instructions) -> Self {
        let threads = rayon::current_num_threads();
        let plural = if threads == 1 { "" } else { "s" };
        Self::with_backend(
            Arc::new(cpu::Cpu { set }),
            format!("CPU, {threads} thread{plural}, {}", set.title()),
            false,
        )
    }

    /// Kernels on a wgpu device that the caller made. Its limits are used as they are; its callbacks
    /// for a lost device and for uncaptured errors are replaced by this crate's.
    pub fn from_wgpu(device: wgpu::Device, queue: wgpu::Queue, info: wgpu::AdapterInfo) -> Self {
        let name = select::describe(&info);
        Self::from_gpu(gpu::Gpu::new(device, queue, &name, gpu::Checks::default()))
    }

    /// Kernels on a GPU backend that the caller set up.
    pub fn from_gpu(gpu: gpu::Gpu) -> Self {
        let (name, is_gpu) = (gpu.name().to_string(), !gpu.is_software());
        Self::with_backend(Arc::new(gpu), name, is_gpu)
    }

    pub(crate) fn with_backend(backend: Arc<dyn Kernels>, name: String, is_gpu: bool) -> Self {
        Self { backend, name: name.into(), is_gpu }
    }

    /// Whether it is a GPU, and no software that stands in for one.
    pub fn is_gpu(&self) -> bool {
        self.is_gpu
    }

    /// Whether both are the same open device.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.backend, &other.backend)
    }

    /// What the device is, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How large an array may be, and how much memory there is.
    pub fn room(&self) -> Room {
        self.backend.room()
    }

    /// A zeroed array.
    pub fn zeros(&self, rows: usize, columns: usize) -> Result<Array> {
        let storage = self.backend.allocate(rows.max(1), columns.max(1))?;
        Ok(Array { rows: rows.max(1), columns: columns.max(1), storage })
    }

    /// An array with the given values, row-major.
    ///
    /// # Errors
    /// The number of values is not `rows × columns`, or the device cannot hold them.
    pub fn upload(&self, rows: usize, columns: usize, values: &[f32]) -> Result<Array> {
        let count = rows.saturating_mul(columns);
        if count != values.len() || values.is_empty() {
            return Err(shape("upload", "values", (values.len(), 1), (count, 1)));
        }
        let mut array = self.zeros(rows, columns)?;
        self.backend.write(&mut array, 0, values)?;
        Ok(array)
    }

    /// Overwrites the rows of `array` from `first_row` on.
    pub fn write(&self, array: &mut Array, first_row: usize, values: &[f32]) -> Result<()> {
        let fits = values.len().is_multiple_of(array.columns)
            && first_row.saturating_add(values.len() / array.columns) <= array.rows;
        if !fits {
            let wanted = (array.rows.saturating_sub(first_row), array.columns);
            return Err(shape(
                "write",
                "values",
                (values.len() / array.columns, array.columns),
                wanted,
            ));
        }
        self.backend.write(array, first_row, values)
    }

    /// Overwrites an array with rows of `source`, row-major and of the same width, whose numbers are
    /// `rows`, one for each row of the array.
    ///
    /// # Errors
    /// There are too few or too many numbers, or one is past the last row.
    pub fn gather(&self, array: &mut Array, source: &[f32], rows: &[usize]) -> Result<()> {
        expect("gather", "rows", (rows.len(), 1), (array.rows, 1))?;
        let last = rows.iter().max().map_or(0, |last| *last);
        let held = source.len() / array.columns;
        if last >= held {
            return Err(shape(
                "gather",
                "source",
                (held, array.columns),
                (last + 1, array.columns),
            ));
        }
        self.backend.gather(array, source, rows)
    }

    /// Reads an array back: the one call that waits for the device.
    pub async fn read(&self, array: &Array) -> Result<Vec<f32>> {
        self.backend.read(array).await
    }

    /// Seconds in which the device ran kernels since the last call, by its own timestamps, for
    /// measurements: waits until it is done. From the first call on, submissions are stamped; that
    /// call answers `None`, as do those between which nothing ran, and devices without timestamps:
    /// the CPU is one.
    ///
    /// # Errors
    /// The device is lost, or has refused a command.
    pub async fn busy_seconds(&self) -> Result<Option<f64>> {
        self.backend.busy_seconds().await
    }

    /// An array with the same values.
    pub fn duplicate(&self, array: &Array) -> Result<Array> {
        let mut copy = self.zeros(array.rows, array.columns)?;
        self.copy_rows(array, 0, &mut copy, 0, array.rows)?;
        Ok(copy)
    }

    /// Copies `rows` rows between arrays of equal width.
    pub fn copy_rows(
        &self,
        source: &Array,
        source_row: usize,
        target: &mut Array,
        target_row: usize,
        rows: usize,
    ) -> Result<()> {
        expect("copy_rows", "target", (rows, target.columns), (rows, source.columns))?;
        if source_row.saturating_add(rows) > source.rows
            || target_row.saturating_add(rows) > target.rows
        {
            let room = (source.rows - source_row.min(source.rows))
                .min(target.rows - target_row.min(target.rows));
            return Err(shape("copy_rows", "rows", (rows, source.columns), (room, source.columns)));
        }
        self.backend.copy_rows(source, source_row, target, target_row, rows)
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Device({})", self.name)
    }
}

fn expect(
    kernel: &'static str,
    operand: &'static str,
    found: (usize, usize),
    wanted: (usize, usize),
) -> Result<()> {
    if found == wanted { Ok(()) } else { Err(shape(kernel, operand, found, wanted)) }
}

fn shape(
    kernel: &'static str,
    operand: &'static str,
    found: (usize, usize),
    wanted: (usize, usize),
) -> DeviceError {
    DeviceError::Shape { kernel, operand, found, wanted }
}
