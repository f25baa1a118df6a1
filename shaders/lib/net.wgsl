// Forward and backward passes of a net for a tile of 4 * QUADS chains in workgroup memory. `memory`
// is [unit][quad] with four chains a vector; at `params.values` it has room for the values of the
// widest hidden layer or the scores, at `params.slots` a slot for every layer: of hidden ones first
// the sums, then the slopes, then the cotangents, of the last one the outputs, then their
// cotangents.
// The including shader imports activation and has the constants QUADS, THREADS, WORDS, METROPOLIS
// (whether energies are wanted), NONLINEARITY and HEAD; `params` with width0 to width7, layers,
// class_index, values, slots and base_precision; `parameters`. All functions that take a thread
// and hold a barrier must be called in uniform control flow.

// Slices of a sum that is split over threads: past this many, adding them up costs more.
const MAX_SLICES = 16u;

var<workgroup> memory: array<vec4<f32>, WORDS>;
var<workgroup> partials: array<f32, 4u * THREADS>; // [chain of a quad, or word of a block][thread]
var<workgroup> energies: array<vec4<f32>, QUADS>; // of the states that were evaluated last

fn width(index: u32) -> u32 {
    switch index {
        case 0u: { return params.width0; }
        case 1u: { return params.width1; }
        case 2u: { return params.width2; }
        case 3u: { return params.width3; }
        case 4u: { return params.width4; }
        case 5u: { return params.width5; }
        case 6u: { return params.width6; }
        default: { return params.width7; }
    }
}

fn put_partials(thread: u32, value: vec4<f32>) {
    partials[thread] = value.x;
    partials[THREADS + thread] = value.y;
    partials[2u * THREADS + thread] = value.z;
    partials[3u * THREADS + thread] = value.w;
}

fn partials_of(thread: u32) -> vec4<f32> {
    return vec4<f32>(partials[thread], partials[THREADS + thread], partials[2u * THREADS + thread],
        partials[3u * THREADS + thread]);
}

// What a product does with its sums.
const FORWARD = 0u;  // memory[place] = sum + b
const BACKWARD = 1u; // memory[place] *= sum
const SCORE = 2u;    // memory[place] = sum - base_precision * state

struct Product {
    kind: u32,
    units: u32,
    depth: u32,
    weights: u32, // the place of [depth, units]
    inputs: u32,  // places in `memory`
    results: u32,
    extra: u32,   // the place of the biases, or of the states
}

fn finish(product: Product, unit: u32, quad: u32, sum: vec4<f32>) {
    let place = unit * QUADS + quad;
    let result = product.results + place;
    if product.kind == FORWARD {
        memory[result] = sum + parameters[product.extra + unit];
    } else if product.kind == BACKWARD {
        memory[result] *= sum;
    } else {
        memory[result] = sum - params.base_precision * memory[product.extra + place];
    }
}

fn finish_unit(product: Product, unit: u32, sums: mat4x4<f32>) {
    finish(product, unit, 0u, sums[0]);
    if QUADS > 1u {
        finish(product, unit, 1u, sums[1]);
    }
    if QUADS > 2u {
        finish(product, unit, 2u, sums[2]);
        finish(product, unit, 3u, sums[3]);
    }
}

// A thread sums two units of all chains: units b and b + B with B = units / 2 rounded up, so that
// neighbouring threads read neighbouring weights.
fn wide_product(product: Product, thread: u32) {
    let pairs = (product.units + 1u) / 2u;
    for (var unit = thread; unit < pairs; unit += THREADS) {
        // Past the last unit a thread repeats it, and throws the result away.
        let other = min(unit + pairs, product.units - 1u);
        var sum0 = mat4x4<f32>();
        var sum1 = mat4x4<f32>();
        for (var k = 0u; k < product.depth; k++) {
            let row = product.weights + k * product.units;
            let w0 = parameters[row + unit];
            let w1 = parameters[row + other];
            let place = product.inputs + k * QUADS;
            let input0 = memory[place];
            sum0[0] += w0 * input0;
            sum1[0] += w1 * input0;
            if QUADS > 1u {
                let input1 = memory[place + 1u];
                sum0[1] += w0 * input1;
                sum1[1] += w1 * input1;
            }
            if QUADS > 2u {
                let input2 = memory[place + 2u];
                let input3 = memory[place + 3u];
                sum0[2] += w0 * input2;
                sum1[2] += w1 * input2;
                sum0[3] += w0 * input3;
                sum1[3] += w1 * input3;
            }
        }
        finish_unit(product, unit, sum0);
        if unit + pairs < product.units {
            finish_unit(product, other, sum1);
        }
    }
}

// A thread sums a slice of one unit of four chains; the slices are added in order.
fn narrow_product(product: Product, thread: u32) {
    let items = product.units * QUADS;
    let slices = min(min(THREADS / items, MAX_SLICES), product.depth);
    let length = (product.depth + slices - 1u) / slices;
    if thread < items * slices {
        let unit = thread % product.units;
        let quad = thread / product.units % QUADS;
        let first = thread / items * length;
        var sum = vec4<f32>();
        for (var k = first; k < min(first + length, product.depth); k++) {
            let w = parameters[product.weights + k * product.units + unit];
            sum += w * memory[product.inputs + k * QUADS + quad];
        }
        put_partials(thread, sum);
    }
    workgroupBarrier();
    if thread < items {
        var sum = partials_of(thread);
        for (var slice = 1u; slice < slices; slice++) {
            sum += partials_of(slice * items + thread);
        }
        finish(product, thread % product.units, thread / product.units, sum);
    }
}

fn multiply(product: Product, thread: u32) {
    if product.units * QUADS <= THREADS {
        narrow_product(product, thread);
    } else {
        wide_product(product, thread);
    }
    workgroupBarrier();
}

// (value, slope)
fn nonlinearity(sum: f32) -> vec2<f32> {
    if NONLINEARITY == 0u {
        return activation_silu(sum);
    } else if NONLINEARITY == 1u {
        return activation_elu(sum);
    } else if NONLINEARITY == 2u {
        return activation_tanh(sum);
    } else {
        return activation_softplus_with_slope(sum);
    }
}

// Sums of a layer into slopes in place and into values.
fn activate(slot: u32, count: u32, thread: u32) {
    for (var i = thread; i < count; i += THREADS) {
        let sums = memory[slot + i];
        let a = nonlinearity(sums.x);
        let b = nonlinearity(sums.y);
        let c = nonlinearity(sums.z);
        let d = nonlinearity(sums.w);
        memory[params.values + i] = vec4<f32>(a.x, b.x, c.x, d.x);
        memory[slot + i] = vec4<f32>(a.y, b.y, c.y, d.y);
    }
    workgroupBarrier();
}

// Outputs of a quad into their cotangents of -E in place; their part of E.
fn head(slot: u32, outputs: u32, quad: u32) -> vec4<f32> {
    let first = slot + quad;
    if HEAD == 0u {
        let energy = memory[first];
        memory[first] = vec4<f32>(-1.0);
        return energy;
    }
    if HEAD == 1u {
        var largest = memory[first];
        for (var k = 1u; k < outputs; k++) {
            largest = max(largest, memory[first + k * QUADS]);
        }
        var sum = vec4<f32>();
        for (var k = 0u; k < outputs; k++) {
            let term = exp(memory[first + k * QUADS] - largest);
            memory[first + k * QUADS] = term;
            sum += term;
        }
        for (var k = 0u; k < outputs; k++) {
            memory[first + k * QUADS] /= sum;
        }
        return -(largest + log(sum));
    }
    let energy = -memory[first + params.class_index * QUADS];
    for (var k = 0u; k < outputs; k++) {
        memory[first + k * QUADS] = vec4<f32>(select(0.0, 1.0, k == params.class_index));
    }
    return energy;
}

// A thread's part of the squared norms of the states; it stays with one quad, as THREADS is a
// multiple of QUADS.
fn put_squares(states: u32, thread: u32) {
    var sum = vec4<f32>();
    for (var i = thread; i < params.width0 * QUADS; i += THREADS) {
        sum += memory[states + i] * memory[states + i];
    }
    put_partials(thread, sum);
}

// Cotangents of the outputs in place; in MALA the energies too.
fn finish_outputs(states: u32, slot: u32, thread: u32) {
    if METROPOLIS {
        put_squares(states, thread);
        workgroupBarrier();
    }
    if thread < QUADS {
        var energy = head(slot, width(params.layers), thread);
        if METROPOLIS {
            if params.base_precision != 0.0 {
                var squares = vec4<f32>();
                for (var row = 0u; row < min(params.width0, THREADS / QUADS); row++) {
                    squares += partials_of(row * QUADS + thread);
                }
                energy += 0.5 * params.base_precision * squares;
            }
            energies[thread] = energy;
        }
    }
    workgroupBarrier();
}

// Scores of the states at a place of `memory` into `values`; in MALA their energies too. All
// products are one call, as compilers copy a function to wherever it is called from.
fn evaluate(states: u32, thread: u32) {
    var product = Product(FORWARD, 0u, 0u, 0u, states, params.slots, 0u);
    for (var pass_index = 0u; pass_index < 2u * params.layers; pass_index++) {
        let forward = pass_index < params.layers;
        let layer = select(2u * params.layers - 1u - pass_index, pass_index, forward);
        let below = width(layer);
        let above = width(layer + 1u);
        if forward {
            product.units = above;
            product.depth = below;
            product.extra = product.weights + 2u * below * above;
        } else {
            product.units = below;
            product.depth = above;
            product.extra = states;
            // From the place behind the layer to that of its transpose.
            product.weights -= (below + 1u) * above;
            product.kind = select(BACKWARD, SCORE, layer == 0u);
            product.results = select(product.inputs - below * QUADS, params.values, layer == 0u);
        }
        multiply(product, thread);
        if forward {
            product.weights = product.extra + above;
            product.inputs = params.values;
            if layer + 1u < params.layers {
                activate(product.results, above * QUADS, thread);
                product.results += above * QUADS;
            } else {
                finish_outputs(states, product.results, thread);
                product.inputs = product.results;
            }
        } else {
            product.weights -= below * above;
            product.inputs = product.results;
        }
    }
}
