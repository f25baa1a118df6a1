// Totals over the threads of a workgroup that draw the same chains (see half_sweep.wgsl), in a fixed
// order. Every thread keeps its shares of its PART chains to itself until a total is asked for.

var<private> shares: array<f32, PART>;
var<workgroup> sums_of_threads: array<f32, 256>;

// The total of chain c of every part, in the first PARTS threads, one a part. All threads must call it.
fn total(c: u32, thread: u32) -> f32 {
    workgroupBarrier();
    sums_of_threads[thread] = shares[c];
    workgroupBarrier();
    let column = thread / PARTS;
    for (var stride = 1u; stride < COLUMNS; stride *= 2u) {
        if column % (2u * stride) == 0u && column + stride < COLUMNS {
            sums_of_threads[thread] += sums_of_threads[thread + stride * PARTS];
        }
        workgroupBarrier();
    }
    return sums_of_threads[thread];
}

// Adds the shares of the hidden units: factor * bias for every unit that is on.
fn add_hidden(factor: f32, thread: u32) {
    if thread / PARTS < COLUMNS {
        for (var unit = thread / PARTS; unit < params.hidden; unit += COLUMNS) {
            let bias = factor * biases[params.visible + unit];
            let bits = states[(params.visible + unit) * GROUPS + group_of(thread)] >> shift_of(thread);
            for (var c = 0u; c < PART; c++) {
                shares[c] += select(0.0, bias, ((bits >> c) & 1u) != 0u);
            }
        }
    }
}
