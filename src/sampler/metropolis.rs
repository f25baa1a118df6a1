//! Random-walk Metropolis: x' = x + ε ξ, accepted with probability min(1, exp(−β (E(x') − E(x)))).
//! It needs the energy only, no score.
//! Source: Metropolis et al. 1953; the target acceptance: Roberts, Gelman and Gilks, "Weak
//! convergence and optimal scaling of random walk Metropolis algorithms", 1997.

use super::{Chains, Sampler, SamplerError, admits_real, check_positive, scratch::Scratch};
use crate::{
    device::{Accept, Pointwise, Rule},
    energy::Energy,
    random::Stream,
};

/// Random-walk Metropolis steps of a real energy.
#[derive(Clone, Debug)]
pub struct Metropolis {
    /// Standard deviation of a step, ε.
    pub step_size: f32,
    /// Inverse temperature β.
    pub beta: f32,
    scratch: Scratch,
}

impl Metropolis {
    /// Steps of standard deviation ε at β = 1.
    pub fn new(step_size: f32) -> Self {
        Self { step_size, beta: 1.0, scratch: Scratch::default() }
    }

    /// The same at an inverse temperature.
    pub fn with_beta(self, beta: f32) -> Self {
        Self { beta, ..self }
    }
}

impl Sampler for Metropolis {
    fn kind(&self) -> &'static str {
        "metropolis"
    }

    fn admits(&self, energy: &dyn Energy) -> Result<(), SamplerError> {
        admits_real(self.kind(), energy)?;
        check_positive(self.kind(), "step size", self.step_size)
    }

    fn advance(
        &self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
    ) -> Result<(), SamplerError> {
        self.admits(energy)?;
        let device = energy.device();
        let rows = chains.visible.rows();
        let mut held = self.scratch.hold();
        let arrays = held.arrays(device, &chains.visible, 0)?;
        if steps > 0 {
            energy.energy(&chains.visible, &mut arrays.energy)?;
        }
        for _ in 0..steps {
            device.copy_rows(&chains.visible, 0, &mut arrays.proposal, 0, rows)?;
            let noise =
                Pointwise::Normal { scale: self.step_size, draw: chains.draw(Stream::Noise) };
            device.pointwise(noise, &mut arrays.proposal)?;
            energy.energy(&arrays.proposal, &mut arrays.proposal_energy)?;
            device.accept(Accept {
                rule: Rule::Symmetric { beta: self.beta },
                draw: chains.draw(Stream::Accept),
                x: &mut chains.visible,
                proposal: &arrays.proposal,
                energies: Some((&mut arrays.energy, &arrays.proposal_energy)),
                scores: None,
                tally: &mut chains.tally,
            })?;
            chains.moved(1);
        }
        Ok(())
    }

    fn step_size(&self) -> Option<f32> {
        Some(self.step_size)
    }

    fn set_step_size(&mut self, value: f32) {
        self.step_size = value;
    }

    fn target_acceptance(&self, dimension: usize) -> Option<f64> {
        Some(if dimension == 1 { 0.44 } else { 0.234 })
    }
}
