//! Ergodic trains, samples and judges energy-based models, p(x) = exp(−E(x)) / Z, with thousands
//! of Markov chains in parallel on any GPU or on the CPU.

pub mod data;
pub mod device;
pub mod plot;
pub mod random;

pub use wgpu;
