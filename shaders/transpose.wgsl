// target[offset ..] = the transpose of source [rows, columns].

struct Params {
    rows: u32,
    columns: u32,
    offset: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

var<workgroup> transpose_tile: array<f32, 272>; // 16 x 17: the odd stride avoids bank conflicts

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let row = group.y * 16u + local.y;
    let column = group.x * 16u + local.x;
    if row < params.rows && column < params.columns {
        transpose_tile[local.y * 17u + local.x] = source[row * params.columns + column];
    }
    workgroupBarrier();
    let to_row = group.x * 16u + local.y;
    let to_column = group.y * 16u + local.x;
    if to_row < params.columns && to_column < params.rows {
        out[params.offset + to_row * params.rows + to_column] = transpose_tile[local.x * 17u + local.y];
    }
}
