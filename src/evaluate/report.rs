//! What `evaluate` finds, as it is written to evaluation.json.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{
    MAX_EXACT_UNITS, hidden_use, log_partition, mean_energy, reconstruction_error, upload_head,
};
use crate::{
    data::{Binarize, Dataset, Examples},
    device::DeviceError,
    energy::{Energy, Rbm},
};

/// The most examples that reconstruction and hidden use are taken over.
const ROWS: usize = 4096;

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
    /// Mean squared error a pixel of sending test examples to the hidden means and back.
    pub reconstruction_error: f64,
    /// Share of hidden units whose mean is below 0.01.
    pub dead_hidden: f64,
    /// Share of hidden units whose mean is above 0.99.
    pub saturated_hidden: f64,
    /// KL divergence from a known truth.
    pub kl: Option<f64>,
    /// Accuracy of classification.
    pub accuracy: Parts<Option<f64>>,
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
    /// At least this.
    pub lower: Option<f64>,
    /// At most this.
    pub upper: Option<f64>,
}

impl Evaluation {
    /// Judges a model on a binarised data set.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn of(model: &Rbm, data: &Dataset) -> Result<Self, DeviceError> {
        let started = Instant::now();
        let held_out = [&data.test, &data.validation].into_iter().find(|part| part.rows > 0);
        let log_z = log_partition(model, MAX_EXACT_UNITS).await?;
        let train = mean_energy(model, &data.train).await?;
        let test = match held_out {
            Some(part) => Some(mean_energy(model, part).await?),
            None => None,
        };
        let x = upload_head(model.device(), held_out.unwrap_or(&data.train), ROWS)?;
        let hidden = hidden_use(model, &x).await?;
        // A binary model gives no probability to values between 0 and 1.
        let likelihood = |energy: Option<f64>, part: &Examples| {
            let known = energy.zip(log_z).filter(|_| part.is_bits());
            let exact = known.map(|(energy, log_z)| -energy - log_z);
            LogLikelihood { exact, ..LogLikelihood::default() }
        };
        Ok(Self {
            model: model.kind().into(),
            device: model.device().name().into(),
            data: data.name.clone(),
            binarize: data.binarized,
            log_z: LogZ { exact: log_z, ..LogZ::default() },
            log_likelihood: Parts {
                train: likelihood(Some(train), &data.train),
                test: likelihood(test, held_out.unwrap_or(&data.train)),
            },
            free_energy: Parts { train: Some(train), test },
            free_energy_gap: test.map(|test| test - train),
            reconstruction_error: reconstruction_error(model, &x).await?,
            dead_hidden: hidden.dead,
            saturated_hidden: hidden.saturated,
            kl: None,
            accuracy: Parts::default(),
            seconds: started.elapsed().as_secs_f64(),
        })
    }
}
