//! Where the rungs lie. With rejection rates r between neighbours, Λ(β) = Σ r up to β is the
//! communication barrier, which hardly depends on the ladder; rungs at equal distances in Λ swap
//! equally often.
//! Source: Syed, Bouchard-Côté, Deligiannidis and Doucet, "Non-reversible parallel tempering: a
//! scalable highly parallel MCMC scheme", JRSS B 2022, sections 4 and 5.

/// Of the mean rejection rate, the least that any pair is taken to have: a short run sees no
/// rejections where there are some.
const FLOOR: f64 = 0.02;

/// `rungs` inverse temperatures at equal distances from 0 to 1.
pub(super) fn even(rungs: usize) -> Vec<f32> {
    (0..rungs).map(|rung| (rung as f64 / (rungs - 1) as f64) as f32).collect()
}

/// `rungs` inverse temperatures at which neighbours reject equally, from the rejection rates of
/// the pairs of `betas`. The ends stay.
pub(super) fn equalise(betas: &[f32], rejections: &[f64], rungs: usize) -> Vec<f32> {
    let sound: Vec<f64> =
        rejections.iter().map(|r| if r.is_finite() { r.clamp(0.0, 1.0) } else { 0.0 }).collect();
    let mean = sound.iter().sum::<f64>() / sound.len() as f64;
    let floor = (FLOOR * mean).max(f64::MIN_POSITIVE);
    let mut barrier = vec![(f64::from(betas[0]), 0.0)];
    let mut sum = 0.0;
    for (beta, r) in betas[1..].iter().zip(sound) {
        sum += r.max(floor);
        barrier.push((f64::from(*beta), sum));
    }
    spread(&barrier, rungs - 1)
}

/// `steps + 1` values at equal distances in a length that grows along β, from (β, length up to it);
/// linear between these points. The ends stay.
pub(crate) fn spread(lengths: &[(f64, f64)], steps: usize) -> Vec<f32> {
    let (first, last) = (lengths[0], lengths[lengths.len() - 1]);
    let mut segment = 0;
    let mut betas: Vec<f32> = (0..=steps)
        .map(|step| {
            let wanted = last.1 * step as f64 / steps as f64;
            while segment + 2 < lengths.len() && lengths[segment + 1].1 < wanted {
                segment += 1;
            }
            let ((from, before), (to, after)) = (lengths[segment], lengths[segment + 1]);
            (from + (to - from) * ((wanted - before) / (after - before)).clamp(0.0, 1.0)) as f32
        })
        .collect();
    (betas[0], betas[steps]) = (first.0 as f32, last.0 as f32);
    betas
}

/// How many rungs swap at a rate where the barrier is Λ: 1 + Λ / (1 − rate).
pub(super) fn rungs_for(barrier: f64, swap_rate: f64) -> usize {
    1 + (barrier / (1.0 - swap_rate)).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_go_where_swaps_are_rejected() {
        // Nine tenths of the barrier lie beyond β = ½.
        let betas = equalise(&[0.0, 0.5, 1.0], &[0.08, 0.72], 11);
        assert_eq!((betas[0], betas[1], betas[10]), (0.0, 0.5, 1.0));
        assert!((betas[2] - (0.5 + 0.5 / 9.0)).abs() < 1e-6, "{betas:?}");
        assert!(betas.windows(2).all(|pair| pair[0] < pair[1]));
        // An equal ladder stays.
        let even = even(5);
        assert_eq!(even, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(equalise(&even, &[0.3; 4], 5), even);
    }

    #[test]
    fn rates_that_say_nothing_leave_an_equal_ladder() {
        for rate in [0.0, f64::NAN] {
            assert_eq!(equalise(&[0.0, 0.5, 1.0], &[rate; 2], 3), [0.0, 0.5, 1.0]);
        }
    }

    #[test]
    fn as_many_rungs_as_the_barrier_asks_for() {
        assert_eq!(rungs_for(3.0, 0.5), 7);
        assert_eq!(rungs_for(3.1, 0.5), 8);
        assert_eq!(rungs_for(0.0, 0.5), 1);
    }
}
