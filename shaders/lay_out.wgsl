// Weights as lib/half_sweep.wgsl reads them, of one direction: out[first + k * blocks + b] holds
// half the weights between k and the units b, b + blocks, b + 2 blocks, b + 3 blocks, 0 where
// there are no such units.
#import grid

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    depth: u32, // number of k
    units: u32,
    k_stride: u32,
    unit_stride: u32,
    first: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

// [unit of the block][block][k]: 4 x 16 x 17, the odd stride avoids bank conflicts.
var<workgroup> lay_out_tile: array<f32, 1088>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    let blocks = (params.units + 3u) / 4u;
    let tiles = (blocks + 15u) / 16u;
    let first_block = number % tiles * 16u;
    let first_k = number / tiles * 16u;
    // Neighbouring threads read neighbouring weights.
    let along_k = params.k_stride == 1u;
    let from_block = select(local.x, local.y, along_k);
    let from_k = select(local.y, local.x, along_k);
    for (var i = 0u; i < 4u; i++) {
        let block = first_block + from_block;
        let unit = block + i * blocks;
        let k = first_k + from_k;
        var weight = 0.0;
        if block < blocks && unit < params.units && k < params.depth {
            weight = 0.5 * source[k * params.k_stride + unit * params.unit_stride];
        }
        lay_out_tile[(i * 16u + from_block) * 17u + from_k] = weight;
    }
    workgroupBarrier();
    let block = first_block + local.x;
    let k = first_k + local.y;
    if block < blocks && k < params.depth {
        let at = local.x * 17u + local.y;
        out[params.first + k * blocks + block] = vec4<f32>(lay_out_tile[at],
            lay_out_tile[at + 272u], lay_out_tile[at + 544u], lay_out_tile[at + 816u]);
    }
}
