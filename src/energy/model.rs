//! The models that the program trains, saves and judges. A model is an energy: it dereferences to
//! one, and code that knows no model works on that.

use std::ops::{Deref, DerefMut};

use super::{Energy, Mlp, Rbm};
use crate::device::Result;

/// A model of a kind that has a name in configurations.
#[derive(Debug)]
pub enum Model {
    /// A Bernoulli RBM.
    Rbm(Rbm),
    /// A multilayer perceptron; with several outputs a joint model of examples and classes.
    Mlp(Mlp),
}

impl Model {
    /// A copy of the parameters.
    ///
    /// # Errors
    /// The device refuses.
    pub fn duplicate(&self) -> Result<Self> {
        Ok(match self {
            Self::Rbm(rbm) => Self::Rbm(rbm.duplicate()?),
            Self::Mlp(mlp) => Self::Mlp(mlp.duplicate()?),
        })
    }

    /// The RBM, where it is one.
    pub fn as_rbm(&self) -> Option<&Rbm> {
        match self {
            Self::Rbm(rbm) => Some(rbm),
            Self::Mlp(_) => None,
        }
    }

    /// The multilayer perceptron, where it is one.
    pub fn as_mlp(&self) -> Option<&Mlp> {
        match self {
            Self::Mlp(mlp) => Some(mlp),
            Self::Rbm(_) => None,
        }
    }

    /// The RBM, where it is one.
    pub fn as_rbm_mut(&mut self) -> Option<&mut Rbm> {
        match self {
            Self::Rbm(rbm) => Some(rbm),
            Self::Mlp(_) => None,
        }
    }
}

impl Deref for Model {
    type Target = dyn Energy;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Rbm(rbm) => rbm,
            Self::Mlp(mlp) => mlp,
        }
    }
}

impl DerefMut for Model {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Rbm(rbm) => rbm,
            Self::Mlp(mlp) => mlp,
        }
    }
}
