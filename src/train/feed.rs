//! Minibatches on the device. Rows are gathered on the host and uploaded several batches at a
//! time, so that a GPU is not interrupted at every update.

use crate::{
    data::{Examples, Minibatches},
    device::{Array, Device, Draw, Pointwise, Result},
    random::Stream,
};

/// Bytes of one upload, roughly.
const UPLOAD: usize = 4 << 20;

/// The training data as a sequence of minibatches.
pub(super) struct Feed {
    minibatches: Minibatches,
    /// Whether values are probabilities, to be drawn afresh at each use.
    draw: bool,
    seed: u64,
    batch: usize,
    uploaded: Array,
    /// Minibatches that the upload holds: of updates `first .. first + held`.
    first: u64,
    held: u64,
    scratch: Vec<f32>,
}

impl Feed {
    pub fn new(
        device: &Device,
        data: &Examples,
        batch: usize,
        draw: bool,
        seed: u64,
    ) -> Result<Self> {
        let batch = batch.min(data.rows);
        let minibatches = Minibatches::new(data.rows, batch, seed);
        let fitting = UPLOAD / (4 * batch * data.columns);
        let batches = fitting.clamp(1, minibatches.batches_per_epoch() as usize);
        let uploaded = device.zeros(batches * batch, data.columns)?;
        Ok(Self {
            minibatches,
            draw,
            seed,
            batch,
            uploaded,
            first: 0,
            held: 0,
            scratch: Vec::new(),
        })
    }

    pub fn batch(&self) -> usize {
        self.batch
    }

    pub fn batches_per_epoch(&self) -> u64 {
        self.minibatches.batches_per_epoch()
    }

    /// x `[batch, D]` ← the minibatch of update `step`, of the data that the feed was made for.
    pub fn fill(
        &mut self,
        device: &Device,
        data: &Examples,
        step: u64,
        x: &mut Array,
    ) -> Result<()> {
        if !(self.first..self.first + self.held).contains(&step) {
            self.upload(device, data, step)?;
        }
        let row = (step - self.first) as usize * self.batch;
        if !self.draw {
            return device.copy_rows(&self.uploaded, row, x, 0, self.batch);
        }
        let mut p = device.zeros(self.batch, data.columns)?;
        device.copy_rows(&self.uploaded, row, &mut p, 0, self.batch)?;
        let draw = Draw { seed: self.seed, step: step as u32, stream: Stream::Binarize };
        device.pointwise(Pointwise::Bernoulli { p: &p, draw }, x)
    }

    fn upload(&mut self, device: &Device, data: &Examples, step: u64) -> Result<()> {
        let batches = (self.uploaded.rows() / self.batch) as u64;
        self.scratch.clear();
        for step in step..step + batches {
            for &row in self.minibatches.indices(step) {
                self.scratch.extend_from_slice(data.row(row));
            }
        }
        device.write(&mut self.uploaded, 0, &self.scratch)?;
        (self.first, self.held) = (step, batches);
        Ok(())
    }
}
