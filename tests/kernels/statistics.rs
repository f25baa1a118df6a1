//! outer and statistics against sums in f64.

use ergodic::device::{Activation, Device, Linear, Outer, OuterTerm, RowWeights, Statistics};

use crate::{
    common::{
        assert_within, bits, devices_with_checks, gpus_with_checks, normals, normals_of, read,
        upload, wide,
    },
    products::{SIZES, TOLERANCE},
};

/// Values of x: any, or bits but for one column.
fn outer_inputs(rows: usize, columns: usize) -> [Vec<f32>; 2] {
    let any = normals(rows * columns, 1);
    let mut mostly_bits = bits(rows * columns, 7);
    mostly_bits.iter_mut().step_by(columns).for_each(|x| *x += 0.25);
    [any, mostly_bits]
}

fn bounds(scale: &[f64]) -> Vec<f64> {
    scale.iter().map(|scale| TOLERANCE * scale).collect()
}

#[test]
fn outer_and_statistics() {
    for (n, d, h) in SIZES {
        for (kind, x) in outer_inputs(n, d).iter().enumerate() {
            let y = normals(n * h, 2);
            let (mu, lambda) = (normals_of(d, 0.5, 3), normals_of(h, 0.5, 4));
            let (each, start) = (normals(n, 5), normals(d * h, 6));
            // The rows as one term, and as two with other weights.
            let first = n.div_ceil(3);
            for (split, uniform, accumulate) in [
                (n, true, false),
                (n, true, true),
                (n, false, false),
                (first, false, true),
                (first, true, false),
            ] {
                let weight = |row: usize| match (uniform, row < split) {
                    (false, _) => each[row],
                    (true, true) => 0.3,
                    (true, false) => -0.7,
                };
                let mut wanted = if accumulate { wide(&start) } else { vec![0.0; d * h] };
                let mut scale: Vec<f64> = wanted.iter().map(|x| x.abs()).collect();
                for row in 0..n {
                    let weight = f64::from(weight(row));
                    for i in 0..d {
                        let (x, mu) = (f64::from(x[row * d + i]), f64::from(mu[i]));
                        for j in 0..h {
                            let (y, lambda) = (f64::from(y[row * h + j]), f64::from(lambda[j]));
                            wanted[i * h + j] += weight * (x - mu) * (y - lambda);
                            // The terms as written out: an offset may be taken out of the sum.
                            scale[i * h + j] +=
                                weight.abs() * (x.abs() + mu.abs()) * (y.abs() + lambda.abs());
                        }
                    }
                }
                let product_bounds = bounds(&scale);
                // Of the layers, with the products that are taken from them.
                let (mut x_sums, mut x_scale) = (vec![0.0; d], vec![0.0; d]);
                let (mut y_sums, mut y_scale) = (vec![0.0; h], vec![0.0; h]);
                for row in 0..n {
                    let weight = f64::from(weight(row));
                    for (layer, sums, scale) in
                        [(x, &mut x_sums, &mut x_scale), (&y, &mut y_sums, &mut y_scale)]
                    {
                        let columns = sums.len();
                        for (i, value) in layer[row * columns..][..columns].iter().enumerate() {
                            sums[i] += weight * f64::from(*value);
                            scale[i] += (weight * f64::from(*value)).abs();
                        }
                    }
                }
                for (place, (product, scale)) in wanted.iter().zip(&scale).enumerate() {
                    let (i, j) = (place / h, place % h);
                    let (mu, lambda) = (f64::from(mu[i]), f64::from(lambda[j]));
                    x_sums[i] -= product * lambda;
                    x_scale[i] += scale * lambda.abs();
                    y_sums[j] -= product * mu;
                    y_scale[j] += scale * mu.abs();
                }
                for (label, device) in devices_with_checks() {
                    let ends = [(0, split), (split, n)].into_iter().filter(|(a, b)| a < b);
                    let rows = |values: &[f32], (from, to): (usize, usize), columns: usize| {
                        upload(&device, to - from, columns, &values[from * columns..to * columns])
                    };
                    let parts: Vec<_> = ends
                        .map(|ends| {
                            let weights = rows(&each, ends, 1);
                            (rows(x, ends, d), rows(&y, ends, h), weights, weight(ends.0))
                        })
                        .collect();
                    let terms: Vec<_> = parts
                        .iter()
                        .map(|(x, y, each, weight)| {
                            let by_row = RowWeights::Each(each);
                            let weights =
                                if uniform { RowWeights::Uniform(*weight) } else { by_row };
                            OuterTerm { x, y, weights }
                        })
                        .collect();
                    let (x_offset, y_offset) =
                        (&upload(&device, 1, d, &mu), &upload(&device, 1, h, &lambda));
                    let call = Outer { terms: &terms, x_offset, y_offset, accumulate };
                    let mut out = upload(&device, d, h, &start);
                    device.outer(&call, &mut out).unwrap();
                    let what = format!(
                        "{label}: {n} x {d} x {h}, input {kind}, {split}, {uniform}, {accumulate}"
                    );
                    assert_within(&what, &read(&device, &out), &wanted, &product_bounds);
                    if accumulate {
                        continue;
                    }
                    // What they held is overwritten.
                    let [mut products, mut by_x, mut by_y] =
                        [(d, h), (1, d), (1, h)].map(|(rows, columns)| {
                            upload(&device, rows, columns, &vec![7.0; rows * columns])
                        });
                    let call = Statistics {
                        terms: &terms,
                        x_offset,
                        y_offset,
                        products: &mut products,
                        x_sums: &mut by_x,
                        y_sums: &mut by_y,
                    };
                    device.statistics(call).unwrap();
                    assert_within(&what, &read(&device, &products), &wanted, &product_bounds);
                    for (found, wanted, scale) in
                        [(by_x, &x_sums, &x_scale), (by_y, &y_sums, &y_scale)]
                    {
                        assert_within(&what, &read(&device, &found), wanted, &bounds(scale));
                    }
                }
            }
        }
    }
}

/// An RBM's gradient put together from several kernels: the CPU and the GPU agree to 1e-5 of the
/// gradient's length.
#[test]
fn gradients_agree_across_devices() {
    let (n, d, h) = (200, 70, 65);
    let gradient = |device: &Device| -> [Vec<f32>; 3] {
        let weights = upload(device, d, h, &normals_of(d * h, 0.1, 3));
        let bias = upload(device, 1, h, &normals(h, 4));
        let mu = upload(device, 1, d, &vec![0.5; d]);
        let lambda = upload(device, 1, h, &vec![0.4; h]);
        let each = upload(device, n, 1, &vec![-1.0 / n as f32; n]);
        let phases = [1, 2].map(|seed| {
            let x = upload(device, n, d, &bits(n * d, seed));
            let mut hidden = device.zeros(n, h).unwrap();
            let call = Linear {
                x: &x,
                weights: &weights,
                transposed: false,
                bias: Some(&bias),
                scale: 1.0,
                activation: Activation::Sigmoid,
            };
            device.linear(&call, &mut hidden).unwrap();
            (x, hidden)
        });
        let weights = [RowWeights::Uniform(1.0 / n as f32), RowWeights::Each(&each)];
        let terms: Vec<_> = phases
            .iter()
            .zip(weights)
            .map(|((x, y), weights)| OuterTerm { x, y, weights })
            .collect();
        let [mut products, mut x_sums, mut y_sums] =
            [(d, h), (1, d), (1, h)].map(|(rows, columns)| device.zeros(rows, columns).unwrap());
        let call = Statistics {
            terms: &terms,
            x_offset: &mu,
            y_offset: &lambda,
            products: &mut products,
            x_sums: &mut x_sums,
            y_sums: &mut y_sums,
        };
        device.statistics(call).unwrap();
        [products, x_sums, y_sums].map(|array| read(device, &array))
    };
    let on_cpu = gradient(&Device::cpu());
    for (label, device) in gpus_with_checks() {
        for (a, b) in on_cpu.iter().zip(gradient(&device)) {
            let length = wide(a).iter().map(|a| a * a).sum::<f64>().sqrt();
            let apart = wide(a).iter().zip(wide(&b)).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            assert!(length > 0.0 && apart.sqrt() <= 1e-5 * length, "{label}: {apart} of {length}");
        }
    }
}
