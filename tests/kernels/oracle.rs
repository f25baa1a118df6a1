//! What kernels must compute: draws by the host's Philox, which word a unit sees as
//! `src/random.rs` documents it; and activations in f64.

use ergodic::{
    device::{Activation, Draw},
    random::{blocks, key, philox, uniform},
};

use crate::common::{sigmoid, softplus};

/// How far a uniform must be from an f64 probability for a state to be certain.
pub const CLOSE: f64 = 1e-5;

/// The word that unit `unit` of `units` of row `row` sees.
pub fn word_of(draw: Draw, row: usize, unit: usize, units: usize) -> u32 {
    let blocks = blocks(units);
    let counter = [draw.step, row as u32, (unit % blocks) as u32, draw.stream as u32];
    philox(counter, key(draw.seed))[unit / blocks]
}

/// The uniform that unit `unit` of `units` of row `row` sees.
pub fn uniform_of(draw: Draw, row: usize, unit: usize, units: usize) -> f64 {
    f64::from(uniform(word_of(draw, row, unit, units)))
}

/// The activations that have a slope.
pub const SMOOTH: [Activation; 6] = [
    Activation::Identity,
    Activation::Sigmoid,
    Activation::Softplus,
    Activation::Silu,
    Activation::Elu,
    Activation::Tanh,
];

/// An activation at one point: its value, its slope, and the sum of the absolute terms of the slope.
/// Of a draw, its mean.
pub fn activation(activation: Activation, x: f64) -> [f64; 3] {
    // 1 − sigmoid without its cancellation is sigmoid(−x).
    let (s, below) = (sigmoid(x), sigmoid(-x));
    let (value, slope) = match activation {
        Activation::Identity => (x, 1.0),
        Activation::Sigmoid | Activation::Bernoulli(_) => (s, s * below),
        Activation::Softplus => (softplus(x), s),
        Activation::Silu => return [x * s, s + x * s * below, s + (x * s * below).abs()],
        Activation::Elu if x > 0.0 => (x, 1.0),
        Activation::Elu => (x.exp_m1(), x.exp()),
        Activation::Tanh => (x.tanh(), x.cosh().powi(-2)),
    };
    [value, slope, slope]
}

/// Asserts that states `[n, units]` are what the probabilities ask for, wherever the uniform is
/// further than [`CLOSE`] from them, and that hardly any is closer.
pub fn assert_states(what: &str, states: &[f32], p: &[f64], units: usize, draw: Draw) {
    assert_eq!(states.len(), p.len(), "{what}: number of states");
    let mut close = 0;
    for (index, (state, p)) in states.iter().zip(p).enumerate() {
        let (row, unit) = (index / units, index % units);
        let u = uniform_of(draw, row, unit, units);
        assert!(*state == 0.0 || *state == 1.0, "{what}: [{row}, {unit}] is {state}");
        if (u - p).abs() <= CLOSE {
            close += 1;
        } else {
            let wanted = f32::from(u8::from(u < *p));
            assert_eq!(*state, wanted, "{what}: [{row}, {unit}], uniform {u}, probability {p}");
        }
    }
    // A uniform is this close with probability 2e-5.
    assert!(close <= 3 + states.len() / 1000, "{what}: {close} of {} are close", states.len());
}
