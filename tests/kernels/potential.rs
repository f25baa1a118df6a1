//! potential against f64 energies, and scores against central differences of those.

use ergodic::{
    device::Device,
    energy::{Analytic, Component, Energy},
};

use crate::common::{devices_with_checks, normals_of, raw, read, upload, wide};

const ROWS: usize = 300;

type Formula = Box<dyn Fn(&[f64]) -> f64>;
type Build = Box<dyn Fn(&Device) -> Analytic>;

fn covariance(d: usize, k: usize) -> Vec<f64> {
    // Diagonally dominant.
    let entry = |i: usize, j: usize| if i == j { 1.0 + 0.3 * k as f64 } else { 0.4 / d as f64 };
    (0..d * d).map(|at| entry(at / d, at % d)).collect()
}

fn components(d: usize, count: usize) -> Vec<Component> {
    let component = |k: usize| Component {
        weight: 1.0 + k as f64,
        mean: (0..d).map(|i| ((i + 3 * k) % 5) as f64 - 2.0).collect(),
        covariance: covariance(d, k),
    };
    (0..count).map(component).collect()
}

/// (log det A, A⁻¹ b) by Gauss–Jordan elimination.
fn eliminate(matrix: &[f64], b: &[f64]) -> (f64, Vec<f64>) {
    let d = b.len();
    let mut rows: Vec<Vec<f64>> =
        (0..d).map(|i| [&matrix[i * d..(i + 1) * d], &b[i..=i]].concat()).collect();
    let mut log_determinant = 0.0;
    for pivot in 0..d {
        log_determinant += rows[pivot][pivot].ln();
        let head: Vec<f64> = rows[pivot].iter().map(|x| x / rows[pivot][pivot]).collect();
        for (i, row) in rows.iter_mut().enumerate() {
            let factor = row[pivot];
            for (x, head) in row.iter_mut().zip(&head) {
                *x = if i == pivot { *head } else { *x - factor * head };
            }
        }
    }
    (log_determinant, rows.iter().map(|row| row[d]).collect())
}

fn mixture(d: usize, count: usize) -> (String, usize, Build, Formula) {
    let parts = components(d, count);
    let total: f64 = parts.iter().map(|part| part.weight).sum();
    let of_device = parts.clone();
    let formula = move |x: &[f64]| {
        let density = |part: &Component| {
            let centred: Vec<f64> = x.iter().zip(&part.mean).map(|(x, m)| x - m).collect();
            let (log_determinant, pull) = eliminate(&part.covariance, &centred);
            let square: f64 = centred.iter().zip(&pull).map(|(a, b)| a * b).sum();
            let norm = log_determinant + d as f64 * std::f64::consts::TAU.ln();
            part.weight / total * (-0.5 * (square + norm)).exp()
        };
        -parts.iter().map(density).sum::<f64>().ln()
    };
    let build: Build = Box::new(move |device| Analytic::mixture(device, &of_device).unwrap());
    (format!("mixture of {count}, D = {d}"), d, build, Box::new(formula))
}

fn cases() -> Vec<(String, usize, Build, Formula)> {
    let rest = |x: &[f64]| 0.5 * x.iter().map(|x| x * x).sum::<f64>();
    let mut cases = vec![mixture(1, 1), mixture(2, 3), mixture(7, 2)];
    for d in [1, 2, 9] {
        let well = move |x: &[f64]| 2.0 * ((x[0] / 1.5).powi(2) - 1.0).powi(2) + rest(&x[1..]);
        let build: Build =
            Box::new(move |device| Analytic::double_well(device, d, 2.0, 1.5).unwrap());
        cases.push((format!("double well, D = {d}"), d, build, Box::new(well)));
        let ring = move |x: &[f64]| ((2.0 * rest(x)).sqrt() - 2.0).powi(2) / 0.5;
        let build: Build = Box::new(move |device| Analytic::ring(device, d, 2.0, 0.5).unwrap());
        cases.push((format!("ring, D = {d}"), d, build, Box::new(ring)));
        if d > 1 {
            let banana = move |x: &[f64]| {
                let across = x[1] - 0.5 * (x[0] * x[0] - 2.25);
                x[0] * x[0] / 4.5 + 0.5 * across * across + rest(&x[2..])
            };
            let build: Build =
                Box::new(move |device| Analytic::banana(device, d, 1.5, 0.5).unwrap());
            cases.push((format!("banana, D = {d}"), d, build, Box::new(banana)));
        }
    }
    cases
}

#[test]
fn energies_and_scores_are_those_of_the_formulas() {
    for (name, d, build, formula) in cases() {
        let x = normals_of(ROWS * d, 1.5, 3);
        for (label, device) in devices_with_checks() {
            let energy = build(&device);
            let points = upload(&device, ROWS, d, &x);
            let mut values = device.zeros(ROWS, 1).unwrap();
            let mut score = device.zeros(ROWS, d).unwrap();
            energy.energy_and_score(&points, &mut values, &mut score).unwrap();
            let (values, score) = (read(&device, &values), read(&device, &score));
            for (row, point) in wide(&x).chunks(d).enumerate() {
                let what = format!("{label}: {name}, row {row}");
                let wanted = formula(point);
                let error = (f64::from(values[row]) - wanted).abs();
                assert!(error <= 1e-5 * wanted.abs().max(1.0), "{what}: {} {wanted}", values[row]);
                for i in 0..d {
                    let at = |h: f64| {
                        let mut moved = point.to_vec();
                        moved[i] += h;
                        formula(&moved)
                    };
                    let wanted = -(at(1e-5) - at(-1e-5)) / 2e-5;
                    let found = f64::from(score[row * d + i]);
                    let bound =
                        1e-5 + 1e-5 * (wanted.abs() + wanted.powi(2).min(wanted.abs() * 10.0));
                    assert!(
                        (found - wanted).abs() <= 2.0 * bound,
                        "{what}: {found}, wanted {wanted}"
                    );
                }
            }
            // Each alone gives the same bits.
            let mut alone = device.zeros(ROWS, 1).unwrap();
            energy.energy(&points, &mut alone).unwrap();
            assert_eq!(raw(&read(&device, &alone)), raw(&values), "{label}: {name}");
            let mut alone = device.zeros(ROWS, d).unwrap();
            energy.score(&points, &mut alone).unwrap();
            assert_eq!(raw(&read(&device, &alone)), raw(&score), "{label}: {name}");
        }
    }
}

/// The cusp of a ring, and a point so far out that every component's density underflows.
#[test]
fn special_points_have_finite_values() {
    for (label, device) in devices_with_checks() {
        let ring = Analytic::ring(&device, 2, 2.0, 0.5).unwrap();
        let mixture = Analytic::mixture(&device, &components(2, 3)).unwrap();
        for (energy, point) in [(ring, [0.0, 0.0]), (mixture, [1e4, -1e4])] {
            let points = upload(&device, 1, 2, &point);
            let mut values = device.zeros(1, 1).unwrap();
            let mut score = device.zeros(1, 2).unwrap();
            energy.energy_and_score(&points, &mut values, &mut score).unwrap();
            let all = [read(&device, &values), read(&device, &score)].concat();
            assert!(all.iter().all(|x| x.is_finite()), "{label}: {} gives {all:?}", energy.kind());
            assert!(all[0] > 7.9, "{label}: {} is {}", energy.kind(), all[0]);
        }
    }
}

/// Near the centre of a ring squares are subnormal or zero, but the score is as large as anywhere.
#[test]
fn a_ring_pulls_outwards_next_to_its_centre() {
    for (label, device) in devices_with_checks() {
        let ring = Analytic::ring(&device, 2, 2.0, 0.5).unwrap();
        for size in [1e-10, 3e-20, 1e-25, 1e-36] {
            let points = upload(&device, 1, 2, &[3.0 * size, -4.0 * size]);
            let mut score = device.zeros(1, 2).unwrap();
            ring.score(&points, &mut score).unwrap();
            // (radius - norm) / width^2 along the point: 8 (3, -4) / 5.
            let score = read(&device, &score);
            let error = (score[0] - 4.8).abs().max((score[1] + 6.4).abs());
            assert!(error <= 1e-5, "{label}: {size:e} gives {score:?}");
        }
    }
}
