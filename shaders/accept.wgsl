// Acceptance of proposals. Constant: OPERATION 0 always, 1 symmetric, 2 Langevin, 3 Hamiltonian: a
// thread judges a row into its tally and `taken`; 4: a thread takes over one value of a taken row.
#import grid
#import philox
#import normal
#import acceptance

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
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
    pad0: u32,
    pad1: u32,
    pad2: u32,
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

fn judge(row: u32) {
    let first = row * params.columns;
    var good = true;
    for (var i = first; i < first + params.columns; i++) {
        good = good && acceptance_in_range(proposal[i], ACCEPTANCE_LARGEST_STATE);
    }
    var log_alpha = 0.0;
    if OPERATION != 0u {
        good = good && acceptance_in_range(proposal_energies[row], ACCEPTANCE_LARGEST_ENERGY);
        // Both sums are |a|^2 - |b|^2 = (a - b)(a + b): what a and b share never enters them.
        var sum = 0.0;
        if OPERATION == 2u {
            for (var i = first; i < first + params.columns; i++) {
                let before = vectors[i];
                let proposed = proposal_vectors[i];
                sum += (before + proposed) * ((proposal[i] - x[i]) - 0.5 * params.drift * (before - proposed));
            }
            sum *= params.factor;
        } else if OPERATION == 3u {
            for (var i = first; i < first + params.columns; i++) {
                let before = vectors[i];
                let proposed = proposal_vectors[i];
                sum += (proposed - before) * (proposed + before);
            }
            sum *= 0.5;
        }
        log_alpha = -params.beta * (proposal_energies[row] - energies[row]) - sum;
        good = good && acceptance_is_finite(log_alpha);
    }
    let counter = vec4<u32>(params.step, row, 0u, params.stream);
    let key = vec2<u32>(params.key_low, params.key_high);
    let accepted = good && acceptance_draw(counter, key, log_alpha);
    let failed_log_alpha = select(-ACCEPTANCE_LARGEST_ENERGY, 0.0, OPERATION == 0u);
    tally[row] = acceptance_count(tally[row], good, accepted, log_alpha, failed_log_alpha);
    taken[row] = select(0u, 1u, accepted);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    let index = number * 256u + thread;
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
