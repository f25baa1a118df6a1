//! log Z between two estimates that err to opposite sides, and the best of both.

use serde::{Deserialize, Serialize};

use super::{
    Estimate,
    annealing::{Annealer, Passage, Waypoint, adapt, bennett, log_ratio, pass},
};
use crate::{
    energy::{Domain, Energy, Path},
    sampler::{Chains, SamplerError},
};

/// How much work a bracket may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Chains of each passage.
    pub chains: usize,
    /// Inverse temperatures of the path, beside 0.
    pub temperatures: usize,
    /// Transitions of the chains that stand for the model, before they are used.
    pub burn_in: u32,
    /// Seed of every draw.
    pub seed: u64,
}

impl Effort {
    /// What suits an energy: a transition of real units is a trajectory of gradients.
    pub fn suiting(energy: &dyn Energy) -> Self {
        match energy.domain() {
            Domain::Binary => Self::default(),
            Domain::Real => {
                Self { chains: 500, temperatures: 500, burn_in: 200, ..Self::default() }
            }
        }
    }

    /// What a training run spends at its end.
    pub fn brief() -> Self {
        Self { chains: 500, temperatures: 1000, burn_in: 500, ..Self::default() }
    }
}

impl Default for Effort {
    fn default() -> Self {
        Self { chains: 1000, temperatures: 2000, burn_in: 1000, seed: 0 }
    }
}

/// log Z by annealing, in nats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bracket {
    /// From the base to the model: too low on average.
    pub forward: Estimate,
    /// From the model to the base: too high on average, if the chains that it starts from are
    /// samples of the model.
    pub reverse: Estimate,
    /// Bennett's acceptance ratio of the two; none where their weights do not overlap.
    pub bennett: Option<Estimate>,
    /// The weights on the way up.
    pub up: Vec<Waypoint>,
    /// The weights on the way down.
    pub down: Vec<Waypoint>,
}

impl Bracket {
    /// Takes chains along a path, up from its base and down from `model_chains`, which are moved.
    /// `progress` hears the share that is done.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn of(
        path: &Path<'_>,
        model_chains: &mut Chains,
        effort: Effort,
        progress: &dyn Fn(f64),
    ) -> Result<Self, SamplerError> {
        let mut annealer = Annealer::new(path);
        let betas = adapt(&mut annealer, effort.temperatures, effort.seed).await?;
        let mut chains = annealer.start(effort.chains, effort.seed.wrapping_add(1))?;
        let up = pass(&annealer, &mut chains, &betas, &|share| progress(0.5 * share)).await?;
        let back: Vec<f32> = betas.into_iter().rev().collect();
        let down =
            pass(&annealer, model_chains, &back, &|share| progress(0.5 + 0.5 * share)).await?;
        let base = path.base_log_z();
        let (forward, reverse) = (log_ratio(&up.log_weights), log_ratio(&down.log_weights));
        let both = bennett(&up.log_weights, &down.log_weights);
        let curve = |passage: Passage| passage.curve;
        Ok(Self {
            forward: Estimate { value: base + forward.value, ..forward },
            reverse: Estimate { value: base - reverse.value, ..reverse },
            bennett: (both.ess >= 1.0).then_some(Estimate { value: base + both.value, ..both }),
            up: curve(up),
            down: curve(down),
        })
    }

    /// (low, high): log Z less than three standard errors beyond either estimate.
    pub fn range(&self) -> (f64, f64) {
        let low = |estimate: Estimate| estimate.value - 3.0 * estimate.std_error;
        let high = |estimate: Estimate| estimate.value + 3.0 * estimate.std_error;
        // Noise can turn a narrow bracket upside down.
        (low(self.forward).min(low(self.reverse)), high(self.reverse).max(high(self.forward)))
    }
}
