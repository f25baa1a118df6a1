enable f16;
// Weights as lib/half_sweep_matrix.wgsl reads them, in two passes. The first finds the largest
// magnitude of a few shares of them; the second lays out those of one direction.
//
// Weights are scaled by a power of two that brings the largest to [2^14, 2^15), so that all are in the
// range of f16, and small ones lose nothing that counts: then w = high + low with two f16 is off by at
// most 2^-23 |w| + 2^-38 of the largest. out[0] holds the binary exponent that undoes the scaling.
//
// A square holds SIZE units x SIZE k, [unit][k]. From out[first] on follow, for every band of 2 * SIZE
// rows and every SIZE of k: high parts and low parts of the first SIZE rows, then of the others. Row
// 4 * b + i is the unit b + i * blocks; where there are no such units or k, weights are 0.
// Constants: PASS, SIZE.
#import grid

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    depth: u32, // number of k
    units: u32,
    k_stride: u32,
    unit_stride: u32,
    first: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read_write> largest: array<u32>; // [SHARES], bits of magnitudes
@group(0) @binding(3) var<storage, read_write> out: array<f16>;

const SHARES = 64u;
const AREA = SIZE * SIZE;

var<workgroup> split_largest: array<u32, 256>;

fn is_finite(bits: u32) -> bool {
    return (bits & 0x7f800000u) != 0x7f800000u;
}

// The largest of all threads' values.
fn maximum(value: u32, thread: u32) -> u32 {
    split_largest[thread] = value;
    workgroupBarrier();
    for (var width = 128u; width > 0u; width /= 2u) {
        if thread < width {
            split_largest[thread] = max(split_largest[thread], split_largest[thread + width]);
        }
        workgroupBarrier();
    }
    return split_largest[0];
}

fn find_largest(share: u32, thread: u32) {
    var found = 0u;
    for (var index = share * 256u + thread; index < params.depth * params.units; index += SHARES * 256u) {
        let bits = bitcast<u32>(source[index]) & 0x7fffffffu;
        found = max(found, select(0u, bits, is_finite(bits)));
    }
    found = maximum(found, thread);
    if thread == 0u {
        largest[share] = found;
    }
}

// To 11 significant bits, half away from zero: exact in f16, whichever way a device rounds.
fn rounded(x: f32) -> f32 {
    return bitcast<f32>((bitcast<u32>(x) + 0x1000u) & 0xffffe000u);
}

// One weight a thread, its high part and its low part.
fn lay_out(index: u32, exponent: i32) {
    let blocks = (params.units + 3u) / 4u;
    let bands = (4u * blocks + 2u * SIZE - 1u) / (2u * SIZE);
    let steps = (params.depth + SIZE - 1u) / SIZE;
    let square = index / AREA; // of high parts, as of low ones
    if square >= 2u * bands * steps {
        return;
    }
    let row = square / 2u / steps * 2u * SIZE + square % 2u * SIZE + index % AREA / SIZE;
    let unit = row / 4u + row % 4u * blocks;
    let k = square / 2u % steps * SIZE + index % SIZE;
    var high = 0.0;
    var low = 0.0;
    if row / 4u < blocks && unit < params.units && k < params.depth {
        let weight = source[k * params.k_stride + unit * params.unit_stride];
        high = weight;
        if is_finite(bitcast<u32>(weight)) {
            let scaled = weight * bitcast<f32>(u32(exponent + 127) << 23u);
            high = rounded(scaled);
            low = rounded(scaled - high);
        }
    }
    let at = params.first + 2u * square * AREA + index % AREA;
    out[at] = f16(high);
    out[at + AREA] = f16(low);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    if PASS == 0u {
        find_largest(number, thread);
        return;
    }
    var share = 0u;
    if thread < SHARES {
        share = largest[thread];
    }
    let exponent = min(14 - (i32(maximum(share, thread) >> 23u) - 127), 120);
    if number == 0u && thread == 0u {
        out[0] = f16(-exponent);
    }
    lay_out(number * 256u + thread, exponent);
}
