// Stable forms: the exponential never sees a positive argument. No value of normal size comes from a
// subnormal one, which a GPU may flush to zero: tests/kernels/flushing.rs computes them all that way.

fn activation_sigmoid(x: f32) -> f32 {
    let t = exp(-min(abs(x), 87.0));
    return select(t, 1.0, x >= 0.0) / (1.0 + t);
}

// log(1 + e^x). WGSL's log is off by up to 2^-21 near 1, so log1p is a series of its own:
// log1p(t) = r (1 + q / 3 + q^2 / 5 + ...), r = 2 t / (2 + t), q = r^2 / 4. In this form r is about as
// large as t: t / (2 + t) would be zero on a GPU that flushes subnormals, where t is near 2^-126.
fn activation_softplus(x: f32) -> f32 {
    let t = exp(-min(abs(x), 87.0));
    let r = t / (1.0 + 0.5 * t);
    let q = 0.25 * (r * r);
    let series = 1.0 + q * (1.0 / 3.0 + q * (0.2 + q * (1.0 / 7.0
        + q * (1.0 / 9.0 + q * (1.0 / 11.0 + q / 13.0)))));
    return max(x, 0.0) + r * series;
}

// e^x as 2^n (1 + p) for x in [-87, 0], clamped outside: (2^n, p); the twin of
// src/device/cpu/activation.rs. WGSL's own exp may be off by 3 + 2 |x| units in the last place.
fn activation_exp_parts(argument: f32) -> vec2<f32> {
    let x = clamp(argument, -87.0, 0.0);
    let n = round(x * 1.44269504);
    let r = (x - n * 0.693359375) - n * -2.12194440e-4;
    let p = 0.49999993 + r * (1.666652e-1 + r * (4.166839e-2 + r * (8.36875e-3
        + r * 1.38145e-3)));
    return vec2<f32>(bitcast<f32>(u32(i32(n) + 127) << 23u), p * r * r + r);
}

// e^x for x <= 0.
fn activation_exp(x: f32) -> f32 {
    let e = activation_exp_parts(x);
    return e.x * (e.y + 1.0);
}

// The activations that have a slope, as (value, slope).

fn activation_sigmoid_with_slope(x: f32) -> vec2<f32> {
    let t = activation_exp(-abs(x));
    let q = 1.0 / (1.0 + t);
    return vec2<f32>(select(t, 1.0, x >= 0.0) * q, t * q * q);
}

fn activation_softplus_with_slope(x: f32) -> vec2<f32> {
    return vec2<f32>(activation_softplus(x), activation_sigmoid(x));
}

fn activation_silu(x: f32) -> vec2<f32> {
    let s = activation_sigmoid_with_slope(x);
    // Sigmoid stops at e^-87: the factor stops where it does.
    return vec2<f32>(max(x, -87.0) * s.x, s.x + clamp(x, -87.0, 87.0) * s.y);
}

fn activation_elu(x: f32) -> vec2<f32> {
    let e = activation_exp_parts(x);
    // 2^n - 1 is exact or -1, and zero near x = 0.
    let below = vec2<f32>(e.x * e.y + (e.x - 1.0), e.x * (e.y + 1.0));
    return select(below, vec2<f32>(x, 1.0), x > 0.0);
}

// With t = e^(-2 |x|): tanh |x| = (1 - t) / (1 + t), its slope 4 t / (1 + t)^2.
fn activation_tanh(x: f32) -> vec2<f32> {
    let e = activation_exp_parts(-2.0 * abs(x));
    let less_one = e.x * e.y + (e.x - 1.0);
    let q = 1.0 / (2.0 + less_one);
    let size = -less_one * q;
    return vec2<f32>(select(size, -size, x < 0.0), 4.0 * (e.x * (e.y + 1.0)) * q * q);
}
