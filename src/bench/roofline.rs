//! The device's own limits: the best rate of large products and of a large copy, measured beside the
//! cases. Source of the model: Williams, Waterman and Patterson, "Roofline", CACM 2009.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BenchError, Limit, Work, clock::Clock};
use crate::device::Device;

/// Shapes [n, k, m] of products; a sequence ends where one takes too long. The first is that of
/// hidden units given visible ones, the second the way back, the last is square.
const SHAPES: [&[[usize; 3]]; 3] = [
    &[[128, 784, 500], [1024, 784, 500], [8192, 784, 500], [65536, 784, 500]],
    &[[128, 500, 784], [1024, 500, 784], [8192, 500, 784], [65536, 500, 784]],
    &[
        [512, 512, 512],
        [1024, 1024, 1024],
        [2048, 2048, 2048],
        [4096, 4096, 4096],
        [8192, 8192, 8192],
    ],
];
/// A product that takes as long is large enough.
const LONG: f64 = 0.05;
/// Values of a large copy.
const COPIED: usize = 1 << 26;
/// Columns of a copy.
const COLUMNS: usize = 1 << 10;

/// The limits of a device, as measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roofline {
    /// 10⁹ floating-point operations a second of the best product: two a multiply-add.
    pub gflops: f64,
    /// 10⁹ bytes a second of a large copy, read and written.
    pub gbytes_per_s: f64,
    /// The product's shape: rows, terms of a sum, columns.
    #[serde(default)]
    pub product: Option<[usize; 3]>,
}

impl Roofline {
    /// Measures a device, in one to three seconds; a quick one in less.
    ///
    /// # Errors
    /// The device refuses. One that has not the memory for large operands is measured with smaller
    /// ones.
    pub(super) fn measure(device: &Device, quick: bool) -> Result<Self, BenchError> {
        let budget = Duration::from_millis(if quick { 60 } else { 250 });
        let clock = Clock::new(device, budget)?;
        let (mut gflops, mut product) = (0.0, None);
        for shapes in SHAPES {
            for shape in shapes {
                let seconds = match time_product(device, &clock, *shape) {
                    Err(error) if error.is_lack_of_memory() => break,
                    seconds => seconds?,
                };
                let [n, k, m] = shape.map(|size| size as f64);
                let rate = 2e-9 * n * k * m / seconds;
                if rate > gflops {
                    (gflops, product) = (rate, Some(*shape));
                }
                if seconds > LONG / if quick { 8.0 } else { 1.0 } {
                    break;
                }
            }
        }
        let mut values = if quick { COPIED / 4 } else { COPIED };
        let seconds = loop {
            match time_copy(device, &clock, values) {
                Err(error) if error.is_lack_of_memory() && values > 1 << 20 => values /= 4,
                seconds => break seconds?,
            }
        };
        Ok(Self { gflops, gbytes_per_s: 8e-9 * values as f64 / seconds, product })
    }

    /// The fewest seconds that a chain step of this work can take, and what sets them.
    pub fn least_seconds(&self, work: &Work) -> (f64, Limit) {
        let products = 2e-9 * work.macs / self.gflops;
        let memory = 1e-9 * work.bytes / self.gbytes_per_s;
        if memory > products { (memory, Limit::Memory) } else { (products, Limit::Products) }
    }
}

/// Seconds of a product: of its fastest quarter of rounds, since this is to be a limit.
fn time_product(device: &Device, clock: &Clock, [n, k, m]: [usize; 3]) -> Result<f64, BenchError> {
    let half = |rows, columns| device.upload(rows, columns, &vec![0.5; rows * columns]);
    let (x, weights, mut out) = (half(n, k)?, half(k, m)?, device.zeros(n, m)?);
    let timing = clock.time(1, |steps| {
        for _ in 0..steps {
            device.peak_product(&x, &weights, &mut out)?;
        }
        Ok(())
    })?;
    Ok(timing.quantile(0.25))
}

/// Seconds of a copy.
fn time_copy(device: &Device, clock: &Clock, values: usize) -> Result<f64, BenchError> {
    let rows = values / COLUMNS;
    let (source, mut target) = (device.zeros(rows, COLUMNS)?, device.zeros(rows, COLUMNS)?);
    let timing = clock.time(1, |steps| {
        for _ in 0..steps {
            device.copy_rows(&source, 0, &mut target, 0, rows)?;
        }
        Ok(())
    })?;
    Ok(timing.quantile(0.25))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_of_both_times_is_the_limit() {
        let roofline = Roofline { gflops: 100.0, gbytes_per_s: 10.0, product: None };
        let work = |macs, bytes| Work { macs, flips: None, bytes };
        // 1,000 multiply-adds take 20 ns, 100 bytes 10 ns.
        let (seconds, limit) = roofline.least_seconds(&work(1000.0, 100.0));
        assert!((seconds - 20e-9).abs() < 1e-15 && limit == Limit::Products);
        let (seconds, limit) = roofline.least_seconds(&work(1000.0, 1000.0));
        assert!((seconds - 100e-9).abs() < 1e-15 && limit == Limit::Memory);
    }
}
