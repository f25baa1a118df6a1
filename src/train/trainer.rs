//! The training of an RBM, update by update.

use std::time::{Duration, Instant};

use super::{
    Metrics, ObjectiveKind, Settings, TrainError,
    average::Average,
    feed::Feed,
    monitor::{Monitor, turnover},
    optimizer::Optimizer,
};
use crate::{
    data::{Binarize, Dataset, Examples},
    device::{Array, Device, Pointwise, Reduce, RowWeights},
    energy::{Energy, Rbm},
    evaluate,
    objective::{Batch, Cd, Objective, Pcd},
    sampler::{Chains, Gibbs},
};

/// Rate of the moving averages behind the centred gradient.
const OFFSET_RATE: f32 = 0.01;
/// Exact likelihoods are taken during training up to this many units on the smaller side.
const EXACT_UNITS: usize = 20;

/// A training run: owns the model, the data and all state. Updates are queued on the device; only
/// [`Trainer::measure`] and [`Trainer::state`] wait for it.
pub struct Trainer {
    pub(super) device: Device,
    pub(super) settings: Settings,
    data: Dataset,
    pub(super) model: Rbm,
    pub(super) objective: Box<dyn Objective>,
    pub(super) optimizer: Optimizer,
    pub(super) average: Average,
    gradient: Vec<Array>,
    feed: Feed,
    batch: Batch,
    monitor: Monitor,
    pub(super) data_checksum: u32,
    pub(super) step: u64,
    total: u64,
    started: Instant,
    earlier: Duration,
}

impl Trainer {
    /// Prepares a run on a data set, which is binarised as the settings say.
    ///
    /// # Errors
    /// A setting out of range, data that a Bernoulli RBM cannot learn, or the device refuses.
    pub fn new(device: &Device, mut data: Dataset, settings: Settings) -> Result<Self, TrainError> {
        settings.validate()?;
        check(&data)?;
        data.binarize(settings.binarize, settings.seed);
        let means = column_means_of(&data.train);
        let seed = settings.seed;
        let model = Rbm::initial(device, &means, settings.hidden, settings.centred, seed)?;
        let draw = settings.binarize == Binarize::Dynamic;
        let feed = Feed::new(device, &data.train, settings.batch, draw, seed)?;
        let objective: Box<dyn Objective> = match settings.objective {
            ObjectiveKind::Pcd => {
                let mut chains = Chains::new(&model, settings.chains, seed)?;
                chains.start_from_noise(device)?;
                Box::new(Pcd::new(Gibbs::default(), chains))
            }
            ObjectiveKind::Cd => {
                Box::new(Cd::new(Gibbs::default(), Chains::new(&model, feed.batch(), seed)?))
            }
        };
        let zeros = |(_, array): (_, &Array)| device.zeros(array.rows(), array.columns());
        let gradient = model.parameters().into_iter().map(zeros).collect::<Result<_, _>>()?;
        let batch = Batch {
            x: device.zeros(feed.batch(), model.dimension())?,
            hidden_means: device.zeros(feed.batch(), settings.hidden)?,
        };
        Ok(Self {
            device: device.clone(),
            optimizer: Optimizer::new(settings.optimizer, &model)?,
            average: Average::default(),
            monitor: Monitor::new(device, &data, &settings)?,
            data_checksum: checksum(&data.train),
            total: settings.epochs.saturating_mul(feed.batches_per_epoch()),
            gradient,
            feed,
            batch,
            objective,
            model,
            data,
            settings,
            step: 0,
            started: Instant::now(),
            earlier: Duration::ZERO,
        })
    }

    /// One update: a batch, its hidden means, the chains, the gradient, the optimizer. Returns
    /// without waiting for the device.
    ///
    /// # Errors
    /// The device refuses.
    pub fn step(&mut self) -> Result<(), TrainError> {
        let device = &self.device;
        self.feed.fill(device, &self.data.train, self.step, &mut self.batch.x)?;
        self.model.hidden_means(&self.batch.x, &mut self.batch.hidden_means)?;
        if let Some(offsets) = self.model.offsets_mut() {
            for (offset, values) in [
                (&mut offsets.visible, &self.batch.x),
                (&mut offsets.hidden, &self.batch.hidden_means),
            ] {
                // The moving average, with the batch's mean added in place.
                device.pointwise(Pointwise::Scale(1.0 - OFFSET_RATE), offset)?;
                let weights = RowWeights::Uniform(OFFSET_RATE / values.rows() as f32);
                device.reduce(Reduce::ColumnSum { weights, accumulate: true }, values, offset)?;
            }
        }
        let sweeps = self.settings.sweeps(self.step, self.total);
        let points = self.objective.points(&self.model, &self.batch, sweeps)?;
        self.model.gradient(&points, &mut self.gradient)?;
        let rate = self.settings.rate(self.step, self.total);
        self.optimizer.update(&self.settings, self.step, rate, &mut self.model, &self.gradient)?;
        self.step += 1;
        let averaged = (f64::from(self.settings.average) * self.total as f64) as u64;
        if self.step > self.total - averaged {
            self.average.add(&self.model)?;
        }
        Ok(())
    }

    /// The figures of a log line; waits for the device. `exact` asks for the exact likelihood,
    /// which is given where the smaller side of the model has at most 20 units.
    ///
    /// # Errors
    /// A parameter or the loss is no longer finite, or the device refuses.
    pub async fn measure(&self, exact: bool) -> Result<Metrics, TrainError> {
        self.check_finite().await?;
        let model = &self.model;
        let on_data = evaluate::mean_energy_of(model, &self.batch.x).await?;
        let on_chains = evaluate::mean_energy_of(model, &self.objective.chains().visible).await?;
        let (train, held_out) = self.monitor.free_energies(model).await?;
        let log_z = if exact && self.monitor.bits {
            evaluate::log_partition(model, EXACT_UNITS).await?
        } else {
            None
        };
        let hidden = evaluate::hidden_use(model, self.monitor.examples()).await?;
        let norm =
            evaluate::scalar(&self.device, Reduce::SumOfSquares, model.parameters()[0].1).await?;
        let last = self.step.saturating_sub(1);
        let figures = [
            ("free energy of the data", on_data),
            ("free energy of the chains", on_chains),
            ("weight norm", norm),
        ];
        if let Some((figure, value)) = figures.into_iter().find(|(_, value)| !value.is_finite()) {
            let rate = self.settings.rate(last, self.total);
            return Err(TrainError::Diverged { figure, value, step: self.step, rate });
        }
        let likelihood = |energy: f64| log_z.map(|log_z| -energy - log_z);
        Ok(Metrics {
            step: self.step,
            epoch: self.step as f64 / self.feed.batches_per_epoch() as f64,
            seconds: self.seconds(),
            loss: on_data - on_chains,
            lr: f64::from(self.settings.rate(last, self.total)),
            k: self.settings.sweeps(last, self.total),
            free_energy_train: train,
            free_energy_held_out: held_out,
            free_energy_gap: held_out.map(|held_out| held_out - train),
            reconstruction_error: evaluate::reconstruction_error(model, self.monitor.examples())
                .await?,
            dead_hidden: hidden.dead,
            saturated_hidden: hidden.saturated,
            weight_norm: norm.sqrt(),
            chain_turnover: turnover(model, self.objective.chains()).await?,
            log_z,
            log_likelihood_train: likelihood(train),
            log_likelihood_held_out: held_out.and_then(likelihood),
        })
    }

    /// Whether every parameter is finite; waits for the device.
    ///
    /// # Errors
    /// They are not; the message says which and what to try.
    pub async fn check_finite(&self) -> Result<(), TrainError> {
        for (name, array) in self.model.parameters() {
            let count = evaluate::scalar(&self.device, Reduce::NonFinite, array).await?;
            if count > 0.0 {
                let adaptive = self.settings.optimizer == super::OptimizerKind::Adam;
                return Err(TrainError::NonFinite {
                    quantity: name,
                    count: count as u64,
                    step: self.step,
                    rate: self.settings.rate(self.step.saturating_sub(1), self.total),
                    advice: match (self.settings.l2 > 0.0, adaptive) {
                        (true, _) => ", or a smaller --l2",
                        (_, false) if self.settings.momentum > 0.0 => ", or a smaller --momentum",
                        _ => "",
                    },
                });
            }
        }
        Ok(())
    }

    /// The model as it is.
    pub fn model(&self) -> &Rbm {
        &self.model
    }

    /// The model to keep: its parameters averaged over the last updates, where averaging has
    /// begun.
    ///
    /// # Errors
    /// The device refuses.
    pub fn averaged_model(&self) -> Result<Rbm, TrainError> {
        let mut model = self.model.duplicate()?;
        if let Some(means) = &self.average.means {
            for (parameter, mean) in model.parameters_mut().into_iter().zip(means) {
                self.device.copy_rows(mean, 0, parameter, 0, mean.rows())?;
            }
        }
        Ok(model)
    }

    /// The chains.
    pub fn chains(&self) -> &Chains {
        self.objective.chains()
    }

    /// The data, binarised.
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Updates done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// Updates of the whole run.
    pub fn steps_total(&self) -> u64 {
        self.total
    }

    /// Updates of a pass over the training data.
    pub fn steps_per_epoch(&self) -> u64 {
        self.feed.batches_per_epoch()
    }

    /// Seconds of training, over all sittings.
    pub fn seconds(&self) -> f64 {
        (self.earlier + self.started.elapsed()).as_secs_f64()
    }

    pub(super) fn resume_clock(&mut self, seconds: f64) {
        self.earlier = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.started = Instant::now();
    }
}

/// What a Bernoulli RBM cannot learn from.
fn check(data: &Dataset) -> Result<(), TrainError> {
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
        if let Some(position) = examples.values.iter().position(|x| !(0.0..=1.0).contains(x)) {
            let (row, column) = (position / examples.columns, position % examples.columns);
            return refuse(format!(
                "holds {} in {part} example {row}, column {column}; a Bernoulli RBM wants values \
                 from 0 to 1",
                examples.values[position]
            ));
        }
    }
    Ok(())
}

/// CRC-32 of the values: tells whether a snapshot belongs to the same data.
fn checksum(data: &Examples) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytemuck::cast_slice(&data.values));
    crc.sum()
}

fn column_means_of(data: &Examples) -> Vec<f32> {
    let mut sums = vec![0f64; data.columns];
    for row in data.values.chunks_exact(data.columns) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    sums.iter().map(|sum| (sum / data.rows as f64) as f32).collect()
}
