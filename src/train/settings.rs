//! What a training run is made of, as one plain struct.

use serde::{Deserialize, Serialize};

use crate::data::Binarize;

/// The most hidden units, chains or rows of a batch that are believed to be meant.
const MOST: usize = 1 << 24;

/// Which objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectiveKind {
    /// Persistent contrastive divergence.
    Pcd,
    /// Contrastive divergence.
    Cd,
}

/// Which optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum.
    Sgd,
    /// Adam.
    Adam,
}

/// The settings of a training run; the defaults train the built-in digits in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The loss.
    pub objective: ObjectiveKind,
    /// Number of hidden units.
    pub hidden: usize,
    /// Passes over the training data.
    pub epochs: u64,
    /// Examples in a minibatch.
    pub batch: usize,
    /// Persistent chains (PCD).
    pub chains: usize,
    /// Gibbs sweeps an update, k; several values share the training in equal parts.
    pub k: Vec<u32>,
    /// Learning rate at the start.
    pub lr: f32,
    /// Learning rate at the end; it changes linearly.
    pub final_lr: f32,
    /// The optimizer.
    pub optimizer: OptimizerKind,
    /// Momentum of SGD in [0, 1).
    pub momentum: f32,
    /// L2 decay of the parameters.
    pub l2: f32,
    /// Whether gradients are centred.
    pub centred: bool,
    /// Share of the training at its end over which parameters are averaged.
    pub average: f32,
    /// How probabilities in the data become bits.
    pub binarize: Binarize,
    /// Seed of every random draw.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            objective: ObjectiveKind::Pcd,
            hidden: 20,
            epochs: 1000,
            batch: 100,
            chains: 500,
            k: vec![1],
            lr: 0.1,
            final_lr: 0.0005,
            optimizer: OptimizerKind::Sgd,
            momentum: 0.0,
            l2: 0.0,
            centred: true,
            average: 0.1,
            binarize: Binarize::Threshold,
            seed: 0,
        }
    }
}

/// A setting that cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{setting} is {found}, wanted {wanted}")]
pub struct SettingsError {
    /// Its name, as in the configuration and on the command line.
    pub setting: &'static str,
    /// Its value.
    pub found: String,
    /// What would do.
    pub wanted: &'static str,
}

impl Settings {
    /// Checks every value.
    ///
    /// # Errors
    /// The first setting out of range, and its range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let refuse = |setting, found: String, wanted| Err(SettingsError { setting, found, wanted });
        for (setting, value) in
            [("hidden", self.hidden), ("batch", self.batch), ("chains", self.chains)]
        {
            if !(1..=MOST).contains(&value) {
                return refuse(setting, value.to_string(), "1 to 16777216");
            }
        }
        if self.epochs == 0 || self.epochs > u64::from(u32::MAX) {
            return refuse("epochs", self.epochs.to_string(), "1 to 4294967295");
        }
        let sweeps_fit = !self.k.is_empty() && self.k.iter().all(|k| (1..=1_000_000).contains(k));
        if !sweeps_fit {
            return refuse("k", format!("{:?}", self.k), "one or more numbers from 1 to 1000000");
        }
        for (setting, value) in [("lr", self.lr), ("final-lr", self.final_lr)] {
            let fits = value.is_finite() && value >= 0.0;
            if !fits || (setting == "lr" && value == 0.0) {
                return refuse(setting, value.to_string(), "a finite number above 0");
            }
        }
        if !(0.0..1.0).contains(&self.momentum) {
            return refuse("momentum", self.momentum.to_string(), "at least 0 and below 1");
        }
        if !(self.l2.is_finite() && self.l2 >= 0.0) {
            return refuse("l2", self.l2.to_string(), "a finite number, 0 or more");
        }
        if i64::try_from(self.seed).is_err() {
            // TOML has no larger numbers, and the configuration holds the seed.
            return refuse("seed", self.seed.to_string(), "0 to 9223372036854775807");
        }
        if !(0.0..=1.0).contains(&self.average) {
            return refuse("average", self.average.to_string(), "0 to 1");
        }
        Ok(())
    }

    /// Learning rate of update `step` of `total`.
    pub(super) fn rate(&self, step: u64, total: u64) -> f32 {
        let done = step as f64 / total.max(1) as f64;
        (f64::from(self.lr) + (f64::from(self.final_lr) - f64::from(self.lr)) * done) as f32
    }

    /// Gibbs sweeps of update `step` of `total`.
    pub(super) fn sweeps(&self, step: u64, total: u64) -> u32 {
        let parts = self.k.len() as u64;
        let part = (step.saturating_mul(parts) / total.max(1)).min(parts - 1);
        self.k[part as usize]
    }
}
