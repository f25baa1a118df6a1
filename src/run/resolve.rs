//! From what a user names to the settings of a run: files under flags, defaults under both.

use super::Config;
use crate::{
    data::{Binarize, Planar},
    train::{ModelKind, ObjectiveKind, OptimizerKind, Settings},
};

/// Updates of a run whose user names no number of epochs.
const RBM_UPDATES: u64 = 10_000;
/// Examples and units from which on an RBM is trained as on MNIST.
const MANY_ROWS: usize = 10_000;
const MANY_UNITS: usize = 256;
/// Its learning rate at the start.
const LARGE_LR: f32 = 0.3;
const MLP_UPDATES: u64 = 3_000;
const JEM_UPDATES: u64 = 4_500;

impl Config {
    /// Takes every field that is missing here from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            version: self.version.or(other.version),
            device: self.device.or(other.device),
            out: self.out.or(other.out),
            model: self.model.or(other.model),
            data: self.data.or(other.data),
            label: self.label.or(other.label),
            holdout: self.holdout.or(other.holdout),
            binarize: self.binarize.or(other.binarize),
            objective: self.objective.or(other.objective),
            hidden: self.hidden.or(other.hidden),
            epochs: self.epochs.or(other.epochs),
            batch: self.batch.or(other.batch),
            chains: self.chains.or(other.chains),
            k: self.k.or(other.k),
            lr: self.lr.or(other.lr),
            final_lr: self.final_lr.or(other.final_lr),
            optimizer: self.optimizer.or(other.optimizer),
            momentum: self.momentum.or(other.momentum),
            l2: self.l2.or(other.l2),
            centred: self.centred.or(other.centred),
            average: self.average.or(other.average),
            activation: self.activation.or(other.activation),
            base: self.base.or(other.base),
            sampler: self.sampler.or(other.sampler),
            step: self.step.or(other.step),
            leapfrog: self.leapfrog.or(other.leapfrog),
            rungs: self.rungs.or(other.rungs),
            window: self.window.or(other.window),
            restart: self.restart.or(other.restart),
            energy_l2: self.energy_l2.or(other.energy_l2),
            generative: self.generative.or(other.generative),
            probes: self.probes.or(other.probes),
            sigma: self.sigma.or(other.sigma),
            data_noise: self.data_noise.or(other.data_noise),
            seed: self.seed.or(other.seed),
            log_every: self.log_every.or(other.log_every),
            eval_every: self.eval_every.or(other.eval_every),
            checkpoint_every: self.checkpoint_every.or(other.checkpoint_every),
        }
    }

    /// Fills in what suits an RBM on data of many units and many examples, such as MNIST; see
    /// docs/mnist.md for what each part brings. Other data and models are left alone.
    pub fn suit(self, rows: usize, columns: usize) -> Self {
        let resolved = self.clone().resolve();
        let suits = resolved.model == Some(ModelKind::Rbm)
            && resolved.objective == Some(ObjectiveKind::Pcd)
            && resolved.optimizer == Some(OptimizerKind::Sgd);
        if !suits || rows < MANY_ROWS || columns < MANY_UNITS {
            return self;
        }
        let lr = self.lr.unwrap_or(LARGE_LR);
        self.or(Self {
            hidden: Some(vec![500]),
            batch: Some(500),
            lr: Some(lr),
            final_lr: Some(lr / 10.0),
            binarize: Some(Binarize::Dynamic),
            ..Self::default()
        })
    }

    /// Fills in the defaults of the model; what stays missing has none, or depends on the data
    /// (`epochs`).
    pub fn resolve(self) -> Self {
        let data = self.data.clone().unwrap_or_else(|| "digits".into());
        let on_the_plane = Planar::from_name(&data).is_some();
        let model = self.model.unwrap_or(match (on_the_plane, self.objective) {
            (_, Some(ObjectiveKind::Jem)) => ModelKind::Jem,
            (true, _) => ModelKind::Mlp,
            (false, _) => ModelKind::Rbm,
        });
        let default = Settings::of(model);
        let lr = self.lr.unwrap_or(match self.optimizer.unwrap_or(default.optimizer) {
            same if same == default.optimizer => default.lr,
            OptimizerKind::Adam => 0.001,
            OptimizerKind::Sgd => 0.1,
        });
        self.or(Self {
            version: Some(env!("CARGO_PKG_VERSION").into()),
            model: Some(model),
            data: Some(data),
            holdout: Some(0.1),
            lr: Some(lr),
            final_lr: Some(lr / 200.0),
            objective: Some(default.objective),
            hidden: Some(default.hidden),
            batch: Some(default.batch),
            chains: Some(default.chains),
            k: Some(default.k),
            optimizer: Some(default.optimizer),
            momentum: Some(default.momentum),
            l2: Some(default.l2),
            centred: Some(default.centred),
            average: Some(default.average),
            binarize: Some(default.binarize),
            activation: Some(default.activation),
            base: Some(default.base),
            sampler: Some(default.sampler),
            step: Some(default.step),
            leapfrog: Some(default.leapfrog),
            rungs: Some(default.rungs),
            window: Some(default.window),
            restart: Some(default.restart),
            energy_l2: Some(default.energy_l2),
            generative: Some(default.generative),
            probes: Some(default.probes),
            sigma: Some(default.sigma),
            data_noise: Some(default.data_noise),
            seed: Some(default.seed),
            ..Self::default()
        })
    }

    /// Fills in the passes over data of `rows` training examples, where they are missing.
    pub fn resolve_epochs(&mut self, rows: usize) {
        let model = self.model.unwrap_or(ModelKind::Rbm);
        let batch = self.batch.unwrap_or(Settings::of(model).batch).clamp(1, rows.max(1));
        let updates_a_pass = (rows / batch).max(1) as u64;
        let updates = match model {
            ModelKind::Rbm => RBM_UPDATES,
            ModelKind::Mlp => MLP_UPDATES,
            ModelKind::Jem => JEM_UPDATES,
        };
        self.epochs.get_or_insert(updates.div_ceil(updates_a_pass));
    }

    /// The settings of training; missing fields are defaults.
    pub fn settings(&self) -> Settings {
        let default = Settings::of(self.model.unwrap_or(ModelKind::Rbm));
        Settings {
            model: default.model,
            epochs: self.epochs.unwrap_or(default.epochs),
            lr: self.lr.unwrap_or(default.lr),
            final_lr: self.final_lr.unwrap_or(default.final_lr),
            objective: self.objective.unwrap_or(default.objective),
            hidden: self.hidden.clone().unwrap_or(default.hidden),
            batch: self.batch.unwrap_or(default.batch),
            chains: self.chains.unwrap_or(default.chains),
            k: self.k.clone().unwrap_or(default.k),
            optimizer: self.optimizer.unwrap_or(default.optimizer),
            momentum: self.momentum.unwrap_or(default.momentum),
            l2: self.l2.unwrap_or(default.l2),
            centred: self.centred.unwrap_or(default.centred),
            average: self.average.unwrap_or(default.average),
            binarize: self.binarize.unwrap_or(default.binarize),
            activation: self.activation.unwrap_or(default.activation),
            base: self.base.unwrap_or(default.base),
            sampler: self.sampler.unwrap_or(default.sampler),
            step: self.step.unwrap_or(default.step),
            leapfrog: self.leapfrog.unwrap_or(default.leapfrog),
            rungs: self.rungs.unwrap_or(default.rungs),
            window: self.window.unwrap_or(default.window),
            restart: self.restart.unwrap_or(default.restart),
            energy_l2: self.energy_l2.unwrap_or(default.energy_l2),
            generative: self.generative.unwrap_or(default.generative),
            probes: self.probes.unwrap_or(default.probes),
            sigma: self.sigma.clone().unwrap_or(default.sigma),
            data_noise: self.data_noise.unwrap_or(default.data_noise),
            seed: self.seed.unwrap_or(default.seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_data_get_settings_of_their_own_and_flags_win() {
        let plain = Config::default().resolve();
        assert_eq!(Config::default().suit(1_000, 784).resolve(), plain);
        assert_eq!(Config::default().suit(60_000, 64).resolve(), plain);
        let large = Config::default().suit(60_000, 784).resolve();
        assert_eq!((large.batch, large.hidden.clone()), (Some(500), Some(vec![500])));
        assert_eq!((large.lr, large.final_lr), (Some(0.3), Some(0.3 / 10.0)));
        let named = Config { lr: Some(0.1), hidden: Some(vec![20]), ..Config::default() };
        let named = named.suit(60_000, 784).resolve();
        assert_eq!(
            (named.hidden, named.lr, named.final_lr),
            (Some(vec![20]), Some(0.1), Some(0.01))
        );
        for other in [
            Config { model: Some(ModelKind::Mlp), ..Config::default() },
            Config { objective: Some(ObjectiveKind::Cd), ..Config::default() },
            Config { optimizer: Some(OptimizerKind::Adam), ..Config::default() },
        ] {
            assert_eq!(other.clone().suit(60_000, 784), other);
        }
    }
}
