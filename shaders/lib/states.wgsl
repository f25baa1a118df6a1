// The states of a workgroup's chains, as bits in workgroup memory: one word a unit and group of 32
// chains. The parts of half_sweep.wgsl and half_sweep_matrix.wgsl that are the same.
//
// The shader that imports this has `params` with visible, hidden and chains, the arrays `visible` and
// `hidden`, and `row_of(chain)`, the row of a chain in them, none from params.chains on.
// Constants: CHAINS, WORDS (units * GROUPS).

const GROUPS = (CHAINS + 31u) / 32u;

var<workgroup> states: array<u32, WORDS>; // [unit][group]: D visible units, then H hidden ones

// One side of the model in a half-sweep.
struct Side {
    units: u32,       // to draw
    first: u32,       // their place in `states` and `biases`
    from_units: u32,  // that they depend on
    from_first: u32,
    step: u32,
    stream: u32,
    last: bool,       // whether it is the last of the dispatch
}

fn blocks_of(units: u32) -> u32 {
    return (units + 3u) / 4u;
}

// Past the last unit a block repeats it, and its result is thrown away.
fn units_of(side: Side, block: u32) -> vec4<u32> {
    let units = vec4<u32>(block) + vec4<u32>(0u, 1u, 2u, 3u) * blocks_of(side.units);
    return min(units, vec4<u32>(side.units - 1u));
}

// Takes the hidden states of the chains, and the visible ones where they are wanted.
fn load_states(first_chain: u32, thread: u32, with_visible: bool) {
    let units = params.visible + params.hidden;
    for (var index = thread; index < WORDS; index += 256u) {
        let unit = index % units;
        let group = index / units;
        var word = 0u;
        for (var c = 0u; c < min(32u, CHAINS - group * 32u); c++) {
            let row = row_of(first_chain + group * 32u + c);
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
        states[unit * GROUPS + group] = word;
    }
    workgroupBarrier();
}

fn store_states(first_chain: u32, thread: u32) {
    let units = params.visible + params.hidden;
    for (var index = thread; index < WORDS; index += 256u) {
        let unit = index % units;
        let group = index / units;
        let word = states[unit * GROUPS + group];
        for (var c = 0u; c < min(32u, CHAINS - group * 32u); c++) {
            let row = row_of(first_chain + group * 32u + c);
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
