// Rows divided by their Euclidean norms; 16 threads a row, whose sums run in a fixed order.
#import grid

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    rows: u32,
    columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;   // [rows, columns]
@group(0) @binding(2) var<storage, read_write> norms: array<f32>; // [rows]

var<workgroup> partial: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    let row = number * 16u + thread / 16u;
    let lane = thread % 16u;
    let first = row * params.columns;
    // Rows past the last have no values.
    let end = select(first, first + params.columns, row < params.rows);

    var largest = 0.0;
    for (var i = first + lane; i < end; i += 16u) {
        largest = max(largest, abs(out[i]));
    }
    partial[thread] = largest;
    workgroupBarrier();
    for (var width = 8u; width > 0u; width /= 2u) {
        if lane < width {
            partial[thread] = max(partial[thread], partial[thread + width]);
        }
        workgroupBarrier();
    }
    // By a power of two near the largest value first: exact, and no square overflows.
    let exponent = clamp(bitcast<u32>(partial[thread - lane]) >> 23u, 1u, 253u);
    let unit = bitcast<f32>(exponent << 23u);
    let inverse = bitcast<f32>((254u - exponent) << 23u);
    workgroupBarrier();

    var squares = 0.0;
    for (var i = first + lane; i < end; i += 16u) {
        let x = out[i] * inverse;
        squares += x * x;
    }
    partial[thread] = squares;
    workgroupBarrier();
    for (var width = 8u; width > 0u; width /= 2u) {
        if lane < width {
            partial[thread] += partial[thread + width];
        }
        workgroupBarrier();
    }
    let root = sqrt(partial[thread - lane]);
    if root > 0.0 {
        let factor = 1.0 / root;
        for (var i = first + lane; i < end; i += 16u) {
            out[i] = (out[i] * inverse) * factor;
        }
    }
    if lane == 0u && row < params.rows {
        norms[row] = unit * root;
    }
}
