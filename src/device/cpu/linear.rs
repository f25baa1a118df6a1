//! act(scale · (X·W + bias)) on tiles of rows, the activation applied while the tile is in cache.

use rayon::prelude::*;

use super::{
    activation::{elu, elu_value, silu, silu_value, softplus_with_slope, tanh, tanh_value},
    host, host_mut,
    matmul::{View, matmul_rows, tile_rows},
    simd::{RowDraw, sample_row, sigmoid, softplus, vectorize},
};
use crate::device::{Activation, Array, Companion, Linear, Result};

/// Products of fewer multiplications than this run on one thread: a second one costs more.
const SMALL: usize = 1 << 16;

struct Operands<'a> {
    x: &'a [f32],
    weights: View<'a>,
    bias: &'a [f32],
}

/// Values of the second array that go with a tile.
enum Beside<'a> {
    Nothing,
    Slope(&'a mut [f32]),
    Gate(&'a [f32]),
}

/// The operands in host memory; `zeros` stand for a bias that is not there.
fn operands<'a>(call: &Linear<'a>, zeros: &'a mut Vec<f32>) -> Result<Operands<'a>> {
    let values = host("linear", "weights", call.weights)?;
    let columns = call.weights.columns();
    Ok(Operands {
        x: host("linear", "x", call.x)?,
        weights: if call.transposed {
            View::transposed(values, columns)
        } else {
            View::rows(values, columns)
        },
        bias: match call.bias {
            Some(bias) => host("linear", "bias", bias)?,
            None => {
                zeros.resize(call.sizes().1, 0.0);
                zeros
            }
        },
    })
}

/// Rows of a tile: all of them where the product is small.
fn rows_per_tile(rows: usize, (k, m): (usize, usize)) -> usize {
    if rows * k * m <= SMALL { rows } else { tile_rows(rows) }
}

pub(super) fn linear(call: &Linear<'_>, companion: Companion<'_>, out: &mut Array) -> Result<()> {
    let mut zeros = Vec::new();
    let operands = operands(call, &mut zeros)?;
    let (k, m) = call.sizes();
    let tile = rows_per_tile(out.rows(), (k, m));
    let out = host_mut("linear", "out", out)?;
    let tiles = out.par_chunks_mut(tile * m).zip(operands.x.par_chunks(tile * k));
    match companion {
        Companion::None => tiles.enumerate().for_each(|(index, (out, x))| {
            compute(call, &operands, index * tile, x, out, Beside::Nothing);
        }),
        Companion::Slope(slope) => {
            let slope = host_mut("linear", "slope", slope)?.par_chunks_mut(tile * m);
            tiles.zip(slope).enumerate().for_each(|(index, ((out, x), slope))| {
                compute(call, &operands, index * tile, x, out, Beside::Slope(slope));
            });
        }
        Companion::Gate(gate) => {
            let gate = host("linear", "gate", gate)?.par_chunks(tile * m);
            tiles.zip(gate).enumerate().for_each(|(index, ((out, x), gate))| {
                compute(call, &operands, index * tile, x, out, Beside::Gate(gate));
            });
        }
    }
    Ok(())
}

pub(super) fn linear_sum(call: &Linear<'_>, out: &mut Array) -> Result<()> {
    let mut zeros = Vec::new();
    let operands = operands(call, &mut zeros)?;
    let (k, m) = call.sizes();
    let tile = rows_per_tile(out.rows(), (k, m));
    host_mut("linear_sum", "out", out)?
        .par_chunks_mut(tile)
        .zip(operands.x.par_chunks(tile * k))
        .enumerate()
        .for_each_init(Vec::new, |scratch, (index, (out, x))| {
            scratch.resize(out.len() * m, 0.0);
            compute(call, &operands, index * tile, x, scratch, Beside::Nothing);
            vectorize(
                #[inline(always)]
                || {
                    for (sum, row) in out.iter_mut().zip(scratch.chunks_exact(m)) {
                        *sum = super::reduce::sum(row.iter().copied());
                    }
                },
            );
        });
    Ok(())
}

/// One tile: the product, then the epilogue.
fn compute(
    call: &Linear<'_>,
    operands: &Operands<'_>,
    first_row: usize,
    x: &[f32],
    out: &mut [f32],
    beside: Beside<'_>,
) {
    let (k, m) = call.sizes();
    matmul_rows(out, x, operands.weights, k, m);
    let (bias, scale) = (operands.bias, call.scale);
    match beside {
        Beside::Nothing => activate(call, first_row, bias, out),
        Beside::Gate(gate) => {
            activate(call, first_row, bias, out);
            vectorize(
                #[inline(always)]
                || {
                    for (x, gate) in out.iter_mut().zip(gate) {
                        *x *= gate;
                    }
                },
            );
        }
        Beside::Slope(slope) => {
            macro_rules! with_slope {
                ($function:expr) => {
                    vectorize(
                        #[inline(always)]
                        || with_slopes(out, slope, bias, scale, $function),
                    )
                };
            }
            match call.activation {
                Activation::Silu => with_slope!(
                    #[inline(always)]
                    |z| silu(z)
                ),
                Activation::Elu => with_slope!(
                    #[inline(always)]
                    |z| elu(z)
                ),
                Activation::Tanh => with_slope!(
                    #[inline(always)]
                    |z| tanh(z)
                ),
                Activation::Softplus => with_slope!(
                    #[inline(always)]
                    |z| softplus_with_slope(z)
                ),
                Activation::Sigmoid => with_slope!(
                    #[inline(always)]
                    |z| {
                        let s = sigmoid(z);
                        (s, s * (1.0 - s))
                    }
                ),
                // A draw has no slope; the device refuses to be asked for one.
                Activation::Identity | Activation::Bernoulli(_) => with_slope!(
                    #[inline(always)]
                    |z| (z, 1.0)
                ),
            }
        }
    }
}

/// out ← act(scale · (out + bias)), slope ← act'.
#[inline(always)]
fn with_slopes(
    out: &mut [f32],
    slope: &mut [f32],
    bias: &[f32],
    scale: f32,
    act: impl Fn(f32) -> (f32, f32),
) {
    let rows = out.chunks_exact_mut(bias.len()).zip(slope.chunks_exact_mut(bias.len()));
    for (out, slope) in rows {
        for ((x, slope), b) in out.iter_mut().zip(slope).zip(bias) {
            (*x, *slope) = act(scale * (*x + b));
        }
    }
}

/// out ← act(scale · (out + bias)).
fn activate(call: &Linear<'_>, first_row: usize, bias: &[f32], out: &mut [f32]) {
    let (m, scale) = (bias.len(), call.scale);
    let mut words = Vec::new();
    macro_rules! each {
        ($function:expr) => {
            vectorize(
                #[inline(always)]
                || {
                    for out in out.chunks_exact_mut(m) {
                        for (x, b) in out.iter_mut().zip(bias) {
                            *x = $function(scale * (*x + b));
                        }
                    }
                },
            )
        };
    }
    match call.activation {
        Activation::Identity => each!(std::convert::identity),
        Activation::Sigmoid => each!(sigmoid),
        Activation::Softplus => each!(softplus),
        Activation::Silu => each!(silu_value),
        Activation::Elu => each!(elu_value),
        Activation::Tanh => each!(tanh_value),
        Activation::Bernoulli(draw) => vectorize(
            #[inline(always)]
            || {
                for (row, out) in out.chunks_exact_mut(m).enumerate() {
                    let draw = RowDraw::of(draw, first_row + row);
                    sample_row(out, bias, scale, draw, None, &mut words);
                }
            },
        ),
    }
}
