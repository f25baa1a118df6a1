//! Samples an energy that the crate does not have: five methods and a score are all that a sampler
//! needs. The law is that of x₁ = z₁, x₂ = z₁ + z₂ for independent logistic z, whose moments are
//! known: log p(z) = −softplus(z) − softplus(−z).
//!
//!     cargo run --release --example own_energy

use ergodic::{
    device::{Activation, Array, Device, Linear, Result},
    energy::{Domain, Energy},
    sampler::{Chains, Mala, Sampler, burn_in},
};
use pollster::block_on;

/// E(x) = Σ softplus(x W), the columns of W giving z₁, z₂, −z₁, −z₂.
struct Logistic {
    device: Device,
    weights: Array,
}

impl Logistic {
    fn new(device: &Device) -> Result<Self> {
        let weights = device.upload(2, 4, &[1.0, -1.0, -1.0, 1.0, 0.0, 1.0, 0.0, -1.0])?;
        Ok(Self { device: device.clone(), weights })
    }

    fn of<'a>(&'a self, x: &'a Array, activation: Activation) -> Linear<'a> {
        let weights = &self.weights;
        Linear { x, weights, transposed: false, bias: None, scale: 1.0, activation }
    }
}

impl Energy for Logistic {
    fn kind(&self) -> &'static str {
        "logistic"
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn dimension(&self) -> usize {
        2
    }

    fn domain(&self) -> Domain {
        Domain::Real
    }

    fn energy(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.device.linear_sum(&self.of(x, Activation::Softplus), out)
    }

    /// −∇E = −sigmoid(x W) Wᵀ.
    fn score(&self, x: &Array, out: &mut Array) -> Result<()> {
        let mut slopes = self.device.zeros(x.rows(), 4)?;
        self.device.linear(&self.of(x, Activation::Sigmoid), &mut slopes)?;
        let back =
            Linear { transposed: true, scale: -1.0, ..self.of(&slopes, Activation::Identity) };
        self.device.linear(&back, out)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = block_on(Device::open("auto"))?;
    println!("{}", device.name());
    let energy = Logistic::new(&device)?;

    let mut chains = Chains::new(&energy, 10_000, 0)?;
    let mut sampler = Mala::new(0.1);
    let burnt = block_on(burn_in(&mut sampler, &energy, &mut chains, 500))?;
    println!("step size after burn-in {:.3}", burnt.step_size.unwrap_or_default());
    sampler.advance(&energy, &mut chains, 200)?;
    println!("acceptance {:.3}", block_on(chains.acceptance(&device))?.rate);

    let states = block_on(device.read(&chains.visible))?;
    let mean = |f: &dyn Fn(f64, f64) -> f64| {
        let each = states.chunks_exact(2).map(|x| f(f64::from(x[0]), f64::from(x[1])));
        each.sum::<f64>() / chains.visible.rows() as f64
    };
    let variance = std::f64::consts::PI.powi(2) / 3.0;
    println!("                  chains   truth");
    println!("mean of x1       {:7.3} {:7.3}", mean(&|x, _| x), 0.0);
    println!("variance of x1   {:7.3} {:7.3}", mean(&|x, _| x * x), variance);
    println!("variance of x2   {:7.3} {:7.3}", mean(&|_, y| y * y), 2.0 * variance);
    println!("covariance       {:7.3} {:7.3}", mean(&|x, y| x * y), variance);
    println!(
        "p(x1 > 2)        {:7.3} {:7.3}",
        mean(&|x, _| f64::from(u8::from(x > 2.0))),
        1.0 / (1.0 + 2f64.exp())
    );
    Ok(())
}
