//! Samplers: one file a transition. A sampler moves chains so that their law tends to exp(−βE).
//! It asks an energy for what it needs and knows nothing of data, losses or training.

mod chains;
mod gibbs;

pub use chains::Chains;
pub use gibbs::Gibbs;

use crate::{device::DeviceError, energy::Energy};

/// Why chains cannot be moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SamplerError {
    /// The energy lacks what the sampler needs.
    #[error("the sampler {sampler} does not work for the energy {energy}: {reason}")]
    Inadmissible {
        /// The sampler.
        sampler: &'static str,
        /// The energy.
        energy: &'static str,
        /// What is missing, and what to use.
        reason: &'static str,
    },
    /// The device refused.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// A transition that leaves exp(−βE) invariant.
pub trait Sampler: Send {
    /// Moves every chain by `steps` transitions.
    ///
    /// # Errors
    /// The energy does not admit this sampler, or the device refuses.
    fn advance(
        &self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
    ) -> Result<(), SamplerError>;
}
