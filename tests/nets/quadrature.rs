//! Z by quadrature of laws that are known.

use ergodic::{
    device::Device,
    energy::{Analytic, Component, Gaussian},
    evaluate::quadrature,
};
use pollster::block_on;

#[test]
fn the_partition_function_of_known_laws() {
    let device = Device::cpu();
    // The box of the "data" is far too small at first.
    let small = [(-0.5, 0.5), (-0.5, 0.5)];
    let covariance = [2.0, 1.2, 1.2, 1.0];
    let gaussian = Gaussian::from_moments(&device, &[0.3, -0.2], &covariance).unwrap();
    let wanted = block_on(gaussian.log_partition()).unwrap().unwrap();
    let found = block_on(quadrature(&gaussian, &small)).unwrap().unwrap();
    assert!((found.log_z - wanted).abs() < 1e-4, "{} {wanted}", found.log_z);
    let component = |mean: [f64; 2]| Component {
        weight: 0.5,
        mean: mean.to_vec(),
        covariance: vec![0.2, 0.0, 0.0, 0.2],
    };
    let mixture =
        Analytic::mixture(&device, &[component([-2.0, 0.0]), component([2.0, 1.0])]).unwrap();
    let found = block_on(quadrature(&mixture, &[(-3.0, 3.0), (-2.0, 2.0)])).unwrap().unwrap();
    let wanted = mixture.log_partition();
    assert!((found.log_z - wanted).abs() < 1e-4, "{} {wanted}", found.log_z);
}

#[test]
fn the_divergence_between_two_gaussians() {
    let device = Device::cpu();
    let model = Gaussian::from_moments(&device, &[0.0, 0.0], &[1.0, 0.0, 0.0, 1.0]).unwrap();
    let grid = block_on(quadrature(&model, &[(-4.0, 4.0), (-4.0, 4.0)])).unwrap().unwrap();
    // N(μ, σ²I) from N(0, I): ½ (2σ² + |μ|² − 2 − 2 log σ²).
    let (mu, s2) = ([0.5f64, -0.25], 0.64f64);
    let truth = |x: [f64; 2]| {
        let square: f64 = x.iter().zip(mu).map(|(x, m)| (x - m).powi(2)).sum();
        -square / (2.0 * s2) - (std::f64::consts::TAU * s2).ln()
    };
    let square: f64 = mu.iter().map(|m| m * m).sum();
    let wanted = 0.5 * (2.0 * s2 + square - 2.0 - 2.0 * s2.ln());
    let found = grid.kl_from(truth);
    assert!((found - wanted).abs() < 1e-5, "{found} {wanted}");
}
