//! The rounding errors of the device's elementary functions, against f64.

use serde::Serialize;

use crate::{
    device::{Activation, Device, Draw, Linear, Pointwise, Result},
    random::{Stream, blocks, key, philox, uniform},
};

/// Arguments that the activations are tried at.
const POINTS: usize = 1 << 15;
/// Their range, ±: beyond it e⁻ˣ is no normal f32.
const RANGE: f64 = 87.0;
/// Rows and columns of normals; ragged blocks.
const NORMALS: (usize, usize) = (64, 1023);

/// The largest errors of one function.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Accuracy {
    /// The function.
    pub function: &'static str,
    /// |found − exact|.
    pub absolute: Extreme,
    /// |found − exact| / |exact|.
    pub relative: Extreme,
    /// Whether both are within their bounds.
    pub passed: bool,
}

/// A largest error, where it was found, and what it may be.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Extreme {
    /// The error; infinite where a value was not finite.
    pub error: f64,
    /// Where: the argument, or the exact normal.
    pub at: f64,
    /// The largest error that passes.
    pub bound: f64,
}

impl Extreme {
    fn new(bound: f64) -> Self {
        Self { error: 0.0, at: 0.0, bound }
    }

    fn see(&mut self, error: f64, at: f64) {
        let error = if error.is_finite() { error } else { f64::INFINITY };
        if error > self.error {
            (self.error, self.at) = (error, at);
        }
    }
}

impl Accuracy {
    /// From the points (where, exact, found).
    fn of(
        function: &'static str,
        absolute: f64,
        relative: f64,
        points: impl Iterator<Item = (f64, f64, f32)>,
    ) -> Self {
        let (mut absolute, mut relative) = (Extreme::new(absolute), Extreme::new(relative));
        for (at, exact, found) in points {
            let error = (f64::from(found) - exact).abs();
            absolute.see(error, at);
            relative.see(error / exact.abs(), at);
        }
        let passed = absolute.error <= absolute.bound && relative.error <= relative.bound;
        Self { function, absolute, relative, passed }
    }
}

/// WGSL lets exp be off by 3 + 2|x| units in the last place, which is 2.1e-5 at |x| = 87, and a
/// division by 2.5: hence the relative bounds. The absolute bound of sigmoid is that of x near 1,
/// where e⁻ˣ weighs most; that of softplus is rounding at 87 and the same. The activations of nets have
/// an exponential of their own and only WGSL's divisions to answer for, on top of rounding.
pub(super) async fn accuracy(device: &Device) -> Result<Vec<Accuracy>> {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let silu = |x: f64| x * sigmoid(x);
    let elu = |x: f64| if x > 0.0 { x } else { x.exp_m1() };
    Ok(vec![
        activation(device, "sigmoid", Activation::Sigmoid, (1e-6, 2.5e-5), sigmoid).await?,
        activation(device, "softplus", Activation::Softplus, (1e-5, 2.5e-5), softplus).await?,
        activation(device, "silu", Activation::Silu, (2e-5, 2e-6), silu).await?,
        activation(device, "elu", Activation::Elu, (1e-6, 2e-6), elu).await?,
        activation(device, "tanh", Activation::Tanh, (1e-6, 2e-6), f64::tanh).await?,
        normals(device).await?,
    ])
}

async fn activation(
    device: &Device,
    name: &'static str,
    activation: Activation,
    (absolute, relative): (f64, f64),
    exact: impl Fn(f64) -> f64,
) -> Result<Accuracy> {
    // A cubic grid: dense where the functions bend, out to the ends of the range.
    let arguments: Vec<f32> = (0..POINTS)
        .map(|index| {
            let t = 2.0 * index as f64 / (POINTS - 1) as f64 - 1.0;
            (RANGE * t.powi(3)) as f32
        })
        .collect();
    let x = device.upload(POINTS, 1, &arguments)?;
    let weights = device.upload(1, 1, &[1.0])?;
    let mut out = device.zeros(POINTS, 1)?;
    let call =
        Linear { x: &x, weights: &weights, transposed: false, bias: None, scale: 1.0, activation };
    device.linear(&call, &mut out)?;
    let found = device.read(&out).await?;
    let points = arguments.iter().zip(found).map(|(x, found)| {
        let x = f64::from(*x);
        (x, exact(x), found)
    });
    Ok(Accuracy::of(name, absolute, relative, points))
}

/// The bounds grant the square root 4.5 units in the last place, which WGSL does, at the largest
/// radius, 5.77, and 1e-6 for the rest.
async fn normals(device: &Device) -> Result<Accuracy> {
    let (rows, columns) = NORMALS;
    let draw = Draw { seed: 1, step: 2, stream: Stream::Noise };
    let mut out = device.zeros(rows, columns)?;
    device.pointwise(Pointwise::Normal { scale: 1.0, draw }, &mut out)?;
    let found = device.read(&out).await?;
    let points = found.into_iter().enumerate().map(|(index, found)| {
        let exact = exact_normal(draw, index / columns, columns, index % columns);
        (exact, exact, found)
    });
    Ok(Accuracy::of("normal", 4e-6, 2e-6, points))
}

/// The normal of a unit in f64, from the words that [`Pointwise::Normal`] names.
fn exact_normal(draw: Draw, row: usize, columns: usize, unit: usize) -> f64 {
    let per_word = blocks(columns);
    let counter = [draw.step, row as u32, (unit % per_word) as u32, draw.stream as u32];
    let uniforms = philox(counter, key(draw.seed)).map(|word| f64::from(uniform(word)));
    let word = unit / per_word;
    let pair = word & 2;
    let radius = (-2.0 * uniforms[pair].ln()).sqrt();
    let angle = std::f64::consts::TAU * uniforms[pair + 1];
    radius * if word & 1 == 0 { angle.cos() } else { angle.sin() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_beyond_a_bound_and_values_that_are_not_finite_fail() {
        let points = |found| [(1.0, 2.0, 2.0), (3.0, 4.0, found)].into_iter();
        assert!(Accuracy::of("f", 1e-3, 1e-3, points(4.0005)).passed);
        let absolute = Accuracy::of("f", 1e-3, 1.0, points(4.002));
        assert!(!absolute.passed && absolute.absolute.at == 3.0);
        assert!(!Accuracy::of("f", 1.0, 1e-4, points(4.002)).passed);
        assert!(!Accuracy::of("f", 1.0, 1.0, points(f32::NAN)).passed);
    }
}
