//! Whether a sampler leaves the joint law of a small RBM as it is. Chains start from exact draws of
//! the law, so that whatever a right sampler does, their law stays the same: no burn-in, no
//! autocorrelation, every chain an independent count.

use rand::Rng;

use super::chi_squared::ChiSquared;
use crate::{
    device::{Array, Device, Result},
    random::{HostRng, Stream},
};

/// Visible and hidden units.
const D: usize = 6;
const H: usize = 4;

/// The level of each χ² test. A run of the self-test makes nine of them: their family-wise false
/// alarm of 9e-8 leaves a factor of ten under 1e-6 for the χ² law, which is an approximation
/// where cells expect few counts.
pub const LEVEL: f64 = 1e-8;

/// An RBM of 6 visible and 4 hidden units whose law is known by enumeration.
pub struct EnumeratedRbm {
    /// W, `[6, 4]`.
    pub weights: Vec<f32>,
    /// b, `[6]`.
    pub visible_bias: Vec<f32>,
    /// c, `[4]`.
    pub hidden_bias: Vec<f32>,
    /// p(v, h); the bits of the index are v, then h.
    law: Vec<f64>,
}

impl EnumeratedRbm {
    /// The seed of [`EnumeratedRbm::random`] under which most states are likely enough to count: of
    /// the first sixty, the one whose law gives 976 of the 1,024 states 5 of 131,072 chains or
    /// more. Most others concentrate on few hundred.
    pub const SPREAD: u64 = 41;

    /// Weights N(0, 1), biases with standard deviation ½.
    pub fn random(seed: u64) -> Self {
        let mut rng = HostRng::new(seed, Stream::Parameters, 0);
        let mut normals =
            |n: usize, scale: f32| (0..n).map(|_| scale * rng.normal()).collect::<Vec<_>>();
        let weights = normals(D * H, 1.0);
        let visible_bias = normals(D, 0.5);
        let hidden_bias = normals(H, 0.5);
        let law = joint_law(&weights, &visible_bias, &hidden_bias);
        Self { weights, visible_bias, hidden_bias, law }
    }

    /// Exact draws: a table of the index of the joint state of each chain.
    fn draws(&self, chains: usize, seed: u64) -> Vec<usize> {
        let cumulative: Vec<f64> = self
            .law
            .iter()
            .scan(0.0, |sum, p| {
                *sum += p;
                Some(*sum)
            })
            .collect();
        let mut rng = HostRng::new(seed, Stream::ChainStart, 0);
        (0..chains)
            .map(|_| {
                let uniform = (rng.next_u64() >> 11) as f64 * 2f64.powi(-53);
                cumulative.partition_point(|sum| *sum <= uniform).min(self.law.len() - 1)
            })
            .collect()
    }
}

/// Whether bit `index` of a joint state is set.
fn unit(state: usize, index: usize) -> bool {
    state >> index & 1 == 1
}

fn joint_law(weights: &[f32], visible_bias: &[f32], hidden_bias: &[f32]) -> Vec<f64> {
    // Σ of the values whose indices are on.
    let sum_on = |values: &[f32], on: &dyn Fn(usize) -> bool| -> f64 {
        let each = values.iter().enumerate().filter(|(index, _)| on(*index));
        each.map(|(_, value)| f64::from(*value)).sum()
    };
    let minus_energy = |state: usize| {
        sum_on(weights, &|ij| unit(state, ij / H) && unit(state, D + ij % H))
            + sum_on(visible_bias, &|i| unit(state, i))
            + sum_on(hidden_bias, &|j| unit(state, D + j))
    };
    let weights: Vec<f64> = (0..1 << (D + H)).map(|state| minus_energy(state).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// χ² tests of the chains' states after the sampler.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Fit {
    /// (v, h). Only this one sees a sampler that breaks the tie between v and h.
    pub joint: ChiSquared,
    /// v.
    pub visible: ChiSquared,
    /// h.
    pub hidden: ChiSquared,
}

impl Fit {
    /// Whether no test rejects at [`LEVEL`].
    pub fn passed(&self) -> bool {
        // Written so that NaN fails.
        [self.joint, self.visible, self.hidden].iter().all(|test| test.p >= LEVEL)
    }
}

impl std::fmt::Display for Fit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { joint, visible, hidden } = self;
        write!(f, "joint {joint}; visible {visible}; hidden {hidden}; level {LEVEL:.0e}")
    }
}

/// Starts `chains` chains from exact draws, has `advance` move them (visible `[chains, 6]`, hidden
/// `[chains, 4]`, zeros and ones), and tests whether they still follow the law.
///
/// # Errors
/// Those of the device and of `advance`.
pub async fn invariance(
    device: &Device,
    rbm: &EnumeratedRbm,
    chains: usize,
    seed: u64,
    advance: impl FnOnce(&mut Array, &mut Array) -> Result<()>,
) -> Result<Fit> {
    let draws = rbm.draws(chains, seed);
    let side = |first: usize, units: usize| {
        let states = draws.iter().flat_map(|state| {
            (first..first + units).map(|index| f32::from(u8::from(unit(*state, index))))
        });
        device.upload(chains, units, &states.collect::<Vec<_>>())
    };
    let (mut visible, mut hidden) = (side(0, D)?, side(D, H)?);
    advance(&mut visible, &mut hidden)?;
    let visible = device.read(&visible).await?;
    let hidden = device.read(&hidden).await?;
    Ok(fit(&rbm.law, &visible, &hidden))
}

fn fit(law: &[f64], visible: &[f32], hidden: &[f32]) -> Fit {
    // One cell more than states, for rows that are not all zeros and ones.
    let mut joint = vec![0; law.len() + 1];
    for (v, h) in visible.chunks_exact(D).zip(hidden.chunks_exact(H)) {
        joint[state_of(v.iter().chain(h)).unwrap_or(law.len())] += 1;
    }
    let mut probabilities = law.to_vec();
    probabilities.push(0.0);
    // A marginal sums the cells that agree in some bits; the odd cell stays one of its own.
    let marginal = |shift: usize, units: usize| {
        let mut cells = (vec![0; (1 << units) + 1], vec![0.0; (1 << units) + 1]);
        for (state, (count, p)) in joint.iter().zip(&probabilities).enumerate() {
            let odd = state == law.len();
            let cell = if odd { 1 << units } else { state >> shift & ((1 << units) - 1) };
            cells.0[cell] += count;
            cells.1[cell] += p;
        }
        ChiSquared::of(&cells.0, &cells.1)
    };
    Fit {
        joint: ChiSquared::of(&joint, &probabilities),
        visible: marginal(0, D),
        hidden: marginal(D, H),
    }
}

/// The index of a joint state; none where a value is neither 0 nor 1.
fn state_of<'a>(values: impl Iterator<Item = &'a f32>) -> Option<usize> {
    let mut state = 0;
    for (index, value) in values.enumerate() {
        match *value {
            0.0 => {}
            1.0 => state |= 1 << index,
            _ => return None,
        }
    }
    Some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The law's marginal of v against the closed form exp(b·v) Π (1 + exp(c + v·W)).
    #[test]
    fn the_law_has_the_known_marginal() {
        let rbm = EnumeratedRbm::random(EnumeratedRbm::SPREAD);
        let unnormalised = |v: usize| {
            let mut log = 0.0;
            for i in (0..D).filter(|i| unit(v, *i)) {
                log += f64::from(rbm.visible_bias[i]);
            }
            for j in 0..H {
                let active = (0..D).filter(|i| unit(v, *i));
                let sum: f64 = active.map(|i| f64::from(rbm.weights[i * H + j])).sum();
                log += (f64::from(rbm.hidden_bias[j]) + sum).exp().ln_1p();
            }
            log.exp()
        };
        let z: f64 = (0..1 << D).map(unnormalised).sum();
        for v in 0..1 << D {
            let marginal: f64 = (0..1 << H).map(|h| rbm.law[v | h << D]).sum();
            assert!((marginal - unnormalised(v) / z).abs() < 1e-14);
        }
    }

    #[test]
    fn the_law_is_spread() {
        let rbm = EnumeratedRbm::random(EnumeratedRbm::SPREAD);
        let counted = rbm.law.iter().filter(|p| **p * f64::from(1 << 17) >= 5.0).count();
        assert_eq!((counted, rbm.law.len()), (976, 1024));
    }

    #[test]
    fn states_that_are_no_bits_fail() {
        let rbm = EnumeratedRbm::random(EnumeratedRbm::SPREAD);
        let device = Device::cpu();
        let advance = |visible: &mut Array, _: &mut Array| device.write(visible, 7, &[0.5; D]);
        let fit = pollster::block_on(invariance(&device, &rbm, 4096, 1, advance)).unwrap();
        assert!(!fit.passed());
        assert_eq!((fit.joint.p, fit.visible.p, fit.hidden.p), (0.0, 0.0, 0.0));
    }

    #[test]
    fn chains_that_stay_keep_the_law() {
        let rbm = EnumeratedRbm::random(EnumeratedRbm::SPREAD);
        let stay = |_: &mut Array, _: &mut Array| Ok(());
        let fit = pollster::block_on(invariance(&Device::cpu(), &rbm, 1 << 17, 1, stay)).unwrap();
        assert!(fit.passed(), "{fit}");
    }
}
