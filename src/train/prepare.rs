//! From settings and data to what a run consists of: checked and scaled data, a model, a sampler,
//! an objective.

use super::{ModelKind, ObjectiveKind, SamplerKind, Settings, TrainError};
use crate::{
    data::{Binarize, Dataset, Examples},
    device::Device,
    energy::{Architecture, Base, Mlp, Model, Rbm},
    objective::{
        Cd, Dsm, Jem, Objective, Pcd, Replay, Restart, Sm, SmHutchinson, Ssm, SsmVr, Steps,
    },
    sampler::{Chains, Gibbs, Hmc, Mala, Metropolis, Sampler, SgldJem, Tempering, Ula},
};

/// The extent of the training data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    /// Root of the mean variance of the columns.
    deviation: f32,
    low: f32,
    high: f32,
}

/// Checks the data and brings them into the form that the model takes: bits or probabilities for
/// an RBM; for nets, values from −1 to 1, or the units of the source where these are natural.
pub(super) fn data(data: &mut Dataset, settings: &Settings) -> Result<(), TrainError> {
    check(data, settings.model)?;
    if data.natural && settings.binarize != Binarize::None {
        return Err(TrainError::Data {
            name: data.name.clone(),
            problem: "holds coordinates of the plane, which are no bits; leave out --binarize"
                .into(),
        });
    }
    data.binarize(settings.binarize, settings.seed);
    if settings.model != ModelKind::Rbm {
        data.centre();
    }
    Ok(())
}

/// The model of the settings, to train on these data.
pub(super) fn model(
    device: &Device,
    data: &Dataset,
    settings: &Settings,
    spread: Spread,
) -> Result<Model, TrainError> {
    let Settings { model, hidden, activation, base, seed, .. } = settings;
    let outputs = match model {
        ModelKind::Rbm => {
            let means = data.train.means();
            let rbm = Rbm::initial(device, &means, hidden[0], settings.centred, *seed)?;
            return Ok(Model::Rbm(rbm));
        }
        ModelKind::Mlp => 1,
        ModelKind::Jem => data.classes().unwrap_or(0),
    };
    let base_precision = if *base > 0.0 { (base * spread.deviation).powi(-2) } else { 0.0 };
    let shape = Architecture {
        inputs: data.train.columns,
        hidden: hidden.clone(),
        outputs,
        nonlinearity: *activation,
        base_precision,
    };
    Ok(Model::Mlp(Mlp::initial(device, &shape, *seed)?))
}

/// The objective with its chains, started. `batch` is the number of examples of a minibatch.
///
/// # Errors
/// The model does not admit the objective or the sampler, or the device refuses.
pub(super) fn objective(
    model: &Model,
    data: &Dataset,
    settings: &Settings,
    spread: Spread,
    batch: usize,
) -> Result<Box<dyn Objective>, TrainError> {
    let steps = Steps::for_scale(spread.deviation);
    let objective: Box<dyn Objective> = match settings.objective {
        ObjectiveKind::Pcd => {
            Box::new(Pcd::new(replay(model, data, settings, spread)?, settings.energy_l2))
        }
        ObjectiveKind::Cd => {
            let sampler = sampler(settings, spread);
            sampler.admits(&**model)?;
            let chains = Chains::new(&**model, batch, settings.seed)?;
            Box::new(Cd::new(sampler, chains, settings.energy_l2))
        }
        ObjectiveKind::Jem => {
            let replay = match settings.generative {
                0.0 => None,
                _ => Some(replay(model, data, settings, spread)?),
            };
            Box::new(Jem::new(replay, settings.generative, settings.energy_l2))
        }
        ObjectiveKind::Sm => Box::new(Sm::new(steps)),
        ObjectiveKind::SmHutchinson => Box::new(SmHutchinson::new(settings.probes, steps)),
        ObjectiveKind::Ssm => Box::new(Ssm::new(settings.probes, steps)),
        ObjectiveKind::SsmVr => Box::new(SsmVr::new(settings.probes, steps)),
        ObjectiveKind::Dsm => {
            let levels = settings.sigma.iter().map(|sigma| sigma * spread.deviation);
            Box::new(Dsm::new(levels.collect(), steps))
        }
    };
    objective.admits(&**model)?;
    Ok(objective)
}

/// Persistent chains, started from noise.
fn replay(
    model: &Model,
    data: &Dataset,
    settings: &Settings,
    spread: Spread,
) -> Result<Replay, TrainError> {
    let sampler = sampler(settings, spread);
    sampler.admits(&**model)?;
    let device = model.device();
    let mut chains = Chains::new(&**model, settings.chains, settings.seed)?;
    let Spread { low, high, .. } = spread;
    if settings.model == ModelKind::Rbm {
        chains.start_from_noise(device)?;
        if settings.sampler == SamplerKind::Tempering {
            let base = Base::of_means(&data.train.means());
            let mut tempering = Tempering::new(base, settings.rungs, sampler)?;
            tempering.start(&**model, &chains)?;
            return Ok(Replay::new(Box::new(tempering), chains));
        }
        return Ok(Replay::new(sampler, chains));
    }
    chains.start_uniform(device, low, high)?;
    let replay = Replay::new(sampler, chains).window(&**model, settings.window)?;
    Ok(replay.restart(Restart { share: settings.restart, low, high }))
}

/// The sampler of the settings, or what moves its replicas.
fn sampler(settings: &Settings, spread: Spread) -> Box<dyn Sampler> {
    let kind = settings.sampler;
    let length = settings.step * spread.deviation;
    let step_size = if kind.steps_are_squared() { length * spread.deviation } else { length };
    kind.sampler(step_size, settings.leapfrog, 1.0)
}

impl SamplerKind {
    /// Whether the step size is a squared length, as that of Langevin steps is.
    pub fn steps_are_squared(self) -> bool {
        matches!(self, Self::Ula | Self::Mala)
    }

    /// The sampler, with a step size and at an inverse temperature where it has them. Of tempering
    /// it is what moves the replicas of an RBM.
    pub fn sampler(self, step_size: f32, leapfrog: u32, beta: f32) -> Box<dyn Sampler> {
        match self {
            Self::Gibbs | Self::Tempering => Box::new(Gibbs { beta, clamp: None }),
            Self::Ula => Box::new(Ula::new(step_size).with_beta(beta)),
            Self::Mala => Box::new(Mala::new(step_size).with_beta(beta)),
            Self::Metropolis => Box::new(Metropolis::new(step_size).with_beta(beta)),
            Self::Hmc => Box::new(Hmc::new(step_size, leapfrog).with_beta(beta)),
            Self::SgldJem => Box::new(SgldJem::default()),
        }
    }
}

impl Spread {
    /// Of the training data, as nets need it. What an RBM learns from lies between 0 and 1, and
    /// nothing of it is scaled.
    pub fn of(data: &Examples, model: ModelKind) -> Self {
        if model == ModelKind::Rbm {
            return Self { deviation: 1.0, low: 0.0, high: 1.0 };
        }
        let means = data.means();
        let rows = data.values.chunks_exact(data.columns);
        let squares: f64 = rows
            .flat_map(|row| row.iter().zip(&means))
            .map(|(x, mean)| f64::from(x - mean).powi(2))
            .sum();
        let deviation = (squares / data.values.len().max(1) as f64).sqrt() as f32;
        let (low, high) = data.range();
        Self {
            // Constant data still need a unit of length.
            deviation: if deviation > 0.0 { deviation } else { 1.0 },
            low,
            high,
        }
    }
}

/// What a model cannot learn from.
fn check(data: &Dataset, model: ModelKind) -> Result<(), TrainError> {
    let refuse = |problem: String| Err(TrainError::Data { name: data.name.clone(), problem });
    if data.train.rows == 0 || data.train.columns == 0 {
        return refuse("has no training examples".into());
    }
    for (part, examples) in
        [("training", &data.train), ("validation", &data.validation), ("test", &data.test)]
    {
        if examples.rows > 0 && examples.columns != data.train.columns {
            return refuse(format!(
                "has {} values in each {part} example but {} in each training example",
                examples.columns, data.train.columns
            ));
        }
        let fits = |x: &f32| match model {
            ModelKind::Rbm => (0.0..=1.0).contains(x),
            ModelKind::Mlp | ModelKind::Jem => x.is_finite(),
        };
        if let Some(position) = examples.values.iter().position(|x| !fits(x)) {
            let (row, column) = (position / examples.columns, position % examples.columns);
            let wanted = match model {
                ModelKind::Rbm => {
                    "a Bernoulli RBM wants values from 0 to 1; train a --model mlp on it"
                }
                ModelKind::Mlp | ModelKind::Jem => "a net wants finite values",
            };
            return refuse(format!(
                "holds {} in {part} example {row}, column {column}; {wanted}",
                examples.values[position]
            ));
        }
        if model == ModelKind::Jem && examples.rows > 0 {
            let Some(labels) = &examples.labels else {
                return refuse(format!(
                    "has no classes in its {part} part, and jem learns classes; name the column \
                     of a CSV file with --label, or train a --model mlp"
                ));
            };
            let classes = data.classes().unwrap_or(0) as u32;
            if let Some(label) = labels.iter().find(|label| **label >= classes) {
                return refuse(format!(
                    "has class {label} in its {part} part but only 0 to {} in training",
                    classes.saturating_sub(1)
                ));
            }
        }
    }
    if model == ModelKind::Jem && data.classes().unwrap_or(0) < 2 {
        return refuse("has fewer than two classes".into());
    }
    Ok(())
}
