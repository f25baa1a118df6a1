//! Burn-in of the ladder: parts of doubling length, each with the ladder that the rejection rates of
//! the part before ask for, and step sizes adapted rung by rung. What comes out is frozen, since a
//! ladder that depends on the chains' past spoils the invariance.

use super::{Exchanges, Tempering, is_drawn, ladder, set_step_size, setting};
use crate::{
    device::Device,
    energy::{Energy, Path},
    sampler::{Chains, Sampler, SamplerError, burn_in},
};

/// Parts of a burn-in; the last one measures the ladder that stays.
const PARTS: u32 = 6;
/// The most rungs that are chosen.
const MOST_RUNGS: usize = 64;

/// The fewest looks at a pair of neighbours that say how often it swaps: to within 0.02 or so.
const LOOKS: u64 = 1000;

/// How many rungs burn-in leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rungs {
    /// As many as there are.
    Keep,
    /// As many as swap at this rate, in (0, 1), from 2 to 64. Round trips are fastest at ½ (Syed et
    /// al. 2022, section 5.2).
    ForSwapRate(f64),
}

impl Default for Rungs {
    fn default() -> Self {
        Self::ForSwapRate(0.5)
    }
}

impl Tempering {
    /// Moves all rungs by about `steps` transitions, spreading the ladder to equal swap rates and
    /// adapting the step size of every rung to the target of the sampler that moves it. Returns how
    /// exchanges fared in the last part, with the ladder that stays; counts start anew afterwards.
    ///
    /// # Errors
    /// The energy does not admit the samplers, the swap rate is not in (0, 1), or the device refuses.
    pub async fn burn_in(
        &mut self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
        rungs: Rungs,
    ) -> Result<Exchanges, SamplerError> {
        if let Rungs::ForSwapRate(rate) = rungs
            && !(rate > 0.0 && rate < 1.0)
        {
            return Err(setting("swap rate", rate as f32, "above 0 and below 1"));
        }
        self.admits(energy)?;
        let device = energy.device();
        let dimension = energy.dimension();
        let adapts = self.inner().mover.target_acceptance(dimension).is_some();
        let mut part = 0;
        loop {
            // 1/63, 2/63, …, 32/63 of the steps; both turns of a round at least.
            let share = f64::from(1 << part) / f64::from((1 << PARTS) - 1);
            let mut length = ((f64::from(steps) * share) as u32).max(2 * self.every);
            if adapts {
                length = length.div_ceil(2).max(2 * self.every);
                self.adapt_step_sizes(energy, chains, length).await?;
            }
            self.reset_counts(energy)?;
            self.advance(energy, chains, length)?;
            let found = self.exchanges(device).await?;
            part += 1;
            if part == PARTS {
                self.reset_counts(energy)?;
                chains.reset_tally(device)?;
                return Ok(found);
            }
            let rejections: Vec<f64> = found.swap_rates.iter().map(|rate| 1.0 - rate).collect();
            let count = match rungs {
                Rungs::Keep => self.betas.len(),
                // A pair that always rejects hides how much barrier it has: a later part sees more.
                Rungs::ForSwapRate(rate) => {
                    ladder::rungs_for(found.barrier(), rate).clamp(2, MOST_RUNGS)
                }
            };
            self.climb(energy, chains, ladder::equalise(&self.betas, &rejections, count))?;
        }
    }

    /// Spreads the rungs, as many as there are, to equal swap rates, by what exchanges counted since
    /// this was last done. Counting starts anew but for round trips; a count that is too small to
    /// tell goes on, with the ladder as it is. For training: a ladder that follows the chains
    /// spoils the invariance, but where parameters change all the time there is none to spoil.
    /// Returns how exchanges fared.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn respread(&mut self, device: &Device) -> Result<Exchanges, SamplerError> {
        let found = self.exchanges(device).await?;
        let chains = self.lower().first().map_or(0, |chains| chains.visible.rows());
        if found.rounds / 2 * chains as u64 >= LOOKS {
            let rejections: Vec<f64> = found.swap_rates.iter().map(|rate| 1.0 - rate).collect();
            self.betas = ladder::equalise(&self.betas, &rejections, self.betas.len());
            if let Some(replicas) = &mut self.inner().replicas {
                replicas.reset_swaps(device)?;
            }
        }
        Ok(found)
    }

    /// Takes another ladder. Where the number of rungs changes, a new rung is a copy of the nearest
    /// old one.
    fn climb(
        &mut self,
        energy: &dyn Energy,
        chains: &Chains,
        betas: Vec<f32>,
    ) -> Result<(), SamplerError> {
        if betas.len() != self.betas.len() {
            let old = std::mem::take(&mut self.betas);
            let nearest = |beta: &f32| {
                let distance = |rung: &usize| (old[*rung] - beta).abs();
                let rungs = 0..old.len();
                rungs.min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
            };
            let like: Vec<usize> = betas.iter().map(nearest).collect();
            let inner = self.inner();
            inner.step_sizes = like.iter().map(|rung| inner.step_sizes[*rung]).collect();
            let below = &like[..like.len() - 1];
            let below: Vec<_> = below.iter().map(|rung| Some(*rung)).collect();
            if let Some(replicas) = &mut inner.replicas {
                replicas.lay_out(energy.device(), &below, chains)?;
            }
        }
        self.betas = betas;
        Ok(())
    }

    async fn adapt_step_sizes(
        &mut self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
    ) -> Result<(), SamplerError> {
        let (base, betas) = (self.base.clone(), self.betas.clone());
        if self.inner().replicas.is_none() {
            self.start(energy, chains)?;
        }
        let inner = self.inner();
        let Some(replicas) = &mut inner.replicas else { return Ok(()) };
        let path = Path::new(energy, base)?;
        let top = betas.len() - 1;
        for (rung, beta) in betas.iter().enumerate() {
            if is_drawn(energy, *beta) {
                inner.step_sizes[rung] = None;
                continue;
            }
            set_step_size(&mut *inner.mover, inner.step_sizes[rung]);
            let (at, moved) = match replicas.lower.get_mut(rung) {
                Some(lower) if rung < top => (path.at(*beta)?, lower),
                _ => (path.at(1.0)?, &mut *chains),
            };
            burn_in(&mut *inner.mover, &*at, moved, steps).await?;
            inner.step_sizes[rung] = inner.mover.step_size();
        }
        Ok(())
    }

    fn reset_counts(&mut self, energy: &dyn Energy) -> Result<(), SamplerError> {
        if let Some(replicas) = &mut self.inner().replicas {
            replicas.reset(energy.device())?;
        }
        Ok(())
    }
}
