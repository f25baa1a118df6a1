// p = softmax of each row of x, log_sum its log-sum-exp, both relative to the row's largest value.
// A thread a row: rows are the outputs of classifiers, a few to a few thousand values.
#import grid
#import activation

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    rows: u32,
    columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;             // [rows, columns]
@group(0) @binding(2) var<storage, read_write> p: array<f32>;       // [rows, columns]
@group(0) @binding(3) var<storage, read_write> log_sum: array<f32>; // [rows]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    let row = number * 64u + thread;
    if row >= params.rows {
        return;
    }
    let first = row * params.columns;
    let end = first + params.columns;
    var largest = x[first];
    for (var i = first + 1u; i < end; i++) {
        largest = max(largest, x[i]);
    }
    // 64 terms at a time, so that thousands do not pile up rounding errors.
    var total = 0.0;
    for (var start = first; start < end; start += 64u) {
        var part = 0.0;
        for (var i = start; i < min(start + 64u, end); i++) {
            let term = activation_exp(x[i] - largest);
            p[i] = term;
            part += term;
        }
        total += part;
    }
    let share = 1.0 / total;
    for (var i = first; i < end; i++) {
        p[i] *= share;
    }
    // The logarithm may be off by 2^-21.
    log_sum[row] = largest + log(total);
}
