//! The configuration of a run: every field may come from a file or from a flag, flags win, the
//! rest are defaults. The resolved one is written to the run folder and reproduces the run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    RunError,
    files::{read_text, shortened},
};
use crate::{
    data::Binarize,
    device::Nonlinearity,
    train::{ModelKind, ObjectiveKind, OptimizerKind, SamplerKind, Transitions},
};

/// The longest configuration that is read, in bytes.
const MAX_CONFIG: u64 = 1 << 20;

/// Settings of `ergodic train`, each of which may be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", default)]
pub struct Config {
    /// The version of this program that wrote the file
    #[arg(skip)]
    pub version: Option<String>,
    /// The device, as in --device
    #[arg(skip)]
    pub device: Option<String>,
    /// The run folder to write, as in --out
    #[arg(skip)]
    pub out: Option<PathBuf>,
    /// The model [default: rbm; mlp for the two-dimensional sets]
    #[arg(long, value_enum)]
    pub model: Option<ModelKind>,
    /// A built-in set (digits, bars-and-stripes; on the plane two-moons, eight-gaussians, pinwheel,
    /// checkerboard, two-spirals, circles, swiss-roll) or a path: IDX, .npy, .npz, .csv (also
    /// .gz), a folder of PNGs [default: digits]
    #[arg(long)]
    pub data: Option<String>,
    /// The column of a CSV file that holds the class: a name, or a number from 0 (-1 is the last)
    #[arg(long, allow_hyphen_values = true)]
    pub label: Option<String>,
    /// Share of the data kept for testing where the source has no test part [default: 0.1]
    #[arg(long)]
    pub holdout: Option<f64>,
    /// How values from 0 to 1 become bits [default: threshold; dynamic for an rbm on large data, of
    /// 10000 examples of 256 units or more; none for nets]
    #[arg(long, value_enum)]
    pub binarize: Option<Binarize>,
    /// The loss [default: pcd; jem for the model jem]
    #[arg(long, value_enum)]
    pub objective: Option<ObjectiveKind>,
    /// Hidden units; for nets those of each layer, as in 128,128 [default: 20, on large data 500;
    /// 128,128 for mlp; 256,256,256 for jem]
    #[arg(long, value_delimiter = ',', num_args = 1)]
    #[serde(deserialize_with = "one_or_many")]
    pub hidden: Option<Vec<usize>>,
    /// Passes over the training data [default: those of about 10000 updates]
    #[arg(long)]
    pub epochs: Option<u64>,
    /// Examples in a minibatch [default: 100, on large data 500; 256 for mlp, 64 for jem]
    #[arg(long)]
    pub batch: Option<usize>,
    /// Persistent chains [default: 500; 8192 for mlp, 4096 for jem]
    #[arg(long)]
    pub chains: Option<usize>,
    /// Transitions of the chains an update (Gibbs sweeps, Langevin steps, …); several values
    /// (1,5,25) share the training in equal parts, auto follows the chains' autocorrelation
    /// [default: 1; 10 for nets]
    #[arg(long)]
    pub k: Option<Transitions>,
    /// Learning rate at the start [default: 0.1, on large data 0.3; 0.01 for mlp, 0.001 for jem]
    #[arg(long, allow_negative_numbers = true)]
    pub lr: Option<f32>,
    /// Learning rate at the end; it falls linearly [default: lr / 200, on large data lr / 10]
    #[arg(long, allow_negative_numbers = true)]
    pub final_lr: Option<f32>,
    /// The optimizer [default: sgd; adam for nets]
    #[arg(long, value_enum)]
    pub optimizer: Option<OptimizerKind>,
    /// Momentum of SGD [default: 0]
    #[arg(long, allow_negative_numbers = true)]
    pub momentum: Option<f32>,
    /// L2 decay of the weights [default: 0]
    #[arg(long, allow_negative_numbers = true)]
    pub l2: Option<f32>,
    /// Whether the gradient of an rbm is centred [default: true]
    #[arg(long, value_name = "BOOL")]
    pub centred: Option<bool>,
    /// Share of the training, at its end, over which the parameters are averaged [default: 0.1]
    #[arg(long)]
    pub average: Option<f32>,
    /// The nonlinearity of a net's hidden layers [default: silu]
    #[arg(long, value_enum)]
    pub activation: Option<Nonlinearity>,
    /// Standard deviation of a Gaussian base measure of a net, in those of the data; 0 for none
    /// [default: 2; 0 for jem]
    #[arg(long, allow_negative_numbers = true)]
    pub base: Option<f32>,
    /// What moves the chains [default: gibbs for an rbm, which also takes tempering; mala for mlp,
    /// sgld-jem for jem]
    #[arg(long, value_enum)]
    pub sampler: Option<SamplerKind>,
    /// Step size of the sampler: of Langevin steps in units of the data's variance, of others in its
    /// standard deviation [default: 0.02]
    #[arg(long, allow_negative_numbers = true)]
    pub step: Option<f32>,
    /// Leapfrog steps of a transition of hmc [default: 5]
    #[arg(long)]
    pub leapfrog: Option<u32>,
    /// Temperatures of --sampler tempering, each with as many chains as --chains [default: 10]
    #[arg(long)]
    pub rungs: Option<usize>,
    /// Persistent chains that move at an update [default: 512 for mlp, 64 for jem]
    #[arg(long)]
    pub window: Option<usize>,
    /// Share of the moving chains that start anew from noise [default: 0.01; 0.05 for jem]
    #[arg(long)]
    pub restart: Option<f32>,
    /// Factor of the mean squared energies in the loss of a net [default: 0.001; 0 for jem]
    #[arg(long, allow_negative_numbers = true)]
    pub energy_l2: Option<f32>,
    /// Factor of the generative term of jem; 0 trains p(y|x) alone [default: 1]
    #[arg(long, allow_negative_numbers = true)]
    pub generative: Option<f32>,
    /// Random directions an example of sm-hutchinson, ssm and ssm-vr [default: 1]
    #[arg(long)]
    pub probes: Option<usize>,
    /// Noise levels of dsm, in the data's standard deviation [default: 0.05]
    #[arg(long, value_delimiter = ',', num_args = 1)]
    #[serde(deserialize_with = "one_or_many")]
    pub sigma: Option<Vec<f32>>,
    /// Standard deviation of noise added to the data of a net at each use [default: 0; 0.3 for
    /// jem]
    #[arg(long, allow_negative_numbers = true)]
    pub data_noise: Option<f32>,
    /// Seed of every random draw [default: 0]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Updates between log lines [default: 100 lines a run, at most one an epoch]
    #[arg(long)]
    pub log_every: Option<u64>,
    /// Updates between estimates of the likelihood by annealing, each a log line (rbm) [default:
    /// none before the end]
    #[arg(long)]
    pub eval_every: Option<u64>,
    /// Updates between checkpoints [default: one a minute]
    #[arg(long)]
    pub checkpoint_every: Option<u64>,
}

impl Config {
    /// As TOML.
    ///
    /// # Errors
    /// Never for a config of this program; the signature follows the serialiser.
    pub fn to_toml(&self) -> Result<String, String> {
        toml::to_string(self).map_err(|error| error.to_string())
    }

    /// Reads a TOML file; keys are those of the flags.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, or has an unknown key (a near one is suggested) or a
    /// value of the wrong type.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let text = read_text(path, MAX_CONFIG)?;
        // The parser quotes the line at fault, however long it is.
        let refuse = |error: toml::de::Error| {
            let quoted = error.to_string();
            let mut lines = quoted.trim_end().lines().map(shortened);
            let text: Vec<String> = lines.by_ref().take(6).collect();
            RunError::file(path, text.join("\n"))
        };
        let table: toml::Table = toml::from_str(&text).map_err(refuse)?;
        for key in table.keys() {
            if !KEYS.contains(&key.as_str()) {
                let near = KEYS
                    .iter()
                    .map(|known| (strsim::jaro_winkler(key, known), known))
                    .max_by(|a, b| a.0.total_cmp(&b.0))
                    .filter(|(likeness, _)| *likeness > 0.75);
                let hint = match near {
                    Some((_, known)) => format!("; did you mean '{known}'?"),
                    None => format!("; the keys are: {}", KEYS.join(", ")),
                };
                return Err(RunError::file(
                    path,
                    format!("has an unknown key '{}'{hint}", shortened(key)),
                ));
            }
        }
        toml::from_str(&text).map_err(refuse)
    }
}

/// A number, or a list of numbers.
fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a number, or a list of them")]
    enum Numbers<T> {
        One(T),
        Many(Vec<T>),
    }
    Ok(Some(match Numbers::deserialize(deserializer)? {
        Numbers::One(number) => vec![number],
        Numbers::Many(numbers) => numbers,
    }))
}

/// Every key of a configuration.
const KEYS: &[&str] = &[
    "version",
    "device",
    "out",
    "model",
    "data",
    "label",
    "holdout",
    "binarize",
    "objective",
    "hidden",
    "epochs",
    "batch",
    "chains",
    "k",
    "lr",
    "final-lr",
    "optimizer",
    "momentum",
    "l2",
    "centred",
    "average",
    "activation",
    "base",
    "sampler",
    "step",
    "leapfrog",
    "rungs",
    "window",
    "restart",
    "energy-l2",
    "generative",
    "probes",
    "sigma",
    "data-noise",
    "seed",
    "log-every",
    "eval-every",
    "checkpoint-every",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_key_and_survives_a_file() {
        let config = Config {
            device: Some("cpu".into()),
            out: Some("runs/digits".into()),
            label: Some("digit".into()),
            epochs: Some(3),
            log_every: Some(10),
            eval_every: Some(20),
            checkpoint_every: Some(100),
            ..Config::default().resolve()
        };
        let text = config.to_toml().unwrap();
        let table: toml::Table = toml::from_str(&text).unwrap();
        assert!(table.keys().eq(&{
            let mut keys = KEYS.to_vec();
            keys.sort_unstable();
            keys
        }));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        assert_eq!(Config::read(&path).unwrap(), config);
    }
}
