// out = act(scale * (X W + bias)), or each row of that summed.
// Constants: ACTIVATION 0 identity, 1 sigmoid, 2 softplus, 3 Bernoulli draw, 4 silu, 5 elu, 6 tanh;
// COMPANION 0 none, 1 the slope is kept too, 2 the result is multiplied by the gate; ROW_SUM.
#import activation
#import matmul
#import philox

struct Params {
    rows: u32,
    depth: u32,
    columns: u32,
    weight_k_stride: u32,      // distance in W between successive k
    weight_column_stride: u32, // and between successive columns
    has_bias: u32,
    scale: f32,
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
    row_tiles: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;       // [rows, depth]
@group(0) @binding(2) var<storage, read> weights: array<f32>; // by strides
@group(0) @binding(3) var<storage, read> bias: array<f32>;    // [columns]
@group(0) @binding(4) var<storage, read> gate: array<f32>;    // [rows, columns], where COMPANION is 2
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> slope: array<f32>; // [rows, columns], where it is 1

var<workgroup> row_sums: array<vec4<f32>, 256>;

fn matmul_lhs(row: u32, k: u32) -> f32 {
    if row < params.rows && k < params.depth {
        return x[row * params.depth + k];
    }
    return 0.0;
}

fn matmul_rhs(k: u32, column: u32) -> f32 {
    if k < params.depth && column < params.columns {
        return weights[k * params.weight_k_stride + column * params.weight_column_stride];
    }
    return 0.0;
}

// Bernoulli states of a unit.
fn drawn(p: f32, row: u32, column: u32) -> f32 {
    let blocks = (params.columns + 3u) / 4u;
    let counter = vec4<u32>(params.step, row, column % blocks, params.stream);
    let words = philox(counter, vec2<u32>(params.key_low, params.key_high));
    return select(0.0, 1.0, philox_uniform(words[column / blocks]) < p);
}

// The activation and its slope.
fn activate(sum: f32, row: u32, column: u32) -> vec2<f32> {
    var value = sum;
    if params.has_bias != 0u {
        value += bias[column];
    }
    value *= params.scale;
    switch ACTIVATION {
        case 1u: {
            if COMPANION == 1u {
                return activation_sigmoid_with_slope(value);
            }
            return vec2<f32>(activation_sigmoid(value), 0.0);
        }
        case 2u: { return activation_softplus_with_slope(value); }
        case 3u: { return vec2<f32>(drawn(activation_sigmoid(value), row, column), 0.0); }
        case 4u: { return activation_silu(value); }
        case 5u: { return activation_elu(value); }
        case 6u: { return activation_tanh(value); }
        default: { return vec2<f32>(value, 1.0); }
    }
}

// The values of one row of a thread's tile; zero past the last column.
fn finish(sums: vec4<f32>, row: u32, column: u32) -> vec4<f32> {
    var result = vec4<f32>();
    for (var c = 0u; c < 4u; c++) {
        if row < params.rows && column + c < params.columns {
            let index = row * params.columns + column + c;
            let activated = activate(sums[c], row, column + c);
            result[c] = activated.x;
            if COMPANION == 1u {
                slope[index] = activated.y;
            } else if COMPANION == 2u {
                result[c] *= gate[index];
            }
            if !ROW_SUM {
                out[index] = result[c];
            }
        }
    }
    return result;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_row = (group.x + group.z * 32768u) * 64u;
    let row = first_row + 4u * (thread / 16u);
    let lane = 4u * (thread % 16u);
    if !ROW_SUM {
        let first_column = group.y * 64u;
        let tile = matmul_tile(first_row, first_column, params.depth, thread);
        finish(tile[0], row, first_column + lane);
        finish(tile[1], row + 1u, first_column + lane);
        finish(tile[2], row + 2u, first_column + lane);
        finish(tile[3], row + 3u, first_column + lane);
        return;
    }
    // Lane r of `total` is the running sum of row `row + r` over this thread's columns.
    var total = vec4<f32>();
    for (var first_column = 0u; first_column < params.columns; first_column += 64u) {
        let tile = matmul_tile(first_row, first_column, params.depth, thread);
        let ones = vec4<f32>(1.0);
        total += vec4<f32>(
            dot(finish(tile[0], row, first_column + lane), ones),
            dot(finish(tile[1], row + 1u, first_column + lane), ones),
            dot(finish(tile[2], row + 2u, first_column + lane), ones),
            dot(finish(tile[3], row + 3u, first_column + lane), ones),
        );
    }
    row_sums[thread] = total;
    workgroupBarrier();
    if thread % 16u == 0u {
        var sums = vec4<f32>();
        for (var i = 0u; i < 16u; i++) {
            sums += row_sums[thread + i];
        }
        for (var r = 0u; r < 4u; r++) {
            if row + r < params.rows {
                out[row + r] = sums[r];
            }
        }
    }
}
