//! Whether chains have reached the law of the model: chains that start afresh must come to have the
//! same energies, and the longer they need the slower the sampler mixes.

use serde::{Deserialize, Serialize};

use super::energies_of;
use crate::{
    energy::Energy,
    sampler::{Chains, Sampler, SamplerError},
};

/// Transitions after which fresh chains are looked at.
pub const LOOKS: [u32; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
/// Share of a standard deviation of the energy by which two sets of chains may differ in the mean
/// and be called alike.
const ALIKE: f64 = 0.1;
/// Standard errors that noise may make.
const ERRORS: f64 = 4.0;

/// The energies of chains that started afresh beside those of the chains that stand for the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Equilibrium {
    /// Transitions of the fresh chains, and their mean energy after them, in nats.
    pub fresh: Vec<(u32, f64)>,
    /// Mean energy of the chains that stand for the model.
    pub model: f64,
    /// Standard deviation of their energies.
    pub deviation: f64,
    /// Standard error of the difference of two such means.
    pub std_error: f64,
}

impl Equilibrium {
    /// Moves fresh chains and compares their energies with those of the model's chains.
    ///
    /// # Errors
    /// The energy does not admit the sampler, or the device refuses.
    pub async fn of(
        energy: &dyn Energy,
        sampler: &dyn Sampler,
        mut fresh: Chains,
        model_chains: &Chains,
    ) -> Result<Self, SamplerError> {
        let (model, deviation) = moments(&energies_of(energy, &model_chains.visible).await?);
        let mut looks = Vec::new();
        let mut done = 0;
        for look in LOOKS {
            sampler.advance(energy, &mut fresh, look - done)?;
            done = look;
            let (mean, _) = moments(&energies_of(energy, &fresh.visible).await?);
            looks.push((look, mean));
        }
        let counts = [fresh.visible.rows(), model_chains.visible.rows()];
        let std_error = deviation * counts.map(|n| 1.0 / n as f64).iter().sum::<f64>().sqrt();
        Ok(Self { fresh: looks, model, deviation, std_error })
    }

    /// The number of transitions after which fresh chains are like the model's; none where they
    /// are not at the last look.
    pub fn reached(&self) -> Option<u32> {
        let bound = (ERRORS * self.std_error).max(ALIKE * self.deviation);
        let alike = |mean: f64| (mean - self.model).abs() <= bound;
        let late =
            self.fresh.iter().rposition(|(_, mean)| !alike(*mean)).map_or(0, |last| last + 1);
        self.fresh.get(late).map(|(transitions, _)| *transitions)
    }
}

/// Mean and standard deviation.
fn moments(values: &[f32]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fresh: [f64; 3]) -> Equilibrium {
        let fresh = [10, 100, 1000].into_iter().zip(fresh).collect();
        Equilibrium { fresh, model: -50.0, deviation: 10.0, std_error: 0.1 }
    }

    #[test]
    fn reached_is_the_first_look_from_which_all_are_alike() {
        assert_eq!(with([-50.9, -49.5, -50.0]).reached(), Some(10));
        assert_eq!(with([-52.0, -49.5, -50.0]).reached(), Some(100));
        assert_eq!(with([-50.0, -52.0, -50.0]).reached(), Some(1000));
        assert_eq!(with([-50.0, -50.0, -51.1]).reached(), None);
        assert_eq!(with([-50.0, -50.0, f64::NAN]).reached(), None);
    }
}
