//! Draws by the host's Philox: which word a unit sees, as `src/random.rs` documents it.

use ergodic::{
    device::Draw,
    random::{blocks, key, philox, uniform},
};

/// How far a uniform must be from an f64 probability for a state to be certain.
pub const CLOSE: f64 = 1e-5;

/// The uniform that unit `unit` of `units` of row `row` sees.
pub fn uniform_of(draw: Draw, row: usize, unit: usize, units: usize) -> f64 {
    let blocks = blocks(units);
    let counter = [draw.step, row as u32, (unit % blocks) as u32, draw.stream as u32];
    f64::from(uniform(philox(counter, key(draw.seed))[unit / blocks]))
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
