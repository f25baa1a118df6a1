//! A model given as a run folder or as a bare file, and the data that belong to it.

use std::path::{Path, PathBuf};

use super::failure::Usage;
use crate::{
    data::{self, Binarize, Dataset, ImageShape, Options},
    device::Device,
    energy::Model,
    run::{Config, Folder, Loaded, read_model},
    sampler::Chains,
    train::SamplerKind,
};

/// A trained model and where it came from.
pub(super) struct Source {
    pub model: Model,
    pub image: Option<ImageShape>,
    /// The run folder, where the model is in one.
    pub folder: Option<Folder>,
    config: Config,
}

/// Flags that say which data.
#[derive(clap::Args)]
pub(super) struct DataArgs {
    /// The data: a built-in set or a path [default: that of the run]
    #[arg(long)]
    data: Option<String>,
    /// The column of a CSV file that holds the class
    #[arg(long, allow_hyphen_values = true)]
    label: Option<String>,
    /// Share of the data kept for testing where the source has no test part
    #[arg(long)]
    holdout: Option<f64>,
    /// How values from 0 to 1 become bits [default: that of the run, or threshold]
    #[arg(long, value_enum)]
    binarize: Option<Binarize>,
}

impl DataArgs {
    /// Whether the flags name data.
    pub fn is_named(&self) -> bool {
        self.data.is_some()
    }
}

impl Source {
    /// Reads a model from a run folder or a model file.
    pub fn open(path: &Path, device: &Device) -> anyhow::Result<Self> {
        let (file, folder, config): (PathBuf, _, _) = if path.is_dir() {
            let folder = Folder::open(path)?;
            let config = folder.config()?;
            if !folder.model().exists() {
                return Err(Usage(format!(
                    "{} has no model.safetensors yet; finish it with: ergodic train --resume {}",
                    path.display(),
                    path.display()
                ))
                .into());
            }
            (folder.model(), Some(folder), config)
        } else {
            (path.into(), None, Config::default())
        };
        let Loaded { model, image, assumed } = read_model(&file, device)?;
        if let Some(assumed) = assumed {
            note!("{}: {assumed}", file.display());
        }
        Ok(Self { model, image, folder, config })
    }

    /// Whether the run names its data; a bare model file does not.
    pub fn names_data(&self) -> bool {
        self.config.data.is_some()
    }

    /// The chains that training has left, in its newest checkpoint.
    pub fn chains(&self) -> anyhow::Result<Option<Chains>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        match folder.checkpoints().newest() {
            Ok((_, state, _)) => Ok(state.chains(&*self.model)?),
            // They are a help, no need.
            Err(_) => Ok(None),
        }
    }

    /// The sampler of the run.
    pub fn sampler(&self) -> Option<SamplerKind> {
        self.config.sampler
    }

    /// Loads the data that the flags name, or else those of the run, in the form that the model
    /// takes.
    pub fn data(&self, args: &DataArgs) -> anyhow::Result<Dataset> {
        let Some(name) = args.data.as_ref().or(self.config.data.as_ref()) else {
            return Err(Usage("a bare model file names no data; add --data".into()).into());
        };
        let binarize = args.binarize.or(self.config.binarize).unwrap_or(match self.model {
            Model::Rbm(_) => Binarize::Threshold,
            Model::Mlp(_) => Binarize::None,
        });
        let own = Config {
            label: args.label.clone(),
            holdout: args.holdout,
            // The same seed holds the same examples out.
            seed: self.config.seed,
            ..Config::default()
        };
        // A label column or a holdout of the run means nothing to other data.
        let config = if args.data.is_some() { own } else { own.or(self.config.clone()) };
        let mut data = load(name, &config)?;
        if data.natural && self.model.as_rbm().is_some() {
            return Err(Usage(format!(
                "the data set {} holds coordinates of the plane, not values from 0 to 1; give the \
                 data that the rbm was trained on with --data",
                data.name
            ))
            .into());
        }
        data.binarize(binarize.fixed(), config.seed.unwrap_or_default());
        if self.model.as_mlp().is_some() {
            data.centre();
        }
        if data.train.columns != self.model.dimension() {
            return Err(Usage(format!(
                "the data set {} has {} values in an example but the model has {} visible units; \
                 give the data it was trained on with --data",
                data.name,
                data.train.columns,
                self.model.dimension()
            ))
            .into());
        }
        Ok(data)
    }
}

/// Loads the data of a configuration.
pub(super) fn load(name: &str, config: &Config) -> anyhow::Result<Dataset> {
    let default = Options::default();
    let options = Options {
        label: config.label.clone(),
        holdout: config.holdout.unwrap_or(default.holdout),
        seed: config.seed.unwrap_or_default(),
        ..default
    };
    Ok(data::load(name, &options)?)
}
