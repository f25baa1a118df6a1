//! Samplers: one file a transition. A sampler moves chains so that their law tends to exp(−βE).
//! It asks an energy for what it needs and knows nothing of data, losses or training.

mod adapt;
mod chains;
mod gibbs;
mod hmc;
mod langevin;
mod mala;
mod metropolis;
mod scratch;
mod sgld_jem;
mod tempering;
mod ula;

pub use adapt::{BurnIn, burn_in};
pub use chains::{Acceptance, Chains};
pub use gibbs::Gibbs;
pub use hmc::Hmc;
pub use mala::Mala;
pub use metropolis::Metropolis;
pub use sgld_jem::SgldJem;
pub(crate) use tempering::spread;
pub use tempering::{Exchanges, LadderState, Rungs, Tempering};
pub use ula::Ula;

use crate::{
    device::DeviceError,
    energy::{Domain, Energy, ModelError},
};

/// Samplers of real energies, by name.
const REAL: &[&str] = &["ula", "mala", "hmc", "metropolis", "sgld-jem"];

/// Why chains cannot be moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SamplerError {
    /// The energy lacks what the sampler needs.
    #[error(
        "the sampler {sampler} does not work for the energy {energy}: {reason}; use {}",
        list(admissible)
    )]
    Inadmissible {
        /// The sampler.
        sampler: &'static str,
        /// The energy.
        energy: &'static str,
        /// What is missing.
        reason: &'static str,
        /// The samplers that the energy admits.
        admissible: &'static [&'static str],
    },
    /// A setting is out of its range.
    #[error("the sampler {sampler} has {setting} {found}; it must be {wanted}")]
    Setting {
        /// The sampler.
        sampler: &'static str,
        /// The setting.
        setting: &'static str,
        /// Its value.
        found: f32,
        /// Its range.
        wanted: &'static str,
    },
    /// The energies of a path cannot be made.
    #[error(transparent)]
    Path(#[from] ModelError),
    /// The device refused.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "a sampler of your own".into() } else { names.join(", ") }
}

/// The names of the samplers that an energy admits.
pub fn admissible(energy: &dyn Energy) -> &'static [&'static str] {
    match energy.domain() {
        Domain::Real => REAL,
        Domain::Binary if energy.bipartite().is_some() => &["gibbs"],
        Domain::Binary => &[],
    }
}

/// A transition that leaves exp(−βE) invariant, or nearly so where its file says so.
///
/// A sampler keeps its scratch arrays from call to call, so one that is used again is cheaper than
/// a new one.
pub trait Sampler: Send {
    /// The name in configurations and messages.
    fn kind(&self) -> &'static str;

    /// Whether the energy has what this sampler needs, and whether the settings are in their
    /// ranges. Costs nothing.
    ///
    /// # Errors
    /// It has not; the message names the samplers that it admits.
    fn admits(&self, energy: &dyn Energy) -> Result<(), SamplerError>;

    /// Moves every chain by `steps` transitions, each of which takes one number of the chains'
    /// clock.
    ///
    /// # Errors
    /// The energy does not admit this sampler, or the device refuses.
    fn advance(
        &self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
    ) -> Result<(), SamplerError>;

    /// The step size, where there is one.
    fn step_size(&self) -> Option<f32> {
        None
    }

    /// Sets the step size, where there is one.
    fn set_step_size(&mut self, _value: f32) {}

    /// The sampler itself where it is block Gibbs, whose place a kernel may take that sweeps the rungs
    /// of a ladder at once.
    fn as_gibbs(&self) -> Option<&Gibbs> {
        None
    }

    /// The acceptance rate that a step size is best tuned to in `dimension` dimensions; none where
    /// nothing is rejected.
    fn target_acceptance(&self, _dimension: usize) -> Option<f64> {
        None
    }

    /// The sampler as parallel tempering, where it is: it has chains and a ladder of its own, which
    /// whoever trains adapts and saves.
    fn tempering(&mut self) -> Option<&mut Tempering> {
        None
    }
}

impl<S: Sampler + ?Sized> Sampler for Box<S> {
    fn kind(&self) -> &'static str {
        (**self).kind()
    }

    fn admits(&self, energy: &dyn Energy) -> Result<(), SamplerError> {
        (**self).admits(energy)
    }

    fn advance(
        &self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
    ) -> Result<(), SamplerError> {
        (**self).advance(energy, chains, steps)
    }

    fn step_size(&self) -> Option<f32> {
        (**self).step_size()
    }

    fn set_step_size(&mut self, value: f32) {
        (**self).set_step_size(value);
    }

    fn as_gibbs(&self) -> Option<&Gibbs> {
        (**self).as_gibbs()
    }

    fn target_acceptance(&self, dimension: usize) -> Option<f64> {
        (**self).target_acceptance(dimension)
    }

    fn tempering(&mut self) -> Option<&mut Tempering> {
        (**self).tempering()
    }
}

/// Whether an energy is one of real numbers.
fn admits_real(sampler: &'static str, energy: &dyn Energy) -> Result<(), SamplerError> {
    match energy.domain() {
        Domain::Real => Ok(()),
        Domain::Binary => Err(SamplerError::Inadmissible {
            sampler,
            energy: energy.kind(),
            reason: "it moves real numbers, and the units of this energy are 0 or 1",
            admissible: admissible(energy),
        }),
    }
}

/// Whether a setting is positive and finite.
fn check_positive(
    sampler: &'static str,
    setting: &'static str,
    found: f32,
) -> Result<(), SamplerError> {
    if found > 0.0 && found.is_finite() {
        Ok(())
    } else {
        Err(SamplerError::Setting { sampler, setting, found, wanted: "positive and finite" })
    }
}
