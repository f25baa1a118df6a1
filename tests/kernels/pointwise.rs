//! pointwise against f64, and draws against the host's Philox.

use ergodic::{
    device::{Draw, Pointwise},
    random::Stream,
};

use crate::{
    common::{assert_within, devices_with_checks, normals, read, uniforms, upload},
    oracle::uniform_of,
};

const SHAPES: [(usize, usize); 5] = [(1, 1), (3, 5), (1, 257), (64, 16), (130, 33)];
/// Relative to the sum of the absolute terms: a few roundings in f32.
const ROUNDING: f64 = 3e-7;

#[test]
fn fill_and_scale_are_exact() {
    for (rows, columns) in SHAPES {
        let x = normals(rows * columns, 1);
        for (label, device) in devices_with_checks() {
            let mut out = upload(&device, rows, columns, &x);
            device.pointwise(Pointwise::Scale(-0.7), &mut out).unwrap();
            let wanted: Vec<f32> = x.iter().map(|x| -0.7 * x).collect();
            assert_eq!(read(&device, &out), wanted, "{label}: scale");
            device.pointwise(Pointwise::Fill(0.3), &mut out).unwrap();
            assert_eq!(read(&device, &out), vec![0.3; rows * columns], "{label}: fill");
        }
    }
}

#[test]
fn axpy_and_lerp() {
    for (rows, columns) in SHAPES {
        let (x, y) = (normals(rows * columns, 1), normals(rows * columns, 2));
        let (scale, rate) = (-1.7f32, 0.01f32);
        let by = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            x.iter().zip(&y).map(|(x, y)| f(f64::from(*x), f64::from(*y))).collect()
        };
        let (scale_, rate_) = (f64::from(scale), f64::from(rate));
        for (label, device) in devices_with_checks() {
            let on_device = upload(&device, rows, columns, &x);
            let mut out = upload(&device, rows, columns, &y);
            device.pointwise(Pointwise::Axpy { x: &on_device, scale }, &mut out).unwrap();
            let wanted = by(&|x, y| y + scale_ * x);
            let bounds = by(&|x, y| ROUNDING * (y.abs() + (scale_ * x).abs()));
            assert_within(&format!("{label}: axpy"), &read(&device, &out), &wanted, &bounds);

            let mut out = upload(&device, rows, columns, &y);
            device.pointwise(Pointwise::Lerp { x: &on_device, rate }, &mut out).unwrap();
            let wanted = by(&|x, y| y + rate_ * (x - y));
            let bounds = by(&|x, y| ROUNDING * (y.abs() + x.abs()));
            assert_within(&format!("{label}: lerp"), &read(&device, &out), &wanted, &bounds);
        }
    }
}

#[test]
fn select_takes_the_masked_columns() {
    for (rows, columns) in SHAPES {
        let (x, y) = (normals(rows * columns, 1), normals(rows * columns, 2));
        // Any nonzero entry counts.
        let mask: Vec<f32> = (0..columns).map(|c| [0.0, 1.0, -0.5, -0.0][(c + 1) % 4]).collect();
        let pick = |i: usize| if mask[i % columns] != 0.0 { x[i] } else { y[i] };
        let wanted: Vec<f32> = (0..x.len()).map(pick).collect();
        for (label, device) in devices_with_checks() {
            let on_device = upload(&device, rows, columns, &x);
            let mask = upload(&device, 1, columns, &mask);
            let mut out = upload(&device, rows, columns, &y);
            device.pointwise(Pointwise::Select { mask: &mask, x: &on_device }, &mut out).unwrap();
            assert_eq!(read(&device, &out), wanted, "{label}");
        }
    }
}

/// A comparison of two f32 values: there is nothing to round.
#[test]
fn bernoulli_draws_are_those_of_the_host() {
    for (rows, columns) in SHAPES {
        let mut p = uniforms(rows * columns, 1);
        for (index, p) in p.iter_mut().enumerate() {
            match index % 7 {
                3 => *p = 0.0,
                5 => *p = 1.0,
                _ => {}
            }
        }
        for seed in [0, u64::MAX - 5] {
            let draw = Draw { seed, step: 0xffff_fff0, stream: Stream::Binarize };
            let state = |(index, p): (usize, &f32)| {
                let u = uniform_of(draw, index / columns, index % columns, columns);
                f32::from(u8::from(u < f64::from(*p)))
            };
            let wanted: Vec<f32> = p.iter().enumerate().map(state).collect();
            for (label, device) in devices_with_checks() {
                let p = upload(&device, rows, columns, &p);
                let mut out = device.zeros(rows, columns).unwrap();
                device.pointwise(Pointwise::Bernoulli { p: &p, draw }, &mut out).unwrap();
                assert_eq!(read(&device, &out), wanted, "{label}: {rows} x {columns}");
            }
        }
    }
}
