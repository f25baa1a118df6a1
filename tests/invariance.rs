//! Samplers leave the enumerated joint law of a small RBM as it is, and the test of that rejects
//! samplers that do not: each wrong one is built from the same kernels.

mod common;
use common::{every_device, normals_of, read, sigmoid, softplus};

use ergodic::{
    device::{Activation, Array, Device, Draw, Gibbs, Linear, Result},
    random::{HostRng, Stream},
    selftest::{ChiSquared, EnumeratedRbm, Fit, LEVEL, invariance},
};
use rand::Rng;

const SEED: u64 = 20;

/// Every likely state is counted often; a software GPU takes a second a sweep.
const CHAINS: usize = 1 << 17;
/// The few chains that a slow device tests must be enough to reject a wrong sampler.
const FEW: usize = 1 << 14;

/// The parameters of the model on a device.
struct Model {
    device: Device,
    weights: Array,
    visible_bias: Array,
    hidden_bias: Array,
}

impl Model {
    fn new(device: &Device, rbm: &EnumeratedRbm) -> Self {
        let upload = |rows, values: &[f32]| {
            device.upload(rows, values.len() / rows, values).expect("the sizes fit")
        };
        Self {
            device: device.clone(),
            weights: upload(rbm.visible_bias.len(), &rbm.weights),
            visible_bias: upload(1, &rbm.visible_bias),
            hidden_bias: upload(1, &rbm.hidden_bias),
        }
    }

    fn gibbs(&self, sweeps: u32, visible: &mut Array, hidden: &mut Array) -> Result<()> {
        let mut hidden_means = self.device.zeros(hidden.rows(), hidden.columns())?;
        self.device.gibbs(Gibbs {
            weights: &self.weights,
            visible_bias: &self.visible_bias,
            hidden_bias: &self.hidden_bias,
            visible,
            hidden,
            hidden_means: &mut hidden_means,
            clamp: None,
            beta: 1.0,
            sweeps,
            seed: SEED,
            first_step: 0,
        })
    }

    /// Draws v | h with the words of a stream.
    fn draw_visible(&self, hidden: &Array, visible: &mut Array, stream: Stream) -> Result<()> {
        self.draw(hidden, true, &self.visible_bias, stream, visible)
    }

    /// Draws h | v with the words of a stream.
    fn draw_hidden(&self, visible: &Array, hidden: &mut Array, stream: Stream) -> Result<()> {
        self.draw(visible, false, &self.hidden_bias, stream, hidden)
    }

    fn draw(
        &self,
        x: &Array,
        transposed: bool,
        bias: &Array,
        stream: Stream,
        out: &mut Array,
    ) -> Result<()> {
        let draw = Draw { seed: SEED, step: 0, stream };
        let call = Linear {
            x,
            weights: &self.weights,
            transposed,
            bias: Some(bias),
            scale: 1.0,
            activation: Activation::Bernoulli(draw),
        };
        self.device.linear(&call, out)
    }
}

/// The test of the library on a device, with the sampler `advance`.
fn test(
    device: &Device,
    chains: usize,
    rbm: &EnumeratedRbm,
    advance: impl FnOnce(&mut Array, &mut Array) -> Result<()>,
) -> Fit {
    pollster::block_on(invariance(device, rbm, chains, SEED, advance)).unwrap()
}

fn spread() -> EnumeratedRbm {
    EnumeratedRbm::random(EnumeratedRbm::SPREAD)
}

#[test]
fn gibbs_sweeps_keep_the_law() {
    let rbm = spread();
    for device in every_device() {
        let model = Model::new(&device, &rbm);
        for sweeps in [1, 2, 8] {
            let fit = test(&device, CHAINS, &rbm, |v, h| model.gibbs(sweeps, v, h));
            println!("{}, {sweeps} sweeps: {fit}", device.name());
            assert!(fit.passed(), "{device:?}, {sweeps} sweeps: {fit}");
        }
    }
}

/// A law that concentrates on few states, with other weights.
#[test]
fn gibbs_sweeps_keep_a_concentrated_law() {
    let rbm = EnumeratedRbm::random(46);
    for device in every_device() {
        let model = Model::new(&device, &rbm);
        let fit = test(&device, CHAINS, &rbm, |v, h| model.gibbs(1, v, h));
        assert!(fit.passed(), "{device:?}: {fit}");
    }
}

/// The frame of the wrong samplers below, put together rightly.
#[test]
fn a_sweep_of_two_products_keeps_the_law() {
    let rbm = spread();
    for device in every_device() {
        let model = Model::new(&device, &rbm);
        let fit = test(&device, FEW, &rbm, |v, h| {
            model.draw_visible(h, v, Stream::Visible)?;
            model.draw_hidden(v, h, Stream::Hidden)
        });
        assert!(fit.passed(), "{device:?}: {fit}");
    }
}

/// Both sides drawn from the old state: each marginal stays right, the joint law does not.
#[test]
fn a_synchronous_update_is_rejected() {
    let rbm = spread();
    for device in every_device() {
        let model = Model::new(&device, &rbm);
        let fit = test(&device, FEW, &rbm, |v, h| {
            let old = device.duplicate(v)?;
            model.draw_visible(h, v, Stream::Visible)?;
            model.draw_hidden(&old, h, Stream::Hidden)
        });
        println!("{}, synchronous: {fit}", device.name());
        assert!(!fit.passed(), "{device:?}: a synchronous update passed: {fit}");
    }
}

#[test]
fn a_missing_bias_is_rejected() {
    let rbm = spread();
    let largest = |a: &&usize, b: &&usize| {
        rbm.visible_bias[**a].abs().total_cmp(&rbm.visible_bias[**b].abs())
    };
    let units: Vec<usize> = (0..rbm.visible_bias.len()).collect();
    let unit = *units.iter().max_by(largest).unwrap();
    let mut wrong = rbm.visible_bias.clone();
    wrong[unit] = 0.0;
    for device in every_device() {
        let mut model = Model::new(&device, &rbm);
        device.write(&mut model.visible_bias, 0, &wrong).unwrap();
        for sweeps in [1, 8] {
            let fit = test(&device, FEW, &rbm, |v, h| model.gibbs(sweeps, v, h));
            println!("{}, bias {:.2} dropped: {fit}", device.name(), rbm.visible_bias[unit]);
            assert!(!fit.passed(), "{device:?}: a dropped bias passed: {fit}");
        }
    }
}

/// Both sides drawn with the same words.
#[test]
fn shared_uniforms_are_rejected() {
    let rbm = spread();
    for device in every_device() {
        let model = Model::new(&device, &rbm);
        let fit = test(&device, FEW, &rbm, |v, h| {
            model.draw_visible(h, v, Stream::Visible)?;
            model.draw_hidden(v, h, Stream::Visible)
        });
        println!("{}, shared uniforms: {fit}", device.name());
        assert!(!fit.passed(), "{device:?}: shared uniforms passed: {fit}");
    }
}

/// Units of the side that is enumerated, and of the other: more than a panel of any instruction set.
const SMALL: usize = 16;
const WIDE: usize = 70;
/// The units whose joint law is counted: the ends of both sides and of registers and panels.
const SEEN: ([usize; 5], [usize; 5]) = ([0, 3, 7, 12, 15], [0, 15, 16, 63, 69]);

/// An RBM whose one side is too wide to be enumerated, and the law of [`SEEN`].
struct WideRbm {
    /// `[SMALL, WIDE]`.
    weights: Vec<f32>,
    small_bias: Vec<f32>,
    wide_bias: Vec<f32>,
    /// p of the enumerated side, summed up.
    cumulative: Vec<f64>,
    /// p of the units that are seen: the small side's bits first.
    law: Vec<f64>,
}

impl WideRbm {
    fn new() -> Self {
        let weights = normals_of(SMALL * WIDE, 0.4, 1);
        let (small_bias, wide_bias) = (normals_of(SMALL, 0.5, 2), normals_of(WIDE, 0.5, 3));
        let mut rbm = Self {
            weights,
            small_bias,
            wide_bias,
            cumulative: Vec::new(),
            law: vec![0.0; 1 << (SEEN.0.len() + SEEN.1.len())],
        };
        let logs: Vec<f64> = (0..1 << SMALL)
            .map(|s: usize| {
                let active = (0..SMALL).filter(|i| s >> i & 1 == 1);
                let linear: f64 = active.map(|i| f64::from(rbm.small_bias[i])).sum();
                linear + (0..WIDE).map(|j| softplus(rbm.field(s, j))).sum::<f64>()
            })
            .collect();
        let largest = logs.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
        let mut sum = 0.0;
        for (s, log) in logs.iter().enumerate() {
            let p = (log - largest).exp() / total;
            sum += p;
            rbm.cumulative.push(sum);
            let low = SEEN.0.iter().enumerate().map(|(bit, i)| (s >> i & 1) << bit).sum::<usize>();
            let on = SEEN.1.map(|j| sigmoid(rbm.field(s, j)));
            for high in 0..1 << on.len() {
                let each = on.iter().enumerate();
                let given: f64 =
                    each.map(|(bit, p)| if high >> bit & 1 == 1 { *p } else { 1.0 - p }).product();
                rbm.law[low | high << SEEN.0.len()] += p * given;
            }
        }
        rbm
    }

    /// The field of a wide unit.
    fn field(&self, s: usize, j: usize) -> f64 {
        let active = (0..SMALL).filter(|i| s >> i & 1 == 1);
        let sum: f64 = active.map(|i| f64::from(self.weights[i * WIDE + j])).sum();
        f64::from(self.wide_bias[j]) + sum
    }

    /// Exact draws of both sides.
    fn draws(&self, chains: usize) -> (Vec<f32>, Vec<f32>) {
        let mut rng = HostRng::new(SEED, Stream::ChainStart, 0);
        let (mut small, mut wide) = (Vec::new(), Vec::new());
        for _ in 0..chains {
            let uniform = (rng.next_u64() >> 11) as f64 * 2f64.powi(-53);
            let s = self.cumulative.partition_point(|sum| *sum <= uniform).min((1 << SMALL) - 1);
            small.extend((0..SMALL).map(|i| f32::from(s >> i & 1 == 1)));
            wide.extend(
                (0..WIDE).map(|j| f32::from(f64::from(rng.uniform()) < sigmoid(self.field(s, j)))),
            );
        }
        (small, wide)
    }

    /// The parameters on a device, the wide side visible or hidden.
    fn model(&self, device: &Device, wide_is_visible: bool) -> Model {
        let (d, h) = if wide_is_visible { (WIDE, SMALL) } else { (SMALL, WIDE) };
        let mut weights = self.weights.clone();
        let (mut b, mut c) = (&self.small_bias, &self.wide_bias);
        if wide_is_visible {
            for (place, w) in weights.iter_mut().enumerate() {
                *w = self.weights[place % SMALL * WIDE + place / SMALL];
            }
            (b, c) = (c, b);
        }
        Model {
            device: device.clone(),
            weights: device.upload(d, h, &weights).unwrap(),
            visible_bias: device.upload(1, d, b).unwrap(),
            hidden_bias: device.upload(1, h, c).unwrap(),
        }
    }

    /// The test after so many sweeps of a model, which is this one or a wrong one.
    fn test(&self, model: &Model, sweeps: u32) -> ChiSquared {
        let chains = FEW;
        let (small, wide) = self.draws(chains);
        let wide_is_visible = model.visible_bias.columns() == WIDE;
        let mut visible = if wide_is_visible { (WIDE, &wide) } else { (SMALL, &small) };
        let mut hidden = if wide_is_visible { (SMALL, &small) } else { (WIDE, &wide) };
        let upload = |(units, states): &mut (usize, &Vec<f32>)| {
            model.device.upload(chains, *units, states).unwrap()
        };
        let (mut v, mut h) = (upload(&mut visible), upload(&mut hidden));
        model.gibbs(sweeps, &mut v, &mut h).unwrap();
        let (v, h) = (read(&model.device, &v), read(&model.device, &h));
        let (small, wide) = if wide_is_visible { (h, v) } else { (v, h) };
        let mut counts = vec![0; self.law.len()];
        for (small, wide) in small.chunks(SMALL).zip(wide.chunks(WIDE)) {
            let seen = SEEN.0.iter().map(|i| small[*i]).chain(SEEN.1.iter().map(|j| wide[*j]));
            let cell = seen.enumerate().map(|(bit, state)| (state as usize) << bit).sum::<usize>();
            counts[cell] += 1;
        }
        ChiSquared::of(&counts, &self.law)
    }
}

#[test]
fn gibbs_sweeps_keep_the_law_of_a_wide_model() {
    let rbm = WideRbm::new();
    for device in every_device() {
        for wide_is_visible in [true, false] {
            let model = rbm.model(&device, wide_is_visible);
            for sweeps in [1, 2, 8] {
                let fit = rbm.test(&model, sweeps);
                println!("{}, {wide_is_visible}, {sweeps} sweeps: {fit}", device.name());
                assert!(fit.p >= LEVEL, "{device:?}, {wide_is_visible}, {sweeps}: {fit}");
            }
        }
    }
}

/// What a register of one number, taken for one of four, once made of the wide side: from the
/// seventeenth unit on nothing but the bias.
#[test]
fn columns_without_a_product_are_rejected() {
    let rbm = WideRbm::new();
    for device in every_device() {
        let mut wrong = rbm.weights.clone();
        wrong
            .iter_mut()
            .enumerate()
            .filter(|(place, _)| place % WIDE >= 16)
            .for_each(|(_, w)| *w = 0.0);
        let mut model = rbm.model(&device, false);
        model.weights = device.upload(SMALL, WIDE, &wrong).unwrap();
        let fit = rbm.test(&model, 1);
        println!("{}, columns without products: {fit}", device.name());
        assert!(fit.p < LEVEL, "{device:?}: columns without products passed: {fit}");
    }
}
