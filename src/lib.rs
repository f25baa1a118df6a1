//! Ergodic trains, samples and judges energy-based models, p(x) = exp(−E(x)) / Z, with thousands
//! of Markov chains in parallel on any GPU or on the CPU.
//!
//! An [`energy`] evaluates E and its weighted parameter gradient, a [`sampler`] moves chains, an
//! [`objective`] turns data and chains into weighted points; [`train`] puts them together and
//! [`evaluate`] judges the result. All of them run on a [`device::Device`], whose speed [`bench`]
//! measures.

pub mod bench;
pub mod cli;
pub mod data;
pub mod device;
pub mod energy;
pub mod evaluate;
pub mod objective;
pub mod plot;
pub mod random;
pub mod run;
pub mod sampler;
pub mod selftest;
pub mod tensor;
pub mod train;

pub use wgpu;
