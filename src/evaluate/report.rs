//! What `evaluate` finds, as it is written to evaluation.json.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{
    Bracket, Effort, Equilibrium, MAX_QUADRATURE_DIMENSIONS, Mixing, Outliers, Verdict, accuracy,
    calibration, extent, hidden_use, log_partition, logits, max_exact_units, mean_energy, outliers,
    quadrature, reconstruction_error, upload_head, verdicts,
};
use crate::{
    data::{Binarize, Dataset, Examples},
    device::DeviceError,
    energy::{Base, Domain, Energy, Mlp, Model, Path, Rbm},
    sampler::{Chains, Gibbs, Hmc, Sampler, SamplerError, burn_in},
};

/// The most examples that reconstruction and hidden use are taken over.
const ROWS: usize = 4096;
/// Autocorrelation times after which chains show that they have mixed.
const ENOUGH: f64 = 150.0;
/// The most transitions that are looked at for it, as a multiple of the burn-in.
const LONGER: u32 = 4;
/// Leapfrog steps of a transition that samples a net.
const LEAPFROG: u32 = 5;
/// The most chains that start afresh.
const FRESH: usize = 1000;

/// A judgement of a model on a data set. Energies and likelihoods are in nats an example; what is
/// not known is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The kind of model.
    pub model: String,
    /// The device.
    pub device: String,
    /// The data set.
    pub data: String,
    /// How values became bits.
    pub binarize: Binarize,
    /// How long it took.
    pub seconds: f64,
    /// The partition function.
    pub log_z: LogZ,
    /// Mean log-likelihoods.
    pub log_likelihood: Parts<LogLikelihood>,
    /// Mean free energies.
    pub free_energy: Parts<Option<f64>>,
    /// Mean free energy of the test part less that of the training part.
    pub free_energy_gap: Option<f64>,
    /// Mean squared error a pixel of sending test examples to the hidden means and back (rbm).
    pub reconstruction_error: Option<f64>,
    /// Share of hidden units whose mean is below 0.01 (rbm).
    pub dead_hidden: Option<f64>,
    /// Share of hidden units whose mean is above 0.99 (rbm).
    pub saturated_hidden: Option<f64>,
    /// KL divergence from a known truth.
    pub kl: Option<f64>,
    /// Accuracy of classification.
    pub accuracy: Parts<Option<f64>>,
    /// Expected calibration error over the test part.
    pub calibration_error: Option<f64>,
    /// Area under the ROC curve of telling the test part from other data by the energy.
    pub auroc: Option<Outliers>,
    /// Annealing, where it was asked for.
    pub annealing: Option<Bracket>,
    /// Whether fresh chains come to have the energies of the model's.
    pub equilibrium: Option<Equilibrium>,
    /// How the model's chains mix.
    pub mixing: Option<Mixing>,
    /// What it all means.
    pub verdicts: Vec<Verdict>,
}

/// What a judgement may cost, and what it may use.
pub struct Judge<'a> {
    /// The effort of annealing; none for none.
    pub effort: Option<Effort>,
    /// Chains that training has left: they stand for samples of the model. Training examples do
    /// where there are none.
    pub chains: Option<&'a Chains>,
    /// Hears what is being done, and the share of it that is done.
    pub progress: &'a dyn Fn(&str, f64),
}

impl Default for Judge<'_> {
    fn default() -> Self {
        Self { effort: None, chains: None, progress: &|_, _| {} }
    }
}

/// One figure for each part of the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts<T> {
    /// The training part.
    pub train: T,
    /// The test part, or else the validation part.
    pub test: T,
}

/// log Z by each method that was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogZ {
    /// By enumeration.
    pub exact: Option<f64>,
    /// By quadrature.
    pub quadrature: Option<f64>,
    /// By annealed importance sampling.
    pub ais: Option<Estimate>,
    /// By annealed importance sampling from the model down.
    pub reverse_ais: Option<Estimate>,
    /// By Bennett's acceptance ratio of the two.
    pub bennett: Option<Estimate>,
}

/// An estimate with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Effective sample size of its weights.
    pub ess: f64,
}

/// A mean log-likelihood, exactly or between bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLikelihood {
    /// With the exact log Z.
    pub exact: Option<f64>,
    /// With log Z by reverse annealing, three standard errors further down.
    pub lower: Option<f64>,
    /// With log Z by annealing, three standard errors further up.
    pub upper: Option<f64>,
    /// With Bennett's log Z.
    pub bennett: Option<f64>,
}

impl Evaluation {
    /// Judges a model on a data set in the form that the model takes: bits for an RBM,
    /// [`Dataset::centre`] for a net.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn of(
        model: &Model,
        data: &Dataset,
        judge: &Judge<'_>,
    ) -> Result<Self, SamplerError> {
        let started = Instant::now();
        let held_out = data.held_out();
        let judged = held_out.unwrap_or(&data.train);
        let train = mean_energy(&**model, &data.train).await?;
        let test = match held_out {
            Some(part) => Some(mean_energy(&**model, part).await?),
            None => None,
        };
        let mut result = Self {
            model: model.kind().into(),
            device: model.device().name().into(),
            data: data.name.clone(),
            binarize: data.binarized,
            log_z: LogZ::default(),
            log_likelihood: Parts::default(),
            free_energy: Parts { train: Some(train), test },
            free_energy_gap: test.map(|test| test - train),
            reconstruction_error: None,
            dead_hidden: None,
            saturated_hidden: None,
            kl: None,
            accuracy: Parts::default(),
            calibration_error: None,
            auroc: None,
            annealing: None,
            equilibrium: None,
            mixing: None,
            verdicts: Vec::new(),
            seconds: 0.0,
        };
        match model {
            Model::Rbm(rbm) => {
                result.judge_rbm(rbm, judged).await?;
                result.anneal(rbm, data, judge).await?;
            }
            Model::Mlp(mlp) => {
                result.judge_net(mlp, data, judged).await?;
                // On one or two dimensions the grid is better.
                if mlp.dimension() > MAX_QUADRATURE_DIMENSIONS {
                    result.anneal(mlp, data, judge).await?;
                }
            }
        }
        let log_z = result.log_z.exact.or(result.log_z.quadrature);
        let (low, high) = result.annealing.as_ref().map(Bracket::range).unzip();
        let bennett = result.log_z.bennett.map(|estimate| estimate.value);
        let likelihood = |energy: Option<f64>, part: &Examples| {
            // A binary model gives no probability to values between 0 and 1.
            let has_one = model.domain() == Domain::Real || part.is_bits();
            let with = |log_z: Option<f64>| {
                energy.zip(log_z).filter(|_| has_one).map(|(energy, log_z)| -energy - log_z)
            };
            LogLikelihood {
                exact: with(log_z),
                lower: with(high),
                upper: with(low),
                bennett: with(bennett),
            }
        };
        result.log_likelihood =
            Parts { train: likelihood(Some(train), &data.train), test: likelihood(test, judged) };
        result.verdicts = verdicts(&result);
        result.seconds = started.elapsed().as_secs_f64();
        Ok(result)
    }

    async fn judge_rbm(&mut self, rbm: &Rbm, judged: &Examples) -> Result<(), SamplerError> {
        self.log_z.exact = log_partition(rbm, max_exact_units(rbm.device())).await?;
        let x = upload_head(rbm.device(), judged, ROWS)?;
        let hidden = hidden_use(rbm, &x).await?;
        self.reconstruction_error = Some(reconstruction_error(rbm, &x).await?);
        self.dead_hidden = Some(hidden.dead);
        self.saturated_hidden = Some(hidden.saturated);
        Ok(())
    }

    async fn anneal(
        &mut self,
        energy: &dyn Energy,
        data: &Dataset,
        judge: &Judge<'_>,
    ) -> Result<(), SamplerError> {
        let Some(effort) = judge.effort else { return Ok(()) };
        let base = Base::of_rows(energy.domain(), &data.train.values, energy.dimension());
        let mut sampler: Box<dyn Sampler> = match energy.domain() {
            Domain::Binary => Box::new(Gibbs::default()),
            Domain::Real => Box::new(Hmc::new(0.1 * base.least_deviation(), LEAPFROG)),
        };
        let path = Path::new(energy, base)?;
        let mut chains = model_chains(energy, data, judge.chains, effort)?;
        (judge.progress)("sampling the model", 0.0);
        burn_in(&mut sampler, energy, &mut chains, effort.burn_in / 2).await?;
        let looked_at = effort.burn_in - effort.burn_in / 2;
        let mut mixing = Mixing::of(energy, &sampler, &mut chains, looked_at).await?;
        let wanted = (ENOUGH * mixing.autocorrelation_time) as u32;
        let most = effort.burn_in.saturating_mul(LONGER);
        if !mixing.mixed() && wanted.min(most) > looked_at {
            mixing = Mixing::of(energy, &sampler, &mut chains, wanted.min(most)).await?;
        }
        self.mixing = Some(mixing);
        (judge.progress)("fresh chains", 0.0);
        let count = effort.chains.min(FRESH);
        let mut fresh = Chains::new(energy, count, effort.seed.wrapping_add(2))?;
        fresh.start_from_base(&path)?;
        self.equilibrium = Some(Equilibrium::of(energy, &sampler, fresh, &chains).await?);
        let progress = |share: f64| (judge.progress)("annealing", share);
        let bracket = Bracket::of(&path, &mut chains, effort, &progress).await?;
        self.log_z.ais = Some(bracket.forward);
        self.log_z.reverse_ais = Some(bracket.reverse);
        self.log_z.bennett = bracket.bennett;
        self.annealing = Some(bracket);
        Ok(())
    }

    async fn judge_net(
        &mut self,
        mlp: &Mlp,
        data: &Dataset,
        judged: &Examples,
    ) -> Result<(), SamplerError> {
        if let Some(grid) = quadrature(mlp, &extent(&data.train)).await? {
            self.log_z.quadrature = Some(grid.log_z);
            self.kl = data.planar.map(|planar| grid.kl_from(|x| planar.log_density(x)));
        }
        if mlp.classes() > 0 {
            if let Some(labels) = &data.train.labels {
                self.accuracy.train = Some(accuracy(&logits(mlp, &data.train).await?, labels));
            }
            if let Some(labels) = &judged.labels {
                let logits = logits(mlp, judged).await?;
                self.accuracy.test = Some(accuracy(&logits, labels));
                self.calibration_error = Some(calibration(&logits, labels).1);
            }
        }
        self.auroc = outliers(mlp, data, judged).await?;
        Ok(())
    }
}

/// Chains that stand for the model: copies of those that training left, as often as it takes, or
/// chains that start at training examples, taken evenly.
fn model_chains(
    energy: &dyn Energy,
    data: &Dataset,
    left: Option<&Chains>,
    effort: Effort,
) -> Result<Chains, DeviceError> {
    let device = energy.device();
    let mut chains = Chains::new(energy, effort.chains, effort.seed.wrapping_add(3))?;
    match left {
        Some(left) => {
            let rows = left.visible.rows();
            for first in (0..effort.chains).step_by(rows) {
                let count = rows.min(effort.chains - first);
                if energy.hidden() > 0 {
                    device.copy_rows(&left.hidden, 0, &mut chains.hidden, first, count)?;
                }
                device.copy_rows(&left.visible, 0, &mut chains.visible, first, count)?;
            }
        }
        None => {
            let row = |chain: usize| data.train.row(chain * data.train.rows / effort.chains);
            let values: Vec<f32> =
                (0..effort.chains).flat_map(|chain| row(chain).to_vec()).collect();
            let visible = device.upload(effort.chains, data.train.columns, &values)?;
            chains.start_from(energy, &visible)?;
        }
    }
    Ok(chains)
}
