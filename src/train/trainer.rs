//! The training of a model, update by update.

use std::time::{Duration, Instant};

use super::{
    AnnealedFigures, ChainFigures, Metrics, Settings, TemperingFigures, TrainError, Transitions,
    average::Average,
    feed::Feed,
    monitor::{self, Monitor},
    optimizer::Optimizer,
    prepare,
};
use crate::{
    data::{Binarize, Dataset, Examples},
    device::{Array, Device, Draw, Pointwise, Reduce, RowWeights},
    energy::{Model, Rbm},
    evaluate,
    objective::{self, Batch, Objective, Update},
    random::Stream,
    sampler::Chains,
};

/// Rate of the moving averages behind the centred gradient.
const OFFSET_RATE: f32 = 0.01;

/// A training run: owns the model, the data and all state. Updates are queued on the device; only
/// [`Trainer::measure`] and [`Trainer::state`] wait for it.
pub struct Trainer {
    pub(super) device: Device,
    pub(super) settings: Settings,
    data: Dataset,
    pub(super) model: Model,
    pub(super) objective: Box<dyn Objective>,
    pub(super) optimizer: Optimizer,
    pub(super) average: Average,
    pub(super) gradient: Vec<Array>,
    pub(super) feed: Feed,
    pub(super) batch: Batch,
    monitor: Monitor,
    pub(super) data_checksum: u32,
    pub(super) step: u64,
    /// Transitions of an update, where they follow the chains.
    pub(super) chosen_transitions: u32,
    total: u64,
    started: Instant,
    earlier: Duration,
}

impl Trainer {
    /// Prepares a run on a data set, which is brought into the form that the model takes.
    ///
    /// # Errors
    /// A setting out of range, data that the model cannot learn, an objective or a sampler that
    /// the model does not admit, or the device refuses.
    pub fn new(device: &Device, mut data: Dataset, settings: Settings) -> Result<Self, TrainError> {
        settings.validate()?;
        prepare::data(&mut data, &settings)?;
        let spread = prepare::Spread::of(&data.train, settings.model);
        let model = prepare::model(device, &data, &settings, spread)?;
        let draw = settings.binarize == Binarize::Dynamic;
        let classes = model.classes();
        let feed = Feed::new(device, &data.train, settings.batch, draw, classes, settings.seed)?;
        let objective = prepare::objective(&model, &data, &settings, spread, feed.batch())?;
        let zeros = |(_, array): (_, &Array)| device.zeros(array.rows(), array.columns());
        let gradient = model.parameters().into_iter().map(zeros).collect::<Result<_, _>>()?;
        let batch = Batch {
            x: device.zeros(feed.batch(), model.dimension())?,
            hidden_means: device.zeros(feed.batch(), model.hidden())?,
            classes: (classes > 0).then(|| device.zeros(feed.batch(), classes)).transpose()?,
        };
        Ok(Self {
            device: device.clone(),
            optimizer: Optimizer::new(settings.optimizer, &*model)?,
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
            chosen_transitions: 1,
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
        let seed = self.settings.seed;
        self.feed.fill(device, &self.data.train, self.step, &mut self.batch)?;
        if self.settings.data_noise > 0.0 {
            let draw = Draw { seed, step: self.step as u32, stream: Stream::Binarize };
            let noise = Pointwise::Normal { scale: self.settings.data_noise, draw };
            device.pointwise(noise, &mut self.batch.x)?;
        }
        self.model.hidden_means(&self.batch.x, &mut self.batch.hidden_means)?;
        if let Some(offsets) = self.model.as_rbm_mut().and_then(Rbm::offsets_mut) {
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
        let steps = self.transitions(self.step);
        let update = Update { number: self.step, steps, seed };
        let points = self.objective.points(&*self.model, &self.batch, update)?;
        self.model.gradient(&points, &mut self.gradient)?;
        if let Some(place) = self.model.constant().filter(|_| !self.objective.sees_constant()) {
            device.pointwise(Pointwise::Fill(0.0), &mut self.gradient[place])?;
        }
        let rate = self.settings.rate(self.step, self.total);
        let model = &mut *self.model;
        self.optimizer.update(&self.settings, self.step, rate, model, &self.gradient)?;
        self.step += 1;
        let averaged = (f64::from(self.settings.average) * self.total as f64) as u64;
        if self.step > self.total - averaged {
            self.average.add(&*self.model)?;
        }
        Ok(())
    }

    /// The figures of a log line; waits for the device. What follows the chains looks at them here:
    /// transitions that are chosen, and the ladder of tempering. `exact` asks for the exact likelihood,
    /// which is given where the smaller side of an RBM has at most 20 units, and for an energy
    /// over one or two dimensions.
    ///
    /// # Errors
    /// A parameter or the loss is no longer finite, or the device refuses.
    pub async fn measure(&mut self, exact: bool) -> Result<Metrics, TrainError> {
        self.check_finite().await?;
        let last = self.step.saturating_sub(1);
        let steps = self.transitions(last);
        let update = Update { number: last, steps, seed: self.settings.seed };
        let terms = self.objective.loss(&*self.model, &self.batch, update)?;
        let loss = objective::total(&self.device, terms).await?;
        let figures = self.monitor.figures(&self.model, exact).await?;
        let norm = self.monitor.weight_norm(&self.model).await?;
        let rate = self.settings.rate(last, self.total);
        let checked =
            [("loss", loss), ("energy of the data", figures.train), ("weight norm", norm)];
        if let Some((figure, value)) = checked.into_iter().find(|(_, value)| !value.is_finite()) {
            return Err(TrainError::Diverged { figure, value, step: self.step, rate });
        }
        let rbm = match (self.model.as_rbm(), self.objective.chains()) {
            (Some(rbm), Some(chains)) => Some(self.monitor.rbm_figures(rbm, chains).await?),
            _ => None,
        };
        if let (Transitions::Auto, Some(model), Some(chains)) =
            (&self.settings.k, self.model.as_rbm(), self.objective.chains())
        {
            // A single look is noisy: half or twice as many at most.
            let wanted = monitor::transitions_to_forget(model, chains).await?;
            let now = self.chosen_transitions;
            self.chosen_transitions = wanted.clamp(now.div_ceil(2), 2 * now);
        }
        let chains = match self.objective.moved_mut() {
            Some(chains) if rbm.is_none() && chains.tallied > 0 => {
                let acceptance = chains.acceptance(&self.device).await?;
                chains.reset_tally(&self.device)?;
                let (acceptance, failed) = (acceptance.rate, acceptance.failed);
                Some(ChainFigures { acceptance, failed_proposals: failed })
            }
            _ => None,
        };
        let tempering = match self.objective.tempering() {
            Some(tempering) => TemperingFigures::of(&tempering.respread(&self.device).await?),
            None => None,
        };
        let likelihood = |energy: f64| figures.log_z.map(|log_z| -energy - log_z);
        Ok(Metrics {
            step: self.step,
            epoch: self.step as f64 / self.feed.batches_per_epoch() as f64,
            seconds: self.seconds(),
            loss,
            lr: f64::from(rate),
            k: steps,
            free_energy_train: figures.train,
            free_energy_held_out: figures.held_out,
            free_energy_gap: figures.held_out.map(|held_out| held_out - figures.train),
            weight_norm: norm,
            rbm,
            chains,
            tempering,
            accuracy_train: figures.accuracy_train,
            accuracy_held_out: figures.accuracy_held_out,
            log_z: figures.log_z,
            log_likelihood_train: likelihood(figures.train),
            log_likelihood_held_out: figures.held_out.and_then(likelihood),
            kl: figures.kl,
            annealed: None,
        })
    }

    /// The likelihoods of a log line by annealing; none where the model is no RBM or has no
    /// persistent chains.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn anneal(&self, line: &Metrics) -> Result<Option<AnnealedFigures>, TrainError> {
        let (Some(rbm), Some(chains)) = (self.model.as_rbm(), self.objective.chains()) else {
            return Ok(None);
        };
        // Other draws at every step, and none that training uses.
        let seed = self.settings.seed.wrapping_add(self.step << 32).wrapping_add(1);
        let Some(bracket) = self.monitor.anneal(rbm, chains, seed).await? else { return Ok(None) };
        let Some(both) = bracket.bennett else { return Ok(None) };
        let (low, high) = bracket.range();
        let log_z = both.value;
        let held_out = |log_z: f64| line.free_energy_held_out.map(|energy| -energy - log_z);
        Ok(Some(AnnealedFigures {
            log_z_bennett: log_z,
            log_likelihood_train_bennett: -line.free_energy_train - log_z,
            log_likelihood_held_out_bennett: held_out(log_z),
            log_likelihood_held_out_lower: held_out(high),
            log_likelihood_held_out_upper: held_out(low),
        }))
    }

    /// Transitions of an update.
    fn transitions(&self, step: u64) -> u32 {
        self.settings.k.given(step, self.total).unwrap_or(self.chosen_transitions)
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
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model to keep: its parameters averaged over the last updates, where averaging has
    /// begun.
    ///
    /// # Errors
    /// The device refuses.
    pub fn averaged_model(&self) -> Result<Model, TrainError> {
        let mut model = self.model.duplicate()?;
        if let Some(means) = &self.average.means {
            for (parameter, mean) in model.parameters_mut().into_iter().zip(means) {
                self.device.copy_rows(mean, 0, parameter, 0, mean.rows())?;
            }
        }
        Ok(model)
    }

    /// The chains, where the objective has persistent ones.
    pub fn chains(&self) -> Option<&Chains> {
        self.objective.chains()
    }

    /// The data, in the form that the model takes.
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

/// CRC-32 of the values: tells whether a snapshot belongs to the same data.
fn checksum(data: &Examples) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytemuck::cast_slice(&data.values));
    crc.sum()
}
