//! Inverse temperatures at which neighbouring laws overlap equally.
//!
//! The log weight of a step from β to β + dβ varies by σ(β) dβ, σ² the variance of d log f / dβ at β.
//! Steps that all vary alike lie at equal distances in ∫σ dβ, the thermodynamic length (Gelman and
//! Meng 1998; Grosse, Maddison and Salakhutdinov, "Annealing between distributions by averaging
//! moments", 2013).

use super::{Annealer, weights::deviation};
use crate::sampler::{SamplerError, spread};

/// Chains of a pilot.
const CHAINS: usize = 128;
/// Steps of the pilots: each is laid out by what the one before has measured.
const PILOTS: [usize; 3] = [32, 64, 128];
/// Of the mean step, what every step is at least taken to vary by: a pilot can miss a transition.
const FLOOR: f64 = 0.05;

/// `steps + 1` inverse temperatures from 0 to 1, as pilots with few chains measure them; the pilots
/// also tune the annealer's step sizes, where it has any.
///
/// # Errors
/// The device refuses.
pub async fn adapt(
    annealer: &mut Annealer<'_>,
    steps: usize,
    seed: u64,
) -> Result<Vec<f32>, SamplerError> {
    let mut lengths = vec![(0.0, 0.0), (1.0, 1.0)];
    for (pilot, pilot_steps) in PILOTS.into_iter().enumerate() {
        let betas = spread(&lengths, pilot_steps);
        let mut chains = annealer.start(CHAINS, seed.wrapping_add(pilot as u64))?;
        let mut steps = Vec::new();
        for pair in betas.windows(2) {
            let mut weights = annealer.device().zeros(CHAINS, 1)?;
            annealer.tune(&mut chains, [pair[0], pair[1]], &mut weights).await?;
            let weights = annealer.device().read(&weights).await?;
            let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
            steps.push((f64::from(pair[1]), deviation(&weights)));
        }
        lengths = cumulative(&steps);
    }
    Ok(spread(&lengths, steps))
}

/// (β, length up to it), from (end, deviation) of each step.
fn cumulative(steps: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let finite = |x: f64| if x.is_finite() { x } else { 0.0 };
    let total: f64 = steps.iter().map(|(_, deviation)| finite(*deviation)).sum();
    let floor = (FLOOR * total / steps.len() as f64).max(f64::MIN_POSITIVE);
    let mut length = 0.0;
    let mut lengths = vec![(0.0, 0.0)];
    for (beta, deviation) in steps {
        length += finite(*deviation).max(floor);
        lengths.push((*beta, length));
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_where_the_weights_vary() {
        // Nine tenths of the length lie beyond β = ½.
        let lengths = cumulative(&[(0.5, 1.0), (1.0, 9.0)]);
        let betas = spread(&lengths, 10);
        assert_eq!((betas[0], betas[1], betas[10]), (0.0, 0.5, 1.0));
        assert!((betas[2] - (0.5 + 0.5 / 9.0)).abs() < 1e-6);
        assert!(betas.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn pilots_that_see_nothing_leave_equal_steps() {
        for deviation in [0.0, f64::NAN] {
            let betas = spread(&cumulative(&[(0.25, deviation), (1.0, deviation)]), 4);
            assert_eq!(betas, [0.0, 0.125, 0.25, 0.625, 1.0]);
        }
    }
}
