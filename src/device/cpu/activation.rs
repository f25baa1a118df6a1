//! Activations with their slopes, value by value; vectorised where they are called from.

use super::simd::{exp_m1, sigmoid, softplus};
use crate::device::Nonlinearity;

/// x σ(x) and its slope σ + x σ (1 − σ).
#[inline(always)]
pub(super) fn silu(x: f32) -> (f32, f32) {
    let s = sigmoid(x);
    let value = x * s;
    (value, s + value * (1.0 - s))
}

/// x, or eˣ − 1 below 0; slope 1, or eˣ.
#[inline(always)]
pub(super) fn elu(x: f32) -> (f32, f32) {
    let below = exp_m1(x.min(0.0));
    if x > 0.0 { (x, 1.0) } else { (below, below + 1.0) }
}

/// tanh(x) and its slope 1 − tanh².
#[inline(always)]
pub(super) fn tanh(x: f32) -> (f32, f32) {
    let t = exp_m1(-2.0 * x.abs());
    let scale = 1.0 / (t + 2.0);
    ((-t * scale).copysign(x), 4.0 * (t + 1.0) * (scale * scale))
}

/// The value alone.
#[inline(always)]
pub(super) fn silu_value(x: f32) -> f32 {
    silu(x).0
}

/// The value alone.
#[inline(always)]
pub(super) fn elu_value(x: f32) -> f32 {
    elu(x).0
}

/// The value alone.
#[inline(always)]
pub(super) fn tanh_value(x: f32) -> f32 {
    tanh(x).0
}

/// log(1 + eˣ) and its slope σ.
#[inline(always)]
pub(super) fn softplus_with_slope(x: f32) -> (f32, f32) {
    (softplus(x), sigmoid(x))
}

/// The nonlinearity of a net at x, and its slope.
#[inline(always)]
pub(super) fn nonlinearity(kind: Nonlinearity, x: f32) -> (f32, f32) {
    match kind {
        Nonlinearity::Silu => silu(x),
        Nonlinearity::Elu => elu(x),
        Nonlinearity::Tanh => tanh(x),
        Nonlinearity::Softplus => softplus_with_slope(x),
    }
}
