//! The optimizer's state: one or two moments a parameter.

use super::{OptimizerKind, Settings};
use crate::{
    device::{Array, Optimize, Result},
    energy::Energy,
};

/// Adam's constants: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// Moments of every parameter, in the order of [`Energy::parameters`].
pub(super) struct Optimizer {
    pub moments: Vec<Vec<Array>>,
}

impl Optimizer {
    pub fn new(kind: OptimizerKind, energy: &dyn Energy) -> Result<Self> {
        let count = match kind {
            OptimizerKind::Sgd => 1,
            OptimizerKind::Adam => 2,
        };
        let zeros = |(_, array): (_, &Array)| {
            (0..count).map(|_| energy.device().zeros(array.rows(), array.columns())).collect()
        };
        Ok(Self { moments: energy.parameters().into_iter().map(zeros).collect::<Result<_>>()? })
    }

    /// Update number `step` (from 0) at learning rate `rate`. Biases do not decay.
    pub fn update(
        &mut self,
        settings: &Settings,
        step: u64,
        rate: f32,
        energy: &mut dyn Energy,
        gradient: &[Array],
    ) -> Result<()> {
        let device = energy.device().clone();
        let is_bias: Vec<bool> =
            energy.parameters().iter().map(|(name, _)| name.ends_with("bias")).collect();
        let parameters = energy.parameters_mut().into_iter().zip(gradient).zip(&mut self.moments);
        for (((parameter, gradient), moments), is_bias) in parameters.zip(is_bias) {
            let decay = if is_bias { 0.0 } else { settings.l2 };
            let call = match settings.optimizer {
                OptimizerKind::Sgd => Optimize::Sgd { rate, momentum: settings.momentum, decay },
                OptimizerKind::Adam => {
                    let t = (step + 1) as f64;
                    let first = 1.0 - f64::from(BETA1).powf(t);
                    let second = 1.0 - f64::from(BETA2).powf(t);
                    Optimize::Adam {
                        rate: (f64::from(rate) * second.sqrt() / first) as f32,
                        beta1: BETA1,
                        beta2: BETA2,
                        epsilon: EPSILON,
                        decay: rate * decay,
                    }
                }
            };
            device.optimize(call, gradient, parameter, moments)?;
        }
        Ok(())
    }
}
