//! `Pointwise::Normal`: every value against f64, and the law.

mod common;
use common::devices;

use ergodic::{
    device::{Array, Device, Draw, Pointwise},
    random::{Stream, blocks, key, philox, uniform},
};

const SEED: u64 = 0x0123_4567_89ab_cdef;

/// Rounding of log u, its root, the cosine and their product, at the largest radius, 5.77.
const MAX_ERROR: f64 = 1e-6;

fn draw(step: u32) -> Draw {
    Draw { seed: SEED, step, stream: Stream::Noise }
}

fn normals(device: &Device, rows: usize, columns: usize, step: u32) -> Vec<f32> {
    let mut out = device.zeros(rows, columns).unwrap();
    device.pointwise(Pointwise::Normal { scale: 1.0, draw: draw(step) }, &mut out).unwrap();
    read(device, &out)
}

fn read(device: &Device, array: &Array) -> Vec<f32> {
    pollster::block_on(device.read(array)).unwrap()
}

/// The normal of a unit in f64, from the documented words.
fn exact(row: usize, columns: usize, unit: usize, step: u32) -> f64 {
    let per_word = blocks(columns);
    let counter = [step, row as u32, (unit % per_word) as u32, Stream::Noise as u32];
    let words = philox(counter, key(SEED)).map(|word| f64::from(uniform(word)));
    let index = unit / per_word;
    let pair = index & 2;
    let radius = (-2.0 * words[pair].ln()).sqrt();
    let angle = std::f64::consts::TAU * words[pair + 1];
    radius * if index & 1 == 0 { angle.cos() } else { angle.sin() }
}

#[test]
fn every_normal_is_that_of_its_words() {
    // The columns cover whole and ragged rows of blocks and of lanes.
    let shapes = [(9, 1), (7, 2), (5, 3), (5, 4), (3, 255), (3, 256), (2, 257), (300, 784)];
    for device in devices() {
        let mut worst = (0f64, 0f64);
        for (step, (rows, columns)) in (7..).zip(shapes) {
            for (index, found) in normals(&device, rows, columns, step).into_iter().enumerate() {
                let wanted = exact(index / columns, columns, index % columns, step);
                let error = (f64::from(found) - wanted).abs();
                if !(error <= worst.0) {
                    worst = (error, wanted);
                }
            }
        }
        println!("{}: largest error {:.2e} at {:.3}", device.name(), worst.0, worst.1);
        assert!(worst.0 < MAX_ERROR, "{device:?}: error {:.2e} at {}", worst.0, worst.1);
    }
}

#[test]
fn devices_agree() {
    let [cpu, others @ ..] = &devices()[..] else { panic!("no device") };
    let expected = normals(cpu, 97, 1001, 3);
    for device in others {
        for (a, b) in normals(device, 97, 1001, 3).iter().zip(&expected) {
            let bound = 2.0 * MAX_ERROR as f32;
            assert!((a - b).abs() < bound, "{device:?} gives {a}, the CPU {b}");
        }
    }
}

#[test]
fn normals_are_scaled_and_added() {
    for device in devices() {
        let mut out = device.upload(2, 5, &[3.0; 10]).unwrap();
        device.pointwise(Pointwise::Normal { scale: 0.5, draw: draw(1) }, &mut out).unwrap();
        for (found, xi) in read(&device, &out).iter().zip(normals(&device, 2, 5, 1)) {
            assert!((found - (3.0 + 0.5 * xi)).abs() < 1e-6, "{device:?}");
        }
    }
}

/// The coordinates name a draw: the same again, others on another step.
#[test]
fn draws_repeat_and_steps_differ() {
    for device in devices() {
        assert_eq!(normals(&device, 3, 70, 5), normals(&device, 3, 70, 5), "{device:?}");
        assert_ne!(normals(&device, 3, 70, 5), normals(&device, 3, 70, 6), "{device:?}");
    }
}
