//! How well chains mix, as their energies tell: traces are kept on the device and read back once.

use serde::{Deserialize, Serialize};

use super::diagnostics::{Draws, Summary, autocorrelation};
use crate::{
    device::Array,
    energy::Energy,
    sampler::{Chains, Sampler, SamplerError},
};

/// The most draws of a trace.
const DRAWS: u32 = 250;
/// Lags of the autocorrelation, in draws.
const LAGS: usize = 60;
/// Of a chain that has mixed, R̂ is below this (Vehtari et al. 2021).
const MIXED: f64 = 1.01;

/// The energies of chains as they moved. Figures are NaN, in JSON null, where they are not defined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mixing {
    /// Chains.
    pub chains: usize,
    /// Transitions from the first draw to the last.
    pub transitions: u32,
    /// Rank-normalised split R̂.
    #[serde(deserialize_with = "nan_for_null")]
    pub r_hat: f64,
    /// Effective sample size of the bulk, over all chains.
    #[serde(deserialize_with = "nan_for_null")]
    pub ess_bulk: f64,
    /// Effective sample size of the tails.
    #[serde(deserialize_with = "nan_for_null")]
    pub ess_tail: f64,
    /// Mean energy, in nats.
    #[serde(deserialize_with = "nan_for_null")]
    pub mean: f64,
    /// Monte Carlo standard error of the mean.
    #[serde(deserialize_with = "nan_for_null")]
    pub mcse_mean: f64,
    /// Integrated autocorrelation time, in transitions.
    #[serde(deserialize_with = "nan_for_null")]
    pub autocorrelation_time: f64,
    /// Mean acceptance probability; none where nothing is proposed.
    pub acceptance: Option<f64>,
    /// Lags in transitions, and the autocorrelation at them.
    pub autocorrelation: Vec<(u32, f64)>,
}

impl Mixing {
    /// Moves chains by `transitions` and looks at their energies on the way.
    ///
    /// # Errors
    /// The energy does not admit the sampler, or the device refuses.
    pub async fn of(
        energy: &dyn Energy,
        sampler: &dyn Sampler,
        chains: &mut Chains,
        transitions: u32,
    ) -> Result<Self, SamplerError> {
        let device = energy.device();
        let every = transitions.div_ceil(DRAWS).max(1);
        chains.reset_tally(device)?;
        let mut trace = Trace::new(energy, chains, transitions / every)?;
        for _ in 0..transitions / every {
            sampler.advance(energy, chains, every)?;
            trace.record(energy, chains)?;
        }
        sampler.advance(energy, chains, transitions % every)?;
        let proposes = sampler.target_acceptance(energy.dimension()).is_some();
        let rate = chains.acceptance(device).await?.rate;
        let acceptance = (proposes && rate.is_finite()).then_some(rate);
        trace.finish(energy, every, acceptance).await
    }

    /// Whether the chains have forgotten where they started.
    pub fn mixed(&self) -> bool {
        self.r_hat < MIXED
    }
}

/// Energies of chains, draw by draw, on the device.
pub struct Trace {
    /// `[draws · chains, 1]`
    energies: Array,
    chains: usize,
    taken: usize,
}

impl Trace {
    /// Room for so many draws of such chains.
    ///
    /// # Errors
    /// The device cannot hold them.
    pub fn new(energy: &dyn Energy, chains: &Chains, draws: u32) -> Result<Self, SamplerError> {
        let chains = chains.visible.rows();
        let energies = energy.device().zeros(chains * draws.max(1) as usize, 1)?;
        Ok(Self { energies, chains, taken: 0 })
    }

    /// Takes a draw; more than there is room for are left out.
    ///
    /// # Errors
    /// The device refuses.
    pub fn record(&mut self, energy: &dyn Energy, chains: &Chains) -> Result<(), SamplerError> {
        let at = self.taken * self.chains;
        if at < self.energies.rows() {
            let mut now = energy.device().zeros(self.chains, 1)?;
            energy.energy(&chains.visible, &mut now)?;
            energy.device().copy_rows(&now, 0, &mut self.energies, at, self.chains)?;
            self.taken += 1;
        }
        Ok(())
    }

    /// Reads the trace back; `every` transitions lay between its draws.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn finish(
        self,
        energy: &dyn Energy,
        every: u32,
        acceptance: Option<f64>,
    ) -> Result<Mixing, SamplerError> {
        let values = energy.device().read(&self.energies).await?;
        let values = &values[..self.taken * self.chains];
        let draws = Draws::from_trace(values, self.chains)
            .unwrap_or_else(|_| unreachable!("a draw has a value for each chain"));
        let summary = Summary::of(&draws);
        let lags = autocorrelation(&draws);
        let lags = lags.iter().take(LAGS).enumerate();
        Ok(Mixing {
            chains: self.chains,
            transitions: every * self.taken.saturating_sub(1) as u32,
            r_hat: summary.r_hat,
            ess_bulk: summary.ess_bulk,
            ess_tail: summary.ess_tail,
            mean: summary.mean,
            mcse_mean: summary.mcse_mean,
            autocorrelation_time: f64::from(every) * summary.autocorrelation_time,
            acceptance,
            autocorrelation: lags.map(|(lag, value)| (every * lag as u32, *value)).collect(),
        })
    }
}

/// What JSON cannot hold it writes as null.
fn nan_for_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
