//! Every kernel on every device against sums in f64, and what makes the device layer safe to use.

mod accept;
mod activations;
mod anneal;
#[path = "../common/mod.rs"]
mod common;
mod cuts;
mod errors;
mod exchange;
mod flushing;
mod gibbs;
mod instructions;
mod langevin;
mod langevin_gpu;
mod matrices;
mod normalize;
mod optimize;
mod oracle;
mod own_device;
mod pointwise;
mod potential;
mod products;
mod reduce;
mod room;
mod rows;
mod shaders;
mod softmax;
mod statistics;
mod temper;
mod tiling;
