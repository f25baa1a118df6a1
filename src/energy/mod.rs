//! Energies: one file a model. An energy evaluates E(x), or its free energy where it has hidden
//! units, and the weighted parameter gradient Σⱼ wⱼ ∇θE(xⱼ), each for a whole batch. Nothing here
//! knows how points are drawn or weighted, or how parameters are updated.

mod rbm;

pub use rbm::{Offsets, Rbm};

use crate::{
    device::{Array, Device, DeviceError, Result, RowWeights},
    tensor::TensorError,
};

/// Why a model cannot be made from tensors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The tensors are not those of such a model.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The device cannot hold it.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// Points and their weights: what every loss comes down to.
#[derive(Clone, Copy)]
pub struct Points<'a> {
    /// The points, `[n, D]`.
    pub x: &'a Array,
    /// Means of the hidden units given the points, `[n, H]`, where they are known already.
    pub hidden_means: Option<&'a Array>,
    /// The weights wⱼ.
    pub weights: RowWeights<'a>,
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
pub trait Energy: Send {
    /// The name in configurations and model files.
    fn kind(&self) -> &'static str;

    /// The device that the parameters live on.
    fn device(&self) -> &Device;

    /// Number of visible units, D.
    fn dimension(&self) -> usize;

    /// Number of hidden units that are summed out, H; 0 where there are none.
    fn hidden(&self) -> usize;

    /// The parameters with their names, always in the same order.
    fn parameters(&self) -> Vec<(&'static str, &Array)>;

    /// The parameters, in the order of [`Energy::parameters`].
    fn parameters_mut(&mut self) -> Vec<&mut Array>;

    /// out `[n, 1]` ← E(x), with hidden units summed out, for x `[n, D]`.
    fn energy(&self, x: &Array, out: &mut Array) -> Result<()>;

    /// out `[n, H]` ← the means of the hidden units given x; does nothing where there are none.
    fn hidden_means(&self, x: &Array, out: &mut Array) -> Result<()>;

    /// gradient ← Σⱼ wⱼ ∇θE(xⱼ) over all the points, one array a parameter.
    fn gradient(&self, points: &[Points<'_>], gradient: &mut [Array]) -> Result<()>;

    /// The arrays for block Gibbs, where the energy is bipartite and binary.
    fn bipartite(&self) -> Option<Bipartite<'_>>;
}
