// out = sum over n of weight_n (x_n - x_offset)(y_n - y_offset)^T, or out plus that. The sum over n
// runs in order, so the result does not depend on timing.
#import matmul

struct Params {
    rows: u32,       // n
    x_columns: u32,  // D
    y_columns: u32,  // H
    accumulate: u32,
    weight: f32,     // of every row, where EACH is false
    pad0: u32,
    pad1: u32,
    pad2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // [n, D]
@group(0) @binding(2) var<storage, read> y: array<f32>;        // [n, H]
@group(0) @binding(3) var<storage, read> x_offset: array<f32>; // [D]
@group(0) @binding(4) var<storage, read> y_offset: array<f32>; // [H]
@group(0) @binding(5) var<storage, read> weights: array<f32>;  // [n], where EACH is true
@group(0) @binding(6) var<storage, read_write> out: array<f32>; // [D, H]

fn matmul_lhs(unit: u32, n: u32) -> f32 {
    if unit < params.x_columns && n < params.rows {
        return x[n * params.x_columns + unit] - x_offset[unit];
    }
    return 0.0;
}

fn matmul_rhs(n: u32, unit: u32) -> f32 {
    if n < params.rows && unit < params.y_columns {
        var weight = params.weight;
        if EACH {
            weight = weights[n];
        }
        return weight * (y[n * params.y_columns + unit] - y_offset[unit]);
    }
    return 0.0;
}

fn store(sums: vec4<f32>, row: u32, column: u32) {
    for (var c = 0u; c < 4u; c++) {
        if row < params.x_columns && column + c < params.y_columns {
            let index = row * params.y_columns + column + c;
            var start = 0.0;
            if params.accumulate != 0u {
                start = out[index];
            }
            out[index] = start + sums[c];
        }
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let tile = matmul_tile(group.x * 64u, group.y * 64u, params.rows, thread);
    let row = group.x * 64u + 4u * (thread / 16u);
    let column = group.y * 64u + 4u * (thread % 16u);
    store(tile[0], row, column);
    store(tile[1], row + 1u, column);
    store(tile[2], row + 2u, column);
    store(tile[3], row + 3u, column);
}
