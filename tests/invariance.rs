//! Samplers leave the enumerated joint law of a small RBM as it is, and the test of that rejects
//! samplers that do not: each wrong one is built from the same kernels.

mod common;
use common::devices;

use ergodic::{
    device::{Activation, Array, Device, Draw, Gibbs, Linear, Result},
    random::Stream,
    selftest::{EnumeratedRbm, Fit, invariance},
};

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
    for device in devices() {
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
    for device in devices() {
        let model = Model::new(&device, &rbm);
        let fit = test(&device, CHAINS, &rbm, |v, h| model.gibbs(1, v, h));
        assert!(fit.passed(), "{device:?}: {fit}");
    }
}

/// The frame of the wrong samplers below, put together rightly.
#[test]
fn a_sweep_of_two_products_keeps_the_law() {
    let rbm = spread();
    for device in devices() {
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
    for device in devices() {
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
    for device in devices() {
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
    for device in devices() {
        let model = Model::new(&device, &rbm);
        let fit = test(&device, FEW, &rbm, |v, h| {
            model.draw_visible(h, v, Stream::Visible)?;
            model.draw_hidden(v, h, Stream::Visible)
        });
        println!("{}, shared uniforms: {fit}", device.name());
        assert!(!fit.passed(), "{device:?}: shared uniforms passed: {fit}");
    }
}
