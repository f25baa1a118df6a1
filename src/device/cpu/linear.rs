//! act(scale · (X·W + bias)) on tiles of rows, the activation applied while the tile is in cache.

use rayon::prelude::*;

use super::{
    host, host_mut,
    matmul::{View, matmul_rows, tile_rows},
    simd::{RowDraw, sample_row, sigmoid, softplus, vectorize},
};
use crate::device::{Activation, Array, Companion, Linear, Result};

struct Operands<'a> {
    x: &'a [f32],
    weights: View<'a>,
    bias: Option<&'a [f32]>,
}

fn operands<'a>(call: &Linear<'a>) -> Result<Operands<'a>> {
    let values = host("linear", "weights", call.weights)?;
    let columns = call.weights.columns();
    Ok(Operands {
        x: host("linear", "x", call.x)?,
        weights: if call.transposed {
            View::transposed(values, columns)
        } else {
            View::rows(values, columns)
        },
        bias: call.bias.map(|bias| host("linear", "bias", bias)).transpose()?,
    })
}

pub(super) fn linear(call: &Linear<'_>, _companion: Companion<'_>, out: &mut Array) -> Result<()> {
    let operands = operands(call)?;
    let (k, m) = call.sizes();
    let tile = tile_rows(out.rows());
    host_mut("linear", "out", out)?
        .par_chunks_mut(tile * m)
        .zip(operands.x.par_chunks(tile * k))
        .enumerate()
        .for_each(|(index, (out, x))| compute(call, &operands, index * tile, x, out));
    Ok(())
}

pub(super) fn linear_sum(call: &Linear<'_>, out: &mut Array) -> Result<()> {
    let operands = operands(call)?;
    let (k, m) = call.sizes();
    let tile = tile_rows(out.rows());
    host_mut("linear_sum", "out", out)?
        .par_chunks_mut(tile)
        .zip(operands.x.par_chunks(tile * k))
        .enumerate()
        .for_each_init(Vec::new, |scratch, (index, (out, x))| {
            scratch.resize(out.len() * m, 0.0);
            compute(call, &operands, index * tile, x, scratch);
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
) {
    let (k, m) = call.sizes();
    matmul_rows(out, x, operands.weights, k, m);
    let zeros;
    let bias = match operands.bias {
        Some(bias) => bias,
        None => {
            zeros = vec![0.0; m];
            &zeros
        }
    };
    let scale = call.scale;
    let mut words = Vec::new();
    vectorize(
        #[inline(always)]
        || {
            for (row, out) in out.chunks_exact_mut(m).enumerate() {
                let each = out.iter_mut().zip(bias);
                match call.activation {
                    Activation::Identity => {
                        for (x, b) in each {
                            *x = scale * (*x + b);
                        }
                    }
                    Activation::Sigmoid => {
                        for (x, b) in each {
                            *x = sigmoid(scale * (*x + b));
                        }
                    }
                    Activation::Softplus => {
                        for (x, b) in each {
                            *x = softplus(scale * (*x + b));
                        }
                    }
                    Activation::Silu | Activation::Elu | Activation::Tanh => {}
                    Activation::Bernoulli(draw) => {
                        let draw = RowDraw::of(draw, first_row + row);
                        sample_row(out, bias, scale, draw, None, &mut words);
                    }
                }
            }
        },
    );
}
