// Block-Gibbs sweeps of a bipartite binary model: `sweeps` times v | h, then h | v, all in one
// dispatch. A workgroup owns GROUPS * 16 chains. Their states stay in workgroup memory as bits,
// one word a unit and group of 16 chains; the weights stream past.
//
// A thread draws four units of 16 chains at a time: units b, b + B, b + 2B, b + 3B with B = units / 4
// rounded up, which are the four words of Philox block b. Neighbouring threads have neighbouring
// b, so they read neighbouring weights.
// Constants: GROUPS, WORDS (units * GROUPS).
#import activation
#import philox

struct Params {
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
    first_tile: u32, // of this dispatch
    pad0: u32,
    pad1: u32,
    pad2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<f32>; // [D, H], then its transpose [H, D]
@group(0) @binding(2) var<storage, read> biases: array<f32>;  // [D], then [H]
@group(0) @binding(3) var<storage, read> clamped: array<f32>; // [D]
@group(0) @binding(4) var<storage, read_write> visible: array<f32>; // [chains, D]
@group(0) @binding(5) var<storage, read_write> hidden: array<f32>;  // [chains, H]
@group(0) @binding(6) var<storage, read_write> means: array<f32>;   // [chains, H]

var<workgroup> states: array<u32, WORDS>; // [unit][group]: D visible units, then H hidden ones

// One side of the model in a half-sweep.
struct Side {
    units: u32,       // to draw
    first: u32,       // their place in `states` and `biases`
    from_units: u32,  // that they depend on
    from_first: u32,
    weights_first: u32,
    step: u32,
    stream: u32,
}

fn ones(word: u32, shift: u32) -> vec4<f32> {
    let bits = (vec4<u32>(word >> shift) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u);
    return vec4<f32>(bits);
}

// Draws four units of one chain, given their summed inputs; one bit a unit.
fn draw(sums: vec4<f32>, side: Side, units: vec4<u32>, block: u32, chain: u32, keep: bool) -> vec4<u32> {
    let counter = vec4<u32>(side.step, chain, block, side.stream);
    let words = philox(counter, vec2<u32>(params.key_low, params.key_high));
    var bits = vec4<u32>();
    for (var i = 0u; i < 4u; i++) {
        let p = activation_sigmoid(params.beta * (sums[i] + biases[side.first + units[i]]));
        bits[i] = select(0u, 1u, philox_uniform(words[i]) < p);
        if keep && chain < params.chains && block + i * ((side.units + 3u) / 4u) < side.units {
            means[chain * side.units + units[i]] = p;
        }
    }
    return bits;
}

fn draw_four(sums: mat4x4<f32>, side: Side, units: vec4<u32>, block: u32, chain: u32, keep: bool) -> vec4<u32> {
    return draw(sums[0], side, units, block, chain, keep)
        | (draw(sums[1], side, units, block, chain + 1u, keep) << vec4<u32>(1u))
        | (draw(sums[2], side, units, block, chain + 2u, keep) << vec4<u32>(2u))
        | (draw(sums[3], side, units, block, chain + 3u, keep) << vec4<u32>(3u));
}

fn half_sweep(side: Side, first_chain: u32, thread: u32, clamp_units: bool, keep: bool) {
    let blocks = (side.units + 3u) / 4u;
    for (var item = thread; item < blocks * GROUPS; item += 256u) {
        let block = item % blocks;
        let group = item / blocks;
        // Past the last unit a thread repeats it, and throws the result away.
        let units = min(vec4<u32>(block) + vec4<u32>(0u, 1u, 2u, 3u) * blocks, vec4<u32>(side.units - 1u));
        var sum0 = mat4x4<f32>();
        var sum1 = mat4x4<f32>();
        var sum2 = mat4x4<f32>();
        var sum3 = mat4x4<f32>();
        for (var k = 0u; k < side.from_units; k++) {
            let word = states[(side.from_first + k) * GROUPS + group];
            let row = side.weights_first + k * side.units;
            let w = vec4<f32>(weights[row + units.x], weights[row + units.y],
                weights[row + units.z], weights[row + units.w]);
            let s0 = ones(word, 0u);
            let s1 = ones(word, 4u);
            let s2 = ones(word, 8u);
            let s3 = ones(word, 12u);
            sum0 += mat4x4<f32>(w * s0.x, w * s0.y, w * s0.z, w * s0.w);
            sum1 += mat4x4<f32>(w * s1.x, w * s1.y, w * s1.z, w * s1.w);
            sum2 += mat4x4<f32>(w * s2.x, w * s2.y, w * s2.z, w * s2.w);
            sum3 += mat4x4<f32>(w * s3.x, w * s3.y, w * s3.z, w * s3.w);
        }
        let chain = first_chain + group * 16u;
        let bits = draw_four(sum0, side, units, block, chain, keep)
            | (draw_four(sum1, side, units, block, chain + 4u, keep) << vec4<u32>(4u))
            | (draw_four(sum2, side, units, block, chain + 8u, keep) << vec4<u32>(8u))
            | (draw_four(sum3, side, units, block, chain + 12u, keep) << vec4<u32>(12u));
        for (var i = 0u; i < 4u; i++) {
            let unit = block + i * blocks;
            if unit < side.units && !(clamp_units && clamped[unit] != 0.0) {
                states[(side.first + unit) * GROUPS + group] = bits[i];
            }
        }
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group_id: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_chain = (params.first_tile + group_id.x + group_id.y * 32768u) * GROUPS * 16u;
    let has_clamp = params.has_clamp != 0u;
    for (var index = thread; index < WORDS; index += 256u) {
        let unit = index / GROUPS;
        let chain = first_chain + (index % GROUPS) * 16u;
        var word = 0u;
        for (var c = 0u; c < 16u; c++) {
            if chain + c < params.chains {
                var state = 0.0;
                if unit >= params.visible {
                    state = hidden[(chain + c) * params.hidden + unit - params.visible];
                } else if has_clamp {
                    state = visible[(chain + c) * params.visible + unit];
                }
                word |= select(0u, 1u, state > 0.5) << c;
            }
        }
        states[index] = word;
    }
    workgroupBarrier();

    for (var sweep = 0u; sweep < params.sweeps; sweep++) {
        let step = params.first_step + sweep;
        let to_visible = Side(params.visible, 0u, params.hidden, params.visible,
            params.visible * params.hidden, step, params.visible_stream);
        half_sweep(to_visible, first_chain, thread, has_clamp, false);
        workgroupBarrier();
        let to_hidden = Side(params.hidden, params.visible, params.visible, 0u, 0u, step, params.hidden_stream);
        let last = params.keep_means != 0u && sweep + 1u == params.sweeps;
        half_sweep(to_hidden, first_chain, thread, false, last);
        workgroupBarrier();
    }

    for (var index = thread; index < WORDS; index += 256u) {
        let unit = index / GROUPS;
        let chain = first_chain + (index % GROUPS) * 16u;
        let word = states[index];
        for (var c = 0u; c < 16u; c++) {
            if chain + c < params.chains {
                let state = f32((word >> c) & 1u);
                if unit >= params.visible {
                    hidden[(chain + c) * params.hidden + unit - params.visible] = state;
                } else {
                    visible[(chain + c) * params.visible + unit] = state;
                }
            }
        }
    }
}
