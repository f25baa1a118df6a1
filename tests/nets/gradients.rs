//! Energy, score and weighted parameter gradient against f64.

use ergodic::{
    device::{Device, Nonlinearity},
    energy::{Architecture, Energy, Mlp, Points, Weights},
};

use crate::{
    common::{devices, normals, read, upload, wide},
    oracle::Net,
};

pub const EVERY: [Nonlinearity; 4] =
    [Nonlinearity::Silu, Nonlinearity::Elu, Nonlinearity::Tanh, Nonlinearity::Softplus];

/// The same net in f32 on a device and in f64.
pub fn both(
    device: &Device,
    widths: &[usize],
    nonlinearity: Nonlinearity,
    base: f32,
) -> (Mlp, Net) {
    let shape = Architecture {
        inputs: widths[0],
        hidden: widths[1..widths.len() - 1].to_vec(),
        outputs: widths[widths.len() - 1],
        nonlinearity,
        base_precision: base,
    };
    let mlp = Mlp::initial(device, &shape, 7).unwrap();
    let values: Vec<Vec<f64>> =
        mlp.parameters().iter().map(|(_, array)| wide(&read(device, array))).collect();
    let layers = values.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    (mlp, Net { layers, nonlinearity, base_precision: f64::from(base) })
}

fn close(what: &str, found: f32, wanted: f64) {
    let bound = 1e-5 + 1e-4 * wanted.abs();
    let error = (f64::from(found) - wanted).abs();
    assert!(error <= bound, "{what}: {found}, wanted {wanted} ± {bound:.1e}");
}

const NETS: [&[usize]; 3] = [&[2, 16, 16, 1], &[64, 128, 10], &[784, 64, 1]];

#[test]
fn energy_and_score_agree_with_f64() {
    for device in devices() {
        for widths in NETS {
            for (nonlinearity, base) in EVERY.into_iter().zip([0.0, 0.3, 0.0, 0.1]) {
                let (mlp, net) = both(&device, widths, nonlinearity, base);
                let (rows, d) = (5, widths[0]);
                let points = normals(rows * d, 3);
                let x = upload(&device, rows, d, &points);
                let mut energy = device.zeros(rows, 1).unwrap();
                let mut score = device.zeros(rows, d).unwrap();
                mlp.energy_and_score(&x, &mut energy, &mut score).unwrap();
                let (energy, score) = (read(&device, &energy), read(&device, &score));
                for row in 0..rows {
                    let what = format!("{} {widths:?} {nonlinearity:?} row {row}", device.name());
                    let x = wide(&points[row * d..(row + 1) * d]);
                    close(&what, energy[row], net.energy(&x, &vec![0.0; d]).0);
                    for (found, slope) in score[row * d..].iter().zip(net.slope(&x)) {
                        close(&what, *found, -slope);
                    }
                }
                let mut alone = device.zeros(rows, 1).unwrap();
                mlp.energy(&x, &mut alone).unwrap();
                assert_eq!(read(&device, &alone), energy);
            }
        }
    }
}

/// Weights of every kind; a few parameters of every layer.
#[test]
fn the_weighted_gradient_agrees_with_f64() {
    for device in devices() {
        for widths in NETS {
            for nonlinearity in EVERY {
                let (mlp, net) = both(&device, widths, nonlinearity, 0.2);
                let (rows, d, k) = (6, widths[0], widths[widths.len() - 1]);
                let points = normals(rows * d, 5);
                let x = upload(&device, rows, d, &points);
                let (each, outputs) = (normals(rows, 6), normals(rows * k, 8));
                let each_array = upload(&device, rows, 1, &each);
                let output_array = upload(&device, rows, k, &outputs);
                let list = [
                    Weights::Uniform(0.7),
                    Weights::Each(&each_array),
                    Weights::Outputs(&output_array),
                ];
                let sets = list.map(|weights| Points { x: &x, hidden_means: None, weights });
                let mut gradient: Vec<_> = mlp
                    .parameters()
                    .iter()
                    .map(|(_, array)| device.zeros(array.rows(), array.columns()).unwrap())
                    .collect();
                mlp.gradient(&sets, &mut gradient).unwrap();
                let sign = if k == 1 { 1.0 } else { -1.0 };
                let loss = |net: &Net| -> f64 {
                    let rows = points.chunks_exact(d).zip(&each).zip(outputs.chunks_exact(k));
                    rows.map(|((x, each), weights)| {
                        let (x, still) = (wide(x), vec![0.0; d]);
                        let by_output: f64 = net
                            .outputs(&x, &still)
                            .iter()
                            .zip(weights)
                            .map(|(f, w)| sign * f64::from(*w) * f.0)
                            .sum();
                        (0.7 + f64::from(*each)) * net.energy(&x, &still).0 + by_output
                    })
                    .sum()
                };
                for (index, gradient) in gradient.iter().enumerate() {
                    let found = read(&device, gradient);
                    let count = found.len();
                    for place in [0, count / 2, count - 1] {
                        let wanted = net.derivative(index / 2, index % 2 == 1, place, &loss);
                        let what = format!("{} {widths:?} {nonlinearity:?}", device.name());
                        close(&format!("{what} array {index} [{place}]"), found[place], wanted);
                    }
                }
            }
        }
    }
}

#[test]
fn a_class_has_its_own_energy() {
    for device in devices() {
        let (mlp, net) = both(&device, &[64, 128, 10], Nonlinearity::Silu, 0.0);
        assert!(mlp.conditional(10).is_err() && mlp.classes() == 10 && mlp.kind() == "jem");
        let points = normals(3 * 64, 9);
        let x = upload(&device, 3, 64, &points);
        let conditional = mlp.conditional(4).unwrap();
        let mut energy = device.zeros(3, 1).unwrap();
        let mut score = device.zeros(3, 64).unwrap();
        conditional.energy_and_score(&x, &mut energy, &mut score).unwrap();
        let (energy, score) = (read(&device, &energy), read(&device, &score));
        for (row, point) in points.chunks_exact(64).enumerate() {
            let x = wide(point);
            close("class energy", energy[row], -net.outputs(&x, &[0.0; 64])[4].0);
            for axis in 0..64 {
                let wanted = net.outputs(&x, &crate::oracle::unit(64, axis))[4].1;
                close("class score", score[row * 64 + axis], wanted);
            }
        }
    }
}
