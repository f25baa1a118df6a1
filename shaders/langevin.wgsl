// Langevin steps of a net's energy: `steps` times forward, backward, proposal and judgement, all in
// one dispatch. A workgroup owns a tile of 4 * QUADS chains. What they need stays in workgroup
// memory, [unit][quad] with four chains a vector; the parameters stream past.
//
// `memory` (see lib/net.wgsl) holds the states [D]; in MALA the proposals [D] and the scores of the
// states [D]; the values of the current hidden layer, and after a backward pass the scores (in ULA
// then the proposals) [the most of D and the hidden widths]; the slots of the layers.
// Constants: QUADS, THREADS, WORDS (of `memory`), METROPOLIS (MALA), NONLINEARITY 0 silu, 1 elu,
// 2 tanh, 3 softplus, HEAD 0 energy, 1 free, 2 class.
#import grid
#import activation
#import philox
#import normal
#import acceptance
#import net

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    width0: u32, // D
    width1: u32,
    width2: u32,
    width3: u32,
    width4: u32,
    width5: u32,
    width6: u32,
    width7: u32,
    layers: u32,
    class_index: u32,
    values: u32, // places in `memory`
    slots: u32,
    chains: u32,
    steps: u32,
    first_step: u32,
    key_low: u32,
    key_high: u32,
    noise_stream: u32,
    accept_stream: u32,
    drift: f32,
    noise: f32,
    beta: f32,
    factor: f32, // drift / noise^2
    base_precision: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
// For every layer W [in, out], its transpose [out, in], b [out].
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;           // [chains, D]
@group(0) @binding(3) var<storage, read_write> tally: array<vec4<f32>>; // [chains]

const CHAINS = 4u * QUADS;

var<workgroup> failed: atomic<u32>; // a bit a chain
var<workgroup> taken: atomic<u32>;  // a bit a chain

fn proposals() -> u32 {
    return select(params.values, params.width0 * QUADS, METROPOLIS);
}

fn scores() -> u32 {
    return select(params.values, 2u * params.width0 * QUADS, METROPOLIS);
}

// Proposals, and which of them have failed. A batch of threads draws the blocks of all chains of
// THREADS / CHAINS blocks of units; then a thread takes one unit of four chains.
fn propose(step: u32, first_chain: u32, thread: u32) {
    if thread == 0u {
        atomicStore(&failed, 0u);
        atomicStore(&taken, 0u);
    }
    let columns = params.width0;
    let blocks = (columns + 3u) / 4u;
    for (var first = 0u; first < blocks; first += THREADS / CHAINS) {
        let block = first + thread / CHAINS;
        if block < blocks {
            let counter = vec4<u32>(step, first_chain + thread % CHAINS, block, params.noise_stream);
            let words = philox(counter, vec2<u32>(params.key_low, params.key_high));
            for (var word = 0u; word < 4u; word++) {
                if block + word * blocks < columns {
                    partials[word * THREADS + thread] = normal_of_block(words, word);
                }
            }
        }
        workgroupBarrier();
        let quad = thread % QUADS;
        let word = thread / QUADS % 4u;
        let unit = block + word * blocks;
        if block < blocks && unit < columns {
            let place = unit * QUADS + quad;
            let start = word * THREADS + thread / CHAINS * CHAINS + 4u * quad;
            let normals = vec4<f32>(partials[start], partials[start + 1u], partials[start + 2u], partials[start + 3u]);
            let proposal = (memory[place] + params.drift * memory[scores() + place]) + params.noise * normals;
            memory[proposals() + place] = proposal;
            var bad = 0u;
            for (var c = 0u; c < 4u; c++) {
                let good = acceptance_in_range(proposal[c], ACCEPTANCE_LARGEST_STATE);
                bad |= select(1u, 0u, good) << (4u * quad + c);
            }
            if bad != 0u {
                atomicOr(&failed, bad);
            }
        }
        workgroupBarrier();
    }
}

// What a thread has of the squared distances in log alpha: |a|^2 - |b|^2 = (a - b)(a + b), so what
// a and b share never enters.
fn put_distances(thread: u32) {
    var sum = vec4<f32>();
    for (var i = thread; i < params.width0 * QUADS; i += THREADS) {
        let old = memory[scores() + i];
        let proposed = memory[params.values + i];
        let shift = memory[proposals() + i] - memory[i];
        sum += (old + proposed) * (shift - 0.5 * params.drift * (old - proposed));
    }
    put_partials(thread, sum);
}

// Takes over the proposals of some chains, a bit a chain.
fn take(chains: u32, thread: u32) {
    for (var i = thread; i < params.width0 * QUADS; i += THREADS) {
        let bits = vec4<u32>(chains >> (4u * (i % QUADS))) >> vec4<u32>(0u, 1u, 2u, 3u);
        let chosen = (bits & vec4<u32>(1u)) != vec4<u32>(0u);
        memory[i] = select(memory[i], memory[proposals() + i], chosen);
        if METROPOLIS {
            memory[scores() + i] = select(memory[scores() + i], memory[params.values + i], chosen);
        }
    }
    workgroupBarrier();
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    let first_chain = number * CHAINS;
    let columns = params.width0;
    for (var i = thread; i < columns * QUADS; i += THREADS) {
        var states = vec4<f32>();
        for (var c = 0u; c < 4u; c++) {
            let chain = first_chain + 4u * (i % QUADS) + c;
            if chain < params.chains {
                states[c] = x[chain * columns + i / QUADS];
            }
        }
        memory[i] = states;
        if METROPOLIS {
            memory[proposals() + i] = states;
        }
    }
    if thread == 0u {
        atomicStore(&failed, 0u);
        atomicStore(&taken, 0u);
    }
    // The first threads keep a chain's tally and energy each.
    let chain = first_chain + thread;
    let judges = thread < CHAINS && chain < params.chains;
    var entry = vec4<f32>();
    var energy = 0.0;
    if judges {
        entry = tally[chain];
    }
    workgroupBarrier();

    // MALA first evaluates the states, as proposals that are taken whatever they are.
    let extra = select(0u, 1u, METROPOLIS);
    for (var index = 0u; index < params.steps + extra; index++) {
        let step = params.first_step + index - extra;
        let first = METROPOLIS && index == 0u;
        if METROPOLIS && !first {
            propose(step, first_chain, thread);
        }
        evaluate(select(0u, proposals(), METROPOLIS), thread);
        if METROPOLIS {
            put_distances(thread);
            workgroupBarrier();
        } else {
            propose(step, first_chain, thread);
        }
        if judges {
            if METROPOLIS {
                let new_energy = energies[thread / 4u][thread % 4u];
                var good = (atomicLoad(&failed) >> thread & 1u) == 0u;
                good = good && acceptance_in_range(new_energy, ACCEPTANCE_LARGEST_ENERGY);
                var sum = 0.0;
                for (var row = 0u; row < min(columns, THREADS / QUADS); row++) {
                    sum += partials[(thread % 4u) * THREADS + row * QUADS + thread / 4u];
                }
                let log_alpha = -params.beta * (new_energy - energy) - params.factor * sum;
                good = good && acceptance_is_finite(log_alpha);
                let counter = vec4<u32>(step, chain, 0u, params.accept_stream);
                let key = vec2<u32>(params.key_low, params.key_high);
                let accepted = good && acceptance_draw(counter, key, log_alpha);
                if !first {
                    entry = acceptance_count(entry, good, accepted, log_alpha, -ACCEPTANCE_LARGEST_ENERGY);
                }
                if first || accepted {
                    energy = new_energy;
                    atomicOr(&taken, 1u << thread);
                }
            } else {
                let good = (atomicLoad(&failed) >> thread & 1u) == 0u;
                entry = acceptance_count(entry, good, good, 0.0, 0.0);
            }
        }
        if METROPOLIS {
            workgroupBarrier();
            take(atomicLoad(&taken), thread);
        } else {
            take(~atomicLoad(&failed), thread);
        }
    }

    if judges {
        tally[chain] = entry;
    }
    for (var i = thread; i < columns * QUADS; i += THREADS) {
        let states = memory[i];
        for (var c = 0u; c < 4u; c++) {
            let chain = first_chain + 4u * (i % QUADS) + c;
            if chain < params.chains {
                x[chain * columns + i / QUADS] = states[c];
            }
        }
    }
}
