// target[offset ..] = the transpose of source [rows, columns].
#import grid

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    rows: u32,
    columns: u32,
    offset: u32,
    pad0: u32,
    pad1: u32,
    pad2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

var<workgroup> transpose_tile: array<f32, 272>; // 16 x 17: the odd stride avoids bank conflicts

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    let tiles = (params.columns + 15u) / 16u;
    let first_row = number / tiles * 16u;
    let first_column = number % tiles * 16u;
    let row = first_row + local.y;
    let column = first_column + local.x;
    if row < params.rows && column < params.columns {
        transpose_tile[local.y * 17u + local.x] = source[row * params.columns + column];
    }
    workgroupBarrier();
    let to_row = first_column + local.y;
    let to_column = first_row + local.x;
    if to_row < params.columns && to_column < params.rows {
        out[params.offset + to_row * params.rows + to_column] = transpose_tile[local.x * 17u + local.y];
    }
}
