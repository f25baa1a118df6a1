//! The path from an easy base to a model, and replica exchange along it.

#[path = "../common/mod.rs"]
mod common;

mod law;
mod modes;
mod path;
