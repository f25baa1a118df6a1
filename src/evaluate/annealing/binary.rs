//! The path of a bipartite binary model: from independent visible units to the model, the hidden
//! units' couplings growing with β; kernel `anneal`.

use super::Path;
use crate::{
    device::{Anneal, Array, Device, DeviceError},
    energy::{Bipartite, Energy, log_odds},
    sampler::{Chains, SamplerError},
};

/// f(β) = exp(−(1 − β)E₀ − βE) with E₀ = −b₀ᵀv: at β = 0 the visible units are independent with
/// log-odds b₀, the hidden units fair coins.
pub struct BinaryPath<'a> {
    energy: &'a dyn Energy,
    arrays: Bipartite<'a>,
    base_bias: Array,
    bias_shift: Array,
    base_log_z: f64,
}

impl<'a> BinaryPath<'a> {
    /// The path from independent units with the means of the data `[D]` to a model; `None` where
    /// the model is not bipartite. The log-odds of means near 0 and 1 are bounded.
    ///
    /// # Errors
    /// There is not one mean for each unit, or the device refuses.
    pub async fn new(
        energy: &'a dyn Energy,
        visible_means: &[f32],
    ) -> Result<Option<Self>, DeviceError> {
        let Some(arrays) = energy.bipartite() else { return Ok(None) };
        let device = energy.device();
        let base: Vec<f32> = visible_means.iter().map(|mean| log_odds(*mean)).collect();
        let base_bias = device.upload(1, energy.dimension(), &base)?;
        let bias = device.read(arrays.visible_bias).await?;
        let shift: Vec<f32> = bias.iter().zip(&base).map(|(bias, base)| bias - base).collect();
        let bias_shift = device.upload(1, energy.dimension(), &shift)?;
        // log(1 + eᵇ), and log 2 for each hidden unit.
        let softplus = |b: &f32| f64::from(b.max(0.0)) + (-f64::from(b.abs())).exp().ln_1p();
        let base_log_z = base.iter().map(softplus).sum::<f64>()
            + energy.hidden() as f64 * std::f64::consts::LN_2;
        Ok(Some(Self { energy, arrays, base_bias, bias_shift, base_log_z }))
    }
}

impl Path for BinaryPath<'_> {
    fn device(&self) -> &Device {
        self.energy.device()
    }

    fn base_log_z(&self) -> f64 {
        self.base_log_z
    }

    fn start(&self, chains: usize, seed: u64) -> Result<Chains, SamplerError> {
        let mut chains = Chains::new(self.energy, chains, seed)?;
        // The weights and the first sweep start from the hidden units.
        chains.start_from_noise(self.device())?;
        Ok(chains)
    }

    fn advance(
        &self,
        chains: &mut Chains,
        betas: &[f32],
        log_weights: &mut Array,
    ) -> Result<(), SamplerError> {
        self.device().anneal(Anneal {
            weights: self.arrays.weights,
            base_bias: &self.base_bias,
            bias_shift: &self.bias_shift,
            hidden_bias: self.arrays.hidden_bias,
            visible: &mut chains.visible,
            hidden: &mut chains.hidden,
            log_weights,
            betas,
            seed: chains.seed,
            first_step: chains.clock,
        })?;
        chains.moved(betas.len() as u32 - 1);
        Ok(())
    }
}
