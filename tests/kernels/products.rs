//! linear and linear_sum against sums in f64.

use ergodic::{
    device::{Activation, Device, Draw, Linear},
    random::Stream,
};

use crate::{
    common::{
        assert_within, devices_with_checks, gpus_with_checks, normals, normals_of, raw, read,
        upload,
    },
    oracle::{self, SMOOTH, assert_states},
};

/// Relative to the sum of the absolute terms.
pub const TOLERANCE: f64 = 1e-5;

/// (n, K, M): each dimension takes 1, 3, 16, 63, 64, 65 and 130, on and off the tiles of 32 and 64
/// and their blocks of 32 and 16. The last two are such that a software GPU takes tiles of 128 for
/// `linear`, then for `outer`, and cuts the sums of the other one.
pub const SIZES: [(usize, usize, usize); 11] = [
    (1, 1, 1),
    (3, 16, 63),
    (16, 63, 1),
    (63, 64, 65),
    (64, 65, 130),
    (65, 130, 3),
    (130, 3, 64),
    (1, 130, 16),
    (130, 1, 130),
    (510, 20, 252),
    (20, 510, 252),
];

const SCALE: f32 = 0.7;
const DRAW: Draw = Draw { seed: 0x1234_5678_9abc_def0, step: 7, stream: Stream::Evaluate };

/// The operands of one product, and scale · (X·W + bias) in f64 with the sums of absolute terms.
pub struct Case {
    pub n: usize,
    pub k: usize,
    pub m: usize,
    x: Vec<f32>,
    w: Vec<f32>,
    bias: Option<Vec<f32>>,
    transposed: bool,
    pub sums: Vec<f64>,
    pub scales: Vec<f64>,
}

impl Case {
    fn new((n, k, m): (usize, usize, usize), transposed: bool, has_bias: bool) -> Self {
        let x = normals(n * k, 1);
        let w = normals_of(k * m, 2.0 / (k as f32).sqrt(), 2);
        let bias = has_bias.then(|| normals(m, 3));
        let mut sums = vec![0.0; n * m];
        let mut scales = vec![0.0; n * m];
        for row in 0..n {
            for column in 0..m {
                let mut sum = bias.as_ref().map_or(0.0, |bias| f64::from(bias[column]));
                let mut scale = sum.abs();
                for i in 0..k {
                    let place = if transposed { column * k + i } else { i * m + column };
                    let term = f64::from(x[row * k + i]) * f64::from(w[place]);
                    sum += term;
                    scale += term.abs();
                }
                sums[row * m + column] = f64::from(SCALE) * sum;
                scales[row * m + column] = f64::from(SCALE) * scale;
            }
        }
        Self { n, k, m, x, w, bias, transposed, sums, scales }
    }

    /// What an activation makes of the sums, and how far f32 may be from it: the tolerance on the
    /// value itself, and on the sum through the activation's greatest slope.
    pub fn activated(&self, activation: Activation) -> (Vec<f64>, Vec<f64>) {
        let steepest = match activation {
            Activation::Sigmoid | Activation::Bernoulli(_) => 0.25,
            Activation::Silu => 1.1,
            _ => 1.0,
        };
        let each = |(sum, scale): (&f64, &f64)| {
            let [value, ..] = oracle::activation(activation, *sum);
            (value, TOLERANCE * (value.abs() + steepest * scale))
        };
        self.sums.iter().zip(&self.scales).map(each).unzip()
    }

    /// Runs `body` with the operands on a device.
    pub fn with_call<T>(
        &self,
        device: &Device,
        activation: Activation,
        body: impl FnOnce(&Linear<'_>) -> T,
    ) -> T {
        let x = upload(device, self.n, self.k, &self.x);
        let (rows, columns) = if self.transposed { (self.m, self.k) } else { (self.k, self.m) };
        let weights = upload(device, rows, columns, &self.w);
        let bias = self.bias.as_ref().map(|bias| upload(device, 1, self.m, bias));
        body(&Linear {
            x: &x,
            weights: &weights,
            transposed: self.transposed,
            bias: bias.as_ref(),
            scale: SCALE,
            activation,
        })
    }

    fn run(&self, device: &Device, activation: Activation, row_sums: bool) -> Vec<f32> {
        let width = if row_sums { 1 } else { self.m };
        // What `out` held does not count.
        let mut out = upload(device, self.n, width, &vec![f32::NAN; self.n * width]);
        self.with_call(device, activation, |call| {
            if row_sums { device.linear_sum(call, &mut out) } else { device.linear(call, &mut out) }
        })
        .unwrap();
        read(device, &out)
    }
}

pub fn cases() -> impl Iterator<Item = Case> {
    SIZES.into_iter().flat_map(|sizes| {
        [(false, true), (false, false), (true, true), (true, false)]
            .map(|(transposed, has_bias)| Case::new(sizes, transposed, has_bias))
    })
}

pub fn name(label: &str, case: &Case, activation: Activation) -> String {
    let Case { n, k, m, transposed, .. } = case;
    let bias = case.bias.is_some();
    format!("{label}: {n} x {k} x {m}, transposed {transposed}, bias {bias}, {activation:?}")
}

#[test]
fn linear() {
    for case in cases() {
        for (label, device) in devices_with_checks() {
            for activation in SMOOTH {
                let found = case.run(&device, activation, false);
                let (wanted, bounds) = case.activated(activation);
                assert_within(&name(label, &case, activation), &found, &wanted, &bounds);
            }
            let activation = Activation::Bernoulli(DRAW);
            let states = case.run(&device, activation, false);
            let (p, _) = case.activated(activation);
            assert_states(&name(label, &case, activation), &states, &p, case.m, DRAW);
        }
    }
}

#[test]
fn linear_sum() {
    for case in cases() {
        for (label, device) in devices_with_checks() {
            for activation in SMOOTH {
                let (values, bounds) = case.activated(activation);
                let by_row = |values: &[f64]| -> Vec<f64> {
                    values.chunks(case.m).map(|row| row.iter().sum()).collect()
                };
                let (wanted, bounds) = (by_row(&values), by_row(&bounds));
                let found = case.run(&device, activation, true);
                assert_within(&name(label, &case, activation), &found, &wanted, &bounds);
            }
        }
    }
}

/// What comes out for a row has the same bits however many rows there are, and so whatever the tile.
#[test]
fn rows_do_not_depend_on_the_others() {
    let case = Case::new((510, 20, 252), false, true);
    for (label, device) in gpus_with_checks() {
        for row_sums in [false, true] {
            let all = case.run(&device, Activation::Softplus, row_sums);
            for n in [1, 40, 300] {
                let (x, sums, scales) = (case.x[..n * case.k].to_vec(), Vec::new(), Vec::new());
                let (w, bias) = (case.w.clone(), case.bias.clone());
                let first = Case { n, x, w, bias, sums, scales, ..case };
                let found = first.run(&device, Activation::Softplus, row_sums);
                let wanted = &all[..found.len()];
                assert_eq!(raw(&found), raw(wanted), "{label}: {n} rows, row sums {row_sums}");
            }
        }
    }
}

/// Sums of draws are sums of the very states that `linear` gives.
#[test]
fn linear_sum_of_draws_counts_the_states() {
    for case in cases() {
        for (label, device) in devices_with_checks() {
            let activation = Activation::Bernoulli(DRAW);
            let states = case.run(&device, activation, false);
            let wanted: Vec<f32> = states.chunks(case.m).map(|row| row.iter().sum()).collect();
            let found = case.run(&device, activation, true);
            assert_eq!(found, wanted, "{}", name(label, &case, activation));
        }
    }
}
