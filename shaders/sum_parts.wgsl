// out = the sum of the parts, or out plus that; the parts are added in order.
#import grid

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    count: u32, // values of a part
    parts: u32,
    accumulate: u32,
    pad0: u32,
    pad1: u32,
    pad2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>; // [parts, count]
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    let index = number * 256u + thread;
    if index >= params.count {
        return;
    }
    var sum = 0.0;
    for (var part = 0u; part < params.parts; part++) {
        sum += x[part * params.count + index];
    }
    if params.accumulate != 0u {
        sum += out[index];
    }
    out[index] = sum;
}
