// Half a block-Gibbs sweep of a bipartite binary model: one side's units are drawn given the other
// side's. A workgroup owns GROUPS * 16 chains; their states stay in workgroup memory as bits, one
// word a unit and group of 16 chains, while the weights stream past.
//
// A thread draws four units of 16 chains at a time: units b, b + B, b + 2B, b + 3B with B = units / 4
// rounded up, which are the four words of Philox block b. Neighbouring threads have neighbouring
// b, so they read neighbouring weights.
//
// The shader that imports this has `params` with visible, hidden and chains, the arrays `weights`,
// `visible` and `hidden`, `row_of(chain)`, the row of a chain in them, none from params.chains on,
// `is_held(unit)`, whether a visible unit keeps its state, and
//     draw(sums, side, units, block, chain) -> vec4<u32>
// which draws four units of one chain, given their summed inputs, one bit a unit.
// Constants: GROUPS, WORDS (units * GROUPS).

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
    last: bool,       // whether it is the last of the dispatch
}

fn ones(word: u32, shift: u32) -> vec4<f32> {
    let bits = (vec4<u32>(word >> shift) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u);
    return vec4<f32>(bits);
}

fn draw_four(sums: mat4x4<f32>, side: Side, units: vec4<u32>, block: u32, chain: u32) -> vec4<u32> {
    return draw(sums[0], side, units, block, chain)
        | (draw(sums[1], side, units, block, chain + 1u) << vec4<u32>(1u))
        | (draw(sums[2], side, units, block, chain + 2u) << vec4<u32>(2u))
        | (draw(sums[3], side, units, block, chain + 3u) << vec4<u32>(3u));
}

fn half_sweep(side: Side, first_chain: u32, thread: u32) {
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
        let bits = draw_four(sum0, side, units, block, chain)
            | (draw_four(sum1, side, units, block, chain + 4u) << vec4<u32>(4u))
            | (draw_four(sum2, side, units, block, chain + 8u) << vec4<u32>(8u))
            | (draw_four(sum3, side, units, block, chain + 12u) << vec4<u32>(12u));
        for (var i = 0u; i < 4u; i++) {
            let unit = block + i * blocks;
            if unit < side.units && !is_held(side.first + unit) {
                states[(side.first + unit) * GROUPS + group] = bits[i];
            }
        }
    }
}

// Takes the hidden states of the chains, and the visible ones where they are wanted.
fn load_states(first_chain: u32, thread: u32, with_visible: bool) {
    for (var index = thread; index < WORDS; index += 256u) {
        let unit = index / GROUPS;
        let chain = first_chain + (index % GROUPS) * 16u;
        var word = 0u;
        for (var c = 0u; c < 16u; c++) {
            let row = row_of(chain + c);
            if row < params.chains {
                var state = 0.0;
                if unit >= params.visible {
                    state = hidden[row * params.hidden + unit - params.visible];
                } else if with_visible {
                    state = visible[row * params.visible + unit];
                }
                word |= select(0u, 1u, state > 0.5) << c;
            }
        }
        states[index] = word;
    }
    workgroupBarrier();
}

fn store_states(first_chain: u32, thread: u32) {
    for (var index = thread; index < WORDS; index += 256u) {
        let unit = index / GROUPS;
        let chain = first_chain + (index % GROUPS) * 16u;
        let word = states[index];
        for (var c = 0u; c < 16u; c++) {
            let row = row_of(chain + c);
            if row < params.chains {
                let state = f32((word >> c) & 1u);
                if unit >= params.visible {
                    hidden[row * params.hidden + unit - params.visible] = state;
                } else {
                    visible[row * params.visible + unit] = state;
                }
            }
        }
    }
}
