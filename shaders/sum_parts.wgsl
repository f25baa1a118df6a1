// out = the sum of the parts, or out plus that; the parts are added in order.

struct Params {
    count: u32, // values of a part
    parts: u32,
    accumulate: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>; // [parts, count]
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x + id.y * 8388608u; // 32,768 groups of 256
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
