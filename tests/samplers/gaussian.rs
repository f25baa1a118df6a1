//! The Gaussian against f64: energy, score, log Z, weighted parameter gradient.

use ergodic::{
    device::Device,
    energy::{Energy, Gaussian, Points, Weights},
};
use pollster::block_on;

use crate::common::{assert_within, devices, normals, read, upload, wide};

const ROWS: usize = 40;

/// A symmetric matrix with a dominant diagonal, and a field.
fn parameters(d: usize) -> (Vec<f32>, Vec<f32>) {
    let noise = normals(d * d, 1);
    let entry = |i: usize, j: usize| {
        let couple = (noise[i * d + j] + noise[j * d + i]) / (4.0 * d as f32);
        if i == j { couple + 1.5 } else { couple }
    };
    ((0..d * d).map(|at| entry(at / d, at % d)).collect(), normals(d, 2))
}

#[test]
fn energies_scores_and_gradients_are_those_of_f64() {
    for d in [1, 2, 10, 70] {
        let (precision, field) = parameters(d);
        let x = normals(ROWS * d, 3);
        let weights = normals(ROWS, 4);
        let (p, b, w) = (wide(&precision), wide(&field), wide(&weights));
        let (mut energies, mut scores) = (Vec::new(), Vec::new());
        let (mut by_precision, mut by_field) = (vec![0.0; d * d], vec![0.0; d]);
        for (row, x) in wide(&x).chunks(d).enumerate() {
            let pull = |i: usize| (0..d).map(|j| p[i * d + j] * x[j]).sum::<f64>();
            let terms = (0..d).map(|i| x[i] * (0.5 * pull(i) - b[i]));
            energies.push(terms.sum::<f64>());
            scores.extend((0..d).map(|i| b[i] - pull(i)));
            // Half the points have weights of their own, half share one.
            let weight = if row < ROWS / 2 { w[row] } else { -0.25 };
            for i in 0..d {
                by_field[i] -= weight * x[i];
                for j in 0..d {
                    by_precision[i * d + j] += 0.5 * weight * x[i] * x[j];
                }
            }
        }
        for device in devices() {
            let what = |part: &str| format!("{}: D = {d}, {part}", device.name());
            let gaussian = Gaussian::new(&device, &precision, &field).unwrap();
            let points = upload(&device, ROWS, d, &x);
            let mut energy = device.zeros(ROWS, 1).unwrap();
            let mut score = device.zeros(ROWS, d).unwrap();
            gaussian.energy_and_score(&points, &mut energy, &mut score).unwrap();
            let bounds = |n: usize| vec![2e-6 * (d as f64 + 5.0); n];
            let check = |part: &str, found: &[f32], wanted: &[f64]| {
                assert_within(&what(part), found, wanted, &bounds(wanted.len()));
            };
            check("energy", &read(&device, &energy), &energies);
            check("score", &read(&device, &score), &scores);
            gaussian.energy(&points, &mut energy).unwrap();
            check("energy alone", &read(&device, &energy), &energies);
            gaussian.score(&points, &mut score).unwrap();
            check("score alone", &read(&device, &score), &scores);

            let half = ROWS / 2;
            let (first, second) = (
                upload(&device, half, d, &x[..half * d]),
                upload(&device, half, d, &x[half * d..]),
            );
            let own = upload(&device, half, 1, &weights[..half]);
            let of = |x, weights| Points { x, hidden_means: None, weights };
            let points = [of(&first, Weights::Each(&own)), of(&second, Weights::Uniform(-0.25))];
            let mut gradient = [device.zeros(d, d).unwrap(), device.zeros(1, d).unwrap()];
            gaussian.gradient(&points, &mut gradient).unwrap();
            check("precision gradient", &read(&device, &gradient[0]), &by_precision);
            check("field gradient", &read(&device, &gradient[1]), &by_field);
        }
    }
}

/// A covariance and a mean give back their normalised density: log Z of independent axes turned by
/// 45 degrees, and what happens where there is no Z.
#[test]
fn the_partition_function_is_that_of_the_moments() {
    for device in devices() {
        // Variances 4 and 1/4 along (1, 1) and (1, −1).
        let covariance = [2.125, 1.875, 1.875, 2.125];
        let gaussian = Gaussian::from_moments(&device, &[1.0, -2.0], &covariance).unwrap();
        // log Z = log 2π + ½ log det C + ½ mᵀ C⁻¹ m; m is −1/√2 and 3/√2 along the axes.
        let wanted = std::f64::consts::TAU.ln() + 0.5 * (0.5 / 4.0 + 4.5 / 0.25);
        let found = block_on(gaussian.log_partition()).unwrap().unwrap();
        assert!((found - wanted).abs() < 1e-5, "{found}, wanted {wanted}");
        let saddle = Gaussian::new(&device, &[1.0, 2.0, 2.0, 1.0], &[0.0; 2]).unwrap();
        assert_eq!(block_on(saddle.log_partition()).unwrap(), None);
    }
}

#[test]
fn what_makes_no_gaussian_is_refused() {
    let device = Device::cpu();
    for (result, wanted) in [
        (Gaussian::new(&device, &[1.0, 0.5, 0.4, 1.0], &[0.0; 2]), "[1, 0] and [0, 1]"),
        (Gaussian::from_moments(&device, &[0.0; 2], &[1.0, 2.0, 2.0, 1.0]), "positive definite"),
        (Gaussian::from_moments(&device, &[0.0; 2], &[1.0]), "1 entries, wanted 4"),
    ] {
        let error = result.expect_err(wanted).to_string();
        assert!(error.contains(wanted), "{error}");
    }
}
