// Sums in a fixed order. Constants: OPERATION 0 column sums, 1 sum of squares, 2 squared distance,
// 3 count of NaN and infinities, 4 dot products of rows, 5 sum; EACH: rows have weights of their own, or in
// operation 4 rows of the other to go with them, where else one goes with all.
#import grid

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    rows: u32,
    columns: u32,
    accumulate: u32,
    weight: f32,
    part_size: u32, // rows of a part of column sums, values of a part of sums of all
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;       // [rows, columns]
@group(0) @binding(2) var<storage, read> other: array<f32>;   // as x (2 and 4), or [columns] (4)
@group(0) @binding(3) var<storage, read> weights: array<f32>; // [rows] (operation 0, EACH)
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

var<workgroup> partial: array<f32, 256>;

fn term(index: u32) -> f32 {
    let value = x[index];
    if OPERATION == 1u {
        return value * value;
    } else if OPERATION == 2u {
        let difference = value - other[index];
        return difference * difference;
    } else if OPERATION == 5u {
        return value;
    }
    // By the bits of the exponent: a shader may assume that NaN does not exist.
    return select(0.0, 1.0, (bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u);
}

// 16 columns a group, 16 threads a column: thread i of them sums the rows i, i + 16, ... of the part.
fn column_sums(group: u32, part: u32, thread: u32) {
    let end = min(params.rows, (part + 1u) * params.part_size);
    let column = group * 16u + thread % 16u;
    var sum = 0.0;
    if column < params.columns {
        for (var row = part * params.part_size + thread / 16u; row < end; row += 16u) {
            var weight = params.weight;
            if EACH {
                weight = weights[row];
            }
            sum += weight * x[row * params.columns + column];
        }
    }
    partial[thread] = sum;
    workgroupBarrier();
    for (var width = 128u; width >= 16u; width /= 2u) {
        if thread < width {
            partial[thread] += partial[thread + width];
        }
        workgroupBarrier();
    }
    if thread < 16u && column < params.columns {
        var start = 0.0;
        if params.accumulate != 0u {
            start = out[column];
        }
        out[part * params.columns + column] = start + partial[thread];
    }
}

// 16 rows a group, 16 threads a row.
fn row_dots(group: u32, thread: u32) {
    let row = group * 16u + thread / 16u;
    let lane = thread % 16u;
    var sum = 0.0;
    if row < params.rows {
        for (var column = lane; column < params.columns; column += 16u) {
            let index = row * params.columns + column;
            sum += x[index] * other[select(column, index, EACH)];
        }
    }
    partial[thread] = sum;
    workgroupBarrier();
    for (var width = 8u; width > 0u; width /= 2u) {
        if lane < width {
            partial[thread] += partial[thread + width];
        }
        workgroupBarrier();
    }
    if lane == 0u && row < params.rows {
        out[row] = partial[thread];
    }
}

// The sum of a part of all values.
fn total(part: u32, thread: u32) {
    let end = min(params.rows * params.columns, (part + 1u) * params.part_size);
    var sum = 0.0;
    for (var index = part * params.part_size + thread; index < end; index += 256u) {
        sum += term(index);
    }
    partial[thread] = sum;
    workgroupBarrier();
    for (var width = 128u; width > 0u; width /= 2u) {
        if thread < width {
            partial[thread] += partial[thread + width];
        }
        workgroupBarrier();
    }
    if thread == 0u {
        out[part] = partial[0];
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    if OPERATION == 0u {
        let groups = (params.columns + 15u) / 16u;
        column_sums(number % groups, number / groups, thread);
    } else if OPERATION == 4u {
        row_dots(number, thread);
    } else {
        total(number, thread);
    }
}
