//! The kernels of chains and gradients against f64 on models that are wider than a tile or panel of any
//! device and odd on all sides: what a small model leaves out, the last columns of a panel for one,
//! shows here.

use serde::Serialize;

use crate::{
    device::{
        Device, Gibbs, Head, Langevin, Layer, Net, Nonlinearity, OuterTerm, Result, RowWeights,
        Statistics, TALLY,
    },
    random::{HostRng, Stream, blocks, key, philox, uniform},
};

/// Visible and hidden units of the RBM, inputs and hidden units of the net, and rows.
const D: usize = 131;
const H: usize = 67;
const ROWS: usize = 70;
const SEED: u64 = 0x71de_0dd5;
const STEP: u32 = 3;
/// How near a uniform may come to its probability for a state to go either way.
const CLOSE: f64 = 1e-5;

/// What a kernel made of a wide model.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Wide {
    /// The kernel.
    pub kernel: &'static str,
    /// The largest error of a value, relative to the terms that it sums where it is a sum.
    pub error: f64,
    /// The largest error that passes.
    pub bound: f64,
    /// States that differ from those of f64 though their uniforms are not close to call.
    pub wrong_states: usize,
    /// States that were compared.
    pub states: usize,
    /// Whether no state is wrong and the error is within its bound.
    pub passed: bool,
}

impl Wide {
    fn new(kernel: &'static str, (error, bound): (f64, f64), states: (usize, usize)) -> Self {
        let (wrong_states, states) = states;
        let passed = wrong_states == 0 && error <= bound;
        Self { kernel, error, bound, wrong_states, states, passed }
    }
}

/// Checks the kernels; one that the device does not have for such a model is left out.
pub(super) async fn wide(device: &Device) -> Result<Vec<Wide>> {
    let mut checks = vec![gibbs(device).await?, statistics(device).await?];
    checks.extend(langevin(device).await?);
    Ok(checks)
}

fn normals(count: usize, scale: f32, substream: u64) -> Vec<f32> {
    let mut rng = HostRng::new(SEED, Stream::Parameters, substream);
    (0..count).map(|_| scale * rng.normal()).collect()
}

fn uniforms(count: usize, substream: u64) -> Vec<f32> {
    let mut rng = HostRng::new(SEED, Stream::Data, substream);
    (0..count).map(|_| rng.uniform()).collect()
}

fn bits(count: usize, substream: u64) -> Vec<f32> {
    uniforms(count, substream).iter().map(|u| f32::from(*u < 0.4)).collect()
}

/// Σ x w + bias for every row of x, where `weight(i, j)` leads from input i to output j.
fn sums(x: &[f32], inputs: usize, bias: &[f32], weight: impl Fn(usize, usize) -> f32) -> Vec<f64> {
    let rows = x.chunks(inputs);
    let each = rows.flat_map(|x| bias.iter().enumerate().map(move |(j, bias)| (x, j, *bias)));
    each.map(|(x, j, bias)| {
        let terms = x.iter().enumerate().map(|(i, x)| f64::from(*x) * f64::from(weight(i, j)));
        f64::from(bias) + terms.sum::<f64>()
    })
    .collect()
}

/// Of states that are drawn with these logits: how many are wrong.
fn wrong(states: &[f32], logits: &[f64], units: usize, stream: Stream) -> usize {
    let per_word = blocks(units);
    let is_wrong = |index: usize| {
        let (row, unit) = (index / units, index % units);
        let counter = [STEP, row as u32, (unit % per_word) as u32, stream as u32];
        let u = f64::from(uniform(philox(counter, key(SEED))[unit / per_word]));
        let p = 1.0 / (1.0 + (-logits[index]).exp());
        (u - p).abs() > CLOSE && states[index] != f32::from(u8::from(u < p))
    };
    (0..states.len()).filter(|index| is_wrong(*index)).count()
}

/// The largest |found − exact| over the size of its terms; infinite where a value is not finite.
fn largest(found: &[f32], exact: &[f64], size: impl Fn(usize) -> f64) -> f64 {
    let errors = found.iter().zip(exact).enumerate();
    let errors = errors.map(|(i, (found, exact))| (f64::from(*found) - exact).abs() / size(i));
    errors.map(|error| if error.is_finite() { error } else { f64::INFINITY }).fold(0.0, f64::max)
}

/// One sweep. What is hidden is judged from the visible states that came out.
async fn gibbs(device: &Device) -> Result<Wide> {
    let weights = normals(D * H, 0.3, 0);
    let (b, c) = (normals(D, 0.5, 1), normals(H, 0.5, 2));
    let start = bits(ROWS * H, 3);
    let mut visible = device.zeros(ROWS, D)?;
    let mut hidden = device.upload(ROWS, H, &start)?;
    let mut means = device.zeros(ROWS, H)?;
    device.gibbs(Gibbs {
        weights: &device.upload(D, H, &weights)?,
        visible_bias: &device.upload(1, D, &b)?,
        hidden_bias: &device.upload(1, H, &c)?,
        visible: &mut visible,
        hidden: &mut hidden,
        hidden_means: &mut means,
        clamp: None,
        beta: 1.0,
        sweeps: 1,
        seed: SEED,
        first_step: STEP,
    })?;
    let (visible, hidden) = (device.read(&visible).await?, device.read(&hidden).await?);
    let means = device.read(&means).await?;
    let down = sums(&start, H, &b, |i, j| weights[j * H + i]);
    let up = sums(&visible, D, &c, |i, j| weights[i * H + j]);
    let wrong = wrong(&visible, &down, D, Stream::Visible) + wrong(&hidden, &up, H, Stream::Hidden);
    let exact: Vec<f64> = up.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
    let error = largest(&means, &exact, |_| 1.0);
    Ok(Wide::new("gibbs", (error, 1e-5), (wrong, visible.len() + hidden.len())))
}

/// The products of the gradient, of rows of bits with means.
async fn statistics(device: &Device) -> Result<Wide> {
    let (x, y) = (bits(ROWS * D, 4), uniforms(ROWS * H, 5));
    let (mu, lambda) = (uniforms(D, 6), uniforms(H, 7));
    let [mut products, mut x_sums, mut y_sums] =
        [device.zeros(D, H)?, device.zeros(1, D)?, device.zeros(1, H)?];
    let weights = RowWeights::Uniform(1.0 / ROWS as f32);
    device.statistics(Statistics {
        terms: &[OuterTerm {
            x: &device.upload(ROWS, D, &x)?,
            y: &device.upload(ROWS, H, &y)?,
            weights,
        }],
        x_offset: &device.upload(1, D, &mu)?,
        y_offset: &device.upload(1, H, &lambda)?,
        products: &mut products,
        x_sums: &mut x_sums,
        y_sums: &mut y_sums,
    })?;
    let (mut exact, mut sizes) = (vec![0.0; D * H], vec![0.0; D * H]);
    for (x, y) in x.chunks(D).zip(y.chunks(H)) {
        for (place, (exact, size)) in exact.iter_mut().zip(&mut sizes).enumerate() {
            let (i, j) = (place / H, place % H);
            let [x, mu, y, lambda] = [x[i], mu[i], y[j], lambda[j]].map(f64::from);
            *exact += (x - mu) * (y - lambda) / ROWS as f64;
            *size += (x + mu) * (y + lambda) / ROWS as f64;
        }
    }
    let error = largest(&device.read(&products).await?, &exact, |place| sizes[place]);
    Ok(Wide::new("statistics", (error, 1e-5), (0, 0)))
}

/// A step without noise of a net 131-67-1: x − ½ ∇E, say.
async fn langevin(device: &Device) -> Result<Option<Wide>> {
    const DRIFT: f32 = 0.5;
    let (first, last) = (normals(D * H, 0.1, 8), normals(H, 0.3, 9));
    let (b, c) = (normals(H, 0.5, 10), [0.25]);
    let start = normals(ROWS * D, 1.0, 11);
    let mut x = device.upload(ROWS, D, &start)?;
    let mut tally = device.zeros(ROWS, TALLY)?;
    let arrays = [
        (device.upload(D, H, &first)?, device.upload(1, H, &b)?),
        (device.upload(H, 1, &last)?, device.upload(1, 1, &c)?),
    ];
    let net = Net {
        layers: arrays.iter().map(|(weights, bias)| Layer { weights, bias }).collect(),
        nonlinearity: Nonlinearity::Silu,
        head: Head::Energy,
        base_precision: 0.0,
    };
    let taken = device.langevin(Langevin {
        net,
        x: &mut x,
        tally: &mut tally,
        metropolis: false,
        drift: DRIFT,
        noise: 0.0,
        beta: 1.0,
        steps: 1,
        seed: SEED,
        first_step: STEP,
    })?;
    if !taken {
        return Ok(None);
    }
    let slope = |z: f64| {
        let s = 1.0 / (1.0 + (-z).exp());
        s + z * s * (1.0 - s)
    };
    let hidden = sums(&start, D, &b, |i, j| first[i * H + j]);
    let mut exact = Vec::with_capacity(ROWS * D);
    for (x, hidden) in start.chunks(D).zip(hidden.chunks(H)) {
        let back: Vec<f64> =
            hidden.iter().zip(&last).map(|(z, w)| f64::from(*w) * slope(*z)).collect();
        exact.extend(x.iter().zip(first.chunks(H)).map(|(x, row)| {
            let gradient: f64 = row.iter().zip(&back).map(|(w, g)| f64::from(*w) * g).sum();
            f64::from(*x) - f64::from(DRIFT) * gradient
        }));
    }
    let error = largest(&device.read(&x).await?, &exact, |_| 1.0);
    Ok(Some(Wide::new("langevin", (error, 1e-5), (0, 0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_state_an_error_and_no_number_fail() {
        assert!(Wide::new("k", (1e-6, 1e-5), (0, 9)).passed);
        assert!(!Wide::new("k", (1e-6, 1e-5), (1, 9)).passed);
        assert!(!Wide::new("k", (1e-4, 1e-5), (0, 9)).passed);
        let error = largest(&[1.0, f32::NAN, 1.0], &[1.0; 3], |_| 1.0);
        assert!(!Wide::new("k", (error, 1e-5), (0, 9)).passed);
    }
}
