//! Minibatches on the device. Rows are gathered on the host; a device with a memory of its own gets
//! several batches at a time, so that it is not interrupted at every update.

use super::memory;
use crate::{
    data::{Examples, Minibatches},
    device::{Array, Device, Draw, Pointwise, Result},
    objective::Batch,
    random::Stream,
};

/// Bytes of one upload, roughly.
const UPLOAD: usize = 4 << 20;

/// Rows of an upload: as many whole minibatches as it has bytes for, of an epoch at most; in the host's
/// memory one.
pub(super) fn upload_rows(examples: usize, columns: usize, batch: usize, is_host: bool) -> usize {
    let fitting = if is_host { 1 } else { UPLOAD / (4 * batch * columns) };
    fitting.clamp(1, examples / batch) * batch
}

/// The training data as a sequence of minibatches.
pub(super) struct Feed {
    minibatches: Minibatches,
    /// Whether values are probabilities, to be drawn afresh at each use.
    draw: bool,
    seed: u64,
    batch: usize,
    uploaded: Array,
    /// The classes of its rows, `[rows, K]`, one-hot; where there are classes to learn.
    uploaded_classes: Option<Array>,
    /// Minibatches that the upload holds: of updates `first .. first + held`.
    first: u64,
    held: u64,
}

impl Feed {
    pub fn new(
        device: &Device,
        data: &Examples,
        batch: usize,
        draw: bool,
        classes: usize,
        seed: u64,
    ) -> Result<Self> {
        let batch = batch.min(data.rows);
        let minibatches = Minibatches::new(data.rows, batch, seed);
        let rows = upload_rows(data.rows, data.columns, batch, device.room().is_host);
        let uploaded = device.zeros(rows, data.columns)?;
        let uploaded_classes = (classes > 0).then(|| device.zeros(rows, classes)).transpose()?;
        Ok(Self { uploaded_classes, minibatches, draw, seed, batch, uploaded, first: 0, held: 0 })
    }

    /// Bytes of the upload on the device.
    pub fn bytes(&self) -> u64 {
        memory::bytes(std::iter::once(&self.uploaded).chain(&self.uploaded_classes))
    }

    pub fn batch(&self) -> usize {
        self.batch
    }

    pub fn batches_per_epoch(&self) -> u64 {
        self.minibatches.batches_per_epoch()
    }

    /// Fills in the examples and classes of the minibatch of update `step`, of the data that the
    /// feed was made for.
    pub fn fill(
        &mut self,
        device: &Device,
        data: &Examples,
        step: u64,
        out: &mut Batch,
    ) -> Result<()> {
        if !(self.first..self.first + self.held).contains(&step) {
            self.upload(device, data, step)?;
        }
        let row = (step - self.first) as usize * self.batch;
        if let (Some(classes), Some(out)) = (&self.uploaded_classes, &mut out.classes) {
            device.copy_rows(classes, row, out, 0, self.batch)?;
        }
        if self.draw {
            let draw = Draw { seed: self.seed, step: step as u32, stream: Stream::Binarize };
            if self.uploaded.rows() == self.batch {
                let p = &self.uploaded;
                return device.pointwise(Pointwise::Bernoulli { p, draw }, &mut out.x);
            }
            let mut p = device.zeros(self.batch, data.columns)?;
            device.copy_rows(&self.uploaded, row, &mut p, 0, self.batch)?;
            return device.pointwise(Pointwise::Bernoulli { p: &p, draw }, &mut out.x);
        }
        if self.uploaded.rows() == self.batch {
            std::mem::swap(&mut self.uploaded, &mut out.x);
            // The upload has been used up.
            self.held = 0;
            return Ok(());
        }
        device.copy_rows(&self.uploaded, row, &mut out.x, 0, self.batch)
    }

    fn upload(&mut self, device: &Device, data: &Examples, step: u64) -> Result<()> {
        let batches = (self.uploaded.rows() / self.batch) as u64;
        let steps = step..step + batches;
        let rows: Vec<usize> =
            steps.flat_map(|step| self.minibatches.indices(step).to_vec()).collect();
        device.gather(&mut self.uploaded, &data.values, &rows)?;
        if let (Some(uploaded), Some(labels)) = (&mut self.uploaded_classes, &data.labels) {
            let classes = uploaded.columns();
            let mut values = vec![0.0; uploaded.len()];
            for (place, row) in rows.into_iter().enumerate() {
                values[place * classes + labels[row] as usize] = 1.0;
            }
            device.write(uploaded, 0, &values)?;
        }
        (self.first, self.held) = (step, batches);
        Ok(())
    }
}
