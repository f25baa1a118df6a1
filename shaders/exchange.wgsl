// Replica exchange. Constant: OPERATION 0: a thread judges a pair of rows into its tally and `taken`,
// swaps their labels and counts round trips; else: a thread swaps one value of a pair that is taken.
#import grid
#import philox
#import normal
#import acceptance
#import exchange

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    rows: u32,
    columns: u32,
    beta_difference: f32,
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
    is_lowest: u32,
    is_top: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> first_difference: array<f32>;   // [rows]
@group(0) @binding(2) var<storage, read> second_difference: array<f32>;  // [rows]
@group(0) @binding(3) var<storage, read_write> first: array<f32>;        // [rows, 2] or [rows, columns]
@group(0) @binding(4) var<storage, read_write> second: array<f32>;       // as first
@group(0) @binding(5) var<storage, read_write> tally: array<vec4<f32>>;  // [rows]
@group(0) @binding(6) var<storage, read_write> taken: array<u32>;        // [rows]

fn judge(row: u32) {
    let counter = vec4<u32>(params.step, row, 0u, params.stream);
    let key = vec2<u32>(params.key_low, params.key_high);
    let judgement = exchange_judge(first_difference[row], second_difference[row], params.beta_difference, counter, key, tally[row]);
    tally[row] = judgement.tally;
    taken[row] = select(0u, 1u, judgement.accepted);

    let i = 2u * row;
    let labels = vec4<f32>(first[i], first[i + 1u], second[i], second[i + 1u]);
    let found = exchange_labels(labels, judgement.accepted, params.is_lowest != 0u, params.is_top != 0u);
    first[i] = found.x;
    first[i + 1u] = found.y;
    second[i] = found.z;
    second[i + 1u] = found.w;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    let index = number * 256u + thread;
    if OPERATION == 0u {
        if index < params.rows {
            judge(index);
        }
        return;
    }
    if index >= params.rows * params.columns || taken[index / params.columns] == 0u {
        return;
    }
    let kept = first[index];
    first[index] = second[index];
    second[index] = kept;
}
