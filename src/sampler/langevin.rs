//! What the Langevin samplers share: a step x' = x + drift · s(x) + noise · ξ, fused where the
//! energy is a net that fits the device, one kernel at a time elsewhere.

use super::{Chains, scratch::Scratch};
use crate::{
    device::{self, Accept, Array, Device, Draw, Pointwise, Result, Rule},
    energy::Energy,
    random::Stream,
};

/// The numbers of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dynamics {
    pub metropolis: bool,
    pub drift: f32,
    pub noise: f32,
    pub beta: f32,
}

impl Dynamics {
    /// Drift εβ and noise √(2ε): Langevin at inverse temperature β.
    pub fn langevin(metropolis: bool, step_size: f32, beta: f32) -> Self {
        Self { metropolis, drift: step_size * beta, noise: (2.0 * step_size).sqrt(), beta }
    }

    pub fn advance(
        self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
        scratch: &Scratch,
    ) -> Result<()> {
        let fused = match energy.net() {
            Some(net) => energy.device().langevin(device::Langevin {
                net,
                x: &mut chains.visible,
                tally: &mut chains.tally,
                metropolis: self.metropolis,
                drift: self.drift,
                noise: self.noise,
                beta: self.beta,
                steps,
                seed: chains.seed,
                first_step: chains.clock,
            })?,
            None => false,
        };
        if fused {
            chains.moved(steps);
            Ok(())
        } else if self.metropolis {
            self.adjusted(energy, chains, steps, scratch)
        } else {
            self.unadjusted(energy, chains, steps, scratch)
        }
    }

    fn unadjusted(
        self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
        scratch: &Scratch,
    ) -> Result<()> {
        let device = energy.device();
        let mut held = scratch.hold();
        let arrays = held.arrays(device, &chains.visible, 1)?;
        let [score] = &mut arrays.vectors[..] else { return Ok(()) };
        for _ in 0..steps {
            energy.score(&chains.visible, score)?;
            self.propose(device, chains, score, &mut arrays.proposal)?;
            device.accept(Accept {
                rule: Rule::Always,
                draw: chains.draw(Stream::Accept),
                x: &mut chains.visible,
                proposal: &arrays.proposal,
                energies: None,
                scores: None,
                tally: &mut chains.tally,
            })?;
            chains.moved(1);
        }
        Ok(())
    }

    fn adjusted(
        self,
        energy: &dyn Energy,
        chains: &mut Chains,
        steps: u32,
        scratch: &Scratch,
    ) -> Result<()> {
        let device = energy.device();
        let mut held = scratch.hold();
        let arrays = held.arrays(device, &chains.visible, 2)?;
        let [score, proposal_score] = &mut arrays.vectors[..] else { return Ok(()) };
        if steps > 0 {
            energy.energy_and_score(&chains.visible, &mut arrays.energy, score)?;
        }
        for _ in 0..steps {
            self.propose(device, chains, score, &mut arrays.proposal)?;
            energy.energy_and_score(
                &arrays.proposal,
                &mut arrays.proposal_energy,
                proposal_score,
            )?;
            device.accept(Accept {
                rule: Rule::Langevin { beta: self.beta, drift: self.drift, noise: self.noise },
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

    /// proposal ← x + drift · s + noise · ξ.
    fn propose(
        self,
        device: &Device,
        chains: &Chains,
        score: &Array,
        proposal: &mut Array,
    ) -> Result<()> {
        let draw: Draw = chains.draw(Stream::Noise);
        device.copy_rows(&chains.visible, 0, proposal, 0, chains.visible.rows())?;
        device.pointwise(Pointwise::Axpy { x: score, scale: self.drift }, proposal)?;
        device.pointwise(Pointwise::Normal { scale: self.noise, draw }, proposal)
    }
}
