//! Devices, arrays and kernels: the only place that knows wgpu. No mathematics of models here.
//!
//! [`Device`] checks the shapes of every call and passes it to its backend, `cpu` or `gpu`, which
//! implement the same [`Kernels`]. A kernel NAME lives in `cpu/NAME.rs`, `gpu/NAME.rs` and
//! `shaders/NAME.wgsl`.

mod array;
pub mod cpu;
mod error;
mod exchange;
pub mod gpu;
mod kernels;
mod net;
mod potential;
mod room;
mod select;
mod statistics;
mod temper;

use std::sync::Arc;

pub use array::{Array, Storage};
pub use error::{DeviceError, bytes};
pub use exchange::{Exchange, LABELS};
pub use kernels::{
    Activation, Anneal, Companion, Draw, Gibbs, Kernels, Linear, Optimize, Outer, OuterTerm,
    Pending, Pointwise, Reduce, Result, RowWeights,
};
pub use net::{
    Accept, Head, LARGEST_ENERGY, LARGEST_STATE, Langevin, Layer, Net, Nonlinearity, Rule, TALLY,
};
pub use potential::{Formula, Potential};
pub use room::Room;
pub use select::{AdapterReport, adapters};
pub use statistics::Statistics;
pub use temper::Temper;

use crate::random::{join_halves, split_halves};

/// A device: cheap to clone, safe to share.
#[derive(Clone)]
pub struct Device {
    backend: Arc<dyn Kernels>,
    name: Arc<str>,
    is_gpu: bool,
}

impl Device {
    /// Opens a device by name: `auto` (a discrete GPU, else an integrated one, else the CPU
    /// kernels), `cpu`, `gpu`, `gpu:INDEX`, or part of an adapter's name. A software Vulkan
    /// driver is used only when it is named or indexed. With `+matrices` at the end of the name, block
    /// Gibbs may use the GPU's cooperative matrices where they are faster; see docs/gpu.md.
    ///
    /// # Errors
    /// No adapter, an unknown name (the message lists those there are), no such matrices, or a
    /// driver's refusal.
    pub async fn open(name: &str) -> Result<Self> {
        Self::open_with(name, gpu::Checks::default()).await
    }

    /// As [`Device::open`], with a choice of the checks in the shaders.
    pub async fn open_with(name: &str, checks: gpu::Checks) -> Result<Self> {
        select::open(name, checks).await
    }

    /// The CPU kernels on rayon's current thread pool.
    pub fn cpu() -> Self {
        let threads = rayon::current_num_threads();
        let plural = if threads == 1 { "" } else { "s" };
        Self::with_backend(
            Arc::new(cpu::Cpu),
            format!("CPU, {threads} thread{plural}, {}", cpu::simd_name()),
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

    /// Runs block-Gibbs sweeps; see [`Gibbs`].
    pub fn gibbs(&self, call: Gibbs<'_>) -> Result<()> {
        let (d, h) = call.weights.shape();
        let n = call.visible.rows;
        expect("gibbs", "visible", call.visible.shape(), (n, d))?;
        expect("gibbs", "hidden", call.hidden.shape(), (n, h))?;
        expect("gibbs", "hidden_means", call.hidden_means.shape(), (n, h))?;
        expect("gibbs", "visible_bias", call.visible_bias.shape(), (1, d))?;
        expect("gibbs", "hidden_bias", call.hidden_bias.shape(), (1, h))?;
        if let Some(clamp) = call.clamp {
            expect("gibbs", "clamp", clamp.shape(), (1, d))?;
        }
        if call.sweeps == 0 { Ok(()) } else { self.backend.gibbs(call) }
    }

    /// Runs sweeps along a path of inverse temperatures; see [`Anneal`].
    pub fn anneal(&self, call: Anneal<'_>) -> Result<()> {
        let (d, h) = call.weights.shape();
        let n = call.visible.rows;
        expect("anneal", "visible", call.visible.shape(), (n, d))?;
        expect("anneal", "hidden", call.hidden.shape(), (n, h))?;
        expect("anneal", "log_weights", call.log_weights.shape(), (n, 1))?;
        expect("anneal", "base_bias", call.base_bias.shape(), (1, d))?;
        expect("anneal", "bias_shift", call.bias_shift.shape(), (1, d))?;
        expect("anneal", "hidden_bias", call.hidden_bias.shape(), (1, h))?;
        if call.betas.len() < 2 { Ok(()) } else { self.backend.anneal(call) }
    }

    /// out ← act(scale · (X·W + bias)); see [`Linear`].
    pub fn linear(&self, call: &Linear<'_>, out: &mut Array) -> Result<()> {
        let (_, m) = check_linear("linear", call)?;
        expect("linear", "out", out.shape(), (call.x.rows, m))?;
        self.backend.linear(call, Companion::None, out)
    }

    /// As [`Device::linear`], with the slope of the activation at every value. A draw has none.
    pub fn linear_with_slope(
        &self,
        call: &Linear<'_>,
        out: &mut Array,
        slope: &mut Array,
    ) -> Result<()> {
        let (_, m) = check_linear("linear", call)?;
        expect("linear", "out", out.shape(), (call.x.rows, m))?;
        expect("linear", "slope", slope.shape(), (call.x.rows, m))?;
        let smooth = !matches!(call.activation, Activation::Bernoulli(_));
        expect("linear", "smooth activation", (usize::from(smooth), 1), (1, 1))?;
        self.backend.linear(call, Companion::Slope(slope), out)
    }

    /// As [`Device::linear`], the result multiplied by `gate` `[n, M]`.
    pub fn linear_gated(&self, call: &Linear<'_>, gate: &Array, out: &mut Array) -> Result<()> {
        let (_, m) = check_linear("linear", call)?;
        expect("linear", "out", out.shape(), (call.x.rows, m))?;
        expect("linear", "gate", gate.shape(), (call.x.rows, m))?;
        self.backend.linear(call, Companion::Gate(gate), out)
    }

    /// p `[n, K]` ← softmax of each row of x; log_sum `[n, 1]` ← its log-sum-exp.
    pub fn softmax(&self, x: &Array, p: &mut Array, log_sum: &mut Array) -> Result<()> {
        expect("softmax", "p", p.shape(), x.shape())?;
        expect("softmax", "log_sum", log_sum.shape(), (x.rows, 1))?;
        self.backend.softmax(x, p, log_sum)
    }

    /// Divides each row by its Euclidean norm and keeps the norms `[n, 1]`; a row of zeros stays.
    pub fn normalize(&self, out: &mut Array, norms: &mut Array) -> Result<()> {
        expect("normalize", "norms", norms.shape(), (out.rows, 1))?;
        self.backend.normalize(out, norms)
    }

    /// out `[n, 1]` ← the row sums of act(scale · (X·W + bias)).
    pub fn linear_sum(&self, call: &Linear<'_>, out: &mut Array) -> Result<()> {
        check_linear("linear_sum", call)?;
        expect("linear_sum", "out", out.shape(), (call.x.rows, 1))?;
        self.backend.linear_sum(call, out)
    }

    /// out `[n, M]` ← X·W for X `[n, K]` and W `[K, M]` as fast as the device has it: a yardstick
    /// for measurements. Its rounding may depend on the number of threads; models use
    /// [`Device::linear`].
    ///
    /// # Errors
    /// The shapes do not fit, or the device refuses.
    pub fn peak_product(&self, x: &Array, weights: &Array, out: &mut Array) -> Result<()> {
        let (k, m) = weights.shape();
        expect("peak_product", "x", x.shape(), (x.rows, k))?;
        expect("peak_product", "out", out.shape(), (x.rows, m))?;
        self.backend.peak_product(x, weights, out)
    }

    /// Weighted sum of outer products; see [`Outer`].
    pub fn outer(&self, call: &Outer<'_>, out: &mut Array) -> Result<()> {
        call.check("outer", ("out", out))?;
        self.backend.outer(call, out)
    }

    /// Reduces `x` into `out`; see [`Reduce`].
    pub fn reduce(&self, call: Reduce<'_>, x: &Array, out: &mut Array) -> Result<()> {
        let wanted = match call {
            Reduce::ColumnSum { weights, .. } => {
                check_weights("reduce", weights, x.rows)?;
                (1, x.columns)
            }
            Reduce::SquaredDistance(other) => {
                expect("reduce", "other", other.shape(), x.shape())?;
                (1, 1)
            }
            Reduce::RowDot(other) => {
                let rows = if other.rows == 1 { 1 } else { x.rows };
                expect("reduce", "other", other.shape(), (rows, x.columns))?;
                if out.rows == 1 { (1, x.rows) } else { (x.rows, 1) }
            }
            Reduce::SumOfSquares | Reduce::NonFinite => (1, 1),
        };
        expect("reduce", "out", out.shape(), wanted)?;
        self.backend.reduce(call, x, out)
    }

    /// Elementwise work on `out`; see [`Pointwise`].
    pub fn pointwise(&self, call: Pointwise<'_>, out: &mut Array) -> Result<()> {
        match call {
            Pointwise::Fill(_)
            | Pointwise::Scale(_)
            | Pointwise::Normal { .. }
            | Pointwise::Uniform { .. }
            | Pointwise::Rademacher { .. }
            | Pointwise::Clamp { .. } => {}
            Pointwise::AddToColumn { column, .. } => {
                if column >= out.columns {
                    return Err(shape("pointwise", "column", (1, column), (1, out.columns - 1)));
                }
            }
            Pointwise::AxpyRows { x, factors, .. } => {
                expect("pointwise", "operand", x.shape(), out.shape())?;
                expect("pointwise", "factors", factors.shape(), (out.rows, 1))?;
            }
            Pointwise::Select { mask, x } => {
                expect("pointwise", "mask", mask.shape(), (1, out.columns))?;
                expect("pointwise", "operand", x.shape(), out.shape())?;
            }
            Pointwise::Axpy { x, .. }
            | Pointwise::Lerp { x, .. }
            | Pointwise::Multiply { x }
            | Pointwise::MixRows { x, .. }
            | Pointwise::Bernoulli { p: x, .. } => {
                expect("pointwise", "operand", x.shape(), out.shape())?;
            }
        }
        self.backend.pointwise(call, out)
    }

    /// One optimizer step on one parameter; see [`Optimize`].
    pub fn optimize(
        &self,
        call: Optimize,
        gradient: &Array,
        parameter: &mut Array,
        moments: &mut [Array],
    ) -> Result<()> {
        expect("optimize", "gradient", gradient.shape(), parameter.shape())?;
        let needed = match call {
            Optimize::Sgd { .. } => 1,
            Optimize::Adam { .. } => 2,
        };
        expect("optimize", "list of moments", (moments.len(), 1), (needed, 1))?;
        for moment in moments.iter() {
            expect("optimize", "moment", moment.shape(), parameter.shape())?;
        }
        self.backend.optimize(call, gradient, parameter, moments)
    }

    /// The Philox4x32-10 words of each (counter, key), computed on the device: the known-answer
    /// test of its random numbers.
    pub async fn philox(&self, blocks: &[([u32; 4], [u32; 2])]) -> Result<Vec<[u32; 4]>> {
        if blocks.is_empty() {
            return Ok(Vec::new());
        }
        let halves: Vec<f32> = blocks
            .iter()
            .flat_map(|(counter, key)| counter.iter().chain(key))
            .flat_map(|word| split_halves(*word))
            .collect();
        let operands = self.upload(blocks.len(), 12, &halves)?;
        let mut out = self.zeros(blocks.len(), 8)?;
        self.backend.philox(&operands, &mut out)?;
        let halves = self.read(&out).await?;
        let word = |row: &[f32], index: usize| join_halves([row[2 * index], row[2 * index + 1]]);
        Ok(halves
            .chunks_exact(8)
            .map(|row| std::array::from_fn(|index| word(row, index)))
            .collect())
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Device({})", self.name)
    }
}

fn check_linear(kernel: &'static str, call: &Linear<'_>) -> Result<(usize, usize)> {
    let (k, m) = call.sizes();
    expect(kernel, "x", call.x.shape(), (call.x.rows, k))?;
    if let Some(bias) = call.bias {
        expect(kernel, "bias", bias.shape(), (1, m))?;
    }
    Ok((k, m))
}

impl Outer<'_> {
    fn check(&self, kernel: &'static str, (operand, out): (&'static str, &Array)) -> Result<()> {
        let (d, h) = (self.x_offset.columns, self.y_offset.columns);
        expect(kernel, operand, out.shape(), (d, h))?;
        expect(kernel, "x_offset", self.x_offset.shape(), (1, d))?;
        expect(kernel, "y_offset", self.y_offset.shape(), (1, h))?;
        for term in self.terms {
            let rows = term.x.rows;
            expect(kernel, "x", term.x.shape(), (rows, d))?;
            expect(kernel, "y", term.y.shape(), (rows, h))?;
            check_weights(kernel, term.weights, rows)?;
        }
        Ok(())
    }
}

fn check_weights(kernel: &'static str, weights: RowWeights<'_>, rows: usize) -> Result<()> {
    match weights {
        RowWeights::Uniform(_) => Ok(()),
        RowWeights::Each(w) if w.rows == 1 => expect(kernel, "weights", w.shape(), (1, rows)),
        RowWeights::Each(w) => expect(kernel, "weights", w.shape(), (rows, 1)),
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
