//! Burn-in: the step size is adapted to the sampler's target acceptance while the chains move
//! towards their law, and frozen afterwards, since a step size that depends on the chain's past
//! spoils the invariance.
//!
//! ε is doubled or halved each round until the acceptance crosses the target. From there log ε
//! follows Robbins and Monro's recursion, log ε ← log ε + g r^(−κ) (a − target), a the mean of
//! min(1, α) over the chains in round r; the outcome is the mean of log ε over the second half of
//! the rounds (Polyak and Juditsky 1992).
//! Source: Andrieu and Thoms, "A tutorial on adaptive MCMC", Statistics and Computing 2008.

use super::{Chains, Sampler, SamplerError};
use crate::energy::Energy;

/// Steps of a round.
const ROUND: u32 = 10;
/// g and κ.
const GAIN: f64 = 3.0;
const DECAY: f64 = 0.6;

/// What burn-in came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurnIn {
    /// The step size that the sampler has now.
    pub step_size: Option<f32>,
    /// Mean acceptance in the last round; NaN where there was none.
    pub acceptance: f64,
    /// Proposals that failed, over all rounds.
    pub failed: u64,
}

/// Moves the chains by `steps` transitions, adapting the sampler's step size where it has one and
/// a target acceptance. The chains' tally starts anew afterwards.
///
/// # Errors
/// The energy does not admit the sampler, or the device refuses.
pub async fn burn_in(
    sampler: &mut dyn Sampler,
    energy: &dyn Energy,
    chains: &mut Chains,
    steps: u32,
) -> Result<BurnIn, SamplerError> {
    sampler.admits(energy)?;
    let device = energy.device();
    let target = sampler.target_acceptance(energy.dimension());
    let rounds = steps.div_ceil(ROUND);
    let mut done = BurnIn { step_size: sampler.step_size(), acceptance: f64::NAN, failed: 0 };
    let mut search = Search::default();
    let (mut sum, mut count) = (0.0, 0.0);
    for round in 0..rounds {
        chains.reset_tally(device)?;
        sampler.advance(energy, chains, ROUND.min(steps - round * ROUND))?;
        let acceptance = chains.acceptance(device).await?;
        done.acceptance = acceptance.rate;
        done.failed += acceptance.failed;
        let (Some(step_size), Some(target)) = (sampler.step_size(), target) else { continue };
        let log = f64::from(step_size).ln() + search.change(acceptance.rate - target);
        let next = log.exp() as f32;
        if next.is_normal() {
            sampler.set_step_size(next);
        }
        if search.rounds > 0
            && round >= rounds / 2
            && let Some(now) = sampler.step_size()
        {
            sum += f64::from(now).ln();
            count += 1.0;
        }
    }
    if count > 0.0 {
        sampler.set_step_size((sum / count).exp() as f32);
    }
    chains.reset_tally(device)?;
    done.step_size = sampler.step_size();
    Ok(done)
}

/// Where the search for the step size stands.
#[derive(Default)]
struct Search {
    /// Whether the first acceptance was above the target.
    above: Option<bool>,
    /// Rounds since the target was crossed.
    rounds: u32,
}

impl Search {
    /// The change of log ε after a round with such an excess of the acceptance over the target; none
    /// where the excess is no number.
    fn change(&mut self, excess: f64) -> f64 {
        if !excess.is_finite() {
            return 0.0;
        }
        let above = excess > 0.0;
        if self.rounds == 0 && *self.above.get_or_insert(above) == above {
            return if above { std::f64::consts::LN_2 } else { -std::f64::consts::LN_2 };
        }
        self.rounds += 1;
        GAIN * f64::from(self.rounds).powf(-DECAY) * excess
    }
}
