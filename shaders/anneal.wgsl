// Block-Gibbs sweeps along a path of inverse temperatures, from independent units at beta 0 to the
// model at beta 1, with the importance weights of the path: annealed importance sampling. All in
// one dispatch; see lib/half_sweep.wgsl.
//
// The totals are those of the log weights, over the units.
#import grid
#import activation
#import states
#import half_sweep
#import philox
#import totals

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
    first_beta: u32, // place of the beta at which the dispatch starts
    visible_stream: u32,
    hidden_stream: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> biases: array<f32>;  // base [D], hidden [H], shift [D]
@group(0) @binding(3) var<storage, read> betas: array<f32>;
@group(0) @binding(4) var<storage, read_write> visible: array<f32>; // [chains, D]
@group(0) @binding(5) var<storage, read_write> hidden: array<f32>;  // [chains, H]
@group(0) @binding(6) var<storage, read_write> log_weights: array<f32>; // [chains]

var<private> first_chain: u32;
// Where this sweep comes from and goes to.
var<private> beta_from: f32;
var<private> beta_to: f32;

fn is_held(unit: u32) -> bool {
    return false;
}

fn row_of(chain: u32) -> u32 {
    return chain;
}

// Draws four units of one chain, given their summed inputs; one bit a unit.
fn draw(inputs: vec4<f32>, side: Side, units: vec4<u32>, block: u32, chain: u32) -> vec4<u32> {
    let counter = vec4<u32>(side.step, chain, block, side.stream);
    let words = philox(counter, vec2<u32>(params.key_low, params.key_high));
    let of_visible = side.first == 0u;
    var bits = vec4<u32>();
    var share = 0.0;
    for (var i = 0u; i < 4u; i++) {
        var field = 0.0;
        if of_visible {
            let change = inputs[i] + biases[params.visible + params.hidden + units[i]];
            let base = biases[units[i]];
            field = base + beta_to * change;
            // Past the last unit the units repeat.
            if block + i * ((side.units + 3u) / 4u) < side.units {
                share += activation_softplus(field) - activation_softplus(base + beta_from * change);
            }
        } else {
            field = beta_to * (inputs[i] + biases[params.visible + units[i]]);
        }
        bits[i] = select(0u, 1u, philox_uniform(words[i]) < activation_sigmoid(field));
    }
    shares[(chain - first_chain) % PART] += share;
    return bits;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group_id: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group_id);
    if number >= params.end_group {
        return;
    }
    first_chain = number * CHAINS;
    load_states(first_chain, thread, false);

    for (var sweep = 0u; sweep < params.sweeps; sweep++) {
        let step = params.first_step + sweep;
        for (var c = 0u; c < PART; c++) {
            shares[c] = 0.0;
        }
        beta_from = betas[params.first_beta + sweep];
        beta_to = betas[params.first_beta + sweep + 1u];
        add_hidden(beta_to - beta_from, thread);
        let to_visible = Side(params.visible, 0u, params.hidden, params.visible, step, params.visible_stream, false);
        half_sweep(to_visible, first_chain, thread);
        let to_hidden = Side(params.hidden, params.visible, params.visible, 0u, step, params.hidden_stream, false);
        half_sweep(to_hidden, first_chain, thread);
        // Sweep by sweep, or the sums would depend on how a call is cut into dispatches.
        for (var c = 0u; c < PART; c++) {
            let log_weight = total(c, thread);
            let chain = first_chain + thread * PART + c;
            if thread < PARTS && chain < params.chains {
                log_weights[chain] += log_weight;
            }
        }
    }

    store_states(first_chain, thread);
}
