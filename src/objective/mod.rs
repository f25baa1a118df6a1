//! Objectives: one file a loss. An objective turns a batch of data into weighted points; the
//! energy's weighted gradient over them is the gradient of the loss. Nothing here knows of
//! parameters, optimizers or files.

mod cd;
mod differences;
mod dsm;
mod jem;
mod pcd;
mod penalty;
mod replay;
mod sm;
mod sm_hutchinson;
mod ssm;
mod ssm_vr;

pub use cd::Cd;
pub use differences::{Law, Steps, hessian_trace};
pub use dsm::Dsm;
pub use jem::Jem;
pub use pcd::Pcd;
pub use replay::{Replay, Restart};
pub use sm::Sm;
pub use sm_hutchinson::SmHutchinson;
pub use ssm::Ssm;
pub use ssm_vr::SsmVr;

use crate::{
    device::{Array, Device, DeviceError},
    energy::{Domain, Energy, Points, Weights},
    sampler::{Chains, SamplerError, Tempering},
};

/// Why a loss has no points.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectiveError {
    /// The energy lacks what the objective needs.
    #[error(
        "the objective {objective} does not work for the energy {energy}: {reason}; for {energy} \
         choose {admissible}"
    )]
    Inadmissible {
        /// The objective.
        objective: &'static str,
        /// The energy.
        energy: &'static str,
        /// What is missing.
        reason: &'static str,
        /// What works for this energy.
        admissible: &'static str,
    },
    /// The batch has no labels.
    #[error("the objective {objective} needs a class for every example, and the data have none")]
    NoLabels {
        /// The objective.
        objective: &'static str,
    },
    /// The sampler refused.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The device refused.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// A result of an objective.
pub type Result<T, E = ObjectiveError> = std::result::Result<T, E>;

/// A minibatch on the device.
pub struct Batch {
    /// The examples, `[n, D]`.
    pub x: Array,
    /// Means of the hidden units given them, `[n, H]`.
    pub hidden_means: Array,
    /// 1 in the column of each example's class and 0 elsewhere, `[n, K]`, where there are classes.
    pub classes: Option<Array>,
}

impl Batch {
    /// The examples as points that share one weight: `total` over all of them.
    pub(crate) fn points(&self, total: f32) -> Points<'_> {
        shared_weight(&self.x, Some(&self.hidden_means), total)
    }
}

/// Which update a batch is for.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Its number, from 0: random draws of an objective depend on it and on the seed alone.
    pub number: u64,
    /// Transitions of the chains.
    pub steps: u32,
    /// The run's seed.
    pub seed: u64,
}

/// Values `[n, 1]` on the device and the factor of their mean: a loss is a sum of such terms.
pub type LossTerm = (Array, f64);

/// A loss as weighted points.
pub trait Objective: Send {
    /// The name in configurations.
    fn kind(&self) -> &'static str;

    /// Whether the loss depends on a number that is added to all energies, as a penalty on their
    /// size does. A score has none, and in a contrastive loss it cancels: its gradient is then 0,
    /// where a sum of weights would leave rounding errors, which some optimizers turn into steps.
    fn sees_constant(&self) -> bool {
        true
    }

    /// Whether the energy has what the loss needs; asked before any work.
    ///
    /// # Errors
    /// It has not; the message names the objectives that it admits.
    fn admits(&self, energy: &dyn Energy) -> Result<()>;

    /// The weighted points of a batch, moving the chains first, where there are chains.
    ///
    /// # Errors
    /// The energy does not admit the objective, or the device refuses.
    fn points<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        update: Update,
    ) -> Result<Vec<Points<'a>>>;

    /// The loss of a batch as terms whose means add up to it. Contrastive losses take the chains
    /// as they are, and are a loss in their gradient only.
    ///
    /// # Errors
    /// The device refuses.
    fn loss(&self, energy: &dyn Energy, batch: &Batch, update: Update) -> Result<Vec<LossTerm>>;

    /// The persistent chains, where there are any.
    fn chains(&self) -> Option<&Chains> {
        None
    }

    /// The persistent chains, to restore them.
    fn chains_mut(&mut self) -> Option<&mut Chains> {
        None
    }

    /// The chains that the last update moved, with their tally.
    fn moved_mut(&mut self) -> Option<&mut Chains> {
        self.chains_mut()
    }

    /// What moves the chains, where it is parallel tempering.
    fn tempering(&mut self) -> Option<&mut Tempering> {
        None
    }
}

/// The value of a loss.
///
/// # Errors
/// The device refuses.
pub async fn total(device: &Device, terms: Vec<LossTerm>) -> Result<f64, DeviceError> {
    let mut sum = 0.0;
    for (values, factor) in terms {
        let values = device.read(&values).await?;
        let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / values.len() as f64;
        sum += factor * mean;
    }
    Ok(sum)
}

/// Refuses an energy that has no score.
fn needs_score(objective: &'static str, energy: &dyn Energy) -> Result<()> {
    match energy.domain() {
        Domain::Real => Ok(()),
        Domain::Binary => Err(ObjectiveError::Inadmissible {
            objective,
            energy: energy.kind(),
            reason: "its units are 0 or 1, so it has no score to match",
            admissible: "pcd or cd",
        }),
    }
}

/// E(x), `[n, 1]`.
fn energies(energy: &dyn Energy, x: &Array) -> Result<Array> {
    let mut out = energy.device().zeros(x.rows(), 1)?;
    energy.energy(x, &mut out)?;
    Ok(out)
}

/// The contrastive loss: E over the data less E over the chains.
fn contrast(energy: &dyn Energy, data: &Array, chains: &Array) -> Result<Vec<LossTerm>> {
    Ok(vec![(energies(energy, data)?, 1.0), (energies(energy, chains)?, -1.0)])
}

/// Points at the chains' states that share one weight.
fn chain_points(chains: &Chains, total: f32) -> Points<'_> {
    shared_weight(&chains.visible, Some(&chains.hidden_means), total)
}

fn shared_weight<'a>(x: &'a Array, hidden_means: Option<&'a Array>, total: f32) -> Points<'a> {
    let weight = total / x.rows() as f32;
    Points { x, hidden_means, weights: Weights::Uniform(weight) }
}

/// An array of that shape, kept between calls.
fn kept<'a>(
    slot: &'a mut Option<Array>,
    device: &Device,
    rows: usize,
    columns: usize,
) -> Result<&'a mut Array, DeviceError> {
    if slot.as_ref().is_none_or(|array| array.shape() != (rows, columns)) {
        *slot = None;
    }
    Ok(match slot {
        Some(array) => array,
        None => slot.insert(device.zeros(rows, columns)?),
    })
}
