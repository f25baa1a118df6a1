// Standard normals by Box-Muller; the twin of src/device/cpu/normal.rs, which explains it. WGSL's
// own log may be off by 2^-21 and its sin and cos by 2^-11, so they are polynomials here.

// sqrt(-2 log u), u the uniform of the word.
fn normal_radius(word: u32) -> f32 {
    let shifted = bitcast<u32>(philox_uniform(word)) - 0x3f3504f3u;
    let exponent = f32(bitcast<i32>(shifted) >> 23u);
    let x = bitcast<f32>((shifted & 0x007fffffu) + 0x3f3504f3u) - 1.0;
    var p = 7.0376836292e-2;
    p = p * x - 1.1514610310e-1;
    p = p * x + 1.1676998740e-1;
    p = p * x - 1.2420140846e-1;
    p = p * x + 1.4249322787e-1;
    p = p * x - 1.6668057665e-1;
    p = p * x + 2.0000714765e-1;
    p = p * x - 2.4999993993e-1;
    p = p * x + 3.3333331174e-1;
    let square = x * x;
    let tail = (square * x * p - exponent * 2.12194440e-4) - 0.5 * square;
    return sqrt(-2.0 * ((x + tail) + exponent * 0.693359375));
}

// cos and sin of 2 pi u, u the uniform of the word.
fn normal_direction(word: u32) -> vec2<f32> {
    let k = word >> 9u;
    let turned = k + 0x100000u;
    let quadrant = turned >> 21u;
    let offset = f32(turned & 0x1fffffu) - 1048575.5;
    let x = offset * 7.4901405e-7;
    let square = x * x;
    let sine = x + x * square * (-1.6666654611e-1 + square * (8.3321608736e-3 - square * 1.9515295891e-4));
    let cosine = (1.0 - 0.5 * square) + square * square
        * (4.166664568298827e-2 + square * (-1.388731625493765e-3 + square * 2.443315711809948e-5));
    let swap = (quadrant & 1u) != 0u;
    let a = select(cosine, sine, swap);
    let b = select(sine, cosine, swap);
    return vec2<f32>(
        select(a, -a, ((quadrant + 1u) & 2u) != 0u),
        select(b, -b, (quadrant & 2u) != 0u),
    );
}

// Normal `index` of the four that the words of a Philox block give.
fn normal_of_block(words: vec4<u32>, index: u32) -> f32 {
    let pair = select(words.xy, words.zw, index >= 2u);
    let direction = normal_direction(pair.y);
    return normal_radius(pair.x) * select(direction.x, direction.y, (index & 1u) != 0u);
}
