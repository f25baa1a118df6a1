//! The RBM against f64 oracles: free energy, exact partition function, weighted gradient.

mod common;

use common::{devices, normals};
use ergodic::{
    device::Device,
    energy::{Energy, Points, Rbm, Weights},
    evaluate::log_partition,
};
use pollster::block_on;

/// An RBM in f64.
#[derive(Clone)]
struct Oracle {
    d: usize,
    h: usize,
    /// W row-major, then b, then c.
    parameters: Vec<f64>,
}

impl Oracle {
    fn random(d: usize, h: usize, seed: u64) -> Self {
        // f32 values, so that the device holds the very same model.
        let parameters = normals(d * h + d + h, seed).into_iter().map(f64::from).collect();
        Self { d, h, parameters }
    }

    fn on(&self, device: &Device) -> Rbm {
        let values: Vec<f32> = self.parameters.iter().map(|x| *x as f32).collect();
        let (weights, biases) = values.split_at(self.d * self.h);
        let (visible, hidden) = biases.split_at(self.d);
        Rbm::new(device, weights, visible, hidden).unwrap()
    }

    fn free_energy(&self, v: &[f64]) -> f64 {
        let (weights, biases) = self.parameters.split_at(self.d * self.h);
        let mut energy = -v.iter().zip(biases).map(|(v, b)| v * b).sum::<f64>();
        for j in 0..self.h {
            let field: f64 = (0..self.d).map(|i| v[i] * weights[i * self.h + j]).sum();
            let x = field + biases[self.d + j];
            energy -= x.max(0.0) + (-x.abs()).exp().ln_1p();
        }
        energy
    }

    fn states(&self) -> Vec<Vec<f64>> {
        (0..1usize << self.d)
            .map(|state| (0..self.d).map(|unit| ((state >> unit) & 1) as f64).collect())
            .collect()
    }

    fn log_z(&self) -> f64 {
        let energies: Vec<f64> = self.states().iter().map(|v| -self.free_energy(v)).collect();
        let largest = energies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        largest + energies.iter().map(|e| (e - largest).exp()).sum::<f64>().ln()
    }

    /// Mean negative log-likelihood.
    fn loss(&self, data: &[Vec<f64>]) -> f64 {
        let energy: f64 = data.iter().map(|v| self.free_energy(v)).sum();
        energy / data.len() as f64 + self.log_z()
    }

    /// Its gradient, by central differences.
    fn gradient(&self, data: &[Vec<f64>]) -> Vec<f64> {
        let step = 1e-5;
        (0..self.parameters.len())
            .map(|index| {
                let moved = |by: f64| {
                    let mut moved = self.clone();
                    moved.parameters[index] += by;
                    moved.loss(data)
                };
                (moved(step) - moved(-step)) / (2.0 * step)
            })
            .collect()
    }
}

fn flat(rows: &[Vec<f64>]) -> Vec<f32> {
    rows.iter().flatten().map(|x| *x as f32).collect()
}

#[test]
fn free_energies_agree_with_f64() {
    for device in devices() {
        for (d, h) in [(1, 1), (4, 3), (9, 70), (10, 2)] {
            let oracle = Oracle::random(d, h, 3);
            let states = oracle.states();
            let x = device.upload(states.len(), d, &flat(&states)).unwrap();
            let mut out = device.zeros(states.len(), 1).unwrap();
            oracle.on(&device).energy(&x, &mut out).unwrap();
            for (v, energy) in states.iter().zip(block_on(device.read(&out)).unwrap()) {
                let exact = oracle.free_energy(v);
                let error = (f64::from(energy) - exact).abs();
                assert!(error < 1e-6 * (1.0 + exact.abs()) * h as f64, "{d}x{h}: {error}");
            }
        }
    }
}

/// Both sides as the smaller one, and more units than a block of states has.
#[test]
fn the_exact_partition_function_agrees_with_f64() {
    for device in devices() {
        for (d, h) in [(1, 1), (4, 3), (3, 40), (12, 14), (14, 13), (13, 30), (16, 4)] {
            let oracle = Oracle::random(d, h, 5);
            let log_z = block_on(log_partition(&oracle.on(&device), 25)).unwrap().unwrap();
            let exact = oracle.log_z();
            assert!((log_z - exact).abs() < 2e-5 * (1.0 + exact.abs()), "{d}x{h}: {log_z} {exact}");
        }
        let large = Oracle::random(30, 26, 5).on(&device);
        assert_eq!(block_on(log_partition(&large, 25)).unwrap(), None);
    }
}

/// Points at the data with weight 1/N and at every state with weight −p(v).
fn exact_points_gradient(
    device: &Device,
    oracle: &Oracle,
    model: &Rbm,
    data: &[Vec<f64>],
) -> Vec<f32> {
    let states = oracle.states();
    let log_z = oracle.log_z();
    let p: Vec<f32> =
        states.iter().map(|v| -(-oracle.free_energy(v) - log_z).exp() as f32).collect();
    let x = device.upload(data.len(), oracle.d, &flat(data)).unwrap();
    let all = device.upload(states.len(), oracle.d, &flat(&states)).unwrap();
    let p = device.upload(p.len(), 1, &p).unwrap();
    let points = [
        Points { x: &x, hidden_means: None, weights: Weights::Uniform(1.0 / data.len() as f32) },
        Points { x: &all, hidden_means: None, weights: Weights::Each(&p) },
    ];
    let mut gradient: Vec<_> = model
        .parameters()
        .iter()
        .map(|(_, array)| device.zeros(array.rows(), array.columns()).unwrap())
        .collect();
    model.gradient(&points, &mut gradient).unwrap();
    gradient.iter().flat_map(|array| block_on(device.read(array)).unwrap()).collect()
}

fn data() -> Vec<Vec<f64>> {
    [[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 1, 1]]
        .map(|row| row.map(f64::from).to_vec())
        .to_vec()
}

#[test]
fn the_weighted_gradient_over_enumerated_points_is_that_of_the_log_likelihood() {
    for device in devices() {
        let oracle = Oracle::random(4, 3, 7);
        let found = exact_points_gradient(&device, &oracle, &oracle.on(&device), &data());
        for (index, (found, exact)) in found.iter().zip(oracle.gradient(&data())).enumerate() {
            let error = (f64::from(*found) - exact).abs();
            assert!(error < 1e-5, "{}: {index}: {found} {exact}", device.name());
        }
    }
}

/// Melchior, Fischer and Wiskott 2016: with offsets μ and λ, ∇W − μ ∇cᵀ − ∇b λᵀ for the weights,
/// then ∇b − ∇W λ and ∇c − ∇Wᵀ μ for the biases.
#[test]
fn the_centred_gradient_is_the_plain_one_in_centred_coordinates() {
    for device in devices() {
        let oracle = Oracle::random(4, 3, 7);
        let mu = [0.8f32, 0.2, 0.8, 0.8];
        let mut model = Rbm::initial(&device, &mu, 3, true, 0).unwrap();
        let plain = oracle.on(&device);
        for (to, (_, from)) in model.parameters_mut().into_iter().zip(plain.parameters()) {
            device.copy_rows(from, 0, to, 0, from.rows()).unwrap();
        }
        let lambda = [0.3f32, 0.6, 0.9];
        let offsets = model.offsets_mut().unwrap();
        device.write(&mut offsets.hidden, 0, &lambda).unwrap();
        let found = exact_points_gradient(&device, &oracle, &model, &data());

        let exact = oracle.gradient(&data());
        let (weights, biases) = exact.split_at(12);
        let (visible, hidden) = biases.split_at(4);
        let (mu, lambda) = (mu.map(f64::from), lambda.map(f64::from));
        let weights: Vec<f64> = (0..12)
            .map(|i| weights[i] - mu[i / 3] * hidden[i % 3] - visible[i / 3] * lambda[i % 3])
            .collect();
        let visible = (0..4)
            .map(|i| visible[i] - (0..3).map(|j| weights[3 * i + j] * lambda[j]).sum::<f64>());
        let hidden =
            (0..3).map(|j| hidden[j] - (0..4).map(|i| weights[3 * i + j] * mu[i]).sum::<f64>());
        let exact: Vec<f64> = weights.iter().copied().chain(visible).chain(hidden).collect();
        for (index, (found, exact)) in found.iter().zip(exact).enumerate() {
            assert!((f64::from(*found) - exact).abs() < 1e-5, "{index}: {found} {exact}");
        }
    }
}
