//! Each kind of case on a device: the model, the chains, and the call that is timed.

use pollster::block_on;

use super::{Activity, BenchError, Case, Kind, Timing, clock::Clock};
use crate::{
    data::{Dataset, Examples},
    device::{Array, Device, Draw, Nonlinearity, Pointwise, Reduce, RowWeights},
    energy::{Architecture, Base, Energy, Mlp, Path, Rbm},
    evaluate::Annealer,
    random::{HostRng, Stream},
    sampler::{Chains, Gibbs, Mala, Sampler, Ula},
    train::{Settings, Trainer},
};

/// Shares of visible and hidden units that are on in an RBM of MNIST.
const MNIST_LIKE: Activity = Activity { visible: 0.19, hidden: 0.25 };
/// Shares where both states are as likely.
const HALF: Activity = Activity { visible: 0.5, hidden: 0.5 };
/// Standard deviation of an RBM's weights; so small that the biases alone set the activity.
const WEIGHT: f32 = 0.01;
/// Step size of Langevin steps.
const STEP: f32 = 0.01;
/// Precision of the Gaussian base of nets, without which chains would run away.
const PRECISION: f32 = 1.0;
/// Examples of the synthetic data, at least.
const EXAMPLES: usize = 10_000;
/// Seed of every draw.
const SEED: u64 = 1;

/// Times a case; tells the activity of its binary units.
///
/// # Errors
/// The device refuses, for want of memory perhaps.
pub(super) fn measure(
    device: &Device,
    case: &Case,
    chains: usize,
    clock: &Clock,
) -> Result<(Timing, Option<Activity>), BenchError> {
    let real = |timing: Result<Timing, BenchError>| timing.map(|timing| (timing, None));
    let (sizes, least) = (case.sizes, case.least_steps());
    match case.kind {
        Kind::Gibbs => gibbs(&rbm(device, sizes, HALF)?, chains, clock),
        Kind::SparseGibbs => gibbs(&rbm(device, sizes, MNIST_LIKE)?, chains, clock),
        Kind::Anneal => anneal(&rbm(device, sizes, MNIST_LIKE)?, chains, clock),
        Kind::Pcd => pcd(device, sizes, chains, clock),
        Kind::Ula => real(langevin(&net(device, sizes)?, (&Ula::new(STEP), least), chains, clock)),
        Kind::Mala => {
            real(langevin(&net(device, sizes)?, (&Mala::new(STEP), least), chains, clock))
        }
        Kind::Energy => real(energies(&net(device, sizes)?, chains, clock)),
        Kind::Score => real(scores(&net(device, sizes)?, chains, clock)),
        Kind::FreeEnergy => real(energies(&rbm(device, sizes, MNIST_LIKE)?, chains, clock)),
        Kind::ColdStart => Err(BenchError::ColdStart { problem: "is not timed by rounds".into() }),
    }
}

/// Times calls of `steps` steps each, queued one after the other: seconds a call of sweeps of an RBM
/// whose units are on half of the time, or of Langevin steps on a net.
///
/// # Errors
/// The device refuses, for want of memory perhaps.
pub(super) fn measure_calls(
    device: &Device,
    case: &Case,
    (chains, steps): (usize, u32),
    clock: &Clock,
) -> Result<Timing, BenchError> {
    let time = |model: &dyn Energy, sampler: &dyn Sampler, mut states: Chains| {
        clock.time(1, |calls| {
            for _ in 0..calls {
                sampler.advance(model, &mut states, steps)?;
            }
            Ok(())
        })
    };
    if let [_, _] = case.sizes {
        let model = rbm(device, case.sizes, HALF)?;
        let mut states = Chains::new(&model, chains, SEED)?;
        states.start_from_noise(device)?;
        return time(&model, &Gibbs::default(), states);
    }
    let model = net(device, case.sizes)?;
    let mut states = Chains::new(&model, chains, SEED)?;
    states.start_uniform(device, -1.0, 1.0)?;
    time(&model, &Ula::new(STEP), states)
}

/// An RBM whose biases turn on given shares of its units.
fn rbm(device: &Device, sizes: &[usize], activity: Activity) -> Result<Rbm, BenchError> {
    let (visible, hidden) = (sizes[0], sizes[1]);
    let mut rng = HostRng::new(SEED, Stream::Parameters, 0);
    // Uniforms of that deviation are drawn faster than normals, and large models have many.
    let scale = WEIGHT * 12f32.sqrt();
    let weights: Vec<f32> = (0..visible * hidden).map(|_| scale * (rng.uniform() - 0.5)).collect();
    let bias = |share: f64, units| vec![(share / (1.0 - share)).ln() as f32; units];
    let (b, c) = (bias(activity.visible, visible), bias(activity.hidden, hidden));
    Ok(Rbm::new(device, &weights, &b, &c)?)
}

fn net(device: &Device, sizes: &[usize]) -> Result<Mlp, BenchError> {
    let last = sizes.len() - 1;
    let shape = Architecture {
        inputs: sizes[0],
        hidden: sizes[1..last].to_vec(),
        outputs: sizes[last],
        nonlinearity: Nonlinearity::Silu,
        base_precision: PRECISION,
    };
    Ok(Mlp::initial(device, &shape, SEED)?)
}

fn gibbs(
    model: &Rbm,
    chains: usize,
    clock: &Clock,
) -> Result<(Timing, Option<Activity>), BenchError> {
    let device = model.device();
    let mut chains = Chains::new(model, chains, SEED)?;
    chains.start_from_noise(device)?;
    let sampler = Gibbs::default();
    let timing = clock.time(1, |steps| Ok(sampler.advance(model, &mut chains, steps)?))?;
    Ok((timing, Some(activity(device, &chains)?)))
}

fn anneal(
    model: &Rbm,
    chains: usize,
    clock: &Clock,
) -> Result<(Timing, Option<Activity>), BenchError> {
    let device = model.device();
    let means = vec![MNIST_LIKE.visible as f32; model.dimension()];
    let path = Path::new(model, Base::of_means(&means))?;
    let annealer = Annealer::new(&path);
    let mut chains = annealer.start(chains, SEED)?;
    let mut log_weights = device.zeros(chains.visible.rows(), 1)?;
    let timing = clock.time(1, |steps| {
        let betas: Vec<f32> = (0..=steps).map(|step| step as f32 / steps as f32).collect();
        Ok(annealer.advance(&mut chains, &betas, &mut log_weights)?)
    })?;
    Ok((timing, Some(activity(device, &chains)?)))
}

/// Updates of an RBM, with as many chains as examples in a batch: all that [`Trainer::step`] does.
fn pcd(
    device: &Device,
    sizes: &[usize],
    batch: usize,
    clock: &Clock,
) -> Result<(Timing, Option<Activity>), BenchError> {
    let settings = Settings {
        hidden: vec![sizes[1]],
        chains: batch,
        batch,
        epochs: u64::from(u32::MAX),
        ..Settings::default()
    };
    let mut trainer = Trainer::new(device, synthetic(sizes[0], batch), settings)?;
    let timing = clock.time(1, |steps| {
        for _ in 0..steps {
            trainer.step()?;
        }
        Ok(())
    })?;
    block_on(trainer.check_finite())?;
    let activity = trainer.chains().map(|chains| activity(device, chains)).transpose()?;
    Ok((timing, activity))
}

/// Bits with as many ones among them as MNIST-like visible units have.
fn synthetic(columns: usize, least: usize) -> Dataset {
    let rows = EXAMPLES.max(least);
    let mut rng = HostRng::new(SEED, Stream::Data, 0);
    let share = MNIST_LIKE.visible as f32;
    let values = (0..rows * columns).map(|_| f32::from(u8::from(rng.uniform() < share))).collect();
    let train = Examples { rows, columns, values, labels: None };
    Dataset { name: "synthetic".into(), train, ..Dataset::default() }
}

fn langevin(
    net: &Mlp,
    (sampler, least): (&dyn Sampler, u32),
    chains: usize,
    clock: &Clock,
) -> Result<Timing, BenchError> {
    let mut chains = Chains::new(net, chains, SEED)?;
    chains.start_uniform(net.device(), -1.0, 1.0)?;
    clock.time(least, |steps| Ok(sampler.advance(net, &mut chains, steps)?))
}

fn energies(model: &dyn Energy, points: usize, clock: &Clock) -> Result<Timing, BenchError> {
    let x = random_points(model, points)?;
    let mut out = model.device().zeros(points, 1)?;
    clock.time(1, |steps| {
        for _ in 0..steps {
            model.energy(&x, &mut out)?;
        }
        Ok(())
    })
}

fn scores(model: &dyn Energy, points: usize, clock: &Clock) -> Result<Timing, BenchError> {
    let x = random_points(model, points)?;
    let mut out = model.device().zeros(points, model.dimension())?;
    clock.time(1, |steps| {
        for _ in 0..steps {
            model.score(&x, &mut out)?;
        }
        Ok(())
    })
}

/// Points to evaluate a model at: bits as rarely on as in MNIST, or uniforms in (-1, 1).
fn random_points(model: &dyn Energy, points: usize) -> Result<Array, BenchError> {
    let device = model.device();
    let draw = Draw { seed: SEED, step: 0, stream: Stream::Data };
    let mut x = device.zeros(points, model.dimension())?;
    if model.bipartite().is_none() {
        device.pointwise(Pointwise::Uniform { low: -1.0, high: 1.0, draw }, &mut x)?;
        return Ok(x);
    }
    let mut p = device.zeros(points, model.dimension())?;
    device.pointwise(Pointwise::Fill(MNIST_LIKE.visible as f32), &mut p)?;
    device.pointwise(Pointwise::Bernoulli { p: &p, draw }, &mut x)?;
    Ok(x)
}

/// The shares of units that are on.
fn activity(device: &Device, chains: &Chains) -> Result<Activity, BenchError> {
    let share = |states: &Array| -> Result<f64, BenchError> {
        let mut means = device.zeros(1, states.columns())?;
        let weights = RowWeights::Uniform(1.0 / states.rows() as f32);
        device.reduce(Reduce::ColumnSum { weights, accumulate: false }, states, &mut means)?;
        let means = block_on(device.read(&means))?;
        Ok(means.iter().map(|mean| f64::from(*mean)).sum::<f64>() / means.len() as f64)
    };
    Ok(Activity { visible: share(&chains.visible)?, hidden: share(&chains.hidden)? })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::CASES, *};

    fn measured(name: &str, chains: usize) -> (Timing, Option<Activity>) {
        let device = Device::cpu();
        let clock = Clock::new(&device, Duration::from_millis(5)).unwrap();
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        measure(&device, case, chains, &clock).unwrap()
    }

    #[test]
    fn cases_have_the_activity_that_they_claim() {
        // 500 × 200 nearly independent units: a share has a deviation of 0.0015, its bound is 6.
        for (name, wanted) in [("gibbs-784-500-sparse", MNIST_LIKE), ("gibbs-784-500", HALF)] {
            let found = measured(name, 200).1.unwrap();
            assert!((found.visible - wanted.visible).abs() < 0.01, "{name}: {found:?}");
            assert!((found.hidden - wanted.hidden).abs() < 0.01, "{name}: {found:?}");
        }
        let data = synthetic(784, 100).train;
        let on = data.values.iter().sum::<f32>() / data.values.len() as f32;
        assert!(data.is_bits() && (on - 0.19).abs() < 0.001, "{on}");
    }

    #[test]
    fn every_kind_of_case_runs() {
        for name in [
            "gibbs-64-32",
            "anneal-784-500",
            "pcd-784-500",
            "ula-2-128-128-1",
            "mala-64-512-512-512-10",
            "energy-784-256-1",
            "score-64-512-512-512-10",
            "free-energy-784-500",
        ] {
            let (timing, activity) = measured(name, 16);
            assert!(timing.median() > 0.0 && timing.median().is_finite(), "{name}");
            let binary = ["gibbs", "anneal", "pcd"].iter().any(|kind| name.starts_with(kind));
            assert_eq!(activity.is_some(), binary, "{name}");
        }
    }
}
