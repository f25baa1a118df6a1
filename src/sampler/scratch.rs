//! Arrays that a sampler keeps between calls: an allocation a step is slow on a GPU.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::device::{Array, Device, Result};

/// Proposals and the energies and scores of states and proposals.
#[derive(Debug)]
pub(super) struct Arrays {
    device: Device,
    /// `[n, D]`.
    pub proposal: Array,
    /// `[n, 1]`.
    pub energy: Array,
    /// `[n, 1]`.
    pub proposal_energy: Array,
    /// Vectors `[n, D]`: scores of states and proposals, momenta.
    pub vectors: Vec<Array>,
}

/// The arrays of the last call.
#[derive(Debug, Default)]
pub(super) struct Scratch(Mutex<Option<Arrays>>);

/// A copy of a sampler starts without arrays.
impl Clone for Scratch {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// The arrays, while a call uses them.
pub(super) struct Held<'a>(MutexGuard<'a, Option<Arrays>>);

impl Held<'_> {
    /// The arrays for states shaped as `x`, with so many vectors.
    pub fn arrays(&mut self, device: &Device, x: &Array, vectors: usize) -> Result<&mut Arrays> {
        let fits = |arrays: &Arrays| {
            arrays.device.is(device)
                && arrays.proposal.shape() == x.shape()
                && arrays.vectors.len() == vectors
        };
        if !self.0.as_ref().is_some_and(fits) {
            *self.0 = None;
        }
        let (n, d) = x.shape();
        match &mut *self.0 {
            Some(arrays) => Ok(arrays),
            empty => {
                let vectors = (0..vectors).map(|_| device.zeros(n, d)).collect::<Result<_>>()?;
                Ok(empty.insert(Arrays {
                    device: device.clone(),
                    proposal: device.zeros(n, d)?,
                    energy: device.zeros(n, 1)?,
                    proposal_energy: device.zeros(n, 1)?,
                    vectors,
                }))
            }
        }
    }
}

impl Scratch {
    /// Locks; the values are overwritten before they are read, so what a panic left is no matter.
    pub fn hold(&self) -> Held<'_> {
        Held(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
