// Parallel tempering of a bipartite binary model: `sweeps` times v | h at every rung, exchanges
// between neighbouring rungs, h | v at every rung, all in one dispatch; see lib/half_sweep.wgsl.
//
// A workgroup owns whole ladders; its chains are replicas, and what they exchange are their rungs.
// Replica i of a workgroup belongs to its ladder i / rungs. Rung r of ladder l is row r * ladders + l
// of every array, so that the draws depend on rung and ladder alone.
//
// The totals are those of -D over the units, D = -h.(c + W'v) - (b - b0).v.
#import grid
#import activation
#import philox
#import normal
#import acceptance
#import exchange
#import totals
#import states
#import half_sweep

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    visible: u32, // D
    hidden: u32,  // H
    chains: u32,  // rungs * ladders
    ladders: u32,
    rungs: u32,
    sweeps: u32,
    done: u32,    // sweeps of the call before this dispatch
    every: u32,   // sweeps to a round of exchanges
    first_round: u32, // even rounds take the pairs (0, 1), (2, 3), ...
    first_step: u32,
    key_low: u32,
    key_high: u32,
    has_clamp: u32,
    keep_means: u32,
    visible_stream: u32,
    hidden_stream: u32,
    exchange_stream: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> biases: array<f32>;  // base [D], hidden [H], shift [D], clamp [D], betas [rungs]
@group(0) @binding(3) var<storage, read_write> visible: array<f32>; // [chains, D]
@group(0) @binding(4) var<storage, read_write> hidden: array<f32>;  // [chains, H]
@group(0) @binding(5) var<storage, read_write> means: array<f32>;   // [ladders, H], of the top rung
@group(0) @binding(6) var<storage, read_write> labels: array<vec2<f32>>;  // [chains]
@group(0) @binding(7) var<storage, read_write> tallies: array<vec4<f32>>; // [(rungs - 1) * ladders]

var<private> first_ladder: u32;
var<workgroup> rung_of: array<u32, CHAINS>;      // of a replica
var<workgroup> replica_at: array<u32, CHAINS>;   // [ladder][rung]
var<workgroup> differences: array<f32, CHAINS>;  // -D of a replica

fn ladders_of_group() -> u32 {
    return CHAINS / params.rungs;
}

fn beta_of(rung: u32) -> f32 {
    return biases[3u * params.visible + params.hidden + rung];
}

fn is_held(unit: u32) -> bool {
    return params.has_clamp != 0u && unit < params.visible
        && biases[2u * params.visible + params.hidden + unit] != 0.0;
}

fn row_of(chain: u32) -> u32 {
    let ladder = first_ladder + chain / params.rungs;
    let is_there = chain / params.rungs < ladders_of_group() && ladder < params.ladders;
    return select(params.chains, rung_of[chain] * params.ladders + ladder, is_there);
}

// Draws four units of one chain, given their summed inputs; one bit a unit.
fn draw(inputs: vec4<f32>, side: Side, units: vec4<u32>, block: u32, chain: u32) -> vec4<u32> {
    let row = row_of(chain);
    let counter = vec4<u32>(side.step, row, block, side.stream);
    let words = philox(counter, vec2<u32>(params.key_low, params.key_high));
    let beta = beta_of(rung_of[chain]);
    let of_visible = side.first == 0u;
    let top = row - (params.rungs - 1u) * params.ladders;
    var bits = vec4<u32>();
    for (var i = 0u; i < 4u; i++) {
        // Past the last unit the units repeat.
        let is_unit = block + i * ((side.units + 3u) / 4u) < side.units;
        if of_visible {
            let change = inputs[i] + biases[params.visible + params.hidden + units[i]];
            let p = activation_sigmoid(biases[units[i]] + beta * change);
            bits[i] = select(0u, 1u, philox_uniform(words[i]) < p);
            if is_held(units[i]) {
                bits[i] = (states[units[i] * GROUPS + chain / 32u] >> (chain % 32u)) & 1u;
            }
            if is_unit {
                shares[chain % PART] += select(0.0, change, bits[i] != 0u);
            }
        } else {
            let p = activation_sigmoid(beta * (inputs[i] + biases[params.visible + units[i]]));
            bits[i] = select(0u, 1u, philox_uniform(words[i]) < p);
            if side.last && is_unit && top < params.ladders {
                means[top * params.hidden + units[i]] = p;
            }
        }
    }
    return bits;
}

// A round of exchanges: a thread judges a pair of neighbours of one ladder.
fn exchange(round: u32, step: u32, thread: u32) {
    let pairs = params.rungs - 1u;
    let ladder = first_ladder + thread / pairs;
    let pair = thread % pairs;
    if thread / pairs >= ladders_of_group() || ladder >= params.ladders || (pair + round) % 2u != 0u {
        return;
    }
    let at = thread / pairs * params.rungs + pair;
    let low = replica_at[at];
    let high = replica_at[at + 1u];
    let low_row = pair * params.ladders + ladder; // of the rung, and of the pair's tally
    let high_row = low_row + params.ladders;
    let counter = vec4<u32>(step, low_row, 0u, params.exchange_stream);
    let key = vec2<u32>(params.key_low, params.key_high);
    let judgement = exchange_judge(-differences[low], -differences[high],
        beta_of(pair) - beta_of(pair + 1u), counter, key, tallies[low_row]);
    tallies[low_row] = judgement.tally;
    let found = exchange_labels(vec4<f32>(labels[low_row], labels[high_row]),
        judgement.accepted, pair == 0u, pair + 1u == pairs);
    labels[low_row] = found.xy;
    labels[high_row] = found.zw;
    if judgement.accepted {
        replica_at[at] = high;
        replica_at[at + 1u] = low;
        rung_of[high] = pair;
        rung_of[low] = pair + 1u;
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group_id: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group_id);
    if number >= params.end_group {
        return;
    }
    first_ladder = number * ladders_of_group();
    if thread < CHAINS {
        rung_of[thread] = thread % params.rungs;
        replica_at[thread] = thread;
    }
    workgroupBarrier();
    load_states(0u, thread, params.has_clamp != 0u);

    for (var sweep = 0u; sweep < params.sweeps; sweep++) {
        let step = params.first_step + sweep;
        for (var c = 0u; c < PART; c++) {
            shares[c] = 0.0;
        }
        let to_visible = Side(params.visible, 0u, params.hidden, params.visible, step, params.visible_stream, false);
        half_sweep(to_visible, 0u, thread);
        if (params.done + sweep) % params.every == 0u {
            add_hidden(1.0, thread);
            for (var c = 0u; c < PART; c++) {
                let difference = total(c, thread);
                if thread < PARTS {
                    differences[thread * PART + c] = difference;
                }
            }
            workgroupBarrier();
            exchange(params.first_round + (params.done + sweep) / params.every, step, thread);
            // The next round reads the labels that this one writes.
            storageBarrier();
            workgroupBarrier();
        }
        let last = params.keep_means != 0u && sweep + 1u == params.sweeps;
        let to_hidden = Side(params.hidden, params.visible, params.visible, 0u, step, params.hidden_stream, last);
        half_sweep(to_hidden, 0u, thread);
    }

    store_states(0u, thread);
}
