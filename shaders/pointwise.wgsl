// Elementwise work on out. Constant: OPERATION 0 fill, 1 lerp towards x, 2 Bernoulli draws of x,
// 3 x where the column's mask is not 0, 4 add value * x, 5 scale by value,
// 6 add value * standard normals.
#import philox
#import normal

struct Params {
    count: u32,
    columns: u32,
    value: f32, // the fill, the rate of the lerp, a factor
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<f32>; // [columns]
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x + id.y * 8388608u; // 32,768 groups of 256
    if index >= params.count {
        return;
    }
    if OPERATION == 0u {
        out[index] = params.value;
    } else if OPERATION == 1u {
        let old = out[index];
        out[index] = old + params.value * (x[index] - old);
    } else if OPERATION == 3u {
        if mask[index % params.columns] != 0.0 {
            out[index] = x[index];
        }
    } else if OPERATION == 4u {
        out[index] += params.value * x[index];
    } else if OPERATION == 5u {
        out[index] *= params.value;
    } else {
        let column = index % params.columns;
        let blocks = (params.columns + 3u) / 4u;
        let counter = vec4<u32>(params.step, index / params.columns, column % blocks, params.stream);
        let words = philox(counter, vec2<u32>(params.key_low, params.key_high));
        if OPERATION == 6u {
            out[index] += params.value * normal_of_block(words, column / blocks);
        } else {
            out[index] = select(0.0, 1.0, philox_uniform(words[column / blocks]) < x[index]);
        }
    }
}
