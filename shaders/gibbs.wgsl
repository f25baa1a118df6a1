// Block-Gibbs sweeps of a bipartite binary model: `sweeps` times v | h, then h | v, all in one
// dispatch; see lib/half_sweep.wgsl.
#import grid
#import activation
#import states
#import half_sweep
#import philox

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    visible: u32, // D
    hidden: u32,  // H
    chains: u32,
    sweeps: u32,
    first_step: u32,
    key_low: u32,
    key_high: u32,
    beta: f32,
    has_clamp: u32,
    keep_means: u32,
    visible_stream: u32,
    hidden_stream: u32,
    pad0: u32,
    pad1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> biases: array<f32>;  // [D], then [H]
@group(0) @binding(3) var<storage, read> clamped: array<f32>; // [D]
@group(0) @binding(4) var<storage, read_write> visible: array<f32>; // [chains, D]
@group(0) @binding(5) var<storage, read_write> hidden: array<f32>;  // [chains, H]
@group(0) @binding(6) var<storage, read_write> means: array<f32>;   // [chains, H]

// Whether a unit keeps its state.
fn is_held(unit: u32) -> bool {
    return params.has_clamp != 0u && unit < params.visible && clamped[unit] != 0.0;
}

fn row_of(chain: u32) -> u32 {
    return chain;
}

// Draws four units of one chain, given their summed inputs; one bit a unit.
fn draw(sums: vec4<f32>, side: Side, units: vec4<u32>, block: u32, chain: u32) -> vec4<u32> {
    let counter = vec4<u32>(side.step, chain, block, side.stream);
    let words = philox(counter, vec2<u32>(params.key_low, params.key_high));
    var bits = vec4<u32>();
    for (var i = 0u; i < 4u; i++) {
        let p = activation_sigmoid(params.beta * (sums[i] + biases[side.first + units[i]]));
        bits[i] = select(0u, 1u, philox_uniform(words[i]) < p);
        if side.last && chain < params.chains && block + i * ((side.units + 3u) / 4u) < side.units {
            means[chain * side.units + units[i]] = p;
        }
    }
    return bits;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group_id: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group_id);
    if number >= params.end_group {
        return;
    }
    let first_chain = number * CHAINS;
    load_states(first_chain, thread, params.has_clamp != 0u);

    for (var sweep = 0u; sweep < params.sweeps; sweep++) {
        let step = params.first_step + sweep;
        let to_visible = Side(params.visible, 0u, params.hidden, params.visible, step, params.visible_stream, false);
        half_sweep(to_visible, first_chain, thread);
        let last = params.keep_means != 0u && sweep + 1u == params.sweeps;
        let to_hidden = Side(params.hidden, params.visible, params.visible, 0u, step, params.hidden_stream, last);
        half_sweep(to_hidden, first_chain, thread);
    }

    store_states(first_chain, thread);
}
