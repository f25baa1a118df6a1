//! The figures of a log line: they tell whether a model learns.

use serde::{Deserialize, Serialize};

use super::{Settings, TrainError};
use crate::{
    data::{Binarize, Dataset, Examples},
    device::{Array, Device, Draw, Pointwise, Reduce, Result},
    energy::{Energy, Rbm},
    evaluate::{mean_energy_of, scalar, upload_head},
    random::Stream,
    sampler::{Chains, Gibbs, Sampler},
};

/// The most examples that the figures are taken over.
const ROWS: usize = 1000;

/// One log line. Energies and likelihoods are in nats an example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Updates done.
    pub step: u64,
    /// Passes over the training data done.
    pub epoch: f64,
    /// Seconds of training, over all sittings.
    pub seconds: f64,
    /// Mean energy of the last batch less that of the chains: the contrastive loss.
    pub loss: f64,
    /// Learning rate.
    pub lr: f64,
    /// Gibbs sweeps an update.
    pub k: u32,
    /// Mean free energy of training examples.
    pub free_energy_train: f64,
    /// Mean free energy of held-out examples; null where there are none.
    pub free_energy_held_out: Option<f64>,
    /// Held-out less training: grows when the model overfits.
    pub free_energy_gap: Option<f64>,
    /// Mean squared error a pixel of sending examples to the hidden means and back.
    pub reconstruction_error: f64,
    /// Share of hidden units whose mean is below 0.01.
    pub dead_hidden: f64,
    /// Share of hidden units whose mean is above 0.99.
    pub saturated_hidden: f64,
    /// Root of the sum of the squared weights.
    pub weight_norm: f64,
    /// Share of visible units that one sweep flips in the chains.
    pub chain_turnover: f64,
    /// Exact log Z; null where it was not computed.
    pub log_z: Option<f64>,
    /// Exact mean log-likelihood of training examples; null where it was not computed.
    pub log_likelihood_train: Option<f64>,
    /// Exact mean log-likelihood of held-out examples; null where it was not computed.
    pub log_likelihood_held_out: Option<f64>,
}

/// Fixed sets of examples to take figures over.
pub(super) struct Monitor {
    train: Array,
    held_out: Option<Array>,
    /// Whether all values are bits, so that they have a likelihood.
    pub bits: bool,
}

impl Monitor {
    /// Of the first examples of the training part, and of the validation part or else the test
    /// part. Training examples that are probabilities are drawn once.
    pub fn new(device: &Device, data: &Dataset, settings: &Settings) -> Result<Self> {
        let upload = |part: &Examples| upload_head(device, part, ROWS);
        let mut train = upload(&data.train)?;
        if settings.binarize == Binarize::Dynamic {
            let p = device.duplicate(&train)?;
            let draw = Draw { seed: settings.seed, step: 0, stream: Stream::Evaluate };
            device.pointwise(Pointwise::Bernoulli { p: &p, draw }, &mut train)?;
        }
        let held_out = [&data.validation, &data.test].into_iter().find(|part| part.rows > 0);
        let bits = (settings.binarize == Binarize::Dynamic || data.train.is_bits())
            && held_out.is_none_or(Examples::is_bits);
        Ok(Self { train, held_out: held_out.map(upload).transpose()?, bits })
    }

    /// Mean free energies of the training and of the held-out examples.
    pub async fn free_energies(&self, model: &Rbm) -> Result<(f64, Option<f64>)> {
        let train = mean_energy_of(model, &self.train).await?;
        let held_out = match &self.held_out {
            Some(x) => Some(mean_energy_of(model, x).await?),
            None => None,
        };
        Ok((train, held_out))
    }

    /// The examples that figures of reconstruction and hidden use are taken over.
    pub fn examples(&self) -> &Array {
        self.held_out.as_ref().unwrap_or(&self.train)
    }
}

/// Share of the visible units that one more sweep of the chains flips; the chains stay as they
/// are.
pub(super) async fn turnover(model: &Rbm, chains: &Chains) -> Result<f64, TrainError> {
    let device = model.device();
    let mut copy = Chains {
        visible: device.duplicate(&chains.visible)?,
        hidden: device.duplicate(&chains.hidden)?,
        hidden_means: device.duplicate(&chains.hidden_means)?,
        tally: device.duplicate(&chains.tally)?,
        ..*chains
    };
    Gibbs::default().advance(model, &mut copy, 1)?;
    let flips = scalar(device, Reduce::SquaredDistance(&copy.visible), &chains.visible).await?;
    Ok(flips / chains.visible.len() as f64)
}
