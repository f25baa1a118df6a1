//! Which host side serves a call. Where one uses scratch memory, no other call comes between.

use super::{
    Accept, Anneal, Array, Companion, Exchange, Gibbs, Gpu, Kernels, Langevin, Linear, Optimize,
    Outer, Pending, Pointwise, Potential, Reduce, Result, Room, Storage, Temper, accept, anneal,
    buffer, exchange, gibbs, langevin, linear, normalize, optimize, outer, philox, pointwise,
    potential, queue::lock, reduce, softmax, temper,
};

impl Kernels for Gpu {
    fn room(&self) -> Room {
        Room { array: self.largest_buffer(), memory: self.memory(), is_host: false }
    }

    fn allocate(&self, rows: usize, columns: usize) -> Result<Storage> {
        Ok(Storage::Gpu(self.buffer(rows, columns)?))
    }

    fn write(&self, array: &mut Array, first_row: usize, values: &[f32]) -> Result<()> {
        // A write takes effect before the commands that are not yet submitted, so submit them.
        self.flush()?;
        let offset = 4 * (first_row * array.columns) as u64;
        self.queue.write_buffer(
            buffer("write", "array", array)?,
            offset,
            bytemuck::cast_slice(values),
        );
        self.healthy()
    }

    fn read<'a>(&'a self, array: &'a Array) -> Pending<'a, Vec<f32>> {
        Box::pin(self.read_back(array))
    }

    fn busy_seconds(&self) -> Pending<'_, Option<f64>> {
        Box::pin(Gpu::busy_seconds(self))
    }

    fn copy_rows(
        &self,
        source: &Array,
        source_row: usize,
        target: &mut Array,
        target_row: usize,
        rows: usize,
    ) -> Result<()> {
        let row = 4 * source.columns as u64;
        self.copy(
            (buffer("copy_rows", "source", source)?, row * source_row as u64),
            (buffer("copy_rows", "target", target)?, row * target_row as u64),
            row * rows as u64,
        )
    }

    fn gibbs(&self, call: Gibbs<'_>) -> Result<()> {
        gibbs::gibbs(self, call)
    }

    fn anneal(&self, call: Anneal<'_>) -> Result<()> {
        anneal::anneal(self, call)
    }

    fn linear(&self, call: &Linear<'_>, companion: Companion<'_>, out: &mut Array) -> Result<()> {
        linear::linear(self, call, companion, out)
    }

    fn linear_sum(&self, call: &Linear<'_>, out: &mut Array) -> Result<()> {
        let _sequence = lock(&self.sequence);
        linear::linear_sum(self, call, out)
    }

    fn outer(&self, call: &Outer<'_>, out: &mut Array) -> Result<()> {
        let _sequence = lock(&self.sequence);
        outer::outer(self, call, out)
    }

    fn reduce(&self, call: Reduce<'_>, x: &Array, out: &mut Array) -> Result<()> {
        let _sequence = lock(&self.sequence);
        reduce::reduce(self, call, x, out)
    }

    fn pointwise(&self, call: Pointwise<'_>, out: &mut Array) -> Result<()> {
        pointwise::pointwise(self, call, out)
    }

    fn softmax(&self, x: &Array, p: &mut Array, log_sum: &mut Array) -> Result<()> {
        softmax::softmax(self, x, p, log_sum)
    }

    fn normalize(&self, out: &mut Array, norms: &mut Array) -> Result<()> {
        normalize::normalize(self, out, norms)
    }

    fn langevin(&self, call: Langevin<'_>) -> Result<bool> {
        langevin::langevin(self, call)
    }

    fn accept(&self, call: Accept<'_>) -> Result<()> {
        accept::accept(self, call)
    }

    fn exchange(&self, call: Exchange<'_, '_>) -> Result<()> {
        exchange::exchange(self, call)
    }

    fn temper(&self, call: Temper<'_>) -> Result<bool> {
        temper::temper(self, call)
    }

    fn potential(&self, call: Potential<'_>) -> Result<()> {
        potential::potential(self, call)
    }

    fn optimize(
        &self,
        call: Optimize,
        gradient: &Array,
        parameter: &mut Array,
        moments: &mut [Array],
    ) -> Result<()> {
        optimize::optimize(self, call, gradient, parameter, moments)
    }

    fn philox(&self, blocks: &Array, out: &mut Array) -> Result<()> {
        philox::philox(self, blocks, out)
    }
}
