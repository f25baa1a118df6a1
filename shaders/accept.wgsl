// Acceptance of proposals. Constant: OPERATION 0 always, 1 symmetric, 2 Langevin, 3 Hamiltonian: a
// thread judges a row into its tally and `taken`; 4: a thread takes over one value of a taken row.
#import philox
#import normal

struct Params {
    rows: u32,
    columns: u32,
    beta: f32,
    drift: f32,
    factor: f32, // drift / noise^2
    step: u32,
    stream: u32,
    key_low: u32,
    key_high: u32,
    has_energies: u32,
    has_vectors: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;            // [rows, columns]
@group(0) @binding(2) var<storage, read> proposal: array<f32>;           // [rows, columns]
@group(0) @binding(3) var<storage, read_write> energies: array<f32>;     // [rows]
@group(0) @binding(4) var<storage, read> proposal_energies: array<f32>;  // [rows]
@group(0) @binding(5) var<storage, read_write> vectors: array<f32>;      // scores or momenta
@group(0) @binding(6) var<storage, read> proposal_vectors: array<f32>;   // scores or momenta
@group(0) @binding(7) var<storage, read_write> tally: array<vec4<f32>>;  // [rows]
@group(0) @binding(8) var<storage, read_write> taken: array<u32>;        // [rows]

const LARGEST_STATE = 1e15f;
const LARGEST_ENERGY = 1e30f;

// By the bits: a shader may assume that NaN does not exist. Those of NaN and infinity lie above
// those of every number.
fn in_range(value: f32, limit: f32) -> bool {
    return (bitcast<u32>(value) & 0x7fffffffu) <= bitcast<u32>(limit);
}

fn judge(row: u32) {
    let first = row * params.columns;
    var good = true;
    for (var i = first; i < first + params.columns; i++) {
        good = good && in_range(proposal[i], LARGEST_STATE);
    }
    var log_alpha = 0.0;
    if OPERATION != 0u {
        good = good && in_range(proposal_energies[row], LARGEST_ENERGY);
        // Both sums are |a|^2 - |b|^2 = (a - b)(a + b): what a and b share never enters them.
        var sum = 0.0;
        if OPERATION == 2u {
            for (var i = first; i < first + params.columns; i++) {
                let before = vectors[i];
                let after = proposal_vectors[i];
                sum += (before + after) * ((proposal[i] - x[i]) - 0.5 * params.drift * (before - after));
            }
            sum *= params.factor;
        } else if OPERATION == 3u {
            for (var i = first; i < first + params.columns; i++) {
                let before = vectors[i];
                let after = proposal_vectors[i];
                sum += (after - before) * (after + before);
            }
            sum *= 0.5;
        }
        log_alpha = -params.beta * (proposal_energies[row] - energies[row]) - sum;
        good = good && (bitcast<u32>(log_alpha) & 0x7f800000u) != 0x7f800000u;
    }
    let counter = vec4<u32>(params.step, row, 0u, params.stream);
    let radius = normal_radius(philox(counter, vec2<u32>(params.key_low, params.key_high)).x);
    // The logarithm of the uniform is -radius^2 / 2.
    let accepted = good && -0.5 * radius * radius < log_alpha;
    var entry = tally[row];
    entry.x += select(0.0, 1.0, accepted);
    entry.y += select(1.0, 0.0, good);
    if good {
        entry.z += exp(min(log_alpha, 0.0));
    }
    entry.w = select(select(-LARGEST_ENERGY, log_alpha, good), 0.0, OPERATION == 0u);
    tally[row] = entry;
    taken[row] = select(0u, 1u, accepted);
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x + id.y * 8388608u; // 32,768 groups of 256
    if OPERATION < 4u {
        if index < params.rows {
            judge(index);
        }
        return;
    }
    if index >= params.rows * params.columns {
        return;
    }
    let row = index / params.columns;
    if taken[row] == 0u {
        return;
    }
    x[index] = proposal[index];
    if params.has_vectors != 0u {
        vectors[index] = proposal_vectors[index];
    }
    if params.has_energies != 0u && index % params.columns == 0u {
        energies[row] = proposal_energies[row];
    }
}
