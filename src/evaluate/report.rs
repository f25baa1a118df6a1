//! What `evaluate` finds, as it is written to evaluation.json.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{
    MAX_EXACT_UNITS, Outliers, accuracy, calibration, extent, hidden_use, log_partition, logits,
    mean_energy, outliers, quadrature, reconstruction_error, upload_head,
};
use crate::{
    data::{Binarize, Dataset, Examples},
    device::DeviceError,
    energy::{Domain, Energy, Mlp, Model, Rbm},
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
    /// Judges a model on a data set in the form that the model takes: bits for an RBM,
    /// [`Dataset::centre`] for a net.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn of(model: &Model, data: &Dataset) -> Result<Self, DeviceError> {
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
            seconds: 0.0,
        };
        match model {
            Model::Rbm(rbm) => result.judge_rbm(rbm, judged).await?,
            Model::Mlp(mlp) => result.judge_net(mlp, data, judged).await?,
        }
        let log_z = result.log_z.exact.or(result.log_z.quadrature);
        let likelihood = |energy: Option<f64>, part: &Examples| {
            // A binary model gives no probability to values between 0 and 1.
            let has_one = model.domain() == Domain::Real || part.is_bits();
            let exact =
                energy.zip(log_z).filter(|_| has_one).map(|(energy, log_z)| -energy - log_z);
            LogLikelihood { exact, ..LogLikelihood::default() }
        };
        result.log_likelihood =
            Parts { train: likelihood(Some(train), &data.train), test: likelihood(test, judged) };
        result.seconds = started.elapsed().as_secs_f64();
        Ok(result)
    }

    async fn judge_rbm(&mut self, rbm: &Rbm, judged: &Examples) -> Result<(), DeviceError> {
        self.log_z.exact = log_partition(rbm, MAX_EXACT_UNITS).await?;
        let x = upload_head(rbm.device(), judged, ROWS)?;
        let hidden = hidden_use(rbm, &x).await?;
        self.reconstruction_error = Some(reconstruction_error(rbm, &x).await?);
        self.dead_hidden = Some(hidden.dead);
        self.saturated_hidden = Some(hidden.saturated);
        Ok(())
    }

    async fn judge_net(
        &mut self,
        mlp: &Mlp,
        data: &Dataset,
        judged: &Examples,
    ) -> Result<(), DeviceError> {
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
