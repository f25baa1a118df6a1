// How proposals are judged and counted. The including shader imports philox and normal.

const ACCEPTANCE_LARGEST_STATE = 1e15f;
const ACCEPTANCE_LARGEST_ENERGY = 1e30f;

// By the bits: a shader may assume that NaN does not exist. Those of NaN and infinity lie above
// those of every number.
fn acceptance_in_range(value: f32, limit: f32) -> bool {
    return (bitcast<u32>(value) & 0x7fffffffu) <= bitcast<u32>(limit);
}

fn acceptance_is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

// Whether the uniform of a Philox block lies below alpha. Its logarithm is -radius^2 / 2.
fn acceptance_draw(counter: vec4<u32>, key: vec2<u32>, log_alpha: f32) -> bool {
    let radius = normal_radius(philox(counter, key).x);
    return -0.5 * radius * radius < log_alpha;
}

// A tally with one more proposal: accepted, failed, sum of min(1, alpha), the last log alpha.
// `failed_log_alpha` stands for that of a proposal that is not good.
fn acceptance_count(tally: vec4<f32>, good: bool, accepted: bool, log_alpha: f32, failed_log_alpha: f32) -> vec4<f32> {
    var entry = tally;
    entry.x += select(0.0, 1.0, accepted);
    entry.y += select(1.0, 0.0, good);
    if good {
        entry.z += exp(min(log_alpha, 0.0));
    }
    entry.w = select(failed_log_alpha, log_alpha, good);
    return entry;
}
