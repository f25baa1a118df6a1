//! The losses of score matching: traces against the analytic Hessian, gradients of the weighted
//! points against differences of the loss in f64, the closed form on Gaussian data; and the
//! cross-entropy of joint models.

use ergodic::{
    device::{Array, Device, Nonlinearity, Optimize},
    energy::{Energy, Gaussian},
    objective::{
        Batch, Dsm, Jem, Law, Objective, Sm, SmHutchinson, Ssm, SsmVr, Steps, Update,
        hessian_trace, total,
    },
};
use pollster::block_on;

use crate::{
    common::{devices, normals, read, upload, wide},
    gradients::both,
    oracle::Net,
};

fn update(number: u64) -> Update {
    Update { number, steps: 1, seed: 11 }
}

fn batch(device: &Device, rows: usize, d: usize, values: &[f32]) -> Batch {
    Batch {
        x: upload(device, rows, d, values),
        hidden_means: device.zeros(rows, 1).unwrap(),
        classes: None,
    }
}

fn gradient_of(
    objective: &mut dyn Objective,
    energy: &dyn Energy,
    batch: &Batch,
    number: u64,
) -> Vec<Array> {
    let device = energy.device();
    let zeros = |array: &Array| device.zeros(array.rows(), array.columns()).unwrap();
    let mut gradient: Vec<Array> = energy.parameters().iter().map(|(_, a)| zeros(a)).collect();
    let points = objective.points(energy, batch, update(number)).unwrap();
    energy.gradient(&points, &mut gradient).unwrap();
    gradient
}

#[test]
fn the_trace_is_that_of_the_hessian() {
    for device in devices() {
        for (d, rows) in [(2, 40), (10, 40), (64, 10)] {
            let (mlp, net) = both(&device, &[d, 32, 32, 1], Nonlinearity::Silu, 0.5);
            let points = normals(rows * d, 21);
            let x = upload(&device, rows, d, &points);
            let exact: Vec<f64> = points.chunks_exact(d).map(|x| net.trace(&wide(x))).collect();
            let h = Steps::for_scale(1.0).first;
            let trace = hessian_trace(&mlp, &x, Law::Axes, 1, h, update(0)).unwrap();
            for (found, wanted) in read(&device, &trace).iter().zip(&exact) {
                let error = (f64::from(*found) - wanted).abs() / wanted.abs();
                assert!(error < 1e-3, "{} D {d}: {found} {wanted}", device.name());
            }
            // Random probes are unbiased: a factor 1/D or D would be hundreds of standard errors off.
            for law in [Law::Rademacher, Law::Normal] {
                let rounds = if device.name().starts_with("CPU") { 400 } else { 40 };
                let means: Vec<f64> = (0..rounds)
                    .map(|round| {
                        let trace = hessian_trace(&mlp, &x, law, 1, h, update(round)).unwrap();
                        let values = read(&device, &trace);
                        values.iter().map(|t| f64::from(*t)).sum::<f64>() / rows as f64
                    })
                    .collect();
                let n = rounds as f64;
                let mean = means.iter().sum::<f64>() / n;
                let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (n - 1.0);
                let wanted = exact.iter().sum::<f64>() / rows as f64;
                // Rounding may leave what the scatter of few probes does not show.
                let bound = 4.0 * (variance / n).sqrt() + 1e-3 * wanted.abs();
                let what = format!("{} D {d} {law:?}", device.name());
                assert!((mean - wanted).abs() < bound, "{what}: {mean} {wanted} ± {bound:.1e}");
                assert!(bound < 0.25 * wanted.abs(), "{what}: the test has no power ({bound})");
            }
        }
    }
}

/// E[½‖∇E‖² − tr ∇²E] in f64.
fn score_matching(net: &Net, points: &[f32], d: usize) -> f64 {
    let rows = points.chunks_exact(d);
    let sum: f64 = rows
        .clone()
        .map(|x| {
            let x = wide(x);
            0.5 * net.slope(&x).iter().map(|s| s * s).sum::<f64>() - net.trace(&x)
        })
        .sum();
    sum / rows.len() as f64
}

/// The largest difference between the points' gradient and f64, over a few parameters of every
/// layer, as a share of the largest derivative among them.
fn worst(device: &Device, net: &Net, gradient: &[Array], loss: &dyn Fn(&Net) -> f64) -> f64 {
    let (mut error, mut largest) = (0f64, 0f64);
    for (index, gradient) in gradient.iter().enumerate() {
        let found = read(device, gradient);
        for place in [0, found.len() / 3, found.len() / 2, found.len() - 1] {
            let wanted = net.derivative(index / 2, index % 2 == 1, place, loss);
            error = error.max((f64::from(found[place]) - wanted).abs());
            largest = largest.max(wanted.abs());
        }
    }
    error / largest
}

#[test]
fn the_points_of_score_matching_give_its_gradient() {
    for device in devices() {
        for d in [2, 10] {
            let (mlp, net) = both(&device, &[d, 16, 16, 1], Nonlinearity::Tanh, 0.3);
            let points = normals(30 * d, 23);
            let batch = batch(&device, 30, d, &points);
            let mut sm = Sm::new(Steps::for_scale(1.0));
            let loss = |net: &Net| score_matching(net, &points, d);
            let gradient = gradient_of(&mut sm, &mlp, &batch, 0);
            let share = worst(&device, &net, &gradient, &loss);
            // An activation is exact to 2^-23 of its size; 4/h² = 11,600 times that is 1.4e-3 an
            // example, where the largest derivative is about 0.1.
            assert!(share < 2e-2, "{} D {d}: off by {share:.1e}", device.name());
            let terms = sm.loss(&mlp, &batch, update(0)).unwrap();
            let found = block_on(total(&device, terms)).unwrap();
            assert!((found - loss(&net)).abs() < 1e-3 * loss(&net).abs().max(1.0), "{found}");
        }
    }
}

/// In the mean over many draws the sliced losses have the gradient of the exact one.
#[test]
fn sliced_losses_are_unbiased() {
    let device = Device::cpu();
    let (mlp, net) = both(&device, &[2, 16, 16, 1], Nonlinearity::Tanh, 0.3);
    let points = normals(60, 25);
    // Every example many times over, so that one batch has many probes.
    let repeated: Vec<f32> = points.iter().copied().cycle().take(60 * 40).collect();
    let batch = batch(&device, 30 * 40, 2, &repeated);
    let loss = |net: &Net| score_matching(net, &points, 2);
    let steps = Steps::for_scale(1.0);
    let objectives: [Box<dyn Objective>; 3] = [
        Box::new(SmHutchinson::new(2, steps)),
        Box::new(Ssm::new(2, steps)),
        Box::new(SsmVr::new(2, steps)),
    ];
    const DRAWS: u64 = 50;
    // The middle weight of every layer, and the loss itself.
    let wanted: Vec<f64> = (0..3)
        .map(|layer| {
            let place = net.layers[layer].0.len() / 2;
            net.derivative(layer, false, place, &loss)
        })
        .chain([loss(&net)])
        .collect();
    let largest = wanted[..3].iter().fold(0f64, |largest, x| largest.max(x.abs()));
    for mut objective in objectives {
        let draws: Vec<Vec<f64>> = (0..DRAWS)
            .map(|number| {
                let gradient = gradient_of(&mut *objective, &mlp, &batch, number);
                let middle = |layer: usize| {
                    let values = read(&device, &gradient[2 * layer]);
                    f64::from(values[values.len() / 2])
                };
                let terms = objective.loss(&mlp, &batch, update(number)).unwrap();
                let value = block_on(total(&device, terms)).unwrap();
                (0..3).map(middle).chain([value]).collect()
            })
            .collect();
        for (place, wanted) in wanted.iter().enumerate() {
            let n = DRAWS as f64;
            let mean = draws.iter().map(|draw| draw[place]).sum::<f64>() / n;
            let variance =
                draws.iter().map(|draw| (draw[place] - mean).powi(2)).sum::<f64>() / (n - 1.0);
            // Rounding is the same in every draw; see below.
            let size = if place == 3 { wanted.abs() } else { largest };
            let bound = 4.0 * (variance / n).sqrt() + 0.01 * size;
            let what = objective.kind();
            assert!((mean - wanted).abs() < bound, "{what} {place}: {mean} {wanted} ± {bound}");
            assert!(bound < 0.3 * size, "{what} {place}: no power: {bound} of {size}");
        }
    }
}

/// The residuals are those of the very noise that the objective drew, recovered from its points.
#[test]
fn the_points_of_denoising_give_its_gradient() {
    for device in devices() {
        let (mlp, net) = both(&device, &[2, 16, 16, 1], Nonlinearity::Softplus, 0.3);
        let points = normals(60, 27);
        let batch = batch(&device, 30, 2, &points);
        let sigma = [0.3f32, 0.6];
        let mut dsm = Dsm::new(sigma.to_vec(), Steps::for_scale(1.0));
        let noisy: Vec<f64> = {
            let list = dsm.points(&mlp, &batch, update(0)).unwrap();
            // The two points of an example lie next to each other.
            let pairs = read(&device, list[0].x);
            let middle =
                |pair: &[f32]| [0, 1].map(|i| 0.5 * (f64::from(pair[i]) + f64::from(pair[i + 2])));
            pairs.chunks_exact(4).flat_map(middle).collect()
        };
        let gradient = gradient_of(&mut dsm, &mlp, &batch, 0);
        let loss = |net: &Net| -> f64 {
            let rows = noisy.chunks_exact(2).zip(points.chunks_exact(2)).enumerate();
            let sum: f64 = rows
                .map(|(row, (noisy, x))| {
                    let square = f64::from(sigma[row % 2]).powi(2);
                    let residual = net.slope(noisy).into_iter().zip(noisy.iter().zip(x));
                    let norm: f64 = residual
                        .map(|(slope, (y, x))| (-slope + (y - f64::from(*x)) / square).powi(2))
                        .sum();
                    0.5 * square * norm
                })
                .sum();
            sum / 30.0
        };
        let share = worst(&device, &net, &gradient, &loss);
        assert!(share < 5e-3, "{}: off by {share:.1e}", device.name());
        let found = dsm.loss(&mlp, &batch, update(0)).unwrap();
        let found = block_on(total(&device, found)).unwrap();
        assert!((found - loss(&net)).abs() < 1e-3 * loss(&net), "{found} {}", loss(&net));
    }
}

/// Score matching of a quadratic energy on Gaussian data ends at the precision of the data.
#[test]
fn score_matching_finds_the_precision_of_gaussian_data() {
    for device in devices() {
        let rows = 2000;
        let noise = normals(2 * rows, 29);
        // x = A ξ, correlated; the precision is that of the sample itself.
        let points: Vec<f32> =
            noise.chunks_exact(2).flat_map(|e| [1.2 * e[0], 0.9 * e[0] + 0.6 * e[1]]).collect();
        let mean =
            |i: usize| points.chunks_exact(2).map(|x| f64::from(x[i])).sum::<f64>() / rows as f64;
        let mu = [mean(0), mean(1)];
        let moment = |i: usize, j: usize| {
            let product = |x: &[f32]| (f64::from(x[i]) - mu[i]) * (f64::from(x[j]) - mu[j]);
            points.chunks_exact(2).map(product).sum::<f64>() / rows as f64
        };
        let (a, b, c) = (moment(0, 0), moment(0, 1), moment(1, 1));
        let determinant = a * c - b * b;
        let wanted = [c / determinant, -b / determinant, -b / determinant, a / determinant];
        let batch = batch(&device, rows, 2, &points);
        let mut energy = Gaussian::new(&device, &[1.0, 0.0, 0.0, 1.0], &[0.0, 0.0]).unwrap();
        let mut sm = Sm::new(Steps::for_scale(1.0));
        let moments = |array: &Array| device.zeros(array.rows(), array.columns()).unwrap();
        let mut unused: Vec<Array> = energy.parameters().iter().map(|(_, a)| moments(a)).collect();
        for _ in 0..400 {
            let gradient = gradient_of(&mut sm, &energy, &batch, 0);
            for ((parameter, gradient), moment) in
                energy.parameters_mut().into_iter().zip(&gradient).zip(&mut unused)
            {
                let call = Optimize::Sgd { rate: 0.4, momentum: 0.0, decay: 0.0 };
                let moment = std::slice::from_mut(moment);
                device.optimize(call, gradient, parameter, moment).unwrap();
            }
        }
        let found = read(&device, energy.parameters()[0].1);
        for (found, wanted) in found.iter().zip(wanted) {
            let error = (f64::from(*found) - wanted).abs();
            assert!(error < 0.01 * wanted.abs(), "{}: {found} {wanted}", device.name());
        }
    }
}

/// The plain classifier's weighted points are the gradient of the cross-entropy.
#[test]
fn cross_entropy_of_a_joint_model() {
    for device in devices() {
        let (mlp, net) = both(&device, &[5, 16, 3], Nonlinearity::Elu, 0.0);
        let points = normals(20 * 5, 31);
        let labels: Vec<usize> = (0..20).map(|row| row * 7 % 3).collect();
        let one_hot: Vec<f32> =
            (0..60).map(|place| f32::from(u8::from(labels[place / 3] == place % 3))).collect();
        let mut batch = batch(&device, 20, 5, &points);
        assert!(Jem::new(None, 0.0, 0.0).points(&mlp, &batch, update(0)).is_err(), "no labels");
        batch.classes = Some(upload(&device, 20, 3, &one_hot));
        let mut jem = Jem::new(None, 0.0, 0.0);
        let gradient = gradient_of(&mut jem, &mlp, &batch, 0);
        let loss = |net: &Net| -> f64 {
            let rows = points.chunks_exact(5).zip(&labels);
            let each = rows.map(|(x, label)| {
                let x = wide(x);
                // log Σ exp f = −E(x).
                -net.energy(&x, &[0.0; 5]).0 - net.outputs(&x, &[0.0; 5])[*label].0
            });
            each.sum::<f64>() / 20.0
        };
        let share = worst(&device, &net, &gradient, &loss);
        assert!(share < 1e-4, "{}: off by {share:.1e}", device.name());
        let found = block_on(total(&device, jem.loss(&mlp, &batch, update(0)).unwrap())).unwrap();
        assert!((found - loss(&net)).abs() < 1e-5, "{found} {}", loss(&net));
    }
}
