//! Products and copies as fast as the CPU has them.

use rayon::prelude::*;

use super::{
    super::{Array, Result},
    host, host_mut,
    instructions::Instructions,
    matmul::matmul,
};

/// Values that one thread copies at a time; less is not worth a hand-over.
const PIECE: usize = 1 << 20;

/// See [`crate::device::Kernels::peak_product`]: the GEMM crate on all threads, each of which takes
/// its share of the rows in one call.
pub(super) fn product(
    set: Instructions,
    x: &Array,
    weights: &Array,
    out: &mut Array,
) -> Result<()> {
    let (k, m) = weights.shape();
    let rows = x.rows.div_ceil(rayon::current_num_threads()).max(1);
    let x = host("peak_product", "x", x)?;
    let weights = host("peak_product", "weights", weights)?;
    host_mut("peak_product", "out", out)?
        .par_chunks_mut(rows * m)
        .zip(x.par_chunks(rows * k))
        .for_each(|(out, x)| matmul(set, out, x, weights, (x.len() / k, k, m)));
    Ok(())
}

/// Copies values, by all threads where they are many: one thread alone does not fill the memory bus
/// of a large machine.
pub(super) fn copy(source: &[f32], target: &mut [f32]) {
    if source.len() <= PIECE {
        target.copy_from_slice(source);
    } else {
        let pieces = target.par_chunks_mut(PIECE).zip(source.par_chunks(PIECE));
        pieces.for_each(|(target, source)| target.copy_from_slice(source));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;

    #[test]
    fn a_product_and_a_large_copy_are_exact_in_whole_numbers() {
        let (n, k, m) = (37, 70, 41);
        let value = |i: usize| ((i * 31) % 17) as f32 - 8.0;
        let x: Vec<f32> = (0..n * k).map(value).collect();
        let w: Vec<f32> = (0..k * m).map(|i| value(i + 3)).collect();
        for set in Instructions::available() {
            let device = Device::cpu_with(set);
            let mut out = device.zeros(n, m).unwrap();
            let (xs, ws) = (device.upload(n, k, &x).unwrap(), device.upload(k, m, &w).unwrap());
            device.peak_product(&xs, &ws, &mut out).unwrap();
            let out = pollster::block_on(device.read(&out)).unwrap();
            for (i, found) in out.iter().enumerate() {
                let wanted: f32 = (0..k).map(|j| x[i / m * k + j] * w[j * m + i % m]).sum();
                assert_eq!(*found, wanted, "{i}, {set:?}");
            }
            assert!(device.peak_product(&ws, &xs, &mut device.zeros(k, k).unwrap()).is_err());
        }

        let source: Vec<f32> = (0..2 * PIECE + 5).map(|i| i as f32).collect();
        let mut target = vec![0.0; source.len()];
        copy(&source, &mut target);
        assert!(target == source);
    }
}
