// Parallel tempering of a bipartite binary model whose ladders no workgroup holds: what temper.wgsl
// does in one dispatch, with the same draws, by a product for each half-sweep and these steps between
// the products. Constant: OPERATION 0 draws the visible units, which come as their change of input,
// W h + (b - b0), and sums -D of every row; 1 judges the pairs of a round; 2 swaps the visible states
// of those that exchange (the hidden ones are drawn anew); 3 draws the hidden units, which come as
// their inputs.
//
// Rung r of ladder l is row r * ladders + l of every array.
#import grid
#import activation
#import philox
#import normal
#import acceptance
#import exchange

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    visible: u32, // D
    hidden: u32,  // H
    rows: u32,    // rungs * ladders
    ladders: u32,
    rungs: u32,
    round: u32,   // even rounds take the pairs (0, 1), (2, 3), ...
    step: u32,
    key_low: u32,
    key_high: u32,
    has_clamp: u32,
    keep_means: u32,
    visible_stream: u32,
    hidden_stream: u32,
    exchange_stream: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> biases: array<f32>;  // base [D], hidden [H], shift [D], clamp [D], betas [rungs]
@group(0) @binding(2) var<storage, read> held: array<f32>;    // [rows, D], the states before, where has_clamp
@group(0) @binding(3) var<storage, read_write> visible: array<f32>; // [rows, D]
@group(0) @binding(4) var<storage, read_write> hidden: array<f32>;  // [rows, H]
@group(0) @binding(5) var<storage, read_write> means: array<f32>;   // [ladders, H], of the top rung
@group(0) @binding(6) var<storage, read_write> labels: array<vec2<f32>>;  // [rows]
@group(0) @binding(7) var<storage, read_write> tallies: array<vec4<f32>>; // [(rungs - 1) * ladders]
@group(0) @binding(8) var<storage, read_write> notes: array<f32>; // -D [rows], 1 for pairs that swap [(rungs - 1) * ladders]

var<workgroup> partial: array<f32, 256>;

fn beta_of(row: u32) -> f32 {
    return biases[3u * params.visible + params.hidden + row / params.ladders];
}

fn words_of(row: u32, block: u32, stream: u32) -> vec4<u32> {
    let counter = vec4<u32>(params.step, row, block, stream);
    return philox(counter, vec2<u32>(params.key_low, params.key_high));
}

// Draws one visible unit; what it adds to -D.
fn draw_visible(row: u32, unit: u32, word: u32) -> f32 {
    let index = row * params.visible + unit;
    let change = visible[index];
    var bit = philox_uniform(word) < activation_sigmoid(biases[unit] + beta_of(row) * change);
    if params.has_clamp != 0u && biases[2u * params.visible + params.hidden + unit] != 0.0 {
        bit = held[index] > 0.5;
    }
    visible[index] = select(0.0, 1.0, bit);
    return select(0.0, change, bit);
}

// 16 threads a row, whose sums run in a fixed order.
fn draw_row(number: u32, thread: u32) {
    let row = number * 16u + thread / 16u;
    let lane = thread % 16u;
    let blocks = (params.visible + 3u) / 4u;
    var sum = 0.0;
    if row < params.rows {
        for (var block = lane; block < blocks; block += 16u) {
            let words = words_of(row, block, params.visible_stream);
            for (var i = 0u; i < 4u; i++) {
                let unit = block + i * blocks;
                if unit < params.visible {
                    sum += draw_visible(row, unit, words[i]);
                }
            }
        }
        for (var unit = lane; unit < params.hidden; unit += 16u) {
            let is_on = hidden[row * params.hidden + unit] > 0.5;
            sum += select(0.0, biases[params.visible + unit], is_on);
        }
    }
    partial[thread] = sum;
    workgroupBarrier();
    for (var width = 8u; width > 0u; width /= 2u) {
        if lane < width {
            partial[thread] += partial[thread + width];
        }
        workgroupBarrier();
    }
    if lane == 0u && row < params.rows {
        notes[row] = partial[thread];
    }
}

// The lower row of a pair of the round; params.rows where there are no more pairs.
fn low_row(index: u32) -> u32 {
    let pair = 2u * (index / params.ladders) + params.round % 2u;
    return select(params.rows, pair * params.ladders + index % params.ladders, pair + 1u < params.rungs);
}

fn judge(index: u32) {
    let low = low_row(index);
    if low >= params.rows {
        return;
    }
    let high = low + params.ladders;
    let pair = low / params.ladders;
    let counter = vec4<u32>(params.step, low, 0u, params.exchange_stream);
    let key = vec2<u32>(params.key_low, params.key_high);
    let judgement = exchange_judge(-notes[low], -notes[high], beta_of(low) - beta_of(high), counter, key, tallies[low]);
    tallies[low] = judgement.tally;
    let found = exchange_labels(vec4<f32>(labels[low], labels[high]), judgement.accepted,
        pair == 0u, pair + 2u == params.rungs);
    labels[low] = found.xy;
    labels[high] = found.zw;
    notes[params.rows + low] = select(0.0, 1.0, judgement.accepted);
}

// 16 threads a pair.
fn swap(index: u32, lane: u32) {
    let low = low_row(index);
    if low >= params.rows || notes[params.rows + low] == 0.0 {
        return;
    }
    let first = low * params.visible;
    let second = first + params.ladders * params.visible;
    for (var unit = lane; unit < params.visible; unit += 16u) {
        let kept = visible[first + unit];
        visible[first + unit] = visible[second + unit];
        visible[second + unit] = kept;
    }
}

// Draws a block of four hidden units.
fn draw_hidden(index: u32) {
    let blocks = (params.hidden + 3u) / 4u;
    let row = index / blocks;
    if row >= params.rows {
        return;
    }
    let block = index % blocks;
    let words = words_of(row, block, params.hidden_stream);
    let top = (params.rungs - 1u) * params.ladders;
    for (var i = 0u; i < 4u; i++) {
        let unit = block + i * blocks;
        if unit < params.hidden {
            let p = activation_sigmoid(beta_of(row) * hidden[row * params.hidden + unit]);
            hidden[row * params.hidden + unit] = select(0.0, 1.0, philox_uniform(words[i]) < p);
            if params.keep_means != 0u && row >= top {
                means[(row - top) * params.hidden + unit] = p;
            }
        }
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    if OPERATION == 0u {
        draw_row(number, thread);
    } else if OPERATION == 1u {
        judge(number * 256u + thread);
    } else if OPERATION == 2u {
        swap(number * 16u + thread / 16u, thread % 16u);
    } else {
        draw_hidden(number * 256u + thread);
    }
}
