//! The bases of paths.

use crate::energy::{Domain, Energy, ModelError, log_odds};

/// Of the largest deviation of a coordinate, the least that any is taken to have.
const DEVIATION_FLOOR: f32 = 1e-3;

/// The base of a path: a law with a known partition function and exact draws.
#[derive(Clone, Debug, PartialEq)]
pub enum Base {
    /// Independent binary units, E₀(v) = −b₀ᵀv. Hidden units are fair coins.
    Bernoulli {
        /// b₀, `[D]`.
        log_odds: Vec<f32>,
    },
    /// Independent real units, E₀(x) = ½ Σ ((xᵢ − mᵢ)/σᵢ)².
    Gaussian {
        /// m, `[D]`.
        mean: Vec<f32>,
        /// σ, `[D]`, positive.
        deviation: Vec<f32>,
    },
}

impl Base {
    /// The base that is nearest to rows of data `[n, D]`: their means, and for real units their
    /// deviations. Means near 0 and 1 are kept off them; deviations are at least a thousandth of
    /// the largest.
    pub fn of_rows(domain: Domain, rows: &[f32], dimension: usize) -> Self {
        let dimension = dimension.max(1);
        let n = (rows.len() / dimension).max(1) as f64;
        let mean_of = |value: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            let mut sums = vec![0.0; dimension];
            for row in rows.chunks_exact(dimension) {
                for (i, (sum, x)) in sums.iter_mut().zip(row).enumerate() {
                    *sum += value(i, f64::from(*x));
                }
            }
            sums.iter().map(|sum| sum / n).collect()
        };
        let mean = mean_of(&|_, x| x);
        match domain {
            Domain::Binary => Self::of_means(&mean.iter().map(|m| *m as f32).collect::<Vec<_>>()),
            Domain::Real => {
                let variance = mean_of(&|i, x| (x - mean[i]).powi(2));
                let largest = variance.iter().copied().fold(0.0, f64::max).sqrt() as f32;
                let floor = if largest > 0.0 { DEVIATION_FLOOR * largest } else { 1.0 };
                let deviation = variance.iter().map(|v| (v.sqrt() as f32).max(floor)).collect();
                Self::Gaussian { mean: mean.iter().map(|m| *m as f32).collect(), deviation }
            }
        }
    }

    /// Independent binary units with such means `[D]`, which are kept off 0 and 1.
    pub fn of_means(means: &[f32]) -> Self {
        Self::Bernoulli { log_odds: means.iter().map(|mean| log_odds(*mean)).collect() }
    }

    /// Real units with mean 0 and one deviation. Paths from such a base to a net move by its fused
    /// Langevin kernel.
    pub fn isotropic(dimension: usize, deviation: f32) -> Self {
        Self::Gaussian { mean: vec![0.0; dimension], deviation: vec![deviation; dimension] }
    }

    /// The domain of its units.
    pub fn domain(&self) -> Domain {
        match self {
            Self::Bernoulli { .. } => Domain::Binary,
            Self::Gaussian { .. } => Domain::Real,
        }
    }

    /// Number of visible units, D.
    pub fn dimension(&self) -> usize {
        match self {
            Self::Bernoulli { log_odds } => log_odds.len(),
            Self::Gaussian { mean, .. } => mean.len(),
        }
    }

    /// The least deviation of a coordinate; of binary units ½, the most that they have.
    pub(crate) fn least_deviation(&self) -> f32 {
        match self {
            Self::Bernoulli { .. } => 0.5,
            Self::Gaussian { deviation, .. } => {
                deviation.iter().copied().fold(f32::INFINITY, f32::min)
            }
        }
    }

    /// Whether a path leads from this base to an energy.
    ///
    /// # Errors
    /// Those of [`super::Path::new`]. Costs nothing.
    pub(crate) fn check(&self, target: &dyn Energy) -> Result<(), ModelError> {
        match self.fault(target) {
            Some(reason) => Err(ModelError::Unfit { energy: "of a path", reason }),
            None => Ok(()),
        }
    }

    /// What is wrong with it as a base of an energy, if anything.
    fn fault(&self, target: &dyn Energy) -> Option<String> {
        let (d, kind) = (target.dimension(), target.kind());
        let count = |name: &str, values: &[f32]| {
            (values.len() != d).then(|| {
                format!("the base has {} {name}, wanted {d}, the units of the {kind}", values.len())
            })
        };
        let bad = |name: &str, values: &[f32], sound: fn(f32) -> bool, wanted: &str| {
            values.iter().position(|x| !sound(*x)).map(|unit| {
                format!("the {name} of unit {unit} is {}, wanted {wanted}", values[unit])
            })
        };
        match (self, target.domain()) {
            (Self::Bernoulli { log_odds }, Domain::Binary) => count("log-odds", log_odds)
                .or_else(|| bad("log-odds", log_odds, f32::is_finite, "a finite number"))
                .or_else(|| {
                    let bipartite = target.bipartite().is_some();
                    (!bipartite).then(|| {
                        format!("the {kind} is binary and not bipartite, so no sampler moves it")
                    })
                }),
            (Self::Gaussian { mean, deviation }, Domain::Real) => count("means", mean)
                .or_else(|| count("deviations", deviation))
                .or_else(|| bad("mean", mean, f32::is_finite, "a finite number"))
                .or_else(|| {
                    let sound = |x: f32| x.is_normal() && x > 0.0 && x.recip().is_normal();
                    bad("deviation", deviation, sound, "a positive finite number")
                }),
            (Self::Bernoulli { .. }, Domain::Real) => {
                Some(format!("the base is binary and the {kind} is real; wanted a Gaussian base"))
            }
            (Self::Gaussian { .. }, Domain::Binary) => {
                Some(format!("the base is real and the {kind} is binary; wanted a Bernoulli base"))
            }
        }
    }
}
