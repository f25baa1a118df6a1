//! Energies: one file a model. An energy evaluates E(x), or its free energy where it has hidden
//! units, and the weighted parameter gradient Σⱼ wⱼ ∇θE(xⱼ), each for a whole batch. Nothing here
//! knows how points are drawn or weighted, or how parameters are updated.

mod analytic;
mod cholesky;
mod gaussian;
mod mlp;
mod model;
mod path;
mod rbm;

pub use analytic::{Analytic, Component};
pub use gaussian::Gaussian;
pub use mlp::{Architecture, Conditional, Mlp};
pub use model::Model;
pub use path::{Base, Path};
pub(crate) use rbm::log_odds;
pub use rbm::{Offsets, Rbm};

use crate::{
    device::{Array, Device, DeviceError, Net, Result},
    tensor::TensorError,
};

/// Why a model cannot be made from tensors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The tensors are not those of such a model.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The numbers make no such energy.
    #[error("the energy {energy} cannot be made: {reason}")]
    Unfit {
        /// The energy.
        energy: &'static str,
        /// What is wrong, and what is wanted.
        reason: String,
    },
    /// The device cannot hold it.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// What the visible units are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// 0 or 1.
    Binary,
    /// Real numbers.
    Real,
}

/// Points and their weights: what every loss comes down to.
#[derive(Clone, Copy)]
pub struct Points<'a> {
    /// The points, `[n, D]`.
    pub x: &'a Array,
    /// Means of the hidden units given the points, `[n, H]`, where they are known already.
    pub hidden_means: Option<&'a Array>,
    /// The weights wⱼ.
    pub weights: Weights<'a>,
}

/// Weights of points.
#[derive(Clone, Copy)]
pub enum Weights<'a> {
    /// One weight for all.
    Uniform(f32),
    /// One each, `[n, 1]`.
    Each(&'a Array),
    /// One each for every output of a net, `[n, K]`: the gradient is Σⱼ Σₖ wⱼₖ ∇θE(xⱼ, k).
    Outputs(&'a Array),
}

/// The arrays of a bipartite binary energy, E(v, h) = −vᵀWh − bᵀv − cᵀh: what block Gibbs needs.
#[derive(Clone, Copy)]
pub struct Bipartite<'a> {
    /// W, `[D, H]`.
    pub weights: &'a Array,
    /// b, `[1, D]`.
    pub visible_bias: &'a Array,
    /// c, `[1, H]`.
    pub hidden_bias: &'a Array,
}

/// A model p(x) = exp(−E(x)) / Z with parameters θ.
///
/// An energy of one's own implements the first five methods, and `score` where it is
/// differentiable; every sampler that its domain admits then runs on it. With parameters and their
/// `gradient` it can be trained too.
pub trait Energy: Send + Sync {
    /// The name in configurations, model files and messages.
    fn kind(&self) -> &'static str;

    /// The device that the parameters live on.
    fn device(&self) -> &Device;

    /// Number of visible units, D.
    fn dimension(&self) -> usize;

    /// What the visible units are.
    fn domain(&self) -> Domain;

    /// out `[n, 1]` ← E(x), with hidden units summed out, for x `[n, D]`.
    fn energy(&self, x: &Array, out: &mut Array) -> Result<()>;

    /// out `[n, D]` ← the score, −∇ₓE(x).
    ///
    /// # Errors
    /// The energy has no score, as binary energies have none, or the device refuses.
    fn score(&self, _x: &Array, _out: &mut Array) -> Result<()> {
        Err(DeviceError::Refused {
            what: format!("the score of the energy {}", self.kind()),
            reason: "it has none".into(),
        })
    }

    /// Both at once, which is cheaper for most energies.
    ///
    /// # Errors
    /// Those of [`Energy::score`].
    fn energy_and_score(&self, x: &Array, energy: &mut Array, score: &mut Array) -> Result<()> {
        self.energy(x, energy)?;
        self.score(x, score)
    }

    /// The parameters with their names, always in the same order; an array with one row is a
    /// vector.
    fn parameters(&self) -> Vec<(String, &Array)> {
        Vec::new()
    }

    /// The parameters, in the order of [`Energy::parameters`].
    fn parameters_mut(&mut self) -> Vec<&mut Array> {
        Vec::new()
    }

    /// The place in [`Energy::parameters`] of a single number that is added to every energy, where
    /// there is one. Densities and scores do not depend on it.
    fn constant(&self) -> Option<usize> {
        None
    }

    /// gradient ← Σⱼ wⱼ ∇θE(xⱼ) over all the points, one array a parameter.
    ///
    /// # Errors
    /// The energy has no gradient for such weights, or the device refuses.
    fn gradient(&self, _points: &[Points<'_>], _gradient: &mut [Array]) -> Result<()> {
        Ok(())
    }

    /// Number of hidden units that are summed out, H; 0 where there are none.
    fn hidden(&self) -> usize {
        0
    }

    /// out `[n, H]` ← the means of the hidden units given x; does nothing where there are none.
    fn hidden_means(&self, _x: &Array, _out: &mut Array) -> Result<()> {
        Ok(())
    }

    /// Number of classes that the energy is a joint model of; 0 where it is none.
    fn classes(&self) -> usize {
        0
    }

    /// out `[n, K]` ← log p(y | x) of every class up to a constant of each row; does nothing where
    /// there are no classes.
    fn logits(&self, _x: &Array, _out: &mut Array) -> Result<()> {
        Ok(())
    }

    /// The arrays for block Gibbs, where the energy is bipartite and binary.
    fn bipartite(&self) -> Option<Bipartite<'_>> {
        None
    }

    /// The net, where the energy is one: its Langevin steps then run in one dispatch.
    fn net(&self) -> Option<Net<'_>> {
        None
    }
}
