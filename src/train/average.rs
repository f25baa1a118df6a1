//! The mean of the parameters over the last updates.

use crate::{
    device::{Array, Pointwise, Result},
    energy::Energy,
};

/// Running means of the parameters, once averaging has begun.
#[derive(Default)]
pub(super) struct Average {
    pub means: Option<Vec<Array>>,
    /// How many updates they are over.
    pub count: u64,
}

impl Average {
    /// Takes the parameters in.
    pub fn add(&mut self, energy: &dyn Energy) -> Result<()> {
        let device = energy.device();
        let parameters = energy.parameters();
        match &mut self.means {
            None => {
                let copy = |(_, array): (_, &Array)| device.duplicate(array);
                self.means = Some(parameters.into_iter().map(copy).collect::<Result<_>>()?);
            }
            Some(means) => {
                let rate = 1.0 / (self.count + 1) as f32;
                for (mean, (_, x)) in means.iter_mut().zip(parameters) {
                    device.pointwise(Pointwise::Lerp { x, rate }, mean)?;
                }
            }
        }
        self.count += 1;
        Ok(())
    }
}
