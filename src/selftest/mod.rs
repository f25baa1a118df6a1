//! Whether the kernels do on this very device what they must: known answers, invariance, wide models,
//! accuracy.
//! Nothing here is used in training; a failure means a driver, compiler or device to distrust.

mod accuracy;
mod chi_squared;
mod gamma;
mod invariance;
mod known_answers;
mod report;
mod wide;

use std::time::{Duration, Instant};

pub use accuracy::{Accuracy, Extreme};
pub use chi_squared::{ChiSquared, chi_squared_tail};
pub use invariance::{EnumeratedRbm, Fit, LEVEL, invariance};
pub use known_answers::KnownAnswer;
pub use report::{Invariance, Report};
pub use wide::Wide;

use crate::device::{Array, Device, Gibbs, Result};

/// The sweeps after which the law is tested.
const SWEEPS: [u32; 3] = [1, 2, 8];
/// Chains: fewest, which see gross faults, and most, which see faults of a percent.
const CHAINS: (usize, usize) = (1 << 12, 1 << 17);
/// How long all the sweeps may take.
const SWEEP_TIME: Duration = Duration::from_secs(3);
const SEED: u64 = 0x5e1f_7e57;

/// Tests the kernels on a device, in less than ten seconds even on a slow one: the slower it is,
/// the fewer chains are tested.
///
/// # Errors
/// Those of the device. A check that fails is no error but a failed check in the report.
pub async fn run(device: &Device) -> Result<Report> {
    let start = Instant::now();
    let known_answers = known_answers::known_answers(device).await?;
    let rbm = EnumeratedRbm::random(EnumeratedRbm::SPREAD);
    let chains = affordable_chains(device, &rbm).await?;
    let mut checks = Vec::new();
    for sweeps in SWEEPS {
        let seed = SEED + u64::from(sweeps);
        let fit = invariance(device, &rbm, chains, seed, |visible, hidden| {
            gibbs(device, &rbm, sweeps, seed, visible, hidden)
        })
        .await?;
        checks.push(Invariance { sweeps, chains, fit, passed: fit.passed() });
    }
    let wide = wide::wide(device).await?;
    let accuracy = accuracy::accuracy(device).await?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Report::new(device.name().into(), seconds, known_answers, checks, wide, accuracy))
}

/// Sweeps by the kernel `gibbs`.
fn gibbs(
    device: &Device,
    rbm: &EnumeratedRbm,
    sweeps: u32,
    seed: u64,
    visible: &mut Array,
    hidden: &mut Array,
) -> Result<()> {
    let row = |values: &[f32]| device.upload(1, values.len(), values);
    device.gibbs(Gibbs {
        weights: &device.upload(visible.columns(), hidden.columns(), &rbm.weights)?,
        visible_bias: &row(&rbm.visible_bias)?,
        hidden_bias: &row(&rbm.hidden_bias)?,
        hidden_means: &mut device.zeros(hidden.rows(), hidden.columns())?,
        visible,
        hidden,
        clamp: None,
        beta: 1.0,
        sweeps,
        seed,
        first_step: 0,
    })
}

/// The power of two of chains that the device sweeps in time, by the rate of a trial. Powers of
/// two, so that nearly equal rates give equal tests.
async fn affordable_chains(device: &Device, rbm: &EnumeratedRbm) -> Result<usize> {
    let (fewest, most) = CHAINS;
    let mut visible = device.zeros(fewest, rbm.visible_bias.len())?;
    let mut hidden = device.zeros(fewest, rbm.hidden_bias.len())?;
    // The first call compiles the kernel and is not timed.
    let mut elapsed = Duration::ZERO;
    for _ in 0..2 {
        let start = Instant::now();
        gibbs(device, rbm, 1, SEED, &mut visible, &mut hidden)?;
        device.read(&hidden).await?;
        elapsed = start.elapsed();
    }
    let sweeps: u32 = SWEEPS.iter().sum();
    let mut chains = fewest;
    let time = |chains: usize| elapsed * sweeps * (chains / fewest) as u32;
    while chains < most && time(2 * chains) <= SWEEP_TIME {
        chains *= 2;
    }
    Ok(chains)
}
