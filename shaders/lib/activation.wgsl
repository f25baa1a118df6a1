// Stable forms: the exponential never sees a positive argument.

fn activation_sigmoid(x: f32) -> f32 {
    let t = exp(-min(abs(x), 87.0));
    return select(t, 1.0, x >= 0.0) / (1.0 + t);
}

// log(1 + e^x). WGSL's log is off by up to 2^-21 near 1, so log1p is a series of its own:
// log1p(t) = 2 artanh(t / (2 + t)).
fn activation_softplus(x: f32) -> f32 {
    let t = exp(-min(abs(x), 87.0));
    let s = t / (2.0 + t);
    let q = s * s;
    let series = 1.0 + q * (1.0 / 3.0 + q * (0.2 + q * (1.0 / 7.0
        + q * (1.0 / 9.0 + q * (1.0 / 11.0 + q / 13.0)))));
    return max(x, 0.0) + 2.0 * s * series;
}
