// A TILE x TILE tile of a product, summed over k in order by one accumulator a value: its bits do
// not depend on TILE. 16 x 16 threads (8 x 8 where TILE is 32) hold 4 x 4 values each, where TILE
// is 128 four times that. Blocks of 1024 values of both operands, MATMUL_DEPTH steps of k, pass
// through workgroup memory; while one is multiplied, the next is on its way from memory.
//
// The including shader has the constant TILE (128, 64 or 32) and gives
//     matmul_lhs(unit, k), matmul_rhs(unit, k) -> mat4x4<f32>
// for unit and k in fours: column j holds the units unit to unit + 3 at k + j, 0 where k + j is
// outside; and matmul_lhs_along_k(), matmul_rhs_along_k(): whether k runs along the rows in memory.
//
// On paper, of one step of k (FMA: multiply-add; a multiprocessor does 128 a cycle and reads 128
// bytes of workgroup memory, and a warp of 4 x 8 threads reads 64 + 128 bytes a pair of quads):
//     TILE | a thread: vec4 loads, FMA | a warp: cycles of loads, of FMA | bytes from memory a FMA
//      128 |           4           64  |            4              16   |  1/16
//       64 |           2           16  |            2               4   |  1/8
//       32 |           2           16  |            2               4   |  1/4
// A block costs a thread at most 4 loads, 4 stores and a barrier besides; the next block has 1024
// cycles of FMA of a workgroup of 128 to arrive in, 512 of the others, and a load takes about 700.
//
// An H100 or H200 (132 multiprocessors, 67 TFLOP/s in f32, which is 33 FMA a ps at 1.98 GHz):
// 4096 x 784 x 500 are 32 x 4 tiles of 128: 4 multiprocessors idle, and 12 of 512 columns are
// waste. So at most 95 %, and with 1 FMA in 1.35 instructions about 70 %: 70 us. It reads 103 MB,
// nearly all from the L2 cache: 1.5 TB/s of its 5 or more. These are estimates, not measurements.
// 500 x 784 x 500, a batch's hidden means: 16 x 16 tiles of 32, 4 warps a multiprocessor, which
// hide little: 30 %, 20 us. Its sum of outer products, 13 x 8 tiles of 64: 104 of 132
// multiprocessors and half their rate, 15 us; that of 4,096 chains, 28 tiles of 128 in 5 parts:
// 75 us with the adding.

const MATMUL_SIDE = min(16u, TILE / 4u); // threads
const MATMUL_THREADS = MATMUL_SIDE * MATMUL_SIDE;
const MATMUL_QUADS = TILE / 4u;
const MATMUL_PARTS = MATMUL_QUADS / MATMUL_SIDE; // quads along a side that a thread has
const MATMUL_DEPTH = 1024u / TILE;
// What keeps the stores of a block, and of another at 4 steps of k from it, in different banks.
const MATMUL_TWIST = 32u / MATMUL_DEPTH;
// Of two buffers, each of them the left operand, then the right one.
const MATMUL_BUFFER = 512u;
const MATMUL_OPERAND = 256u;

var<workgroup> matmul_memory: array<vec4<f32>, 1024>; // [buffer][operand][k][quad of units]

// [row][column] of the quads that a thread has: in sum10 those of its second quad of rows and its
// first one of columns.
struct MatmulTile {
    sum00: mat4x4<f32>,
    sum01: mat4x4<f32>,
    sum10: mat4x4<f32>,
    sum11: mat4x4<f32>,
}

// The first quads of rows and columns that a thread has; its second ones are MATMUL_SIDE further.
// 32 neighbours are 4 x 8.
fn matmul_quads(thread: u32) -> vec2<u32> {
    let across = MATMUL_SIDE / 8u;
    let block = thread / 32u;
    return vec2<u32>(thread / 8u % 4u + 4u * (block / across), thread % 8u + 8u * (block % across));
}

// The quads of units and of k that one of 64 threads brings: neighbours read along memory.
fn matmul_block(lane: u32, along_k: bool) -> vec2<u32> {
    let deep = MATMUL_DEPTH / 4u;
    if along_k {
        return vec2<u32>(lane / deep, lane % deep);
    }
    return vec2<u32>(lane % MATMUL_QUADS, lane / MATMUL_QUADS);
}

fn matmul_put(first: u32, block: vec2<u32>, values: mat4x4<f32>) {
    let place = first + 4u * block.y * MATMUL_QUADS + (block.x ^ (block.y * MATMUL_TWIST));
    matmul_memory[place] = values[0];
    matmul_memory[place + MATMUL_QUADS] = values[1];
    matmul_memory[place + 2u * MATMUL_QUADS] = values[2];
    matmul_memory[place + 3u * MATMUL_QUADS] = values[3];
}

fn matmul_fma(a: vec4<f32>, b: vec4<f32>, sum: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(fma(vec4<f32>(a.x), b, sum[0]), fma(vec4<f32>(a.y), b, sum[1]),
        fma(vec4<f32>(a.z), b, sum[2]), fma(vec4<f32>(a.w), b, sum[3]));
}

fn matmul_step(tile: ptr<function, MatmulTile>, lhs: u32, rhs: u32) {
    let a0 = matmul_memory[lhs];
    let b0 = matmul_memory[rhs];
    (*tile).sum00 = matmul_fma(a0, b0, (*tile).sum00);
    if MATMUL_PARTS == 2u {
        let a1 = matmul_memory[lhs + MATMUL_SIDE];
        let b1 = matmul_memory[rhs + MATMUL_SIDE];
        (*tile).sum01 = matmul_fma(a0, b1, (*tile).sum01);
        (*tile).sum10 = matmul_fma(a1, b0, (*tile).sum10);
        (*tile).sum11 = matmul_fma(a1, b1, (*tile).sum11);
    }
}

// The sums over k from first_k, a multiple of 4, to end_k. Must be called in uniform control flow
// with uniform arguments but the thread; ends with a barrier.
fn matmul_tile(first_row: u32, first_column: u32, first_k: u32, end_k: u32, thread: u32) -> MatmulTile {
    var tile = MatmulTile();
    // The first 64 threads bring the left operand, the next 64, if there are any, the right one.
    let brings_lhs = thread < 64u;
    let brings_rhs = MATMUL_THREADS == 64u || (thread >= 64u && thread < 128u);
    let from_lhs = matmul_block(thread % 64u, matmul_lhs_along_k());
    let from_rhs = matmul_block(thread % 64u, matmul_rhs_along_k());
    let row = first_row + 4u * from_lhs.x;
    let column = first_column + 4u * from_rhs.x;
    if brings_lhs {
        matmul_put(0u, from_lhs, matmul_lhs(row, first_k + 4u * from_lhs.y));
    }
    if brings_rhs {
        matmul_put(MATMUL_OPERAND, from_rhs, matmul_rhs(column, first_k + 4u * from_rhs.y));
    }
    workgroupBarrier();
    let quads = matmul_quads(thread);
    var buffer = 0u;
    for (var k = first_k; k < end_k; k += MATMUL_DEPTH) {
        let next = k + MATMUL_DEPTH;
        var lhs = mat4x4<f32>();
        var rhs = mat4x4<f32>();
        if next < end_k {
            if brings_lhs {
                lhs = matmul_lhs(row, next + 4u * from_lhs.y);
            }
            if brings_rhs {
                rhs = matmul_rhs(column, next + 4u * from_rhs.y);
            }
        }
        for (var quad = 0u; quad < MATMUL_DEPTH / 4u; quad++) {
            let place = buffer + 4u * quad * MATMUL_QUADS;
            let twist = quad * MATMUL_TWIST;
            let a = place + (quads.x ^ twist);
            let b = place + MATMUL_OPERAND + (quads.y ^ twist);
            matmul_step(&tile, a, b);
            matmul_step(&tile, a + MATMUL_QUADS, b + MATMUL_QUADS);
            matmul_step(&tile, a + 2u * MATMUL_QUADS, b + 2u * MATMUL_QUADS);
            matmul_step(&tile, a + 3u * MATMUL_QUADS, b + 3u * MATMUL_QUADS);
        }
        buffer = MATMUL_BUFFER - buffer;
        if next < end_k {
            if brings_lhs {
                matmul_put(buffer, from_lhs, lhs);
            }
            if brings_rhs {
                matmul_put(buffer + MATMUL_OPERAND, from_rhs, rhs);
            }
        }
        workgroupBarrier();
    }
    return tile;
}

// A row of one of the quads that a thread has, by branches: an index would move the sums from
// registers to memory.
fn matmul_row(tile: ptr<function, MatmulTile>, part: u32, row: u32) -> vec4<f32> {
    var quad = (*tile).sum00;
    if MATMUL_PARTS == 2u {
        switch part {
            case 0u: {}
            case 1u: { quad = (*tile).sum01; }
            case 2u: { quad = (*tile).sum10; }
            default: { quad = (*tile).sum11; }
        }
    }
    switch row {
        case 0u: { return quad[0]; }
        case 1u: { return quad[1]; }
        case 2u: { return quad[2]; }
        default: { return quad[3]; }
    }
}
