//! Energies whose law can be drawn from exactly, and chains that start from such draws.

use ergodic::{
    device::Device,
    energy::{Analytic, Component, Energy},
    random::{HostRng, Stream},
    sampler::Chains,
};

use crate::common::{upload, with_gpu};

/// The seed of all chains.
pub const SEED: u64 = 2024;

/// A law with exact draws.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// A Gaussian of condition number 100 in so many dimensions, its axes turned against the
    /// coordinates.
    Correlated(usize),
    /// Two Gaussians of the plane, 4 apart, of unequal shares and shapes.
    Mixture,
    /// Wells at ±1 and a barrier of height 2, beside one standard normal.
    DoubleWell,
}

pub const TARGETS: [Target; 4] =
    [Target::Correlated(2), Target::Correlated(10), Target::Mixture, Target::DoubleWell];

const HEIGHT: f32 = 2.0;

/// Draws from the mean and a lower factor L of the covariance L Lᵀ.
struct Normal {
    weight: f64,
    mean: Vec<f64>,
    factor: Vec<f64>,
}

impl Normal {
    fn component(&self) -> Component {
        let (d, l) = (self.mean.len(), &self.factor);
        let entry = |i: usize, j: usize| (0..d).map(|k| l[i * d + k] * l[j * d + k]).sum();
        let covariance = (0..d * d).map(|at| entry(at / d, at % d)).collect();
        Component { weight: self.weight, mean: self.mean.clone(), covariance }
    }

    fn draw(&self, rng: &mut HostRng) -> Vec<f64> {
        let d = self.mean.len();
        let z: Vec<f64> = (0..d).map(|_| f64::from(rng.normal())).collect();
        (0..d)
            .map(|i| self.mean[i] + (0..d).map(|k| self.factor[i * d + k] * z[k]).sum::<f64>())
            .collect()
    }
}

/// Deviations from 1 to 0.1, turned by a reflection: A = (I − 2 u uᵀ) diag(deviations), and A Aᵀ
/// has condition number 100.
fn correlated(d: usize) -> Normal {
    let u: Vec<f64> = (0..d).map(|i| 1.0 + 0.5 * i as f64).collect();
    let norm: f64 = u.iter().map(|u| u * u).sum();
    let deviation = |j: usize| 0.1f64.powf(j as f64 / (d - 1) as f64);
    let entry = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * u[i] * u[j] / norm;
    let factor = (0..d * d).map(|at| entry(at / d, at % d) * deviation(at % d)).collect();
    Normal { weight: 1.0, mean: (0..d).map(|i| 0.3 * i as f64).collect(), factor }
}

fn components(target: Target) -> Vec<Normal> {
    match target {
        Target::Correlated(d) => vec![correlated(d)],
        Target::Mixture => vec![
            Normal { weight: 0.3, mean: vec![-2.0, 0.0], factor: vec![0.8, 0.0, 0.3, 0.6] },
            Normal { weight: 0.7, mean: vec![2.0, 0.5], factor: vec![1.0, 0.0, -0.5, 0.7] },
        ],
        Target::DoubleWell => Vec::new(),
    }
}

impl Target {
    pub fn energy(self, device: &Device) -> Analytic {
        let energy = match self {
            Self::DoubleWell => Analytic::double_well(device, 2, HEIGHT, 1.0),
            _ => {
                let parts: Vec<_> = components(self).iter().map(Normal::component).collect();
                Analytic::mixture(device, &parts)
            }
        };
        energy.unwrap_or_else(|error| panic!("{error}"))
    }

    /// A length that suits step sizes: the ratio to those of the correlated Gaussians.
    pub fn scale(self) -> f32 {
        match self {
            Self::Correlated(_) => 1.0,
            Self::Mixture => 5.0,
            Self::DoubleWell => 2.5,
        }
    }

    /// `n` exact draws, `[n, D]`.
    pub fn draws(self, n: usize, seed: u64) -> Vec<f32> {
        let mut rng = HostRng::new(seed, Stream::Data, 0);
        let parts = components(self);
        if parts.is_empty() {
            let well = Quantiles::of(|x| (-f64::from(HEIGHT) * (x * x - 1.0).powi(2)).exp());
            return (0..n).flat_map(|_| [well.draw(&mut rng), rng.normal()]).collect();
        }
        (0..n)
            .flat_map(|_| {
                let u = f64::from(rng.uniform());
                let part = if u < parts[0].weight { &parts[0] } else { &parts[parts.len() - 1] };
                part.draw(&mut rng).into_iter().map(|x| x as f32).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// The inverse distribution function of a density on [−3, 3], tabled.
struct Quantiles(Vec<f64>);

impl Quantiles {
    const CELLS: usize = 1 << 16;
    const WIDTH: f64 = 6.0 / Self::CELLS as f64;

    fn of(density: impl Fn(f64) -> f64) -> Self {
        let mut sum = 0.0;
        let cell = |i: usize| density(-3.0 + (i as f64 + 0.5) * Self::WIDTH);
        let cumulative: Vec<f64> = (0..Self::CELLS)
            .map(|i| {
                sum += cell(i);
                sum
            })
            .collect();
        Self(cumulative.iter().map(|c| c / sum).collect())
    }

    fn draw(&self, rng: &mut HostRng) -> f32 {
        // A second uniform places the draw inside its cell.
        let u = f64::from(rng.uniform());
        let cell = self.0.partition_point(|c| *c <= u).min(Self::CELLS - 1);
        (-3.0 + (cell as f64 + f64::from(rng.uniform())) * Self::WIDTH) as f32
    }
}

/// Chains of an energy at given states.
pub fn chains_at(energy: &dyn Energy, states: &[f32]) -> Chains {
    let n = states.len() / energy.dimension();
    let mut chains = Chains::new(energy, n, SEED).unwrap();
    let states = upload(energy.device(), n, energy.dimension(), states);
    chains.start_from(energy, &states).unwrap();
    chains
}

/// Many chains on the CPU, as many as a software GPU moves in seconds elsewhere.
pub fn count(device: &Device, many: usize, few: usize) -> usize {
    if device.name().starts_with("CPU") || !with_gpu() { many } else { few }
}

/// (mean, standard error) of values.
pub fn mean(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}
