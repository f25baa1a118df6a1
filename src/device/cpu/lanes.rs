//! Products of a tile of chains. The chains of a tile lie side by side, every unit a row of lanes,
//! so that each lane sees the same operations in the same order wherever its chain lies, and no
//! sum crosses lanes. The inputs of a product are lanes, its weights are scalars that all lanes
//! share, read in the order in which they were packed.

use bytemuck::{Pod, Zeroable};
use pulp::Simd;

use super::{
    finish::Finish,
    instructions::{Instructions, Kernel, Wide},
    transpose::transpose,
};

/// Chains of a tile: two registers of the widest SIMD.
pub(super) const LANES: usize = 32;
/// Units whose sums are taken at a time: with two registers of lanes each, they keep a core's
/// multipliers busy and fit its registers.
pub(super) const UNITS: usize = 8;
/// As many where there are half the registers.
const FEW_UNITS: usize = 4;

/// A value of every chain of a tile.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Lanes(pub [f32; LANES]);

impl Lanes {
    pub const ZERO: Self = Self([0.0; LANES]);
}

/// The weights of a product out[j] = Σᵢ in[i] · W[i, j], in the order in which it reads them.
pub(super) struct Packed {
    /// For each block of outputs, input by input, their weights.
    pub weights: Vec<f32>,
    pub inputs: usize,
    pub outputs: usize,
    set: Instructions,
}

impl Packed {
    /// Packs W `[inputs, outputs]`.
    pub fn new(set: Instructions, weights: &[f32], (inputs, outputs): (usize, usize)) -> Self {
        let mut packed = Vec::with_capacity(inputs * outputs);
        for (first, units) in unit_blocks(outputs) {
            for row in weights.chunks_exact(outputs) {
                packed.extend_from_slice(&row[first..first + units]);
            }
        }
        Self { weights: packed, inputs, outputs, set }
    }

    /// Packs Wᵀ for W `[outputs, inputs]`.
    pub fn transposed(
        set: Instructions,
        weights: &[f32],
        (outputs, inputs): (usize, usize),
    ) -> Self {
        let mut rows = vec![0.0; weights.len()];
        transpose(set, weights, inputs, (outputs, inputs), &mut rows, outputs);
        Self::new(set, &rows, (inputs, outputs))
    }

    /// out ← bias + the product, finished block by block while it is in registers.
    pub fn multiply(
        &self,
        input: &[Lanes],
        bias: Option<&[f32]>,
        out: &mut [Lanes],
        finish: impl Finish,
    ) {
        self.set.dispatch(Multiply { packed: self, input, bias, out, finish });
    }
}

/// The lanes as registers.
#[inline(always)]
pub(super) fn registers<S: Simd>(lanes: &[Lanes]) -> &[S::f32s] {
    S::as_simd_f32s(bytemuck::must_cast_slice(lanes)).0
}

/// The same, to write to.
#[inline(always)]
pub(super) fn registers_mut<S: Simd>(lanes: &mut [Lanes]) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(bytemuck::must_cast_slice_mut(lanes)).0
}

/// The blocks of outputs as (first, how many): of [`UNITS`], then of ever fewer.
fn unit_blocks(outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let left = outputs - first;
        let units = if left >= UNITS { UNITS } else { 1 << left.checked_ilog2()? };
        first += units;
        Some((first - units, units))
    })
}

struct Multiply<'a, F> {
    packed: &'a Packed,
    input: &'a [Lanes],
    bias: Option<&'a [f32]>,
    out: &'a mut [Lanes],
    finish: F,
}

impl<F: Finish> Kernel for Multiply<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Wide>(self, simd: S) {
        let Self { packed, input, bias, out, mut finish } = self;
        let input = &input[..packed.inputs];
        for (first, units) in unit_blocks(packed.outputs) {
            let weights = &packed.weights[first * packed.inputs..][..units * packed.inputs];
            let out = &mut out[first..first + units];
            let mut start = [0.0; UNITS];
            if let Some(bias) = bias {
                start[..units].copy_from_slice(&bias[first..first + units]);
            }
            match units {
                UNITS if S::REGISTER_COUNT >= 32 => {
                    sums::<S, UNITS, 0, UNITS>(simd, weights, start, input, out);
                }
                UNITS => {
                    sums::<S, FEW_UNITS, 0, UNITS>(simd, weights, start, input, out);
                    sums::<S, FEW_UNITS, FEW_UNITS, UNITS>(simd, weights, start, input, out);
                }
                4 => sums::<S, 4, 0, 4>(simd, weights, start, input, out),
                2 => sums::<S, 2, 0, 2>(simd, weights, start, input, out),
                _ => sums::<S, 1, 0, 1>(simd, weights, start, input, out),
            }
            finish.finish(simd, first, out);
        }
    }
}

/// The sums of `N` units, from number `FIRST` on of a block of `BLOCK`.
#[inline(always)]
fn sums<S: Wide, const N: usize, const FIRST: usize, const BLOCK: usize>(
    simd: S,
    weights: &[f32],
    start: [f32; UNITS],
    input: &[Lanes],
    out: &mut [Lanes],
) {
    const { assert!(LANES.is_multiple_of(2 * S::F32_LANES), "pairs of registers cover the lanes") };
    for pair in 0..LANES / (2 * S::F32_LANES) {
        let mut sums = [[simd.splat_f32s(0.0); 2]; N];
        for (sums, start) in sums.iter_mut().zip(&start[FIRST..]) {
            *sums = [simd.splat_f32s(*start); 2];
        }
        for (weights, input) in weights.as_chunks::<BLOCK>().0.iter().zip(input) {
            let (input, _) = S::as_simd_f32s(&input.0);
            let input = [input[2 * pair], input[2 * pair + 1]];
            for (unit, sums) in sums.iter_mut().enumerate() {
                let weight = simd.splat_f32s(weights[FIRST + unit]);
                sums[0] = simd.multiply_add(weight, input[0], sums[0]);
                sums[1] = simd.multiply_add(weight, input[1], sums[1]);
            }
        }
        for (out, sums) in out[FIRST..FIRST + N].iter_mut().zip(sums) {
            let (out, _) = S::as_mut_simd_f32s(&mut out.0);
            [out[2 * pair], out[2 * pair + 1]] = sums;
        }
    }
}
