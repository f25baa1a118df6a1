// out = act(scale * (X W + bias)), or the sums of that over each 64 columns of a row.
// Constants: ACTIVATION 0 identity, 1 sigmoid, 2 softplus, 3 Bernoulli draw, 4 silu, 5 elu, 6 tanh;
// COMPANION 0 none, 1 the slope is kept too, 2 the result is multiplied by the gate; ROW_SUM, where
// TILE is not 32; TILE.
// Arrays are read in fours, and in fours at once where their rows have a multiple of 4 values; of
// `out` and `out_quads`, and of the slopes, the array itself is bound to the second one then.
#import grid
#import activation
#import matmul
#import philox

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    rows: u32,
    depth: u32,
    columns: u32,
    transposed: u32,
    has_bias: u32,
    scale: f32,
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;       // [rows, depth]
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>; // [depth, columns] or transposed
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;    // [columns]
@group(0) @binding(4) var<storage, read> gate: array<vec4<f32>>;    // [rows, columns], where COMPANION is 2
@group(0) @binding(5) var<storage, read_write> out: array<f32>;     // [rows, columns] or [parts, rows]
@group(0) @binding(6) var<storage, read_write> slope: array<f32>;   // [rows, columns], where it is 1
@group(0) @binding(7) var<storage, read_write> out_quads: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> slope_quads: array<vec4<f32>>;

// Values column to column + 3 of a row of `width`, 0 past its end.
fn x_quad(row: u32, column: u32, width: u32) -> vec4<f32> {
    let index = row * width + column;
    if width % 4u == 0u {
        return x[index / 4u];
    }
    let last = row * width + width - 1u;
    let at = min(vec4<u32>(index, index + 1u, index + 2u, index + 3u), vec4<u32>(last));
    let values = vec4<f32>(x[at.x / 4u][at.x % 4u], x[at.y / 4u][at.y % 4u], x[at.z / 4u][at.z % 4u],
        x[at.w / 4u][at.w % 4u]);
    return select(vec4<f32>(), values, vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(width));
}

fn weights_quad(row: u32, column: u32, width: u32) -> vec4<f32> {
    let index = row * width + column;
    if width % 4u == 0u {
        return weights[index / 4u];
    }
    let last = row * width + width - 1u;
    let at = min(vec4<u32>(index, index + 1u, index + 2u, index + 3u), vec4<u32>(last));
    let values = vec4<f32>(weights[at.x / 4u][at.x % 4u], weights[at.y / 4u][at.y % 4u],
        weights[at.z / 4u][at.z % 4u], weights[at.w / 4u][at.w % 4u]);
    return select(vec4<f32>(), values, vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(width));
}

fn gate_quad(row: u32, column: u32) -> vec4<f32> {
    let width = params.columns;
    let index = row * width + column;
    if width % 4u == 0u {
        return gate[index / 4u];
    }
    let last = row * width + width - 1u;
    let at = min(vec4<u32>(index, index + 1u, index + 2u, index + 3u), vec4<u32>(last));
    return vec4<f32>(gate[at.x / 4u][at.x % 4u], gate[at.y / 4u][at.y % 4u], gate[at.z / 4u][at.z % 4u],
        gate[at.w / 4u][at.w % 4u]);
}

fn matmul_lhs_along_k() -> bool {
    return true;
}

fn matmul_rhs_along_k() -> bool {
    return params.transposed != 0u;
}

// Rows and columns past the last repeat it; their results are thrown away.
fn matmul_lhs(row: u32, k: u32) -> mat4x4<f32> {
    if k >= params.depth {
        return mat4x4<f32>();
    }
    let last = params.rows - 1u;
    return transpose(mat4x4<f32>(x_quad(min(row, last), k, params.depth),
        x_quad(min(row + 1u, last), k, params.depth), x_quad(min(row + 2u, last), k, params.depth),
        x_quad(min(row + 3u, last), k, params.depth)));
}

fn matmul_rhs(column: u32, k: u32) -> mat4x4<f32> {
    if k >= params.depth || column >= params.columns {
        return mat4x4<f32>();
    }
    if params.transposed != 0u {
        let last = params.columns - 1u;
        return transpose(mat4x4<f32>(weights_quad(column, k, params.depth),
            weights_quad(min(column + 1u, last), k, params.depth),
            weights_quad(min(column + 2u, last), k, params.depth),
            weights_quad(min(column + 3u, last), k, params.depth)));
    }
    // Past the last k it is repeated; the other operand is 0 there.
    let last = params.depth - 1u;
    return mat4x4<f32>(weights_quad(k, column, params.columns),
        weights_quad(min(k + 1u, last), column, params.columns),
        weights_quad(min(k + 2u, last), column, params.columns),
        weights_quad(min(k + 3u, last), column, params.columns));
}

// Bernoulli states of a unit.
fn drawn(p: f32, row: u32, column: u32) -> f32 {
    let blocks = (params.columns + 3u) / 4u;
    let counter = vec4<u32>(params.step, row, column % blocks, params.stream);
    let words = philox(counter, vec2<u32>(params.key_low, params.key_high));
    return select(0.0, 1.0, philox_uniform(words[column / blocks]) < p);
}

// The activation and its slope.
fn activate(value: f32, row: u32, column: u32) -> vec2<f32> {
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

// The values of a row from a column on; 0 past the ends.
fn finish(sums: vec4<f32>, row: u32, column: u32) -> vec4<f32> {
    if row >= params.rows || column >= params.columns {
        return vec4<f32>();
    }
    var values = sums;
    if params.has_bias != 0u {
        values += bias[column / 4u];
    }
    values *= params.scale;
    let a = activate(values.x, row, column);
    let b = activate(values.y, row, column + 1u);
    let c = activate(values.z, row, column + 2u);
    let d = activate(values.w, row, column + 3u);
    var result = vec4<f32>(a.x, b.x, c.x, d.x);
    let slopes = vec4<f32>(a.y, b.y, c.y, d.y);
    if COMPANION == 2u {
        result *= gate_quad(row, column);
    }
    let inside = vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.columns);
    if !ROW_SUM {
        let index = row * params.columns + column;
        if params.columns % 4u == 0u {
            out_quads[index / 4u] = result;
            if COMPANION == 1u {
                slope_quads[index / 4u] = slopes;
            }
        } else {
            for (var i = 0u; i < 4u; i++) {
                if inside[i] {
                    out[index + i] = result[i];
                    if COMPANION == 1u {
                        slope[index + i] = slopes[i];
                    }
                }
            }
        }
    }
    return select(vec4<f32>(), result, inside);
}

@compute @workgroup_size(MATMUL_THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    // Neighbouring groups share rows of x, which are more than the weights.
    let column_tiles = (params.columns + TILE - 1u) / TILE;
    let first_row = number / column_tiles * TILE;
    let first_column = number % column_tiles * TILE;
    var tile = matmul_tile(first_row, first_column, 0u, params.depth, thread);
    let quads = matmul_quads(thread);
    for (var part = 0u; part < MATMUL_PARTS * MATMUL_PARTS; part++) {
        let row_quad = quads.x + part / MATMUL_PARTS * MATMUL_SIDE;
        let half = part % MATMUL_PARTS;
        let column = first_column + 4u * (quads.y + half * MATMUL_SIDE);
        var total = vec4<f32>();
        for (var r = 0u; r < 4u; r++) {
            let values = finish(matmul_row(&tile, part, r), first_row + 4u * row_quad + r, column);
            if ROW_SUM {
                let sum = vec4<f32>(dot(values, vec4<f32>(1.0)));
                total = select(total, sum, vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(r));
            }
        }
        if ROW_SUM {
            matmul_memory[(half * MATMUL_QUADS + row_quad) * 16u + quads.y] = total;
        }
    }
    if !ROW_SUM {
        return;
    }
    workgroupBarrier();
    let half = thread / MATMUL_QUADS;
    if half < MATMUL_PARTS && first_column + 64u * half < params.columns {
        var sums = vec4<f32>();
        for (var i = 0u; i < 16u; i++) {
            sums += matmul_memory[thread * 16u + i];
        }
        let row = first_row + 4u * (thread % MATMUL_QUADS);
        for (var r = 0u; r < 4u; r++) {
            if row + r < params.rows {
                out[(first_column / 64u + half) * params.rows + row + r] = sums[r];
            }
        }
    }
}
