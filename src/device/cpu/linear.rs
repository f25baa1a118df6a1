//! act(scale · (X·W + bias)) on tiles of rows, the activation applied while the tile is in cache.

use rayon::prelude::*;

use super::{
    ROWS_OF_BITS, ROWS_PER_TILE,
    activation::{elu, identity, sigmoid, silu, softplus, tanh},
    host, host_mut,
    instructions::Instructions,
    reduce::sum_pairs,
    simd::{RowDraw, sample_row},
    weights::{Product, Weights, any_bits, tile_rows},
};
use crate::device::{Activation, Array, Companion, Linear, Result};

/// Values that the epilogue takes in one run, at least.
const LEAST_RUN: usize = 256;

/// Products of fewer multiplications are computed on one thread: a second one costs more.
const SMALL: usize = 1 << 17;

struct Operands<'a> {
    product: Product<'a>,
    bias: Option<&'a [f32]>,
    /// Rows of a tile.
    tile: usize,
}

impl<'a> Operands<'a> {
    fn new(call: &Linear<'a>, x: &'a [f32], weights: &'a Weights<'a>) -> Result<Self> {
        let (rows, (k, m)) = (call.x.rows(), call.sizes());
        let most = if weights.takes_bits() { ROWS_OF_BITS } else { ROWS_PER_TILE };
        Ok(Self {
            product: weights.product(x, weights.shares(rows)),
            bias: call.bias.map(|bias| host("linear", "bias", bias)).transpose()?,
            tile: if rows * k * m < SMALL { rows } else { tile_rows(rows, most) },
        })
    }
}

/// W or Wᵀ, `[K, M]`, and x.
fn factors<'a>(set: Instructions, call: &Linear<'a>) -> Result<(&'a [f32], Weights<'a>)> {
    let x = host("linear", "x", call.x)?;
    let (k, m) = call.sizes();
    let values = host("linear", "weights", call.weights)?;
    Ok((x, Weights::new(set, values, (k, m), call.transposed, any_bits(x, k))))
}

pub(super) fn linear(
    set: Instructions,
    call: &Linear<'_>,
    companion: Companion<'_>,
    out: &mut Array,
) -> Result<()> {
    let (x, weights) = factors(set, call)?;
    let operands = Operands::new(call, x, &weights)?;
    let (_, m) = call.sizes();
    let tile = operands.tile;
    let tiles = host_mut("linear", "out", out)?.par_chunks_mut(tile * m).enumerate();
    match companion {
        Companion::None => tiles.for_each(|(index, out)| {
            compute(set, call, &operands, index * tile, out, Beside::None);
        }),
        Companion::Slope(slope) => tiles
            .zip(host_mut("linear", "slope", slope)?.par_chunks_mut(tile * m))
            .for_each(|((index, out), slope)| {
                compute(set, call, &operands, index * tile, out, Beside::Slope(slope));
            }),
        Companion::Gate(gate) => tiles
            .zip(host("linear", "gate", gate)?.par_chunks(tile * m))
            .for_each(|((index, out), gate)| {
                compute(set, call, &operands, index * tile, out, Beside::Gate(gate));
            }),
    }
    Ok(())
}

pub(super) fn linear_sum(set: Instructions, call: &Linear<'_>, out: &mut Array) -> Result<()> {
    let (x, weights) = factors(set, call)?;
    let operands = Operands::new(call, x, &weights)?;
    let (_, m) = call.sizes();
    let tile = operands.tile;
    host_mut("linear_sum", "out", out)?.par_chunks_mut(tile).enumerate().for_each_init(
        Vec::new,
        |scratch, (index, out)| {
            scratch.resize(out.len() * m, 0.0);
            compute(set, call, &operands, index * tile, scratch, Beside::None);
            set.vectorize(
                #[inline(always)]
                || {
                    for (sum, row) in out.iter_mut().zip(scratch.chunks_exact(m)) {
                        *sum = sum_pairs(row, row, |x, _| x);
                    }
                },
            );
        },
    );
    Ok(())
}

/// A tile of what goes with a product; see [`Companion`].
enum Beside<'a> {
    None,
    Slope(&'a mut [f32]),
    Gate(&'a [f32]),
}

/// One tile: the product, then the epilogue.
fn compute(
    set: Instructions,
    call: &Linear<'_>,
    operands: &Operands<'_>,
    first_row: usize,
    out: &mut [f32],
    beside: Beside<'_>,
) {
    let (_, m) = call.sizes();
    operands.product.rows(first_row, out);
    // Narrow rows are taken many at a time.
    let repeats = (LEAST_RUN / m).max(1);
    let bias = operands.bias.map_or(vec![0.0; m * repeats], |bias| bias.repeat(repeats));
    let scale = call.scale;
    match call.activation {
        Activation::Identity => finish(set, out, &bias, scale, beside, identity),
        Activation::Sigmoid => finish(set, out, &bias, scale, beside, sigmoid),
        Activation::Softplus => finish(set, out, &bias, scale, beside, softplus),
        Activation::Silu => finish(set, out, &bias, scale, beside, silu),
        Activation::Elu => finish(set, out, &bias, scale, beside, elu),
        Activation::Tanh => finish(set, out, &bias, scale, beside, tanh),
        Activation::Bernoulli(draw) => {
            let mut words = Vec::new();
            set.vectorize(
                #[inline(always)]
                || {
                    for (row, out) in out.chunks_exact_mut(m).enumerate() {
                        let draw = RowDraw::of(draw, first_row + row);
                        sample_row(out, &bias[..m], scale, draw, None, &mut words);
                    }
                },
            );
            if let Beside::Gate(gate) = beside {
                out.iter_mut().zip(gate).for_each(|(out, gate)| *out *= gate);
            }
        }
    }
}

/// The epilogue of a smooth activation; `bias` covers a whole number of rows.
fn finish(
    set: Instructions,
    out: &mut [f32],
    bias: &[f32],
    scale: f32,
    beside: Beside<'_>,
    activation: impl Fn(f32) -> (f32, f32),
) {
    let runs = out.chunks_mut(bias.len());
    set.vectorize(
        // Moved in, or the compiler must expect the stores to change what it captures.
        #[inline(always)]
        move || match beside {
            Beside::None => {
                for out in runs {
                    for (x, bias) in out.iter_mut().zip(bias) {
                        *x = activation(scale * (*x + bias)).0;
                    }
                }
            }
            Beside::Slope(slope) => {
                for (out, slope) in runs.zip(slope.chunks_mut(bias.len())) {
                    for ((x, bias), slope) in out.iter_mut().zip(bias).zip(slope) {
                        (*x, *slope) = activation(scale * (*x + bias));
                    }
                }
            }
            Beside::Gate(gate) => {
                for (out, gate) in runs.zip(gate.chunks(bias.len())) {
                    for ((x, bias), gate) in out.iter_mut().zip(bias).zip(gate) {
                        *x = activation(scale * (*x + bias)).0 * gate;
                    }
                }
            }
        },
    );
}
