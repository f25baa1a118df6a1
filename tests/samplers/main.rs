//! Samplers of real energies: their laws, their bias, their bookkeeping, on every device.

#[path = "../common/mod.rs"]
mod common;

mod adaptation;
mod bookkeeping;
mod gaussian;
mod hamiltonian;
mod invariance;
mod stationarity;
mod targets;
