// Half a block-Gibbs sweep of a bipartite binary model: one side's units are drawn given the other
// side's. A workgroup owns CHAINS chains; their states stay in workgroup memory (see states.wgsl)
// while the weights stream past.
//
// A thread draws BLOCKS blocks of four units for PART chains at a time. Block b of a side holds the
// units b, b + B, b + 2B, b + 3B with B = units / 4 rounded up: the four words of Philox block b,
// and one vec4 of the weights. Neighbouring threads have other chains of the same blocks, so a
// workgroup reads each weight from the cache past it once a half-sweep.
//
// A state is turned into a factor without a conversion: its bit, shifted to place 30 of a word, is
// the float 2.0, and at place 29 it is 2^-63. So one shift serves two chains. The weights are halved
// beforehand and the sums of even chains multiplied by 2^64 afterwards, which is exact. docs/gpu.md
// counts the instructions and the bytes.
//
// What comes out depends on no constant: every sum runs over k in order.
//
// The shader that imports this has, beside what states.wgsl asks for, `is_held(unit)`, whether a
// visible unit keeps its state, and
//     draw(sums, side, units, block, chain) -> vec4<u32>
// which draws four units of one chain, given their summed inputs, one bit a unit.
// Constants: BLOCKS (1 or 2), PART (4, 8 or 16), CHAINS (a multiple of PART), WORDS (units * GROUPS).

@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>; // [D, H / 4], then [H, D / 4]: see lay_out.wgsl

const PARTS = CHAINS / PART;
const COLUMNS = 256u / PARTS; // items of a round, along the blocks
const IN_WORD = 32u / PART;   // parts that share a word
const TURNS = min(PARTS, IN_WORD);

// Sums of two blocks; a column is a chain.
struct Sums {
    a0: mat4x4<f32>,
    a1: mat4x4<f32>,
    a2: mat4x4<f32>,
    a3: mat4x4<f32>,
    b0: mat4x4<f32>,
    b1: mat4x4<f32>,
    b2: mat4x4<f32>,
    b3: mat4x4<f32>,
}

// The groups and the first bit of the chains that a thread draws.
fn group_of(thread: u32) -> u32 {
    return thread % PARTS / IN_WORD;
}

fn shift_of(thread: u32) -> u32 {
    return thread % PARTS % IN_WORD * PART;
}

fn products(w: vec4<f32>, x: vec2<f32>, y: vec2<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(w * x.x, w * y.x, w * x.y, w * y.y);
}

// Adds the weights of one k times the states of its lowest PART bits.
fn add_products(before: Sums, bits: u32, wa: vec4<f32>, wb: vec4<f32>) -> Sums {
    var sums = before;
    let low = vec4<u32>(bits) << vec4<u32>(29u, 27u, 25u, 23u);
    let even = bitcast<vec4<f32>>(low & vec4<u32>(0x20000000u));
    let odd = bitcast<vec4<f32>>(low & vec4<u32>(0x40000000u));
    sums.a0 += products(wa, even.xy, odd.xy);
    if BLOCKS > 1u {
        sums.b0 += products(wb, even.xy, odd.xy);
    }
    if PART > 4u {
        sums.a1 += products(wa, even.zw, odd.zw);
        if BLOCKS > 1u {
            sums.b1 += products(wb, even.zw, odd.zw);
        }
    }
    if PART > 8u {
        let high = vec4<u32>(bits) << vec4<u32>(21u, 19u, 17u, 15u);
        let high_even = bitcast<vec4<f32>>(high & vec4<u32>(0x20000000u));
        let high_odd = bitcast<vec4<f32>>(high & vec4<u32>(0x40000000u));
        sums.a2 += products(wa, high_even.xy, high_odd.xy);
        sums.a3 += products(wa, high_even.zw, high_odd.zw);
        if BLOCKS > 1u {
            sums.b2 += products(wb, high_even.xy, high_odd.xy);
            sums.b3 += products(wb, high_even.zw, high_odd.zw);
        }
    }
    return sums;
}

// Moves the second chain to the place of the first, and so on.
fn next_chain(sums: Sums) -> Sums {
    return Sums(
        mat4x4<f32>(sums.a0[1], sums.a0[2], sums.a0[3], sums.a1[0]),
        mat4x4<f32>(sums.a1[1], sums.a1[2], sums.a1[3], sums.a2[0]),
        mat4x4<f32>(sums.a2[1], sums.a2[2], sums.a2[3], sums.a3[0]),
        mat4x4<f32>(sums.a3[1], sums.a3[2], sums.a3[3], sums.a3[3]),
        mat4x4<f32>(sums.b0[1], sums.b0[2], sums.b0[3], sums.b1[0]),
        mat4x4<f32>(sums.b1[1], sums.b1[2], sums.b1[3], sums.b2[0]),
        mat4x4<f32>(sums.b2[1], sums.b2[2], sums.b2[3], sums.b3[0]),
        mat4x4<f32>(sums.b3[1], sums.b3[2], sums.b3[3], sums.b3[3]),
    );
}

// Writes the thread's chains of one block. Nobody else touches these words meanwhile.
fn put(side: Side, block: u32, bits: vec4<u32>, thread: u32) {
    let shift = shift_of(thread);
    let keep = ~(((1u << PART) - 1u) << shift);
    for (var i = 0u; i < 4u; i++) {
        let unit = block + i * blocks_of(side.units);
        if unit < side.units && !is_held(side.first + unit) {
            let at = (side.first + unit) * GROUPS + group_of(thread);
            states[at] = (states[at] & keep) | (bits[i] << shift);
        }
    }
}

// Ends with a barrier, after which the states are those drawn.
fn half_sweep(side: Side, first_chain: u32, thread: u32) {
    let blocks = blocks_of(side.units);
    let columns = (blocks + BLOCKS - 1u) / BLOCKS;
    let group = group_of(thread);
    let shift = shift_of(thread);
    let weights_first = select(0u, params.visible * blocks_of(params.hidden), side.first == 0u);
    let whole = side.from_units - side.from_units % 4u;
    for (var first = 0u; first < columns; first += COLUMNS) {
        let block = first + thread / PARTS;
        let is_item = thread / PARTS < COLUMNS && block < columns;
        let has_second = BLOCKS > 1u && block + columns < blocks;
        let second = min(block + columns, blocks - 1u);
        var bits = vec4<u32>();
        var second_bits = vec4<u32>();
        if is_item {
            var sums = Sums();
            var word = side.from_first * GROUPS + group;
            var a = weights_first + block;
            var b = weights_first + second;
            for (var k = 0u; k < whole; k += 4u) {
                let a0 = weights[a];
                let a1 = weights[a + blocks];
                let a2 = weights[a + 2u * blocks];
                let a3 = weights[a + 3u * blocks];
                var b0 = vec4<f32>();
                var b1 = vec4<f32>();
                var b2 = vec4<f32>();
                var b3 = vec4<f32>();
                if BLOCKS > 1u {
                    b0 = weights[b];
                    b1 = weights[b + blocks];
                    b2 = weights[b + 2u * blocks];
                    b3 = weights[b + 3u * blocks];
                }
                sums = add_products(sums, states[word] >> shift, a0, b0);
                sums = add_products(sums, states[word + GROUPS] >> shift, a1, b1);
                sums = add_products(sums, states[word + 2u * GROUPS] >> shift, a2, b2);
                sums = add_products(sums, states[word + 3u * GROUPS] >> shift, a3, b3);
                word += 4u * GROUPS;
                a += 4u * blocks;
                b += 4u * blocks;
            }
            for (var k = whole; k < side.from_units; k++) {
                sums = add_products(sums, states[word] >> shift, weights[a], weights[b]);
                word += GROUPS;
                a += blocks;
                b += blocks;
            }
            let chain = first_chain + thread % PARTS * PART;
            for (var c = 0u; c < PART; c++) {
                let scale = select(1.0, 18446744073709551616.0, c % 2u == 0u);
                let drawn = draw(scale * sums.a0[0], side, units_of(side, block), block, chain + c);
                bits |= drawn << vec4<u32>(c);
                if has_second {
                    let also = draw(scale * sums.b0[0], side, units_of(side, second), second, chain + c);
                    second_bits |= also << vec4<u32>(c);
                }
                sums = next_chain(sums);
            }
        }
        // Threads that share words write by turns.
        for (var turn = 0u; turn < TURNS; turn++) {
            if is_item && thread % PARTS % TURNS == turn {
                put(side, block, bits, thread);
                if has_second {
                    put(side, second, second_bits, thread);
                }
            }
            workgroupBarrier();
        }
    }
}
