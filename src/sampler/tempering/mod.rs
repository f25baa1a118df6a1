//! Parallel tempering, also called replica exchange: replicas of the chains at inverse temperatures
//! from 0 to 1 move along a [`Path`], and neighbours change places. Those at low β cross barriers
//! that those at β = 1 do not, and what they find is handed up.
//!
//! Rungs exchange in even and odd rounds by turns, which carries replicas along the ladder in one
//! direction rather than by a random walk. Where block Gibbs moves the rungs, kernel `temper` sweeps
//! and exchanges whole ladders in one dispatch; else, and where a ladder is too large for a workgroup,
//! every rung moves and every pair exchanges by itself.
//! Source: Swendsen and Wang 1986; Geyer 1991; for RBMs Desjardins, Courville, Bengio, Vincent and
//! Delalleau, "Parallel tempering for training of restricted Boltzmann machines", 2010; the even-odd
//! rounds and the ladder: Syed, Bouchard-Côté, Deligiannidis and Doucet 2022.

mod burn_in;
mod ladder;
mod replicas;
mod state;

use std::sync::{Mutex, PoisonError};

pub use burn_in::Rungs;
pub(crate) use ladder::spread;
use replicas::Replicas;
pub use state::LadderState;

use super::{Chains, Sampler, SamplerError};
use crate::{
    device::Device,
    energy::{Base, Domain, Energy, Path},
};

/// Parallel tempering with any sampler that moves the replicas.
///
/// The chains that a call moves are those of the top rung, β = 1. The chains of the other rungs are
/// the sampler's own: they start as copies of the first chains that it moves, and go on from call to
/// call. One transition of every rung is one step.
pub struct Tempering {
    base: Base,
    betas: Vec<f32>,
    every: u32,
    inner: Mutex<Inner>,
}

struct Inner {
    /// Moves every rung, with the step size of that rung.
    mover: Box<dyn Sampler>,
    step_sizes: Vec<Option<f32>>,
    replicas: Option<Replicas>,
}

/// How exchanges fared.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Exchanges {
    /// The inverse temperatures of the rungs.
    pub betas: Vec<f32>,
    /// Mean swap probability of every pair of neighbours; NaN before the first round.
    pub swap_rates: Vec<f64>,
    /// Mean number of round trips, lowest to top to lowest, that a replica has made.
    pub round_trips: f64,
    /// Rounds of exchanges.
    pub rounds: u64,
    /// Pairs that could not be judged because a number was not finite; they stayed.
    pub failed: u64,
    /// The step size of every rung; none where the sampler has none, or draws come from the base.
    pub step_sizes: Vec<Option<f32>>,
}

impl Exchanges {
    /// The communication barrier Λ, the sum of the rejection rates: the ladder's difficulty, of
    /// which round trips take time in proportion.
    pub fn barrier(&self) -> f64 {
        self.swap_rates.iter().map(|rate| 1.0 - rate).sum()
    }
}

impl Tempering {
    /// Rungs at equal distances from β = 0 to 1; [`Tempering::burn_in`] spreads them better.
    /// `mover` moves replicas at its own inverse temperature 1.
    ///
    /// # Errors
    /// There are fewer than two rungs.
    pub fn new(base: Base, rungs: usize, mover: Box<dyn Sampler>) -> Result<Self, SamplerError> {
        if rungs < 2 {
            return Err(setting("number of rungs", rungs as f32, "2 or more"));
        }
        Self::with_ladder(base, ladder::even(rungs), mover)
    }

    /// A ladder of one's own: increasing, from 0 or more to 1.
    ///
    /// # Errors
    /// It is not.
    pub fn with_ladder(
        base: Base,
        betas: Vec<f32>,
        mover: Box<dyn Sampler>,
    ) -> Result<Self, SamplerError> {
        if betas.len() < 2 {
            return Err(setting("number of rungs", betas.len() as f32, "2 or more"));
        }
        if let Some(beta) = betas.iter().find(|beta| !(0.0..=1.0).contains(*beta)) {
            return Err(setting("rung", *beta, "from 0 to 1"));
        }
        if let Some(pair) = betas.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(setting("rung", pair[1], "above the one below it"));
        }
        let top = betas[betas.len() - 1];
        if top != 1.0 {
            return Err(setting("top rung", top, "1"));
        }
        let step_sizes = vec![mover.step_size(); betas.len()];
        let inner = Mutex::new(Inner { mover, step_sizes, replicas: None });
        Ok(Self { base, betas, every: 1, inner })
    }

    /// Transitions between rounds of exchanges, 1 or more; they are the more often the better unless
    /// a transition is cheap beside them.
    pub fn exchange_every(self, every: u32) -> Self {
        Self { every: every.max(1), ..self }
    }

    /// The inverse temperatures of the rungs.
    pub fn betas(&self) -> &[f32] {
        &self.betas
    }

    /// Starts the chains of the rungs below the top as copies of `top`.
    ///
    /// # Errors
    /// The device refuses.
    pub fn start(&mut self, energy: &dyn Energy, top: &Chains) -> Result<(), SamplerError> {
        let replicas = Replicas::new(energy.device(), self.betas.len(), top)?;
        self.inner().replicas = Some(replicas);
        Ok(())
    }

    /// The chains of the rungs below the top, from the lowest up; none before they have started.
    pub fn lower(&mut self) -> &mut [Chains] {
        match &mut self.inner().replicas {
            Some(replicas) => &mut replicas.lower,
            None => &mut [],
        }
    }

    /// How exchanges have fared since the last reset, which burn-in ends with.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn exchanges(&mut self, device: &Device) -> Result<Exchanges, SamplerError> {
        let betas = self.betas.clone();
        let inner = self.inner();
        let mut found = Exchanges {
            swap_rates: vec![f64::NAN; betas.len() - 1],
            betas,
            round_trips: 0.0,
            rounds: 0,
            failed: 0,
            step_sizes: inner.step_sizes.clone(),
        };
        if let Some(replicas) = &inner.replicas {
            let counts = replicas.counts(device).await?;
            let top = replicas.lower.first().map_or(0, |chains| chains.visible.rows());
            found.round_trips = counts.round_trips / (top * found.betas.len()) as f64;
            (found.swap_rates, found.rounds) = (counts.swap_rates, counts.rounds);
            found.failed = counts.failed;
        }
        Ok(found)
    }

    fn inner(&mut self) -> &mut Inner {
        self.inner.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sampler for Tempering {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn admits(&self, energy: &dyn Energy) -> Result<(), SamplerError> {
        self.base.check(energy)?;
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).mover.admits(energy)
    }

    fn advance(
        &self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
    ) -> Result<(), SamplerError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { mover, step_sizes, replicas } = &mut *inner;
        if !replicas.as_ref().is_some_and(|there| there.suit(self.betas.len(), chains)) {
            *replicas = None;
        }
        let replicas = match replicas {
            Some(replicas) => replicas,
            empty => empty.insert(Replicas::new(energy.device(), self.betas.len(), chains)?),
        };
        let path = Path::new(energy, self.base.clone())?;
        if let Some(gibbs) = mover.as_gibbs()
            && replicas.sweep(&path, gibbs, &self.betas, chains, (steps, self.every))?
        {
            return Ok(());
        }
        let below = &self.betas[..self.betas.len() - 1];
        let energies = below.iter().map(|beta| path.at(*beta)).collect::<Result<Vec<_>, _>>()?;
        let mut done = 0;
        while done < steps {
            let moves = self.every.min(steps - done);
            replicas.exchange(&path, &self.betas, chains)?;
            for (rung, rung_energy) in energies.iter().enumerate() {
                let rung_chains = &mut replicas.lower[rung];
                if is_drawn(energy, below[rung]) {
                    rung_chains.start_from_base(&path)?;
                    rung_chains.moved(moves);
                    continue;
                }
                set_step_size(&mut **mover, step_sizes[rung]);
                mover.advance(&**rung_energy, rung_chains, moves)?;
            }
            set_step_size(&mut **mover, step_sizes[below.len()]);
            mover.advance(energy, chains, moves)?;
            done += moves;
        }
        Ok(())
    }

    fn tempering(&mut self) -> Option<&mut Tempering> {
        Some(self)
    }
}

const KIND: &str = "tempering";

/// Whether a rung is drawn from the base exactly rather than moved. Sweeps of a binary one are exact
/// draws too, and may keep clamped units.
fn is_drawn(energy: &dyn Energy, beta: f32) -> bool {
    beta == 0.0 && energy.domain() == Domain::Real
}

fn set_step_size(mover: &mut dyn Sampler, step_size: Option<f32>) {
    if let Some(step_size) = step_size {
        mover.set_step_size(step_size);
    }
}

fn setting(setting: &'static str, found: f32, wanted: &'static str) -> SamplerError {
    SamplerError::Setting { sampler: KIND, setting, found, wanted }
}
