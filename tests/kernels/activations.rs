//! The activations of linear, their slopes and gates, against f64.

use ergodic::device::{Activation, Device, Draw, Linear};

use crate::{
    common::{assert_within, devices_with_checks, normals, read, upload, wide},
    oracle::{self, SMOOTH, uniform_of},
    products::{Case, TOLERANCE, cases, name},
};

/// Slopes, and how far f32 may be from them: no slope changes faster than its argument.
fn slopes(case: &Case, activation: Activation) -> (Vec<f64>, Vec<f64>) {
    let each = |(sum, scale): (&f64, &f64)| {
        let [_, slope, size] = oracle::activation(activation, *sum);
        (slope, TOLERANCE * (size + scale))
    };
    case.sums.iter().zip(&case.scales).map(each).unzip()
}

#[test]
fn slopes_come_with_the_values() {
    for case in cases() {
        for (label, device) in devices_with_checks() {
            for activation in SMOOTH {
                let nothing = vec![f32::NAN; case.n * case.m];
                let mut out = upload(&device, case.n, case.m, &nothing);
                let mut slope = upload(&device, case.n, case.m, &nothing);
                case.with_call(&device, activation, |call| {
                    device.linear_with_slope(call, &mut out, &mut slope).unwrap();
                });
                let what = name(label, &case, activation);
                let (wanted, bounds) = case.activated(activation);
                assert_within(&what, &read(&device, &out), &wanted, &bounds);
                let (wanted, bounds) = slopes(&case, activation);
                assert_within(&format!("{what}, slope"), &read(&device, &slope), &wanted, &bounds);
            }
        }
    }
}

#[test]
fn gates_multiply_the_result() {
    for case in cases() {
        let gate = normals(case.n * case.m, 9);
        for (label, device) in devices_with_checks() {
            let on_device = upload(&device, case.n, case.m, &gate);
            for activation in SMOOTH {
                let mut out = upload(&device, case.n, case.m, &vec![f32::NAN; gate.len()]);
                case.with_call(&device, activation, |call| {
                    device.linear_gated(call, &on_device, &mut out).unwrap();
                });
                let by_gate = |values: Vec<f64>, sign: fn(f64) -> f64| -> Vec<f64> {
                    values.iter().zip(&gate).map(|(x, g)| x * sign(f64::from(*g))).collect()
                };
                let (wanted, bounds) = case.activated(activation);
                assert_within(
                    &name(label, &case, activation),
                    &read(&device, &out),
                    &by_gate(wanted, |gate| gate),
                    &by_gate(bounds, f64::abs),
                );
            }
        }
    }
}

/// Draws take a gate too; and x may be its own gate.
#[test]
fn draws_are_gated_and_an_operand_can_be_the_gate() {
    let (n, k) = (67, 9);
    let x = normals(n * k, 1);
    let draw = Draw { seed: 3, step: 4, stream: ergodic::random::Stream::Evaluate };
    for (label, device) in devices_with_checks() {
        let on_device = upload(&device, n, k, &x);
        let mut out = device.zeros(n, k).unwrap();
        let call = Linear {
            x: &on_device,
            weights: &device.zeros(k, k).unwrap(),
            transposed: false,
            bias: None,
            scale: 1.0,
            activation: Activation::Bernoulli(draw),
        };
        device.linear_gated(&call, &on_device, &mut out).unwrap();
        let state = |i| if uniform_of(draw, i / k, i % k, k) < 0.5 { 1.0 } else { 0.0 };
        let wanted: Vec<f32> = (0..n * k).map(|i| state(i) * x[i]).collect();
        assert_eq!(read(&device, &out), wanted, "{label}");
    }
}

/// act(x) and its slope for each x, through a product with 1; the value also without the slope.
fn pure(device: &Device, activation: Activation, x: &[f32]) -> [Vec<f32>; 3] {
    let call = Linear {
        x: &upload(device, x.len(), 1, x),
        weights: &upload(device, 1, 1, &[1.0]),
        transposed: false,
        bias: None,
        scale: 1.0,
        activation,
    };
    let zeros = || device.zeros(x.len(), 1).unwrap();
    let [mut alone, mut value, mut slope] = [zeros(), zeros(), zeros()];
    device.linear(&call, &mut alone).unwrap();
    device.linear_with_slope(&call, &mut value, &mut slope).unwrap();
    [alone, value, slope].map(|array| read(device, &array))
}

/// Every part of the axis: relative accuracy holds near zero and in the tails, and nothing
/// overflows far out. Below 2e-36, where f32 ends, zero is as good.
#[test]
fn activations_are_accurate_everywhere() {
    let far = [1e-30f32, 1e-10, 87.5, 90.0, 200.0, 1e4, 1e30, f32::MAX];
    let near = (1..=30).map(|e| 1.3 * 2f32.powi(-e));
    let middle = (0..=2000).map(|i| i as f32 * 0.05);
    let x: Vec<f32> = far.into_iter().chain(near).chain(middle).flat_map(|x| [x, -x]).collect();
    for (label, device) in devices_with_checks() {
        for activation in SMOOTH {
            // WGSL's own exponential, which the Gibbs kernel uses too, may be off by 1e-5 in the
            // tails of these two.
            let tolerance = match activation {
                Activation::Sigmoid | Activation::Softplus => TOLERANCE,
                _ => 1e-6,
            };
            let each: Vec<_> =
                wide(&x).into_iter().map(|x| oracle::activation(activation, x)).collect();
            let part = |index: usize, by: f64, least: f64| -> Vec<f64> {
                each.iter().map(|each| by * each[index].abs() + least).collect()
            };
            let values: Vec<f64> = each.iter().map(|[value, ..]| *value).collect();
            let slopes: Vec<f64> = each.iter().map(|[_, slope, _]| *slope).collect();
            let [alone, value, slope] = pure(&device, activation, &x);
            let what = format!("{label}: {activation:?}");
            assert_within(&what, &alone, &values, &part(0, tolerance, 2e-36));
            assert_within(&what, &value, &values, &part(0, tolerance, 2e-36));
            let what = format!("{what}, slope");
            assert_within(&what, &slope, &slopes, &part(2, tolerance, 2e-36));
        }
    }
}
