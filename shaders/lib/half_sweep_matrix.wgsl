enable f16;
enable wgpu_cooperative_matrix;
// half_sweep.wgsl on cooperative matrices: sums [units, chains] += weights [units, k] * states [k, chains],
// in squares of SIZE x SIZE. Factors are f16, sums f32. States are exact in f16; a weight is the sum of
// two f16, which keep 23 of its 24 bits (see split.wgsl), so every product is made twice.
//
// A subgroup sums 2 x 4 squares at a time, an item: a band of 2 * SIZE units for a span of 4 * SIZE
// chains. All subgroups of a workgroup take the same k at the same time, whose states are spread out
// from bits to f16 in one of two buffers while the other is read. Row 4 * b + i of the bands is unit i of
// block b. The sums of a square go through workgroup memory to the threads that draw.
//
// What comes out depends on no constant but SIZE, as far as the device sums a square always alike.
//
// Subgroups are taken to be consecutive threads and full, which holds for workgroups of one dimension
// wherever cooperative matrices are known. What it asks of the shader that imports it is what
// half_sweep.wgsl asks.
// Constants: SIZE (8 or 16), SUBGROUPS (the most that a workgroup can have), CHAINS (a multiple of
// 4 * SIZE), WORDS (units * GROUPS), and the types Left, Right and Sum of the squares.

@group(0) @binding(1) var<storage, read> weights: array<f16>; // see split.wgsl

const AREA = SIZE * SIZE;
const BAND = 2u * SIZE;
const SPAN = 4u * SIZE;
const SPANS = CHAINS / SPAN;
const DEPTH = 2u; // squares along k in a buffer
const STRIDE = CHAINS + 8u; // of rows of factors; the odd eighth avoids bank conflicts
const BUFFER = DEPTH * SIZE * STRIDE;
const PAIRS = CHAINS / 2u;
const ROWS = 256u / PAIRS; // of factors that the threads write at a time
const COLUMN = SIZE + 4u; // stride of columns of sums, likewise
const SQUARE = SIZE * COLUMN;
const DRAWS = AREA / 4u; // in a square
const HEADER = 256u; // see split.wgsl

var<workgroup> factors: array<f16, 2u * BUFFER>; // [buffer][k][chain]
var<workgroup> sums: array<f32, SUBGROUPS * SQUARE>; // [subgroup][chain][unit]

// Which squares the subgroups draw.
struct Squares {
    first: u32, // item of the first subgroup
    subgroups: u32,
    row: u32,    // of the square in its item
    column: u32,
    unscale: f32,
}

fn bands_of(units: u32) -> u32 {
    return (4u * blocks_of(units) + BAND - 1u) / BAND;
}

fn steps_of(units: u32) -> u32 {
    return (units + SIZE - 1u) / SIZE;
}

// Turns the states of DEPTH * SIZE units from `first` on into factors, two chains a thread and turn.
// Past the last unit it takes what is there, since weights are 0.
fn spread(side: Side, first: u32, buffer: u32, thread: u32) {
    if thread >= ROWS * PAIRS {
        return;
    }
    let chain = thread % PAIRS * 2u;
    var from_word = (side.from_first + first + thread / PAIRS) * GROUPS + chain / 32u;
    var to_factor = buffer * BUFFER + thread / PAIRS * STRIDE + chain;
    for (var k = thread / PAIRS; k < DEPTH * SIZE; k += ROWS) {
        let bits = states[min(from_word, WORDS - 1u)] >> (chain % 32u);
        factors[to_factor] = select(0.0h, 1.0h, (bits & 1u) != 0u);
        factors[to_factor + 1u] = select(0.0h, 1.0h, (bits & 2u) != 0u);
        from_word += ROWS * GROUPS;
        to_factor += ROWS * STRIDE;
    }
}

// The item of a subgroup, as its band and the first chain of its span.
fn place_of(item: u32) -> vec2<u32> {
    return vec2<u32>(item / SPANS, item % SPANS * SPAN);
}

// Draws the units of one square of every subgroup, whose sums have been stored.
fn draw_squares(side: Side, squares: Squares, first_chain: u32, thread: u32) {
    let blocks = blocks_of(side.units);
    workgroupBarrier();
    for (var index = thread; index < squares.subgroups * DRAWS; index += 256u) {
        let place = place_of(squares.first + index / DRAWS);
        let chain = index % SIZE;
        let quad = index % DRAWS / SIZE;
        let block = (place.x * BAND + squares.row * SIZE) / 4u + quad;
        if block < blocks {
            let at = index / DRAWS * SQUARE + chain * COLUMN + 4u * quad;
            let inputs = vec4<f32>(sums[at], sums[at + 1u], sums[at + 2u], sums[at + 3u]);
            let in_group = place.y + squares.column * SIZE + chain;
            let bits = draw(squares.unscale * inputs, side, units_of(side, block), block, first_chain + in_group);
            for (var i = 0u; i < 4u; i++) {
                sums[at + i] = f32(bits[i]);
            }
        }
    }
    workgroupBarrier();
    // A thread packs the SIZE states of a unit. No other touches their word meanwhile.
    for (var index = thread; index < squares.subgroups * SIZE; index += 256u) {
        let place = place_of(squares.first + index / SIZE);
        let row = place.x * BAND + squares.row * SIZE + index % SIZE;
        let unit = row / 4u + row % 4u * blocks;
        if row / 4u < blocks && unit < side.units && !is_held(side.first + unit) {
            var bits = 0u;
            for (var c = 0u; c < SIZE; c++) {
                bits |= u32(sums[index / SIZE * SQUARE + c * COLUMN + index % SIZE]) << c;
            }
            let chain = place.y + squares.column * SIZE;
            let shift = chain % 32u;
            let at = (side.first + unit) * GROUPS + chain / 32u;
            states[at] = (states[at] & ~(((1u << SIZE) - 1u) << shift)) | (bits << shift);
        }
    }
    workgroupBarrier();
}

// Ends with a barrier, after which the states are those drawn.
fn half_sweep(side: Side, first_chain: u32, thread: u32) {
    let per_subgroup = subgroupAdd(1u);
    let subgroups = 256u / per_subgroup;
    let subgroup = subgroupMin(thread) / per_subgroup;
    let mine = subgroup * SQUARE;
    let steps = steps_of(side.from_units);
    let items = bands_of(side.units) * SPANS;
    let to_hidden = bands_of(params.hidden) * steps_of(params.visible) * 4u * AREA;
    let weights_first = HEADER + select(0u, to_hidden, side.first == 0u);
    let unscale = bitcast<f32>(u32(i32(weights[0]) + 127) << 23u);
    for (var first = 0u; first < items; first += subgroups) {
        let item = first + subgroup;
        let place = place_of(item);
        let own_steps = select(0u, steps, item < items);
        var at = weights_first + place.x * steps * 4u * AREA;
        var sum00 = Sum();
        var sum01 = Sum();
        var sum02 = Sum();
        var sum03 = Sum();
        var sum10 = Sum();
        var sum11 = Sum();
        var sum12 = Sum();
        var sum13 = Sum();
        for (var step = 0u; step < steps; step += DEPTH) {
            let buffer = step / DEPTH % 2u;
            spread(side, step * SIZE, buffer, thread);
            workgroupBarrier();
            for (var own = step; own < min(step + DEPTH, own_steps); own++) {
                let high0 = coopLoadT<Left>(&weights[at], SIZE);
                let low0 = coopLoadT<Left>(&weights[at + AREA], SIZE);
                let high1 = coopLoadT<Left>(&weights[at + 2u * AREA], SIZE);
                let low1 = coopLoadT<Left>(&weights[at + 3u * AREA], SIZE);
                at += 4u * AREA;
                let at_states = buffer * BUFFER + (own - step) * SIZE * STRIDE + place.y;
                let states0 = coopLoadT<Right>(&factors[at_states], STRIDE);
                sum00 = coopMultiplyAdd(high0, states0, coopMultiplyAdd(low0, states0, sum00));
                sum10 = coopMultiplyAdd(high1, states0, coopMultiplyAdd(low1, states0, sum10));
                let states1 = coopLoadT<Right>(&factors[at_states + SIZE], STRIDE);
                sum01 = coopMultiplyAdd(high0, states1, coopMultiplyAdd(low0, states1, sum01));
                sum11 = coopMultiplyAdd(high1, states1, coopMultiplyAdd(low1, states1, sum11));
                let states2 = coopLoadT<Right>(&factors[at_states + 2u * SIZE], STRIDE);
                sum02 = coopMultiplyAdd(high0, states2, coopMultiplyAdd(low0, states2, sum02));
                sum12 = coopMultiplyAdd(high1, states2, coopMultiplyAdd(low1, states2, sum12));
                let states3 = coopLoadT<Right>(&factors[at_states + 3u * SIZE], STRIDE);
                sum03 = coopMultiplyAdd(high0, states3, coopMultiplyAdd(low0, states3, sum03));
                sum13 = coopMultiplyAdd(high1, states3, coopMultiplyAdd(low1, states3, sum13));
            }
        }
        // One by one through the place of the first, so that the code to draw is there once.
        for (var square = 0u; square < 8u; square++) {
            coopStore(sum00, &sums[mine], COLUMN);
            let squares = Squares(first, subgroups, square / 4u, square % 4u, unscale);
            draw_squares(side, squares, first_chain, thread);
            sum00 = sum01;
            sum01 = sum02;
            sum02 = sum03;
            sum03 = sum10;
            sum10 = sum11;
            sum11 = sum12;
            sum12 = sum13;
        }
    }
}
