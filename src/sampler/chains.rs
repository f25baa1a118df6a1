//! The states of many chains, and the clock of their random draws.

use crate::{
    device::{Array, Device, Draw, Pointwise, Result},
    energy::Energy,
    random::Stream,
};

/// Chains of a model: row i of every array is chain i.
#[derive(Debug)]
pub struct Chains {
    /// States of the visible units, `[n, D]`.
    pub visible: Array,
    /// States of the hidden units, `[n, H]`.
    pub hidden: Array,
    /// Means of the hidden units given the visible ones, `[n, H]`.
    pub hidden_means: Array,
    /// Seed of the draws.
    pub seed: u64,
    /// Number of the next transition; a number is used once.
    pub clock: u32,
    /// Number of the next start; a number is used once.
    pub starts: u32,
}

impl Chains {
    /// `n` chains for an energy, all units 0. Start them before use.
    pub fn new(energy: &dyn Energy, n: usize, seed: u64) -> Result<Self> {
        let device = energy.device();
        Ok(Self {
            visible: device.zeros(n, energy.dimension())?,
            hidden: device.zeros(n, energy.hidden())?,
            hidden_means: device.zeros(n, energy.hidden())?,
            seed,
            clock: 0,
            starts: 0,
        })
    }

    /// Starts from noise: every unit is 1 with probability ½.
    pub fn start_from_noise(&mut self, device: &Device) -> Result<()> {
        let half = |device: &Device, like: &Array| -> Result<Array> {
            let mut half = device.zeros(like.rows(), like.columns())?;
            device.pointwise(Pointwise::Fill(0.5), &mut half)?;
            Ok(half)
        };
        let p = half(device, &self.hidden)?;
        let draw = self.next_start();
        device.pointwise(Pointwise::Bernoulli { p: &p, draw }, &mut self.hidden)?;
        let p = half(device, &self.visible)?;
        let draw = self.next_start();
        device.pointwise(Pointwise::Bernoulli { p: &p, draw }, &mut self.visible)
    }

    /// Starts from visible states: draws the hidden units given them.
    ///
    /// # Errors
    /// `visible` has another shape, or the device refuses.
    pub fn start_from(&mut self, energy: &dyn Energy, visible: &Array) -> Result<()> {
        let rows = self.visible.rows();
        energy.device().copy_rows(visible, 0, &mut self.visible, 0, rows)?;
        energy.hidden_means(visible, &mut self.hidden_means)?;
        self.draw_hidden(energy.device())
    }

    /// Draws the hidden units from their means.
    pub(crate) fn draw_hidden(&mut self, device: &Device) -> Result<()> {
        let draw = self.next_start();
        device.pointwise(Pointwise::Bernoulli { p: &self.hidden_means, draw }, &mut self.hidden)
    }

    fn next_start(&mut self) -> Draw {
        let step = self.starts;
        self.starts = self.starts.wrapping_add(1);
        Draw { seed: self.seed, step, stream: Stream::ChainStart }
    }
}
