//! pointwise against f64, and draws against the host's Philox.

use ergodic::{
    device::{Draw, Pointwise},
    random::{Stream, uniform},
};

use crate::{
    common::{assert_within, devices_with_checks, normals, read, uniforms, upload},
    oracle::{uniform_of, word_of},
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

/// One product, one sum or a comparison of f32 values: there is one way to round.
#[test]
fn multiply_clamp_and_add_to_column_are_exact() {
    for (rows, columns) in SHAPES {
        let mut x = normals(rows * columns, 1);
        x[0] = -1e30;
        let y = normals(rows * columns, 2);
        let column = columns / 2;
        for (label, device) in devices_with_checks() {
            let run = |call: Pointwise<'_>, start: &[f32]| {
                let mut out = upload(&device, rows, columns, start);
                device.pointwise(call, &mut out).unwrap();
                read(&device, &out)
            };
            let on_device = upload(&device, rows, columns, &x);
            let found = run(Pointwise::Multiply { x: &on_device }, &y);
            let wanted: Vec<f32> = x.iter().zip(&y).map(|(x, y)| x * y).collect();
            assert_eq!(found, wanted, "{label}: multiply");

            let found = run(Pointwise::Clamp { low: -0.5, high: 0.7 }, &x);
            let wanted: Vec<f32> = x.iter().map(|x| x.clamp(-0.5, 0.7)).collect();
            assert_eq!(found, wanted, "{label}: clamp");

            let found = run(Pointwise::AddToColumn { column, value: 0.3 }, &x);
            let added = |(i, x): (usize, &f32)| if i % columns == column { x + 0.3 } else { *x };
            let wanted: Vec<f32> = x.iter().enumerate().map(added).collect();
            assert_eq!(found, wanted, "{label}: add to column");
        }
    }
}

#[test]
fn axpy_with_a_factor_for_each_row() {
    for (rows, columns) in SHAPES {
        let (x, y) = (normals(rows * columns, 1), normals(rows * columns, 2));
        let factors = normals(rows, 3);
        let scale = -0.6f32;
        let terms: Vec<(f64, f64)> = (0..x.len())
            .map(|i| {
                let factor = f64::from(scale) * f64::from(factors[i / columns]);
                (f64::from(y[i]), factor * f64::from(x[i]))
            })
            .collect();
        let wanted: Vec<f64> = terms.iter().map(|(y, x)| y + x).collect();
        let bounds: Vec<f64> = terms.iter().map(|(y, x)| ROUNDING * (y.abs() + x.abs())).collect();
        for (label, device) in devices_with_checks() {
            let x = &upload(&device, rows, columns, &x);
            let factors = &upload(&device, rows, 1, &factors);
            let mut out = upload(&device, rows, columns, &y);
            device.pointwise(Pointwise::AxpyRows { x, factors, scale }, &mut out).unwrap();
            assert_within(label, &read(&device, &out), &wanted, &bounds);
        }
    }
}

/// Signs, uniforms in (0, 1) and the choice of rows are exact; another interval rounds.
#[test]
fn uniforms_signs_and_mixed_rows_are_those_of_the_host() {
    for (rows, columns) in SHAPES {
        let draw = Draw { seed: 0xfedc_ba98_7654_3210, step: 9, stream: Stream::Probe };
        let words: Vec<u32> =
            (0..rows * columns).map(|i| word_of(draw, i / columns, i % columns, columns)).collect();
        let (x, y) = (normals(rows * columns, 1), normals(rows * columns, 2));
        for (label, device) in devices_with_checks() {
            let what = format!("{label}: {rows} x {columns}");
            let mut out = upload(&device, rows, columns, &y);
            device.pointwise(Pointwise::Rademacher { draw }, &mut out).unwrap();
            let wanted: Vec<f32> =
                words.iter().map(|word| if word >> 31 == 0 { 1.0 } else { -1.0 }).collect();
            assert_eq!(read(&device, &out), wanted, "{what}: signs");

            device.pointwise(Pointwise::Uniform { low: 0.0, high: 1.0, draw }, &mut out).unwrap();
            let wanted: Vec<f32> = words.iter().map(|word| uniform(*word)).collect();
            assert_eq!(read(&device, &out), wanted, "{what}: uniforms");

            let (low, high) = (-1.5f32, 4.0f32);
            device.pointwise(Pointwise::Uniform { low, high, draw }, &mut out).unwrap();
            let wanted: Vec<f64> = wanted.iter().map(|u| -1.5 + 5.5 * f64::from(*u)).collect();
            let bounds: Vec<f64> = wanted.iter().map(|u| ROUNDING * (1.5 + u.abs())).collect();
            assert_within(&what, &read(&device, &out), &wanted, &bounds);

            let x_ = upload(&device, rows, columns, &x);
            for share in [0.0, 0.4, 1.0] {
                let mut out = upload(&device, rows, columns, &y);
                let call = Pointwise::MixRows { x: &x_, share, draw };
                device.pointwise(call, &mut out).unwrap();
                let taken = |row| uniform(word_of(draw, row, 0, 1)) < share;
                let wanted: Vec<f32> =
                    (0..x.len()).map(|i| if taken(i / columns) { x[i] } else { y[i] }).collect();
                assert_eq!(read(&device, &out), wanted, "{what}: share {share}");
            }
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
