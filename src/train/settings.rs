//! What a training run is made of, as one plain struct.

use serde::{Deserialize, Serialize};

use super::Transitions;
use crate::{data::Binarize, device::Nonlinearity};

/// The most hidden units, chains or rows of a batch that are believed to be meant.
pub(crate) const MOST: usize = 1 << 24;
/// The most hidden layers.
const MOST_LAYERS: usize = 64;

/// Which model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// A Bernoulli restricted Boltzmann machine.
    Rbm,
    /// A multilayer perceptron whose output is the energy.
    Mlp,
    /// A multilayer perceptron with an output a class: a classifier that is a generator too.
    Jem,
}

/// Which sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SamplerKind {
    /// Block Gibbs.
    Gibbs,
    /// Unadjusted Langevin.
    Ula,
    /// Metropolis-adjusted Langevin.
    Mala,
    /// Random-walk Metropolis.
    Metropolis,
    /// Hamiltonian Monte Carlo.
    Hmc,
    /// Gradient steps with little noise, as joint models are trained; no sampler of exp(−E).
    SgldJem,
    /// Parallel tempering: replicas from an easy law up to the model exchange.
    Tempering,
}

/// Which objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectiveKind {
    /// Persistent contrastive divergence.
    Pcd,
    /// Contrastive divergence.
    Cd,
    /// Score matching with the exact trace of the Hessian.
    Sm,
    /// Score matching with Hutchinson's trace.
    SmHutchinson,
    /// Sliced score matching.
    Ssm,
    /// Sliced score matching with reduced variance.
    SsmVr,
    /// Denoising score matching.
    Dsm,
    /// Cross-entropy and the generative term (jem).
    Jem,
}

impl std::fmt::Display for ObjectiveKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = clap::ValueEnum::to_possible_value(self);
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
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

/// The settings of a training run; the defaults train an RBM on the built-in digits in seconds.
/// Those that a model or an objective has no use for are left alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The model.
    pub model: ModelKind,
    /// The loss.
    pub objective: ObjectiveKind,
    /// Number of hidden units, of each hidden layer.
    pub hidden: Vec<usize>,
    /// Passes over the training data.
    pub epochs: u64,
    /// Examples in a minibatch.
    pub batch: usize,
    /// Persistent chains.
    pub chains: usize,
    /// Transitions of the chains an update.
    pub k: Transitions,
    /// Learning rate at the start.
    pub lr: f32,
    /// Learning rate at the end; it changes linearly.
    pub final_lr: f32,
    /// The optimizer.
    pub optimizer: OptimizerKind,
    /// Momentum of SGD in [0, 1).
    pub momentum: f32,
    /// L2 decay of the weights.
    pub l2: f32,
    /// Whether gradients are centred (rbm).
    pub centred: bool,
    /// Share of the training at its end over which parameters are averaged.
    pub average: f32,
    /// How probabilities in the data become bits (rbm).
    pub binarize: Binarize,
    /// The nonlinearity of the hidden layers (mlp, jem).
    pub activation: Nonlinearity,
    /// Standard deviation of the Gaussian base measure in units of the data's; 0 for none (mlp,
    /// jem).
    pub base: f32,
    /// What moves the chains.
    pub sampler: SamplerKind,
    /// The sampler's step size in units of the data: ε / s² for Langevin steps, where s is the
    /// data's standard deviation, and ε / s for the others (mlp, jem).
    pub step: f32,
    /// Leapfrog steps of a transition (hmc).
    pub leapfrog: u32,
    /// Inverse temperatures, those of the base and of the model among them (tempering).
    #[serde(default = "default_rungs")]
    pub rungs: usize,
    /// Persistent chains that move at an update (mlp, jem).
    pub window: usize,
    /// Share of the moving chains that start anew from noise (mlp, jem).
    pub restart: f32,
    /// Factor of the mean squared energies that are added to the loss (mlp, jem).
    pub energy_l2: f32,
    /// Factor of −log p(x) beside −log p(y | x) (jem); 0 trains a plain classifier.
    pub generative: f32,
    /// Random directions an example (sm-hutchinson, ssm, ssm-vr).
    pub probes: usize,
    /// Noise levels of denoising score matching, in units of the data's standard deviation.
    pub sigma: Vec<f32>,
    /// Standard deviation of noise that is added to the data at each use (mlp, jem).
    pub data_noise: f32,
    /// Seed of every random draw.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: ModelKind::Rbm,
            objective: ObjectiveKind::Pcd,
            hidden: vec![20],
            epochs: 1000,
            batch: 100,
            chains: 500,
            k: Transitions::Parts(vec![1]),
            lr: 0.1,
            final_lr: 0.0005,
            optimizer: OptimizerKind::Sgd,
            momentum: 0.0,
            l2: 0.0,
            centred: true,
            average: 0.1,
            binarize: Binarize::Threshold,
            activation: Nonlinearity::Silu,
            base: 0.0,
            sampler: SamplerKind::Gibbs,
            step: 0.0,
            leapfrog: 5,
            rungs: default_rungs(),
            window: 500,
            restart: 0.0,
            energy_l2: 0.0,
            generative: 1.0,
            probes: 1,
            sigma: vec![0.05],
            data_noise: 0.0,
            seed: 0,
        }
    }
}

/// Checkpoints of versions without tempering hold no number.
fn default_rungs() -> usize {
    10
}

impl Settings {
    /// The settings that suit a model.
    pub fn of(model: ModelKind) -> Self {
        let neural = Self {
            model,
            hidden: vec![128, 128],
            epochs: 40,
            batch: 256,
            chains: 8192,
            k: Transitions::Parts(vec![10]),
            lr: 0.01,
            final_lr: 0.01 / 200.0,
            optimizer: OptimizerKind::Adam,
            binarize: Binarize::None,
            base: 2.0,
            sampler: SamplerKind::Mala,
            step: 0.02,
            window: 512,
            restart: 0.01,
            energy_l2: 0.001,
            ..Self::default()
        };
        match model {
            ModelKind::Rbm => Self::default(),
            ModelKind::Mlp => neural,
            ModelKind::Jem => Self {
                objective: ObjectiveKind::Jem,
                hidden: vec![256, 256, 256],
                epochs: 300,
                batch: 64,
                chains: 4096,
                k: Transitions::Parts(vec![10]),
                lr: 0.001,
                final_lr: 0.001 / 200.0,
                base: 0.0,
                sampler: SamplerKind::SgldJem,
                window: 64,
                restart: 0.05,
                energy_l2: 0.0,
                data_noise: 0.3,
                ..neural
            },
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
        if self.hidden.is_empty() || self.hidden.len() > MOST_LAYERS {
            let found = format!("{} layers", self.hidden.len());
            return refuse("hidden", found, "the units of 1 to 64 layers");
        }
        if self.model == ModelKind::Rbm && self.hidden.len() > 1 {
            let found = format!("{} layers", self.hidden.len());
            return refuse("hidden", found, "one layer for an rbm");
        }
        let layers = self.hidden.iter().map(|units| ("hidden", *units));
        for (setting, value) in layers.chain([
            ("batch", self.batch),
            ("chains", self.chains),
            ("window", self.window),
            ("probes", self.probes),
        ]) {
            if !(1..=MOST).contains(&value) {
                return refuse(setting, value.to_string(), "1 to 16777216");
            }
        }
        if self.epochs == 0 || self.epochs > u64::from(u32::MAX) {
            return refuse("epochs", self.epochs.to_string(), "1 to 4294967295");
        }
        if let Transitions::Parts(parts) = &self.k
            && (parts.is_empty() || !parts.iter().all(|k| (1..=1_000_000).contains(k)))
        {
            return refuse("k", self.k.to_string(), "auto, or numbers from 1 to 1000000");
        }
        let persistent = self.model == ModelKind::Rbm && self.objective == ObjectiveKind::Pcd;
        if self.k == Transitions::Auto && !persistent {
            return refuse("k", "auto".into(), "numbers, except for an rbm by pcd");
        }
        if self.sampler == SamplerKind::Tempering && !persistent {
            let wanted = match self.model {
                ModelKind::Rbm => "gibbs; tempering is for an rbm by pcd",
                ModelKind::Mlp => "mala, hmc, metropolis or ula; tempering is for an rbm by pcd",
                ModelKind::Jem => "sgld-jem or mala; tempering is for an rbm by pcd",
            };
            return refuse("sampler", "tempering".into(), wanted);
        }
        if !(2..=1024).contains(&self.rungs) {
            return refuse("rungs", self.rungs.to_string(), "2 to 1024");
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
        let not_negative = [
            ("l2", self.l2),
            ("base", self.base),
            ("step", self.step),
            ("energy-l2", self.energy_l2),
            ("generative", self.generative),
            ("data-noise", self.data_noise),
        ];
        if let Some((setting, value)) =
            not_negative.into_iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0))
        {
            return refuse(setting, value.to_string(), "a finite number, 0 or more");
        }
        if self.model != ModelKind::Rbm && self.step == 0.0 {
            return refuse("step", self.step.to_string(), "a finite number above 0");
        }
        if self.sigma.is_empty() || !self.sigma.iter().all(|s| s.is_finite() && *s > 0.0) {
            return refuse("sigma", format!("{:?}", self.sigma), "finite numbers above 0");
        }
        if !(1..=10_000).contains(&self.leapfrog) {
            return refuse("leapfrog", self.leapfrog.to_string(), "1 to 10000");
        }
        if i64::try_from(self.seed).is_err() {
            // TOML has no larger numbers, and the configuration holds the seed.
            return refuse("seed", self.seed.to_string(), "0 to 9223372036854775807");
        }
        for (setting, value) in [("average", self.average), ("restart", self.restart)] {
            if !(0.0..=1.0).contains(&value) {
                return refuse(setting, value.to_string(), "0 to 1");
            }
        }
        Ok(())
    }

    /// Learning rate of update `step` of `total`.
    pub(super) fn rate(&self, step: u64, total: u64) -> f32 {
        let done = step as f64 / total.max(1) as f64;
        (f64::from(self.lr) + (f64::from(self.final_lr) - f64::from(self.lr)) * done) as f32
    }
}
