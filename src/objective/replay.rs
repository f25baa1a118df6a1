//! Persistent chains as a replay buffer: at an update a window of them moves, a share of which has
//! been started anew, so that chains that are stuck do not stay for ever.
//! Source: Du and Mordatch, "Implicit generation and modeling with energy-based models", NeurIPS
//! 2019, section 3.1.

use super::{Result, Update, kept};
use crate::{
    device::{Array, Pointwise},
    energy::Energy,
    sampler::{Chains, Sampler, Tempering},
};

/// Starting anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Restart {
    /// The probability with which a chain of the window starts anew.
    pub share: f32,
    /// New starts are uniform between `low` and `high` in every coordinate.
    pub low: f32,
    /// See `low`.
    pub high: f32,
}

/// Persistent chains and the sampler that moves them.
pub struct Replay {
    sampler: Box<dyn Sampler>,
    chains: Chains,
    /// The chains that move, where they are fewer than all.
    window: Option<Chains>,
    restart: Option<Restart>,
    fresh: Option<Array>,
}

impl Replay {
    /// All chains move at every update.
    pub fn new(sampler: Box<dyn Sampler>, chains: Chains) -> Self {
        Self { sampler, chains, window: None, restart: None, fresh: None }
    }

    /// `rows` chains move at an update, the next ones at the next, all in turn.
    ///
    /// # Errors
    /// The device cannot hold them.
    pub fn window(mut self, energy: &dyn Energy, rows: usize) -> Result<Self> {
        if rows < self.chains.visible.rows() {
            self.window = Some(Chains::new(energy, rows.max(1), self.chains.seed)?);
        }
        Ok(self)
    }

    /// Some of the chains that move start anew first.
    pub fn restart(self, restart: Restart) -> Self {
        Self { restart: (restart.share > 0.0).then_some(restart), ..self }
    }

    /// Whether the sampler can move chains of the energy.
    pub(super) fn admits(&self, energy: &dyn Energy) -> Result<()> {
        Ok(self.sampler.admits(energy)?)
    }

    /// Moves the chains of this update and returns them.
    pub(super) fn advance(&mut self, energy: &dyn Energy, update: Update) -> Result<&Chains> {
        let device = energy.device();
        let Self { sampler, chains, window, restart, fresh } = self;
        let Some(window) = window else {
            restart_some(energy, chains, *restart, fresh)?;
            sampler.advance(energy, chains, update.steps)?;
            return Ok(chains);
        };
        let (all, rows) = (chains.visible.rows(), window.visible.rows());
        let turn = (update.number % all.div_ceil(rows) as u64) as usize;
        let first = (turn * rows).min(all - rows);
        window.copy_rows(device, chains, first, 0, rows)?;
        restart_some(energy, window, *restart, fresh)?;
        sampler.advance(energy, window, update.steps)?;
        chains.copy_rows(device, window, 0, first, rows)?;
        Ok(window)
    }

    /// The chains that the last update moved.
    pub(super) fn moved(&self) -> &Chains {
        self.window.as_ref().unwrap_or(&self.chains)
    }

    /// The chains that the last update moved; their tally tells how proposals fared.
    pub(super) fn moved_mut(&mut self) -> &mut Chains {
        self.window.as_mut().unwrap_or(&mut self.chains)
    }

    /// The sampler, where it is parallel tempering.
    pub(super) fn tempering(&mut self) -> Option<&mut Tempering> {
        self.sampler.tempering()
    }

    /// All chains.
    pub fn chains(&self) -> &Chains {
        &self.chains
    }

    /// All chains.
    pub fn chains_mut(&mut self) -> &mut Chains {
        &mut self.chains
    }
}

fn restart_some(
    energy: &dyn Energy,
    chains: &mut Chains,
    restart: Option<Restart>,
    fresh: &mut Option<Array>,
) -> Result<()> {
    let Some(Restart { share, low, high }) = restart else { return Ok(()) };
    let device = energy.device();
    let x = kept(fresh, device, chains.visible.rows(), chains.visible.columns())?;
    let draw = chains.next_start();
    device.pointwise(Pointwise::Uniform { low, high, draw }, x)?;
    let draw = chains.next_start();
    device.pointwise(Pointwise::MixRows { x: &*x, share, draw }, &mut chains.visible)?;
    Ok(())
}
