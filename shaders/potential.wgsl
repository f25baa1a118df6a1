// Energies by formula, one row a thread. Constant: OPERATION 0 Gaussian mixture, 1 double well,
// 2 ring, 3 banana; the formulas are those of src/device/potential.rs.
#import grid

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    rows: u32,
    columns: u32,
    components: u32,
    has_energy: u32,
    has_score: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;           // [rows, columns]
@group(0) @binding(3) var<storage, read_write> energy: array<f32>; // [rows]
@group(0) @binding(4) var<storage, read_write> score: array<f32>;  // [rows, columns]

// Entry i of the precision of a component times (x - mean).
fn pull(first: u32, component: u32, i: u32) -> f32 {
    let d = params.columns;
    let row = component + 1u + d + i * d;
    var sum = 0.0;
    for (var j = 0u; j < d; j++) {
        sum += parameters[row + j] * (x[first + j] - parameters[component + 1u + j]);
    }
    return sum;
}

fn log_density(first: u32, component: u32) -> f32 {
    var distance = 0.0;
    for (var i = 0u; i < params.columns; i++) {
        distance += (x[first + i] - parameters[component + 1u + i]) * pull(first, component, i);
    }
    return parameters[component] - 0.5 * distance;
}

fn mixture(first: u32) -> f32 {
    let d = params.columns;
    let size = 1u + d + d * d;
    // A running log-sum-exp.
    var largest = log_density(first, 0u);
    var sum = 1.0;
    for (var k = 1u; k < params.components; k++) {
        let log = log_density(first, k * size);
        let above = max(log, largest);
        sum = sum * exp(largest - above) + exp(log - above);
        largest = above;
    }
    let total = largest + log(sum);
    if params.has_score != 0u {
        for (var i = 0u; i < d; i++) {
            score[first + i] = 0.0;
        }
        for (var k = 0u; k < params.components; k++) {
            let share = exp(log_density(first, k * size) - total);
            for (var i = 0u; i < d; i++) {
                score[first + i] -= share * pull(first, k * size, i);
            }
        }
    }
    return -total;
}

fn squares(from_index: u32, to_index: u32) -> f32 {
    var sum = 0.0;
    for (var i = from_index; i < to_index; i++) {
        sum += x[i] * x[i];
    }
    return sum;
}

// The score of a standard normal from column `column` on.
fn normal_score(first: u32, column: u32) {
    for (var i = column; i < params.columns; i++) {
        score[first + i] = -x[first + i];
    }
}

fn double_well(first: u32) -> f32 {
    let height = parameters[0];
    let place = parameters[1];
    let scaled = x[first] / place;
    let well = scaled * scaled - 1.0;
    if params.has_score != 0u {
        score[first] = -4.0 * height * well * scaled / place;
        normal_score(first, 1u);
    }
    return height * well * well + 0.5 * squares(first + 1u, first + params.columns);
}

fn ring(first: u32) -> f32 {
    let width = parameters[1];
    var largest = 0.0;
    for (var i = first; i < first + params.columns; i++) {
        largest = max(largest, abs(x[i]));
    }
    // By a power of two near the largest value first: exact, and no square is subnormal or overflows.
    let exponent = clamp(bitcast<u32>(largest) >> 23u, 1u, 253u);
    let unit = bitcast<f32>(exponent << 23u);
    let inverse = bitcast<f32>((254u - exponent) << 23u);
    var sum = 0.0;
    for (var i = first; i < first + params.columns; i++) {
        let scaled = x[i] * inverse;
        sum += scaled * scaled;
    }
    let root = sqrt(sum);
    let offset = (unit * root - parameters[0]) / width;
    if params.has_score != 0u {
        var factor = 0.0;
        if root > 0.0 {
            factor = -offset / (width * root);
        }
        for (var i = 0u; i < params.columns; i++) {
            score[first + i] = factor * (x[first + i] * inverse);
        }
    }
    return 0.5 * offset * offset;
}

fn banana(first: u32) -> f32 {
    let deviation = parameters[0];
    let bend = parameters[1];
    let scaled = x[first] / deviation;
    let across = x[first + 1u] - bend * (x[first] * x[first] - deviation * deviation);
    if params.has_score != 0u {
        score[first] = 2.0 * bend * x[first] * across - scaled / deviation;
        score[first + 1u] = -across;
        normal_score(first, 2u);
    }
    let rest = squares(first + 2u, first + params.columns);
    return 0.5 * (scaled * scaled + across * across + rest);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    let row = number * 256u + thread;
    if row >= params.rows {
        return;
    }
    let first = row * params.columns;
    var value = 0.0;
    if OPERATION == 0u {
        value = mixture(first);
    } else if OPERATION == 1u {
        value = double_well(first);
    } else if OPERATION == 2u {
        value = ring(first);
    } else {
        value = banana(first);
    }
    if params.has_energy != 0u {
        energy[row] = value;
    }
}
