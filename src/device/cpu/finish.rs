//! What is done to the sums of a product over a tile, block by block while they are in cache: the
//! layers of a net, forward and back.

use super::{
    activation::activate,
    instructions::Wide,
    lanes::{LANES, Lanes, UNITS, registers, registers_mut},
    real::{One, Registers, Two},
};
use crate::device::Nonlinearity;

/// What is done to the sums of a product.
pub(super) trait Finish {
    /// `out` holds the sums of the outputs from number `first` on.
    fn finish<S: Wide>(&mut self, simd: S, first: usize, out: &mut [Lanes]);
}

/// Nothing.
impl Finish for () {
    #[inline(always)]
    fn finish<S: Wide>(&mut self, _: S, _: usize, _: &mut [Lanes]) {}
}

/// A hidden layer: values of the nonlinearity replace the sums, its slopes are kept.
pub(super) struct Activated<'a> {
    pub nonlinearity: Nonlinearity,
    pub slopes: &'a mut [Lanes],
}

impl Finish for Activated<'_> {
    #[inline(always)]
    fn finish<S: Wide>(&mut self, simd: S, first: usize, out: &mut [Lanes]) {
        let slopes = &mut self.slopes[first..][..out.len()];
        activate_lanes(simd, self.nonlinearity, out, slopes);
    }
}

/// The last hidden layer under one output: −∂E/∂sum replaces the sums, and the values add to the
/// energy. Neither values nor slopes need be kept.
pub(super) struct Last<'a> {
    pub nonlinearity: Nonlinearity,
    /// Those of the energy's output.
    pub weights: &'a [f32],
    pub energy: Option<&'a mut Lanes>,
}

impl Finish for Last<'_> {
    #[inline(always)]
    fn finish<S: Wide>(&mut self, simd: S, first: usize, out: &mut [Lanes]) {
        let slopes = &mut [Lanes::ZERO; UNITS][..out.len()];
        activate_lanes(simd, self.nonlinearity, out, slopes);
        let weights = &self.weights[first..];
        if let Some(energy) = &mut self.energy {
            let energy = registers_mut::<S>(std::slice::from_mut(*energy));
            for (energy, index) in energy.iter_mut().zip(0..) {
                let values = registers::<S>(out)[index..].iter().step_by(LANES / S::F32_LANES);
                for (value, weight) in values.zip(weights) {
                    *energy = simd.multiply_add(simd.splat_f32s(*weight), *value, *energy);
                }
            }
        }
        for ((out, slopes), weight) in out.iter_mut().zip(slopes).zip(weights) {
            let weight = simd.splat_f32s(-weight);
            let out = registers_mut::<S>(std::slice::from_mut(out));
            let slopes = registers::<S>(std::slice::from_ref(slopes));
            for (out, slope) in out.iter_mut().zip(slopes) {
                *out = simd.mul_f32s(weight, *slope);
            }
        }
    }
}

/// A layer on the way back: its sums times the slopes below it.
pub(super) struct Gated<'a> {
    pub slopes: &'a [Lanes],
}

impl Finish for Gated<'_> {
    #[inline(always)]
    fn finish<S: Wide>(&mut self, simd: S, first: usize, out: &mut [Lanes]) {
        let slopes = registers::<S>(&self.slopes[first..][..out.len()]);
        for (out, slope) in registers_mut::<S>(out).iter_mut().zip(slopes) {
            *out = simd.mul_f32s(*out, *slope);
        }
    }
}

/// values ← φ(values), and the slopes. Registers go in lockstep, as many as a core can hold.
#[inline(always)]
fn activate_lanes<S: Wide>(
    simd: S,
    nonlinearity: Nonlinearity,
    values: &mut [Lanes],
    slopes: &mut [Lanes],
) {
    let (values, last_values) = registers_mut::<S>(values).as_chunks_mut::<8>();
    let (slopes, last_slopes) = registers_mut::<S>(slopes).as_chunks_mut::<8>();
    for (values, slopes) in values.iter_mut().zip(slopes) {
        activate_registers::<S, Two<Two<Two<One<S>>>>>(simd, nonlinearity, values, slopes);
    }
    // A lone unit has two registers, or more.
    let last_values = last_values.as_chunks_mut::<2>().0.iter_mut();
    for (values, slopes) in last_values.zip(last_slopes.as_chunks_mut::<2>().0) {
        activate_registers::<S, Two<One<S>>>(simd, nonlinearity, values, slopes);
    }
}

#[inline(always)]
fn activate_registers<S: Wide, R: Registers<S>>(
    simd: S,
    nonlinearity: Nonlinearity,
    values: &mut [S::f32s],
    slopes: &mut [S::f32s],
) {
    let (value, slope) = activate(nonlinearity, R::load(simd, values));
    value.store(values);
    slope.store(slopes);
}
