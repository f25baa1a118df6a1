//! Partition functions by annealing: chains pass along a path ([`crate::energy::Path`]) of laws
//! f(β)/Z(β) between a base whose Z and samples are known, at β = 0, and a model, at β = 1, and their importance weights have the ratio of the two as their
//! mean (Neal, "Annealed importance sampling", 2001; for RBMs Salakhutdinov and Murray, "On the
//! quantitative analysis of deep belief networks", 2008).
//!
//! From the base up, the estimate of log Z is too low on average; from exact samples of the model
//! down it is too high (Burda, Grosse and Salakhutdinov, "Accurate and conservative estimates of MRF
//! log-likelihood using reverse annealing", 2015). The two are a bracket.

mod annealer;
mod bennett;
mod ladder;
mod weights;

pub use annealer::Annealer;
pub use bennett::bennett;
pub use ladder::adapt;
pub use weights::{effective_sample_size, log_mean_exp, log_ratio};

use crate::sampler::{Chains, SamplerError};

/// Parts of a path after which the weights are read back: a curve has that many points.
const PARTS: usize = 100;

/// What the chains of a passage weigh.
#[derive(Clone, Debug)]
pub struct Passage {
    /// Log weights at the end; the mean of the weights is an unbiased estimate of Z(end)/Z(start).
    pub log_weights: Vec<f64>,
    /// The weights along the way.
    pub curve: Vec<Waypoint>,
}

/// The weights at a point of a passage.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Waypoint {
    /// Inverse temperature.
    pub beta: f64,
    /// log of the mean weight so far: the estimate of log Z(β) − log Z(start).
    pub log_ratio: f64,
    /// Effective sample size of the weights so far, as a share of the chains.
    pub ess_share: f64,
    /// Standard deviation of the log weights so far, in nats.
    pub deviation: f64,
}

/// Takes chains along the whole of `betas`, up or down; `progress` hears the share that is done.
///
/// # Errors
/// The device refuses.
pub async fn pass(
    annealer: &Annealer<'_>,
    chains: &mut Chains,
    betas: &[f32],
    progress: &dyn Fn(f64),
) -> Result<Passage, SamplerError> {
    let n = chains.visible.rows();
    let steps = betas.len().saturating_sub(1);
    let mut passage = Passage { log_weights: vec![0.0; n], curve: Vec::new() };
    let mut first = 0;
    while first < steps {
        let last = (first + steps.div_ceil(PARTS)).min(steps);
        // Short sums on the device, in f32; the long one here.
        let mut part = annealer.device().zeros(n, 1)?;
        annealer.advance(chains, &betas[first..=last], &mut part)?;
        let part = annealer.device().read(&part).await?;
        for (sum, part) in passage.log_weights.iter_mut().zip(part) {
            *sum += f64::from(part);
        }
        let log_weights = &passage.log_weights;
        passage.curve.push(Waypoint {
            beta: f64::from(betas[last]),
            log_ratio: log_mean_exp(log_weights),
            ess_share: effective_sample_size(log_weights) / n as f64,
            deviation: weights::deviation(log_weights),
        });
        first = last;
        progress(first as f64 / steps as f64);
    }
    Ok(passage)
}
