// Elementwise work on out. Constant OPERATION:
// 0 fill with value; 1 scale by value; 2 add value * x; 3 go the share `value` of the way to x;
// 4 multiply by x; 5 add value * k * x, k the row's; 6 add value in one column;
// 7 keep within [value, high]; 8 take x where the column's k is not 0;
// draws: 9 Bernoulli of x; 10 add value * standard normals; 11 uniforms in (value, high);
// 12 signs; 13 take x in rows drawn with probability `value`.
#import grid
#import philox
#import normal

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    count: u32,
    columns: u32,
    column: u32, // operation 6
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
    value: f32,
    high: f32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>; // [rows] or [columns]
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

// The Philox block that a unit of a row of so many units draws from.
fn block(row: u32, unit: u32, units: u32) -> vec4<u32> {
    let counter = vec4<u32>(params.step, row, unit % ((units + 3u) / 4u), params.stream);
    return philox(counter, vec2<u32>(params.key_low, params.key_high));
}

fn computed(old: f32, index: u32) -> f32 {
    let value = params.value;
    switch OPERATION {
        case 0u: { return value; }
        case 1u: { return value * old; }
        case 2u: { return old + value * x[index]; }
        case 3u: { return old + value * (x[index] - old); }
        case 4u: { return old * x[index]; }
        case 5u: { return old + value * k[index / params.columns] * x[index]; }
        case 6u: { return select(old, old + value, index % params.columns == params.column); }
        // By comparisons that NaN fails, so that it stays.
        case 7u: {
            let raised = select(old, value, old < value);
            return select(raised, params.high, raised > params.high);
        }
        default: { return select(old, x[index], k[index % params.columns] != 0.0); }
    }
}

fn drawn(old: f32, index: u32) -> f32 {
    let row = index / params.columns;
    let column = index % params.columns;
    if OPERATION == 13u {
        return select(old, x[index], philox_uniform(block(row, 0u, 1u).x) < params.value);
    }
    let words = block(row, column, params.columns);
    let owned = column / ((params.columns + 3u) / 4u);
    switch OPERATION {
        case 9u: { return select(0.0, 1.0, philox_uniform(words[owned]) < x[index]); }
        case 10u: { return old + params.value * normal_of_block(words, owned); }
        case 11u: {
            return params.value + (params.high - params.value) * philox_uniform(words[owned]);
        }
        // The top bit of the word is the sign.
        default: { return select(1.0, -1.0, (words[owned] >> 31u) != 0u); }
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    let index = number * 256u + thread;
    if index >= params.count {
        return;
    }
    if OPERATION < 9u {
        out[index] = computed(out[index], index);
    } else {
        out[index] = drawn(out[index], index);
    }
}
