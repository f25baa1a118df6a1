//! The figures of a log line: they tell whether a model learns.

use serde::{Deserialize, Serialize};

use super::{Settings, TrainError, transitions::MOST_AUTO};
use crate::{
    data::{Binarize, Dataset, Examples, Planar},
    device::{Array, Device, Draw, Pointwise, Reduce, Result},
    energy::{Base, Domain, Energy, Model, Path, Rbm},
    evaluate::{self, Bracket, Effort, mean_energy_of, scalar, upload_head},
    random::Stream,
    sampler::{Chains, Exchanges, Gibbs, Sampler},
};

/// Exact likelihoods are taken during training up to this many units on the smaller side.
const EXACT_UNITS: usize = 20;
/// The most examples that the figures are taken over.
const ROWS: usize = 1000;
/// Inverse temperatures of annealing during training.
const TEMPERATURES: usize = 300;

/// One log line. Energies and likelihoods are in nats an example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Updates done.
    pub step: u64,
    /// Passes over the training data done.
    pub epoch: f64,
    /// Seconds of training, over all sittings.
    pub seconds: f64,
    /// The loss of the last batch. For contrastive losses it is the mean energy of the batch less
    /// that of the chains.
    pub loss: f64,
    /// Learning rate.
    pub lr: f64,
    /// Transitions of the chains an update.
    pub k: u32,
    /// Mean free energy of training examples.
    pub free_energy_train: f64,
    /// Mean free energy of held-out examples; null where there are none.
    pub free_energy_held_out: Option<f64>,
    /// Held-out less training: grows when the model overfits.
    pub free_energy_gap: Option<f64>,
    /// Root of the sum of the squared weights.
    pub weight_norm: f64,
    /// Figures of an RBM.
    #[serde(flatten)]
    pub rbm: Option<RbmFigures>,
    /// Figures of chains that propose.
    #[serde(flatten)]
    pub chains: Option<ChainFigures>,
    /// Figures of parallel tempering.
    #[serde(flatten)]
    pub tempering: Option<TemperingFigures>,
    /// Share of training examples whose class is the likeliest one; null without classes.
    pub accuracy_train: Option<f64>,
    /// Share of held-out examples whose class is the likeliest one; null without classes.
    pub accuracy_held_out: Option<f64>,
    /// Exact log Z; null where it was not computed.
    pub log_z: Option<f64>,
    /// Exact mean log-likelihood of training examples; null where it was not computed.
    pub log_likelihood_train: Option<f64>,
    /// Exact mean log-likelihood of held-out examples; null where it was not computed.
    pub log_likelihood_held_out: Option<f64>,
    /// KL divergence of the model from the known law of the data; null where it was not computed.
    pub kl: Option<f64>,
    /// Likelihoods by annealing, where they were asked for.
    #[serde(flatten)]
    pub annealed: Option<AnnealedFigures>,
}

/// Likelihoods by annealing, with Bennett's log Z and with the ends of the bracket; see
/// [`evaluate::Bracket`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnnealedFigures {
    /// log Z by Bennett's acceptance ratio.
    pub log_z_bennett: f64,
    /// Mean log-likelihood of training examples with it.
    pub log_likelihood_train_bennett: f64,
    /// Mean log-likelihood of held-out examples with it; null where there are none.
    pub log_likelihood_held_out_bennett: Option<f64>,
    /// The same with the highest log Z of the bracket.
    pub log_likelihood_held_out_lower: Option<f64>,
    /// The same with the lowest log Z of the bracket.
    pub log_likelihood_held_out_upper: Option<f64>,
}

/// What tells whether an RBM learns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RbmFigures {
    /// Mean squared error a pixel of sending examples to the hidden means and back.
    pub reconstruction_error: f64,
    /// Share of hidden units whose mean is below 0.01.
    pub dead_hidden: f64,
    /// Share of hidden units whose mean is above 0.99.
    pub saturated_hidden: f64,
    /// Share of visible units that one sweep flips in the chains.
    pub chain_turnover: f64,
}

/// How chains fare that propose and accept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainFigures {
    /// Mean acceptance probability since the last log line.
    pub acceptance: f64,
    /// Proposals since the last log line that were not finite and were rejected.
    pub failed_proposals: u64,
}

/// How the replicas of parallel tempering exchange.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperingFigures {
    /// Mean probability, over all pairs of neighbouring rungs, that they swap.
    pub swap_rate: f64,
    /// That of the pair that swaps least.
    pub swap_rate_least: f64,
    /// Mean number of round trips, lowest rung to top to lowest, that a replica has made since
    /// training began.
    pub round_trips: f64,
}

impl TemperingFigures {
    /// Of exchanges; none before every pair has been looked at.
    pub(super) fn of(found: &Exchanges) -> Option<Self> {
        let rates = &found.swap_rates;
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let swap_rate = rates.iter().sum::<f64>() / rates.len() as f64;
        let round_trips = found.round_trips;
        swap_rate.is_finite().then_some(Self { swap_rate, swap_rate_least: least, round_trips })
    }
}

/// Figures over the monitor's examples.
pub(super) struct Figures {
    /// Mean energy of training examples.
    pub train: f64,
    /// Mean energy of held-out examples.
    pub held_out: Option<f64>,
    pub accuracy_train: Option<f64>,
    pub accuracy_held_out: Option<f64>,
    pub log_z: Option<f64>,
    pub kl: Option<f64>,
}

/// Fixed sets of examples to take figures over.
pub(super) struct Monitor {
    train: Set,
    held_out: Option<Set>,
    /// Whether all values are bits, so that a binary model gives them a likelihood.
    bits: bool,
    planar: Option<Planar>,
    /// The box that holds the training data, for quadrature.
    extent: Vec<(f64, f64)>,
    /// The mean of each unit, for the base of annealing.
    means: Vec<f32>,
}

struct Set {
    x: Array,
    labels: Option<Vec<u32>>,
}

impl Monitor {
    /// Of the first examples of the training part, and of the validation part or else the test
    /// part. Training examples that are probabilities are drawn once.
    pub fn new(device: &Device, data: &Dataset, settings: &Settings) -> Result<Self> {
        let upload = |part: &Examples| -> Result<Set> {
            let labels = part.labels.as_ref();
            let labels = labels.map(|labels| labels[..part.rows.min(ROWS)].to_vec());
            Ok(Set { x: upload_head(device, part, ROWS)?, labels })
        };
        let mut train = upload(&data.train)?;
        if settings.binarize == Binarize::Dynamic {
            let p = device.duplicate(&train.x)?;
            let draw = Draw { seed: settings.seed, step: 0, stream: Stream::Evaluate };
            device.pointwise(Pointwise::Bernoulli { p: &p, draw }, &mut train.x)?;
        }
        let held_out = [&data.validation, &data.test].into_iter().find(|part| part.rows > 0);
        let bits = (settings.binarize == Binarize::Dynamic || data.train.is_bits())
            && held_out.is_none_or(Examples::is_bits);
        let held_out = held_out.map(upload).transpose()?;
        // The pass over the data is spared where there is no quadrature.
        let flat = data.train.columns <= evaluate::MAX_QUADRATURE_DIMENSIONS;
        let extent = if flat { evaluate::extent(&data.train) } else { Vec::new() };
        let means = data.train.means();
        Ok(Self { train, held_out, bits, planar: data.planar, extent, means })
    }

    /// Energies, accuracies, and the likelihood where it is asked for and can be had.
    pub async fn figures(&self, model: &Model, exact: bool) -> Result<Figures> {
        let train = mean_energy_of(&**model, &self.train.x).await?;
        let accuracy_train = self.train.accuracy(model).await?;
        let (mut held_out, mut accuracy_held_out) = (None, None);
        if let Some(set) = &self.held_out {
            held_out = Some(mean_energy_of(&**model, &set.x).await?);
            accuracy_held_out = set.accuracy(model).await?;
        }
        let (mut log_z, mut kl) = (None, None);
        if exact && model.domain() == Domain::Binary && self.bits {
            log_z = evaluate::log_partition(&**model, EXACT_UNITS).await?;
        } else if exact
            && let Some(quadrature) = evaluate::quadrature(&**model, &self.extent).await?
        {
            log_z = Some(quadrature.log_z);
            kl = self.planar.map(|planar| quadrature.kl_from(|x| planar.log_density(x)));
        }
        Ok(Figures { train, held_out, accuracy_train, accuracy_held_out, log_z, kl })
    }

    /// log Z by annealing, from copies of the persistent chains; none for data that are no bits.
    pub async fn anneal(
        &self,
        rbm: &Rbm,
        chains: &Chains,
        seed: u64,
    ) -> Result<Option<Bracket>, TrainError> {
        if !self.bits {
            return Ok(None);
        }
        let path = Path::new(rbm, Base::of_means(&self.means))?;
        let mut copies = chains.duplicate(rbm.device())?;
        copies.seed = copies.seed.wrapping_add(1);
        let effort =
            Effort { chains: copies.visible.rows(), temperatures: TEMPERATURES, burn_in: 0, seed };
        Ok(Some(Bracket::of(&path, &mut copies, effort, &|_| {}).await?))
    }

    /// Root of the sum of the squared weights, biases left out.
    pub async fn weight_norm(&self, model: &Model) -> Result<f64> {
        let mut sum = 0.0;
        for (name, array) in model.parameters() {
            if !name.ends_with("bias") {
                sum += scalar(model.device(), Reduce::SumOfSquares, array).await?;
            }
        }
        Ok(sum.sqrt())
    }

    /// Reconstruction, the use of hidden units, and how the chains move.
    pub async fn rbm_figures(&self, rbm: &Rbm, chains: &Chains) -> Result<RbmFigures, TrainError> {
        let x = &self.held_out.as_ref().unwrap_or(&self.train).x;
        let hidden = evaluate::hidden_use(rbm, x).await?;
        Ok(RbmFigures {
            reconstruction_error: evaluate::reconstruction_error(rbm, x).await?,
            dead_hidden: hidden.dead,
            saturated_hidden: hidden.saturated,
            chain_turnover: turnover(rbm, chains).await?,
        })
    }
}

impl Set {
    /// Share of the examples whose class is the likeliest one, where there are classes.
    async fn accuracy(&self, model: &Model) -> Result<Option<f64>> {
        let Some(labels) = self.labels.as_ref().filter(|_| model.classes() > 0) else {
            return Ok(None);
        };
        let mut logits = model.device().zeros(self.x.rows(), model.classes())?;
        model.logits(&self.x, &mut logits)?;
        let logits = model.device().read(&logits).await?;
        Ok(Some(evaluate::accuracy(&logits, labels)))
    }
}

/// Sweeps after which the energies of chains correlate with those before by no more than a half, at
/// least 1 and at most [`MOST_AUTO`]; the chains stay as they are.
pub(super) async fn transitions_to_forget(rbm: &Rbm, chains: &Chains) -> Result<u32, TrainError> {
    let device = rbm.device();
    let mut moved = chains.duplicate(device)?;
    // Other draws than those of training.
    moved.seed = moved.seed.wrapping_add(1);
    let before = evaluate::energies_of(rbm, &moved.visible).await?;
    for sweeps in 1..MOST_AUTO {
        Gibbs::default().advance(rbm, &mut moved, 1)?;
        let after = evaluate::energies_of(rbm, &moved.visible).await?;
        if correlation(&before, &after) <= 0.5 {
            return Ok(sweeps);
        }
    }
    Ok(MOST_AUTO)
}

fn correlation(x: &[f32], y: &[f32]) -> f64 {
    let n = x.len() as f64;
    let mean = |list: &[f32]| list.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let (x_mean, y_mean) = (mean(x), mean(y));
    let (mut both, mut x_square, mut y_square) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (x, y) = (f64::from(*x) - x_mean, f64::from(*y) - y_mean);
        both += x * y;
        x_square += x * x;
        y_square += y * y;
    }
    both / (x_square * y_square).sqrt()
}

/// Share of the visible units that one more sweep of the chains flips; the chains stay as they
/// are.
async fn turnover(rbm: &Rbm, chains: &Chains) -> Result<f64, TrainError> {
    let device = rbm.device();
    let mut copy = chains.duplicate(device)?;
    Gibbs::default().advance(rbm, &mut copy, 1)?;
    let flips = scalar(device, Reduce::SquaredDistance(&copy.visible), &chains.visible).await?;
    Ok(flips / chains.visible.len() as f64)
}
