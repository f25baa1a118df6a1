//! The kernels on the CPU: rows split over rayon's threads, products through a GEMM crate on
//! cache-sized tiles, epilogues vectorised. No result depends on the number of threads.

mod accept;
mod activation;
mod anneal;
mod bits;
mod choices;
mod dense;
mod exchange;
mod finish;
mod gemm;
mod gibbs;
mod instructions;
mod lanes;
mod langevin;
mod linear;
mod matmul;
mod mlp;
mod normal;
mod normalize;
mod optimize;
mod outer;
mod peak;
mod philox;
mod pointwise;
mod potential;
mod real;
mod reduce;
mod scratch;
mod simd;
mod softmax;
mod statistics;
mod temper;
mod transpose;
mod weights;

pub use instructions::{Instructions, NAMES};
use rayon::prelude::*;

use super::{
    Accept, Anneal, Array, Companion, DeviceError, Exchange, Gibbs, Kernels, Langevin, Linear,
    Optimize, Outer, Pending, Pointwise, Potential, Reduce, Result, Room, RowWeights, Statistics,
    Storage, Temper, bytes, memory,
};

/// Rows of a tile: enough to hide the packing of the weights, few enough that the tile's states
/// stay in the second-level cache.
const ROWS_PER_TILE: usize = 128;
/// As many of bits, for which the sums of a table are made once a tile.
const ROWS_OF_BITS: usize = 512;
/// Allocations from this many bytes on are compared with the free memory first.
const LARGE: u64 = 1 << 28;
/// Bytes of the largest allocation.
const LARGEST: u64 = isize::MAX as u64;
/// Values of an elementwise task.
const CHUNK: usize = 1 << 14;

/// The CPU backend.
#[derive(Debug)]
pub struct Cpu {
    /// What its kernels run on.
    pub set: Instructions,
}

impl Kernels for Cpu {
    fn room(&self) -> Room {
        Room { array: LARGEST, memory: memory::available(), is_host: true }
    }

    fn allocate(&self, rows: usize, columns: usize) -> Result<Storage> {
        let refuse = || DeviceError::TooLarge {
            rows,
            columns,
            needed: (rows as u64).saturating_mul(columns as u64).saturating_mul(4),
            available: LARGEST,
            device: "the CPU".into(),
        };
        let count = rows.checked_mul(columns).ok_or_else(refuse)?;
        let needed = (count as u64).saturating_mul(4);
        let out_of_memory =
            |reason| DeviceError::OutOfMemory { needed, device: "the CPU".into(), reason };
        // Linux promises memory that it does not have, and kills who uses it.
        if needed >= LARGE
            && let Some(free) = memory::available().filter(|free| needed > *free)
        {
            return Err(out_of_memory(format!("{} are free", bytes(free))));
        }
        let mut values = Vec::new();
        values.try_reserve_exact(count).map_err(|reason| out_of_memory(reason.to_string()))?;
        values.resize(count, 0.0);
        Ok(Storage::Cpu(values))
    }

    fn write(&self, array: &mut Array, first_row: usize, values: &[f32]) -> Result<()> {
        let start = first_row * array.columns;
        host_mut("write", "array", array)?[start..start + values.len()].copy_from_slice(values);
        Ok(())
    }

    fn gather(&self, array: &mut Array, source: &[f32], rows: &[usize]) -> Result<()> {
        let columns = array.columns;
        let array = host_mut("gather", "array", array)?;
        let each = array.par_chunks_mut(columns).zip(rows);
        each.with_min_len(chunk_rows(columns)).for_each(|(to, row)| {
            to.copy_from_slice(&source[row * columns..][..columns]);
        });
        Ok(())
    }

    fn read<'a>(&'a self, array: &'a Array) -> Pending<'a, Vec<f32>> {
        Box::pin(async move { Ok(host("read", "array", array)?.to_vec()) })
    }

    fn copy_rows(
        &self,
        source: &Array,
        source_row: usize,
        target: &mut Array,
        target_row: usize,
        rows: usize,
    ) -> Result<()> {
        let columns = source.columns;
        let source = host("copy_rows", "source", source)?;
        let source = &source[source_row * columns..(source_row + rows) * columns];
        let target = &mut host_mut("copy_rows", "target", target)?
            [target_row * columns..(target_row + rows) * columns];
        peak::copy(source, target);
        Ok(())
    }

    fn gibbs(&self, call: Gibbs<'_>) -> Result<()> {
        gibbs::gibbs(self.set, call)
    }

    fn anneal(&self, call: Anneal<'_>) -> Result<()> {
        anneal::anneal(self.set, call)
    }

    fn linear(&self, call: &Linear<'_>, companion: Companion<'_>, out: &mut Array) -> Result<()> {
        linear::linear(self.set, call, companion, out)
    }

    fn linear_sum(&self, call: &Linear<'_>, out: &mut Array) -> Result<()> {
        linear::linear_sum(self.set, call, out)
    }

    fn peak_product(&self, x: &Array, weights: &Array, out: &mut Array) -> Result<()> {
        peak::product(self.set, x, weights, out)
    }

    fn outer(&self, call: &Outer<'_>, out: &mut Array) -> Result<()> {
        outer::outer(self.set, call, out)
    }

    fn statistics(&self, call: &mut Statistics<'_>) -> Result<bool> {
        statistics::statistics(self.set, call)?;
        Ok(true)
    }

    fn reduce(&self, call: Reduce<'_>, x: &Array, out: &mut Array) -> Result<()> {
        reduce::reduce(self.set, call, x, out)
    }

    fn pointwise(&self, call: Pointwise<'_>, out: &mut Array) -> Result<()> {
        pointwise::pointwise(self.set, call, out)
    }

    fn softmax(&self, x: &Array, p: &mut Array, log_sum: &mut Array) -> Result<()> {
        softmax::softmax(self.set, x, p, log_sum)
    }

    fn normalize(&self, out: &mut Array, norms: &mut Array) -> Result<()> {
        normalize::normalize(self.set, out, norms)
    }

    fn langevin(&self, call: Langevin<'_>) -> Result<bool> {
        langevin::langevin(self.set, call)?;
        Ok(true)
    }

    fn accept(&self, call: Accept<'_>) -> Result<()> {
        accept::accept(self.set, call)
    }

    fn exchange(&self, call: Exchange<'_, '_>) -> Result<()> {
        exchange::exchange(self.set, call)
    }

    fn temper(&self, call: Temper<'_>) -> Result<bool> {
        temper::temper(self.set, call)
    }

    fn potential(&self, call: Potential<'_>) -> Result<()> {
        potential::potential(call)
    }

    fn optimize(
        &self,
        call: Optimize,
        gradient: &Array,
        parameter: &mut Array,
        moments: &mut [Array],
    ) -> Result<()> {
        optimize::optimize(self.set, call, gradient, parameter, moments)
    }

    fn philox(&self, blocks: &Array, out: &mut Array) -> Result<()> {
        philox::philox(blocks, out)
    }
}

/// The values of an array in host memory.
fn host<'a>(kernel: &'static str, operand: &'static str, array: &'a Array) -> Result<&'a [f32]> {
    match &array.storage {
        Storage::Cpu(values) => Ok(values),
        Storage::Gpu(_) => Err(DeviceError::Foreign { kernel, operand }),
    }
}

/// The values of an array in host memory, to write to.
fn host_mut<'a>(
    kernel: &'static str,
    operand: &'static str,
    array: &'a mut Array,
) -> Result<&'a mut [f32]> {
    match &mut array.storage {
        Storage::Cpu(values) => Ok(values),
        Storage::Gpu(_) => Err(DeviceError::Foreign { kernel, operand }),
    }
}

/// Rows of `columns` values that make an elementwise task, at least one.
fn chunk_rows(columns: usize) -> usize {
    (CHUNK / columns).max(1)
}

/// The weight of a row as a function of its index.
fn row_weight<'a>(
    kernel: &'static str,
    weights: RowWeights<'a>,
) -> Result<impl Fn(usize) -> f32 + Sync + 'a> {
    let (uniform, each) = match weights {
        RowWeights::Uniform(weight) => (weight, None),
        RowWeights::Each(array) => (0.0, Some(host(kernel, "weights", array)?)),
    };
    Ok(move |row: usize| each.map_or(uniform, |each| each[row]))
}
