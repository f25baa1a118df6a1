//! Nets as energies, their losses and the quadrature of them, against f64 on every device.

#[path = "../common/mod.rs"]
mod common;
mod gradients;
mod objectives;
mod oracle;
mod quadrature;
