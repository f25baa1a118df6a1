//! Objectives: one file a loss. An objective turns a batch of data into weighted points; the
//! energy's weighted gradient over them is the gradient of the loss. Nothing here knows of
//! parameters, optimizers or files.

mod cd;
mod pcd;

pub use cd::Cd;
pub use pcd::Pcd;

use crate::{
    device::Array,
    energy::{Energy, Points, Weights},
    sampler::{Chains, SamplerError},
};

/// A minibatch on the device.
pub struct Batch {
    /// The examples, `[n, D]`.
    pub x: Array,
    /// Means of the hidden units given them, `[n, H]`.
    pub hidden_means: Array,
}

impl Batch {
    /// The examples as points that share one weight: `total` over all of them.
    pub(crate) fn points(&self, total: f32) -> Points<'_> {
        shared_weight(&self.x, &self.hidden_means, total)
    }
}

/// A loss as weighted points.
pub trait Objective: Send {
    /// The name in configurations.
    fn kind(&self) -> &'static str;

    /// The weighted points of a batch, moving the chains by `sweeps` transitions first.
    ///
    /// # Errors
    /// The energy does not admit the sampler, or the device refuses.
    fn points<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        sweeps: u32,
    ) -> Result<Vec<Points<'a>>, SamplerError>;

    /// The chains.
    fn chains(&self) -> &Chains;

    /// The chains, to restore them.
    fn chains_mut(&mut self) -> &mut Chains;
}

/// Points at the chains' states that share one weight.
fn chain_points(chains: &Chains, total: f32) -> Points<'_> {
    shared_weight(&chains.visible, &chains.hidden_means, total)
}

fn shared_weight<'a>(x: &'a Array, hidden_means: &'a Array, total: f32) -> Points<'a> {
    let weight = total / x.rows() as f32;
    Points { x, hidden_means: Some(hidden_means), weights: Weights::Uniform(weight) }
}
