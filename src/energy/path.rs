//! The path from an easy base distribution to a model: E_β(x) = (1 − β) E₀(x) + β E(x), β in [0, 1].
//! Annealed importance sampling and replica exchange go along it.

mod base;
mod blend;

use std::sync::{Arc, Mutex, PoisonError};

use super::{Bipartite, Energy, ModelError, Rbm};
use crate::device::{
    Activation, Array, Device, DeviceError, Draw, Linear, Pointwise, Reduce, Result,
};
pub use base::Base;
use blend::{Blend, Standardise};

/// A path of energies; see the module. Cheap to make: the parameters of the target stay where they
/// are, and of the base a few rows are uploaded.
pub struct Path<'a> {
    target: &'a dyn Energy,
    base: Base,
    placed: Placed,
}

/// The base on the device.
enum Placed {
    Bernoulli {
        /// b₀, `[1, D]`.
        log_odds: Array,
        /// b − b₀, `[1, D]`.
        shift: Array,
        /// c + Wᵀv of the last call, `[n, H]`.
        fields: Mutex<Option<Array>>,
    },
    Gaussian(Arc<Standardise>),
}

impl<'a> Path<'a> {
    /// The path from a base to a model.
    ///
    /// # Errors
    /// The base does not fit the model, the model is binary and not bipartite, or the device
    /// refuses.
    pub fn new(target: &'a dyn Energy, base: Base) -> Result<Self, ModelError> {
        base.check(target)?;
        let device = target.device();
        let placed = match (&base, target.bipartite()) {
            (Base::Bernoulli { log_odds }, Some(arrays)) => {
                let log_odds = device.upload(1, log_odds.len(), log_odds)?;
                let mut shift = device.duplicate(arrays.visible_bias)?;
                device.pointwise(Pointwise::Axpy { x: &log_odds, scale: -1.0 }, &mut shift)?;
                Placed::Bernoulli { log_odds, shift, fields: Mutex::default() }
            }
            (Base::Gaussian { mean, deviation }, _) => {
                Placed::Gaussian(Arc::new(Standardise::new(device, mean, deviation)?))
            }
            (Base::Bernoulli { .. }, None) => unreachable!("refused above"),
        };
        Ok(Self { target, base, placed })
    }

    /// The model at β = 1.
    pub fn target(&self) -> &'a dyn Energy {
        self.target
    }

    /// The law at β = 0.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The device of the model.
    pub fn device(&self) -> &'a Device {
        self.target.device()
    }

    /// The arrays of a bipartite model, b₀ `[1, D]` and b − b₀ `[1, D]`.
    pub(crate) fn binary(&self) -> Option<(Bipartite<'a>, &Array, &Array)> {
        match (&self.placed, self.target.bipartite()) {
            (Placed::Bernoulli { log_odds, shift, .. }, Some(arrays)) => {
                Some((arrays, log_odds, shift))
            }
            _ => None,
        }
    }

    /// log Z(0): Σ softplus(b₀) + H log 2, or (D/2) log 2π + Σ log σ.
    pub fn base_log_z(&self) -> f64 {
        match &self.base {
            Base::Bernoulli { log_odds } => {
                let softplus =
                    |b: &f32| f64::from(b.max(0.0)) + (-f64::from(b.abs())).exp().ln_1p();
                let coins = self.target.hidden() as f64 * std::f64::consts::LN_2;
                log_odds.iter().map(softplus).sum::<f64>() + coins
            }
            Base::Gaussian { deviation, .. } => {
                let normals = 0.5 * deviation.len() as f64 * std::f64::consts::TAU.ln();
                normals + deviation.iter().map(|s| f64::from(*s).ln()).sum::<f64>()
            }
        }
    }

    /// Exact draws of the base: visible `[n, D]`, and hidden `[n, H]` where there are hidden units.
    /// The draws must differ in their step or stream.
    ///
    /// # Errors
    /// The shapes do not fit, or the device refuses.
    pub fn draw_base(
        &self,
        visible: &mut Array,
        hidden: &mut Array,
        draws: [Draw; 2],
    ) -> Result<()> {
        let device = self.device();
        match &self.placed {
            Placed::Bernoulli { log_odds, .. } => {
                bernoulli_rows(device, log_odds, draws[0], visible)?;
                let even = device.zeros(1, hidden.columns())?;
                bernoulli_rows(device, &even, draws[1], hidden)
            }
            Placed::Gaussian(base) => base.draw(device, draws[0], visible),
        }
    }

    /// The energy at β. Of a bipartite model it is an RBM with the weights βW and the biases
    /// (1 − β) b₀ + βb and βc. From an isotropic base of mean 0 to a net of one output it is a net.
    ///
    /// # Errors
    /// β is not in [0, 1], or the device refuses.
    pub fn at(&self, beta: f32) -> Result<Box<dyn Energy + 'a>, ModelError> {
        if !(0.0..=1.0).contains(&beta) {
            let reason = format!("β is {beta}, wanted a number from 0 to 1");
            return Err(ModelError::Unfit { energy: "of a path", reason });
        }
        Ok(match (&self.placed, self.target.bipartite()) {
            (Placed::Bernoulli { log_odds, .. }, Some(arrays)) => {
                Box::new(scaled(self.device(), arrays, log_odds, beta)?)
            }
            (Placed::Gaussian(standard), _) => {
                Box::new(Blend::new(self.target, standard.clone(), self.spread(), beta)?)
            }
            (Placed::Bernoulli { .. }, None) => unreachable!("refused when it was made"),
        })
    }

    /// The deviation of an isotropic base of mean 0.
    fn spread(&self) -> Option<f32> {
        match &self.base {
            Base::Gaussian { mean, deviation }
                if mean.iter().all(|m| *m == 0.0)
                    && deviation.windows(2).all(|pair| pair[0] == pair[1]) =>
            {
                deviation.first().copied()
            }
            _ => None,
        }
    }

    /// out `[n, 1]` ← D = E − E₀ of states: x `[n, D]`, and with hidden units the joint state of
    /// x and hidden `[n, H]`, for which D = −hᵀ(c + Wᵀv) − (b − b₀)ᵀv.
    ///
    /// # Errors
    /// The shapes do not fit, or the device refuses.
    pub fn difference(&self, visible: &Array, hidden: &Array, out: &mut Array) -> Result<()> {
        let device = self.device();
        match (&self.placed, self.target.bipartite()) {
            (Placed::Bernoulli { shift, fields, .. }, Some(arrays)) => {
                let mut fields = fields.lock().unwrap_or_else(PoisonError::into_inner);
                let shape = (visible.rows(), arrays.weights.columns());
                let mut along = match fields.take() {
                    Some(array) if array.shape() == shape => array,
                    _ => device.zeros(shape.0, shape.1)?,
                };
                let call = Linear {
                    x: visible,
                    weights: arrays.weights,
                    transposed: false,
                    bias: Some(arrays.hidden_bias),
                    scale: 1.0,
                    activation: Activation::Identity,
                };
                device.linear(&call, &mut along)?;
                device.reduce(Reduce::RowDot(hidden), &along, out)?;
                *fields = Some(along);
                let mut field = device.zeros(visible.rows(), 1)?;
                let call = Linear { weights: shift, transposed: true, bias: None, ..call };
                device.linear(&call, &mut field)?;
                device.pointwise(Pointwise::Axpy { x: &field, scale: 1.0 }, out)?;
                device.pointwise(Pointwise::Scale(-1.0), out)
            }
            (Placed::Gaussian(base), _) => {
                let mut easy = device.zeros(visible.rows(), 1)?;
                base.energy(device, visible, &mut easy)?;
                self.target.energy(visible, out)?;
                device.pointwise(Pointwise::Axpy { x: &easy, scale: -1.0 }, out)
            }
            (Placed::Bernoulli { .. }, None) => unreachable!("refused when it was made"),
        }
    }
}

/// out `[n, M]` ← 1 with probability sigmoid(log-odds), `[1, M]`.
fn bernoulli_rows(
    device: &Device,
    log_odds: &Array,
    draw: Draw,
    out: &mut Array,
) -> Result<(), DeviceError> {
    let x = device.zeros(out.rows(), 1)?;
    let weights = device.zeros(1, out.columns())?;
    let call = Linear {
        x: &x,
        weights: &weights,
        transposed: false,
        bias: Some(log_odds),
        scale: 1.0,
        activation: Activation::Bernoulli(draw),
    };
    device.linear(&call, out)
}

/// The RBM at β.
fn scaled(device: &Device, arrays: Bipartite<'_>, log_odds: &Array, beta: f32) -> Result<Rbm> {
    let scaled = |array: &Array| {
        let mut copy = device.duplicate(array)?;
        device.pointwise(Pointwise::Scale(beta), &mut copy)?;
        Ok(copy)
    };
    let mut visible_bias = device.duplicate(arrays.visible_bias)?;
    device.pointwise(Pointwise::Lerp { x: log_odds, rate: 1.0 - beta }, &mut visible_bias)?;
    Ok(Rbm::from_arrays(device, scaled(arrays.weights)?, visible_bias, scaled(arrays.hidden_bias)?))
}

impl std::fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Path").field("base", &self.base).finish_non_exhaustive()
    }
}
