// Raw Philox4x32-10 words of given counters and keys, for known-answer tests. Words travel as
// their low and high 16 bits, which f32 holds exactly.
#import grid
#import philox

struct Params {
    first_group: u32, // of this dispatch: see grid.wgsl
    end_group: u32,
    count: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> blocks: array<f32>;      // [count, 12]: counter, key
@group(0) @binding(2) var<storage, read_write> out: array<f32>; // [count, 8]

fn word(index: u32) -> u32 {
    return u32(blocks[index]) | (u32(blocks[index + 1u]) << 16u);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let number = grid_number(group);
    if number >= params.end_group {
        return;
    }
    let index = number * 256u + thread;
    if index >= params.count {
        return;
    }
    let first = index * 12u;
    let counter = vec4<u32>(word(first), word(first + 2u), word(first + 4u), word(first + 6u));
    let words = philox(counter, vec2<u32>(word(first + 8u), word(first + 10u)));
    for (var i = 0u; i < 4u; i++) {
        out[index * 8u + 2u * i] = f32(words[i] & 0xffffu);
        out[index * 8u + 2u * i + 1u] = f32(words[i] >> 16u);
    }
}
