//! The states of many chains, and the clock of their random draws.

use crate::{
    device::{Array, Device, Draw, Pointwise, Result, TALLY},
    energy::{Energy, Path},
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
    /// What became of the proposals, `[n, TALLY]`; see [`crate::device::Langevin::tally`]. Samplers
    /// that propose nothing leave it alone.
    pub tally: Array,
    /// Transitions that the tally covers.
    pub tallied: u64,
    /// Seed of the draws.
    pub seed: u64,
    /// Number of the next transition; a number is used once.
    pub clock: u32,
    /// Number of the next start; a number is used once.
    pub starts: u32,
}

/// What became of proposals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Acceptance {
    /// Mean of min(1, α) over chains and transitions; NaN where there were none.
    pub rate: f64,
    /// Proposals that failed: not finite, or beyond the range of states and energies.
    pub failed: u64,
}

impl Chains {
    /// `n` chains for an energy, all units 0. Start them before use.
    pub fn new(energy: &dyn Energy, n: usize, seed: u64) -> Result<Self> {
        let device = energy.device();
        Ok(Self {
            visible: device.zeros(n, energy.dimension())?,
            hidden: device.zeros(n, energy.hidden())?,
            hidden_means: device.zeros(n, energy.hidden())?,
            tally: device.zeros(n, TALLY)?,
            tallied: 0,
            seed,
            clock: 0,
            starts: 0,
        })
    }

    /// Starts from uniforms in (low, high); for real energies.
    pub fn start_uniform(&mut self, device: &Device, low: f32, high: f32) -> Result<()> {
        let draw = self.next_start();
        device.pointwise(Pointwise::Uniform { low, high, draw }, &mut self.visible)
    }

    /// Starts binary units from noise: every unit is 1 with probability ½.
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
        if energy.hidden() == 0 {
            return Ok(());
        }
        energy.hidden_means(visible, &mut self.hidden_means)?;
        self.draw_hidden(energy.device())
    }

    /// Starts from exact draws of the base of a path.
    ///
    /// # Errors
    /// The chains are those of another energy, or the device refuses.
    pub fn start_from_base(&mut self, path: &Path<'_>) -> Result<()> {
        let draws = [self.next_start(), self.next_start()];
        path.draw_base(&mut self.visible, &mut self.hidden, draws)
    }

    /// Copies the states of `rows` chains of `source` over those from `target_row` on, and takes
    /// over its clock. A window of a large store of chains is copied out, moved, and copied back:
    /// store and window then share one clock, so no draw is used twice. The tally stays with the
    /// chains that were moved.
    ///
    /// # Errors
    /// The rows are not there, or the device refuses.
    pub fn copy_rows(
        &mut self,
        device: &Device,
        source: &Self,
        source_row: usize,
        target_row: usize,
        rows: usize,
    ) -> Result<()> {
        for (from, to) in [
            (&source.visible, &mut self.visible),
            (&source.hidden, &mut self.hidden),
            (&source.hidden_means, &mut self.hidden_means),
        ] {
            device.copy_rows(from, source_row, to, target_row, rows)?;
        }
        (self.seed, self.clock, self.starts) = (source.seed, source.clock, source.starts);
        Ok(())
    }

    /// A copy.
    ///
    /// # Errors
    /// The device cannot hold it.
    pub fn duplicate(&self, device: &Device) -> Result<Self> {
        Ok(Self {
            visible: device.duplicate(&self.visible)?,
            hidden: device.duplicate(&self.hidden)?,
            hidden_means: device.duplicate(&self.hidden_means)?,
            tally: device.duplicate(&self.tally)?,
            ..*self
        })
    }

    /// Where the draws of the next transition come from.
    pub fn draw(&self, stream: Stream) -> Draw {
        Draw { seed: self.seed, step: self.clock, stream }
    }

    /// Counts transitions that a sampler has made.
    pub fn moved(&mut self, transitions: u32) {
        self.clock = self.clock.wrapping_add(transitions);
        self.tallied += u64::from(transitions);
    }

    /// What became of the proposals since the tally was last reset.
    pub async fn acceptance(&self, device: &Device) -> Result<Acceptance> {
        let tally = device.read(&self.tally).await?;
        let total = |column: usize| -> f64 {
            tally.chunks_exact(TALLY).map(|row| f64::from(row[column])).sum()
        };
        let proposals = self.tallied as f64 * self.tally.rows() as f64;
        Ok(Acceptance { rate: total(2) / proposals, failed: total(1) as u64 })
    }

    /// Starts the tally anew.
    pub fn reset_tally(&mut self, device: &Device) -> Result<()> {
        self.tallied = 0;
        device.pointwise(Pointwise::Fill(0.0), &mut self.tally)
    }

    /// Draws the hidden units from their means.
    pub(crate) fn draw_hidden(&mut self, device: &Device) -> Result<()> {
        let draw = self.next_start();
        device.pointwise(Pointwise::Bernoulli { p: &self.hidden_means, draw }, &mut self.hidden)
    }

    pub(crate) fn next_start(&mut self) -> Draw {
        let step = self.starts;
        self.starts = self.starts.wrapping_add(1);
        Draw { seed: self.seed, step, stream: Stream::ChainStart }
    }
}
