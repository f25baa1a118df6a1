// out = sum over n of weight_n (x_n - x_offset)(y_n - y_offset)^T, or out plus that; or such sums
// over part_rows rows each, one part after the other. A sum over n runs in order, so the result
// does not depend on timing. Constants: EACH, rows have weights of their own; TILE.
// Of `out` and `out_quads` the array is bound to the second where its rows have a multiple of 4
// values.
#import grid
#import matmul

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    rows: u32,       // n
    x_columns: u32,  // D
    y_columns: u32,  // H
    accumulate: u32,
    weight: f32,     // of every row, where EACH is false
    part_rows: u32,  // a multiple of 32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;        // [n, D]
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;        // [n, H]
@group(0) @binding(3) var<storage, read> x_offset: array<vec4<f32>>; // [D]
@group(0) @binding(4) var<storage, read> y_offset: array<vec4<f32>>; // [H]
@group(0) @binding(5) var<storage, read> weights: array<f32>;        // [n], where EACH is true
@group(0) @binding(6) var<storage, read_write> out: array<f32>;      // [parts, D, H]
@group(0) @binding(7) var<storage, read_write> out_quads: array<vec4<f32>>;

fn matmul_lhs_along_k() -> bool {
    return false;
}

fn matmul_rhs_along_k() -> bool {
    return false;
}

// Units unit to unit + 3 of row n, 0 where there is no such row. Past the last unit it is repeated.
fn x_quad(n: u32, unit: u32) -> vec4<f32> {
    if n >= params.rows {
        return vec4<f32>();
    }
    let first = n * params.x_columns;
    let offset = x_offset[unit / 4u];
    if params.x_columns % 4u == 0u {
        return x[(first + unit) / 4u] - offset;
    }
    let units = min(vec4<u32>(unit, unit + 1u, unit + 2u, unit + 3u), vec4<u32>(params.x_columns - 1u));
    let at = vec4<u32>(first) + units;
    return vec4<f32>(x[at.x / 4u][at.x % 4u], x[at.y / 4u][at.y % 4u], x[at.z / 4u][at.z % 4u],
        x[at.w / 4u][at.w % 4u]) - offset;
}

fn y_quad(n: u32, unit: u32) -> vec4<f32> {
    if n >= params.rows {
        return vec4<f32>();
    }
    var weight = params.weight;
    if EACH {
        weight = weights[n];
    }
    let first = n * params.y_columns;
    let offset = y_offset[unit / 4u];
    if params.y_columns % 4u == 0u {
        return weight * (y[(first + unit) / 4u] - offset);
    }
    let units = min(vec4<u32>(unit, unit + 1u, unit + 2u, unit + 3u), vec4<u32>(params.y_columns - 1u));
    let at = vec4<u32>(first) + units;
    return weight * (vec4<f32>(y[at.x / 4u][at.x % 4u], y[at.y / 4u][at.y % 4u],
        y[at.z / 4u][at.z % 4u], y[at.w / 4u][at.w % 4u]) - offset);
}

fn matmul_lhs(unit: u32, n: u32) -> mat4x4<f32> {
    if unit >= params.x_columns {
        return mat4x4<f32>();
    }
    return mat4x4<f32>(x_quad(n, unit), x_quad(n + 1u, unit), x_quad(n + 2u, unit), x_quad(n + 3u, unit));
}

fn matmul_rhs(unit: u32, n: u32) -> mat4x4<f32> {
    if unit >= params.y_columns {
        return mat4x4<f32>();
    }
    return mat4x4<f32>(y_quad(n, unit), y_quad(n + 1u, unit), y_quad(n + 2u, unit), y_quad(n + 3u, unit));
}

fn store(sums: vec4<f32>, part: u32, row: u32, column: u32) {
    if row >= params.x_columns || column >= params.y_columns {
        return;
    }
    let index = (part * params.x_columns + row) * params.y_columns + column;
    if params.y_columns % 4u == 0u {
        var start = vec4<f32>();
        if params.accumulate != 0u {
            start = out_quads[index / 4u];
        }
        out_quads[index / 4u] = start + sums;
        return;
    }
    for (var c = 0u; c < 4u; c++) {
        if column + c < params.y_columns {
            var start = 0.0;
            if params.accumulate != 0u {
                start = out[index + c];
            }
            out[index + c] = start + sums[c];
        }
    }
}

@compute @workgroup_size(MATMUL_THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    // Neighbouring groups share units of x, and the rows of a part.
    let row_tiles = (params.x_columns + TILE - 1u) / TILE;
    let column_tiles = (params.y_columns + TILE - 1u) / TILE;
    let sum_part = number / (row_tiles * column_tiles);
    let first_row = number / column_tiles % row_tiles * TILE;
    let first_column = number % column_tiles * TILE;
    let first_n = sum_part * params.part_rows;
    let end_n = min(first_n + params.part_rows, params.rows);
    var tile = matmul_tile(first_row, first_column, first_n, end_n, thread);
    let quads = matmul_quads(thread);
    for (var part = 0u; part < MATMUL_PARTS * MATMUL_PARTS; part++) {
        let row = first_row + 4u * (quads.x + part / MATMUL_PARTS * MATMUL_SIDE);
        let column = first_column + 4u * (quads.y + part % MATMUL_PARTS * MATMUL_SIDE);
        for (var r = 0u; r < 4u; r++) {
            store(matmul_row(&tile, part, r), sum_part, row + r, column);
        }
    }
}
