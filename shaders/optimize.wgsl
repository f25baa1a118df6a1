// One optimizer step. Constant: ADAM, else SGD with momentum.
#import grid

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    count: u32,
    rate: f32,
    momentum: f32, // SGD's momentum, Adam's beta 1
    decay: f32,    // SGD: L2 decay; Adam: learning rate times it
    beta2: f32,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(3) var<storage, read_write> first: array<f32>;
@group(0) @binding(4) var<storage, read_write> second: array<f32>; // Adam only

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
    let g = gradient[index];
    let p = parameter[index];
    if ADAM {
        let m = first[index] + (1.0 - params.momentum) * (g - first[index]);
        let v = second[index] + (1.0 - params.beta2) * (g * g - second[index]);
        first[index] = m;
        second[index] = v;
        // One subtraction from p: its rounding is the largest, and every step adds to it.
        parameter[index] = p - (params.rate * m / (sqrt(v) + params.epsilon) + params.decay * p);
    } else {
        var m = g;
        if params.momentum != 0.0 {
            m += params.momentum * first[index];
            first[index] = m;
        }
        parameter[index] = p - params.rate * (m + params.decay * p);
    }
}
