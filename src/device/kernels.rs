//! The kernels as one trait, which a backend implements. The methods of [`super::Device`] check shapes
//! first, so a backend may rely on them.

use std::{future::Future, pin::Pin};

use super::{
    Accept, Activation, Anneal, Array, Companion, DeviceError, Exchange, Gibbs, Langevin, Linear,
    Optimize, Outer, Pointwise, Potential, Reduce, Room, Statistics, Temper, array::Storage,
};

/// A result of the device layer.
pub type Result<T, E = DeviceError> = std::result::Result<T, E>;

/// A future that borrows its operands.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

/// What a device can do. All work is queued; only `read` waits.
pub trait Kernels: Send + Sync {
    /// How large an array may be, and how much memory there is.
    fn room(&self) -> Room;
    /// A zeroed array.
    fn allocate(&self, rows: usize, columns: usize) -> Result<Storage>;
    /// Overwrites the rows from `first_row` on.
    fn write(&self, array: &mut Array, first_row: usize, values: &[f32]) -> Result<()>;
    /// Overwrites an array with rows of `source`, of the same width, in the order of their numbers.
    fn gather(&self, array: &mut Array, source: &[f32], rows: &[usize]) -> Result<()> {
        let columns = array.columns();
        let rows: Vec<&[f32]> =
            rows.iter().map(|row| &source[row * columns..][..columns]).collect();
        self.write(array, 0, &rows.concat())
    }
    /// Reads an array back.
    fn read<'a>(&'a self, array: &'a Array) -> Pending<'a, Vec<f32>>;
    /// Copies `rows` rows between arrays of equal width.
    fn copy_rows(
        &self,
        source: &Array,
        source_row: usize,
        target: &mut Array,
        target_row: usize,
        rows: usize,
    ) -> Result<()>;
    /// See [`super::Device::busy_seconds`].
    fn busy_seconds(&self) -> Pending<'_, Option<f64>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    /// See [`Gibbs`].
    fn gibbs(&self, call: Gibbs<'_>) -> Result<()>;
    /// See [`Anneal`].
    fn anneal(&self, call: Anneal<'_>) -> Result<()>;
    /// See [`Linear`].
    fn linear(&self, call: &Linear<'_>, companion: Companion<'_>, out: &mut Array) -> Result<()>;
    /// As `linear`, each row summed after the activation: out `[n, 1]`.
    fn linear_sum(&self, call: &Linear<'_>, out: &mut Array) -> Result<()>;
    /// out ← X·W as fast as the device has it, in whatever order of summation: the yardstick of
    /// `ergodic bench`. Not for models, whose chains must not depend on the number of threads.
    fn peak_product(&self, x: &Array, weights: &Array, out: &mut Array) -> Result<()> {
        let call = Linear {
            x,
            weights,
            transposed: false,
            bias: None,
            scale: 1.0,
            activation: Activation::Identity,
        };
        self.linear(&call, Companion::None, out)
    }
    /// See [`Outer`].
    fn outer(&self, call: &Outer<'_>, out: &mut Array) -> Result<()>;
    /// See [`Statistics`]; `false`, with nothing done, where there is no kernel that is better than those
    /// for the parts.
    fn statistics(&self, _call: &mut Statistics<'_>) -> Result<bool> {
        Ok(false)
    }
    /// See [`Reduce`].
    fn reduce(&self, call: Reduce<'_>, x: &Array, out: &mut Array) -> Result<()>;
    /// See [`Pointwise`].
    fn pointwise(&self, call: Pointwise<'_>, out: &mut Array) -> Result<()>;
    /// p `[n, K]` ← softmax of each row of x, log_sum `[n, 1]` ← its log-sum-exp.
    fn softmax(&self, x: &Array, p: &mut Array, log_sum: &mut Array) -> Result<()>;
    /// Divides each row by its norm, norms `[n, 1]`; a row of zeros stays.
    fn normalize(&self, out: &mut Array, norms: &mut Array) -> Result<()>;
    /// See [`Langevin`]; `false`, with nothing done, where the net does not fit.
    fn langevin(&self, call: Langevin<'_>) -> Result<bool>;
    /// See [`Accept`].
    fn accept(&self, call: Accept<'_>) -> Result<()>;
    /// See [`Exchange`].
    fn exchange(&self, call: Exchange<'_, '_>) -> Result<()>;
    /// See [`Temper`]; `false`, with nothing done, where there is no such kernel.
    fn temper(&self, call: Temper<'_>) -> Result<bool>;
    /// See [`Potential`].
    fn potential(&self, call: Potential<'_>) -> Result<()>;
    /// See [`Optimize`]; `moments` are one array for SGD, two for Adam, shaped as `parameter`.
    fn optimize(
        &self,
        call: Optimize,
        gradient: &Array,
        parameter: &mut Array,
        moments: &mut [Array],
    ) -> Result<()>;
    /// out `[n, 8]` ← the Philox words of blocks `[n, 12]` (counter, key), every word as its low
    /// and high 16 bits.
    fn philox(&self, blocks: &Array, out: &mut Array) -> Result<()>;
}
