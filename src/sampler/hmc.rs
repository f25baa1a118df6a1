//! Hamiltonian Monte Carlo with unit mass: fresh momenta, a leapfrog trajectory of
//! H = βE(x) + ½‖p‖², accepted with probability min(1, exp(−ΔH)). One transition is one trajectory.
//! Source: Neal, "MCMC using Hamiltonian dynamics", Handbook of Markov Chain Monte Carlo 2011; the
//! target acceptance 0.8: Hoffman and Gelman, "The No-U-Turn sampler", JMLR 2014.

use super::{Chains, Sampler, SamplerError, admits_real, check_positive, scratch::Scratch};
use crate::{
    device::{Accept, Array, Pointwise, Result, Rule},
    energy::Energy,
    random::Stream,
};

/// Hamiltonian trajectories of a real energy that has a score.
#[derive(Clone, Debug)]
pub struct Hmc {
    /// Step size ε of the leapfrog.
    pub step_size: f32,
    /// Steps of a trajectory.
    pub leapfrog_steps: u32,
    /// Inverse temperature β.
    pub beta: f32,
    scratch: Scratch,
}

impl Hmc {
    /// Trajectories of `leapfrog_steps` steps of size ε at β = 1.
    pub fn new(step_size: f32, leapfrog_steps: u32) -> Self {
        Self { step_size, leapfrog_steps, beta: 1.0, scratch: Scratch::default() }
    }

    /// The same at an inverse temperature.
    pub fn with_beta(self, beta: f32) -> Self {
        Self { beta, ..self }
    }

    /// Moves states and momenta `[n, D]` along one trajectory. `score` must hold the scores of the
    /// states; it, and `energy_out` `[n, 1]`, take those of the new ones.
    ///
    /// # Errors
    /// The energy has no score, or the device refuses.
    pub fn leapfrog(
        &self,
        energy: &dyn Energy,
        x: &mut Array,
        momentum: &mut Array,
        score: &mut Array,
        energy_out: &mut Array,
    ) -> Result<()> {
        let device = energy.device();
        let kick = self.step_size * self.beta;
        for step in 0..self.leapfrog_steps {
            let scale = if step == 0 { 0.5 * kick } else { kick };
            device.pointwise(Pointwise::Axpy { x: score, scale }, momentum)?;
            device.pointwise(Pointwise::Axpy { x: momentum, scale: self.step_size }, x)?;
            if step + 1 < self.leapfrog_steps {
                energy.score(x, score)?;
            } else {
                energy.energy_and_score(x, energy_out, score)?;
            }
        }
        device.pointwise(Pointwise::Axpy { x: score, scale: 0.5 * kick }, momentum)
    }
}

impl Sampler for Hmc {
    fn kind(&self) -> &'static str {
        "hmc"
    }

    fn admits(&self, energy: &dyn Energy) -> Result<(), SamplerError> {
        admits_real(self.kind(), energy)?;
        check_positive(self.kind(), "step size", self.step_size)?;
        check_positive(self.kind(), "number of leapfrog steps", self.leapfrog_steps as f32)
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
        let arrays = held.arrays(device, &chains.visible, 4)?;
        let [score, proposal_score, momentum, proposal_momentum] = &mut arrays.vectors[..] else {
            return Ok(());
        };
        if steps > 0 {
            energy.energy_and_score(&chains.visible, &mut arrays.energy, score)?;
        }
        for _ in 0..steps {
            device.pointwise(Pointwise::Fill(0.0), momentum)?;
            let normal = Pointwise::Normal { scale: 1.0, draw: chains.draw(Stream::Noise) };
            device.pointwise(normal, momentum)?;
            device.copy_rows(momentum, 0, proposal_momentum, 0, rows)?;
            device.copy_rows(score, 0, proposal_score, 0, rows)?;
            device.copy_rows(&chains.visible, 0, &mut arrays.proposal, 0, rows)?;
            self.leapfrog(
                energy,
                &mut arrays.proposal,
                proposal_momentum,
                proposal_score,
                &mut arrays.proposal_energy,
            )?;
            device.accept(Accept {
                rule: Rule::Hamiltonian { beta: self.beta, momentum, proposal_momentum },
                draw: chains.draw(Stream::Accept),
                x: &mut chains.visible,
                proposal: &arrays.proposal,
                energies: Some((&mut arrays.energy, &arrays.proposal_energy)),
                scores: Some((score, proposal_score)),
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

    fn target_acceptance(&self, _dimension: usize) -> Option<f64> {
        Some(0.8)
    }
}
