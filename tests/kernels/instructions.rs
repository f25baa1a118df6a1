//! Every instruction set of the processor on random shapes: against sums in f64, and against each other
//! bit by bit, where that is promised: of bits always, of other values where terms are fused.

use ergodic::{
    device::{
        Activation, Device, Draw, Linear, OuterTerm, RowWeights, Statistics, cpu::Instructions,
    },
    random::{HostRng, Stream},
};

use crate::{
    common::{assert_within, cpus, normals, normals_of, raw, read, uniforms, upload},
    gibbs::{self, Chains, Model},
    oracle::assert_states,
    products::TOLERANCE,
};

const SHAPES: u64 = 200;
const DRAW: Draw = Draw { seed: 0x1234_5678_9abc_def0, step: 7, stream: Stream::Evaluate };

/// Rows, units on both sides, and what is in the rows.
struct Shape {
    n: usize,
    d: usize,
    h: usize,
    activity: f32,
    is_bits: bool,
    index: u64,
}

impl Shape {
    /// 1 to 300 units, every other side next to a multiple of 32, where panels and registers end; 1 to 130
    /// rows; all activities. The rows of one shape in four are no bits.
    fn new(index: u64) -> Self {
        let mut rng = HostRng::new(index, Stream::Data, 77);
        let mut below = |n: usize| ((rng.uniform() * n as f32) as usize).min(n - 1);
        let mut side = || match below(2) {
            0 => 1 + below(300),
            _ => 32 * (1 + below(9)) + below(3) - 1,
        };
        let (d, h) = (side(), side());
        let n = 1 + below(130);
        let activity = [0.0, 0.02, 0.1, 1.0 / 6.0, 0.2, 0.5, 0.9, 1.0][below(8)];
        Self { n, d, h, activity, is_bits: index % 4 != 3, index }
    }

    fn name(&self) -> String {
        let Self { n, d, h, activity, index, .. } = self;
        format!("shape {index}: {n} rows, {d} x {h}, activity {activity}")
    }

    fn bits(&self, columns: usize, seed: u64) -> Vec<f32> {
        let uniforms = uniforms(self.n * columns, 1000 * self.index + seed);
        uniforms.iter().map(|u| f32::from(*u < self.activity)).collect()
    }

    fn rows(&self, seed: u64) -> Vec<f32> {
        if self.is_bits {
            self.bits(self.d, seed)
        } else {
            normals(self.n * self.d, 1000 * self.index + seed)
        }
    }
}

/// Calls `body` with every shape and every instruction set; what it answers has the same bits for all of
/// them, or for all that fuse where the shape is not of bits.
fn on_every_set(body: impl Fn(&Shape, &Device, &str) -> Vec<f32>) {
    let cpus = cpus();
    for shape in (0..SHAPES).map(Shape::new) {
        let mut first: Option<(Instructions, Vec<f32>)> = None;
        for (set, device) in &cpus {
            let what = format!("{}, {}", shape.name(), set.title());
            let found = body(&shape, device, &what);
            match &first {
                Some((with, wanted)) if shape.is_bits || set.fuses() => {
                    assert!(raw(&found) == raw(wanted), "{what}: other bits than {}", with.title());
                }
                Some(_) => {}
                None => first = Some((*set, found)),
            }
        }
    }
}

/// Σ x wᵢ + b in f64 for every row, and the sums of absolute terms.
fn sums(x: &[f32], weights: &[f32], bias: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let (h, d) = (bias.len(), weights.len() / bias.len());
    let mut found = (Vec::new(), Vec::new());
    for x in x.chunks(d) {
        let mut sums: Vec<f64> = bias.iter().copied().map(f64::from).collect();
        let mut scales: Vec<f64> = sums.iter().map(|b| b.abs()).collect();
        for (x, weights) in x.iter().zip(weights.chunks(h)).filter(|(x, _)| **x != 0.0) {
            for ((sum, scale), w) in sums.iter_mut().zip(&mut scales).zip(weights) {
                let term = f64::from(*x) * f64::from(*w);
                *sum += term;
                *scale += term.abs();
            }
        }
        found.0.extend(sums);
        found.1.extend(scales);
    }
    found
}

#[test]
fn products_and_draws() {
    on_every_set(product_and_draw);
}

fn product_and_draw(shape: &Shape, device: &Device, what: &str) -> Vec<f32> {
    let Shape { n, d, h, index, .. } = *shape;
    let x = shape.rows(1);
    let weights = normals_of(d * h, 1.0 / (d as f32).sqrt(), index);
    let bias = normals(h, index + 500);
    let (wanted, scales) = sums(&x, &weights, &bias);
    let bounds: Vec<f64> = scales.iter().map(|scale| TOLERANCE * scale).collect();
    let (x, bias) = (upload(device, n, d, &x), upload(device, 1, h, &bias));
    let mut transposed = vec![0.0; d * h];
    for (i, row) in weights.chunks(h).enumerate() {
        row.iter().enumerate().for_each(|(j, w)| transposed[j * d + i] = *w);
    }
    let weights = [upload(device, d, h, &weights), upload(device, h, d, &transposed)];
    let run = |is_transposed: bool, activation| {
        let mut out = upload(device, n, h, &vec![f32::NAN; n * h]);
        let call = Linear {
            x: &x,
            weights: &weights[usize::from(is_transposed)],
            transposed: is_transposed,
            bias: Some(&bias),
            scale: 1.0,
            activation,
        };
        device.linear(&call, &mut out).unwrap();
        read(device, &out)
    };
    let mut found = run(false, Activation::Identity);
    assert_within(what, &found, &wanted, &bounds);
    assert_eq!(raw(&run(true, Activation::Identity)), raw(&found), "{what}: transposed");
    let states = run(false, Activation::Bernoulli(DRAW));
    let p: Vec<f64> = wanted.iter().map(|sum| 1.0 / (1.0 + (-sum).exp())).collect();
    assert_states(what, &states, &p, h, DRAW);
    found.extend(states);
    found
}

#[test]
fn gibbs_sweeps() {
    on_every_set(sweeps);
}

fn sweeps(shape: &Shape, device: &Device, what: &str) -> Vec<f32> {
    let Shape { n, d, h, .. } = *shape;
    let model = Model::new(d, h);
    let start = Chains {
        visible: shape.bits(d, 1),
        hidden: shape.bits(h, 2),
        means: vec![f32::NAN; n * h],
    };
    let mut ends = gibbs::run(device, &model, &start, &[1, 2], 5);
    gibbs::assert_sweep(what, &model, &start, &ends[0], 5);
    let Chains { visible, hidden, means } = ends.remove(1);
    [visible, hidden, means].concat()
}

#[test]
fn gradients() {
    on_every_set(statistics);
}

fn statistics(shape: &Shape, device: &Device, what: &str) -> Vec<f32> {
    let Shape { n, d, h, index, .. } = *shape;
    let x = shape.rows(1);
    let y = uniforms(n * h, index + 1);
    let (mu, lambda) = (uniforms(d, index + 2), uniforms(h, index + 3));
    let (weight, rows) = (1.0 / n as f32, n as f64);
    let mut wanted = vec![0.0; d * h];
    let mut bounds = vec![0.0; d * h];
    for (x, y) in x.chunks(d).zip(y.chunks(h)) {
        let each = x.iter().zip(&mu).zip(wanted.chunks_mut(h).zip(bounds.chunks_mut(h)));
        for ((x, mu), (wanted, bounds)) in each {
            let (x, mu) = (f64::from(*x), f64::from(*mu));
            for (j, (wanted, bound)) in wanted.iter_mut().zip(bounds).enumerate() {
                let centred = f64::from(y[j]) - f64::from(lambda[j]);
                *wanted += (x - mu) * centred / rows;
                *bound +=
                    TOLERANCE * (x.abs() + mu) * (f64::from(y[j]) + f64::from(lambda[j])) / rows;
            }
        }
    }
    let (x, y) = (upload(device, n, d, &x), upload(device, n, h, &y));
    let terms = [OuterTerm { x: &x, y: &y, weights: RowWeights::Uniform(weight) }];
    let [mut products, mut x_sums, mut y_sums] =
        [(d, h), (1, d), (1, h)].map(|(rows, columns)| device.zeros(rows, columns).unwrap());
    let call = Statistics {
        terms: &terms,
        x_offset: &upload(device, 1, d, &mu),
        y_offset: &upload(device, 1, h, &lambda),
        products: &mut products,
        x_sums: &mut x_sums,
        y_sums: &mut y_sums,
    };
    device.statistics(call).unwrap();
    let products = read(device, &products);
    assert_within(what, &products, &wanted, &bounds);
    [products, read(device, &x_sums), read(device, &y_sums)].concat()
}

/// One thread, an odd number, and more than there are rows.
#[test]
fn threads_change_no_bit() {
    let pools = [1, 3, 9].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool of nine threads starts anywhere")
    });
    for mut shape in (0..40).map(Shape::new) {
        shape.n = if shape.index % 2 == 0 { 1 + shape.n % 7 } else { shape.n };
        for (set, device) in cpus() {
            for kernel in [product_and_draw, sweeps, statistics] {
                let what = format!("{}, {}", shape.name(), set.title());
                let wanted = kernel(&shape, &device, &what);
                for pool in &pools {
                    let found = pool.install(|| kernel(&shape, &device, &what));
                    let threads = pool.current_num_threads();
                    assert!(raw(&found) == raw(&wanted), "{what}, {threads} threads");
                }
            }
        }
    }
}
