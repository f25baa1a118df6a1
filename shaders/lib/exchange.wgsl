// How the replicas of two neighbouring rungs are judged and relabelled. The including shader imports
// philox, normal and acceptance.

struct Judgement {
    accepted: bool,
    tally: vec4<f32>,
}

// Judges a pair by D of either state, (beta_low - beta_high) and a Philox block.
fn exchange_judge(low: f32, high: f32, beta_difference: f32, counter: vec4<u32>, key: vec2<u32>, tally: vec4<f32>) -> Judgement {
    let log_alpha = beta_difference * (low - high);
    let good = acceptance_in_range(low, ACCEPTANCE_LARGEST_ENERGY)
        && acceptance_in_range(high, ACCEPTANCE_LARGEST_ENERGY)
        && acceptance_is_finite(log_alpha);
    let accepted = good && acceptance_draw(counter, key, log_alpha);
    return Judgement(accepted, acceptance_count(tally, good, accepted, log_alpha, -ACCEPTANCE_LARGEST_ENERGY));
}

// The labels (heading, round trips) of the low and the high rung after a judgement.
fn exchange_labels(labels: vec4<f32>, accepted: bool, is_lowest: bool, is_top: bool) -> vec4<f32> {
    var found = labels;
    if accepted {
        found = labels.zwxy;
    }
    if is_lowest {
        found.y += select(0.0, 1.0, found.x == 2.0);
        found.x = 1.0;
    }
    if is_top && found.z == 1.0 {
        found.z = 2.0;
    }
    return found;
}
