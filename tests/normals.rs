//! `Pointwise::Normal`: every value against f64, and the law.

mod common;
use common::{devices, devices_with_checks};

use ergodic::{
    device::{Array, Device, Draw, Pointwise},
    random::{Stream, blocks, key, philox, uniform},
    selftest::chi_squared_tail,
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
    for (label, device) in devices_with_checks() {
        let mut worst = (0f64, 0f64);
        for (step, (rows, columns)) in (7..).zip(shapes) {
            for (index, found) in normals(&device, rows, columns, step).into_iter().enumerate() {
                let wanted = exact(index / columns, columns, index % columns, step);
                let error = (f64::from(found) - wanted).abs();
                if error.is_nan() || error > worst.0 {
                    worst = (error, wanted);
                }
            }
        }
        println!("{label}: largest error {:.2e} at {:.3}", worst.0, worst.1);
        assert!(worst.0 < MAX_ERROR, "{label}: error {:.2e} at {}", worst.0, worst.1);
    }
}

#[test]
fn devices_agree() {
    let [(_, cpu), others @ ..] = &devices_with_checks()[..] else { panic!("no device") };
    let expected = normals(cpu, 97, 1001, 3);
    for (label, device) in others {
        for (a, b) in normals(device, 97, 1001, 3).iter().zip(&expected) {
            let bound = 2.0 * MAX_ERROR as f32;
            assert!((a - b).abs() < bound, "{label} gives {a}, the CPU {b}");
        }
    }
}

#[test]
fn normals_are_scaled_and_added() {
    for (label, device) in devices_with_checks() {
        let mut out = device.upload(2, 5, &[3.0; 10]).unwrap();
        device.pointwise(Pointwise::Normal { scale: 0.5, draw: draw(1) }, &mut out).unwrap();
        for (found, xi) in read(&device, &out).iter().zip(normals(&device, 2, 5, 1)) {
            assert!((found - (3.0 + 0.5 * xi)).abs() < 1e-6, "{label}");
        }
    }
}

/// The coordinates name a draw: the same again, others on another step.
#[test]
fn draws_repeat_and_steps_differ() {
    for (label, device) in devices_with_checks() {
        assert_eq!(normals(&device, 3, 70, 5), normals(&device, 3, 70, 5), "{label}");
        assert_ne!(normals(&device, 3, 70, 5), normals(&device, 3, 70, 6), "{label}");
    }
}

/// Draws for the tests of the law.
const DRAWS: usize = 1 << 20;

/// Statistics whose expectation under the normal law is known: (name, value of a draw,
/// expectation, variance of one).
type Statistic = (&'static str, fn(f64) -> f64, f64, f64);

const STATISTICS: [Statistic; 6] = [
    ("mean", |x| x, 0.0, 1.0),
    ("second moment", |x| x * x, 1.0, 2.0),
    ("third moment", |x| x.powi(3), 0.0, 15.0),
    ("fourth moment", |x| x.powi(4), 3.0, 96.0),
    ("share beyond 3", |x| f64::from(u8::from(x.abs() > 3.0)), TAIL_3, TAIL_3 * (1.0 - TAIL_3)),
    ("share beyond 4", |x| f64::from(u8::from(x.abs() > 4.0)), TAIL_4, TAIL_4 * (1.0 - TAIL_4)),
];
const TAIL_3: f64 = 2.699_796_063_260_189e-3;
const TAIL_4: f64 = 6.334_248_366_623_984e-5;

#[test]
fn moments_and_tails_are_those_of_the_normal_law() {
    for device in devices() {
        let draws = normals(&device, 1024, DRAWS / 1024, 11);
        for (name, statistic, wanted, variance) in STATISTICS {
            let sum: f64 = draws.iter().map(|x| statistic(f64::from(*x))).sum();
            let mean = sum / DRAWS as f64;
            let z = (mean - wanted) / (variance / DRAWS as f64).sqrt();
            println!("{}: {name} {mean:.6}, {z:+.2} standard errors", device.name());
            assert!(z.abs() < 5.0, "{device:?}: {name} {mean}, wanted {wanted}: {z:.1} errors off");
        }
    }
}

/// The two normals of a pair share a radius; neither they nor their squares may correlate.
#[test]
fn the_normals_of_a_pair_are_independent() {
    let columns = 1024;
    for device in devices() {
        let draws = normals(&device, DRAWS / columns, columns, 12);
        // Units u and u + 256 own words 0 and 1, and u + 512 and u + 768 words 2 and 3.
        let mut sums = (0.0, 0.0);
        for row in draws.chunks_exact(columns) {
            let (first, second) = row.split_at(columns / 2);
            for half in [first, second] {
                let (cosines, sines) = half.split_at(columns / 4);
                for (x, y) in cosines.iter().zip(sines) {
                    let (x, y) = (f64::from(*x), f64::from(*y));
                    sums.0 += x * y;
                    sums.1 += (x * x - 1.0) * (y * y - 1.0);
                }
            }
        }
        // Of one pair the products have variances 1 and 4.
        let root = ((DRAWS / 2) as f64).sqrt();
        let z = (sums.0 / root, sums.1 / (2.0 * root));
        assert!(z.0.abs() < 5.0 && z.1.abs() < 5.0, "{device:?}: {z:?} standard errors");
    }
}

/// sup |F − Φ| of a sample, F its distribution.
fn kolmogorov_smirnov(draws: &[f32]) -> f64 {
    let mut sorted: Vec<f64> = draws.iter().map(|x| f64::from(*x)).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance = |(index, x): (usize, &f64)| {
        let tail = 0.5 * chi_squared_tail(x * x, 1);
        let phi = if *x < 0.0 { tail } else { 1.0 - tail };
        (phi - index as f64 / n).abs().max((phi - (index + 1) as f64 / n).abs())
    };
    sorted.iter().enumerate().map(distance).fold(0.0, f64::max)
}

/// By the inequality of Dvoretzky, Kiefer and Wolfowitz the distance exceeds b with probability
/// below 2 exp(−2nb²). At b = 2.63e-3 that is 1e-6, for the normal law and, for any other law, of
/// its distance to the sample: so every law further than 2b from the normal one is found, which a
/// shift by 0.0133 or a scale off by 2.3% is. The test shows that it finds them.
#[test]
fn the_distribution_is_normal() {
    let bound = (2e6f64.ln() / (2.0 * DRAWS as f64)).sqrt();
    for device in devices() {
        let draws = normals(&device, 1024, DRAWS / 1024, 13);
        let distance = kolmogorov_smirnov(&draws);
        println!("{}: distance {distance:.2e}, bound {bound:.2e}", device.name());
        assert!(distance < bound, "{device:?}: distance {distance:.2e}, bound {bound:.2e}");
        let shifted: Vec<f32> = draws.iter().map(|x| x + 0.0133).collect();
        assert!(kolmogorov_smirnov(&shifted) > bound, "a shift by 0.0133 is not found");
        let scaled: Vec<f32> = draws.iter().map(|x| x * 1.023).collect();
        assert!(kolmogorov_smirnov(&scaled) > bound, "a scale of 1.023 is not found");
    }
}
