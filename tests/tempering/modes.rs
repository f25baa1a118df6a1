//! Laws of two modes that plain samplers do not leave: tempering visits both in their proportions.

use ergodic::{
    device::Device,
    energy::{Analytic, Base, Component, Energy, Rbm},
    evaluate::{Draws, r_hat},
    sampler::{Chains, Exchanges, Gibbs, Hmc, Mala, Metropolis, Rungs, Sampler, Tempering},
};

use crate::common::{devices, read, softplus, with_gpu};

const SEED: u64 = 41;

fn count(device: &Device, many: usize, few: usize) -> usize {
    if device.name().starts_with("CPU") || !with_gpu() { many } else { few }
}

/// Asserts that a share of n independent chains lies within 5 standard errors of a probability: a
/// false alarm has probability 6e-7. With 512 chains and p = 0.7, shares off by 0.1 are rejected.
fn assert_share(what: &str, share: f64, p: f64, n: usize) {
    let error = (p * (1.0 - p) / n as f64).sqrt();
    println!("{what}: share {share:.4}, wanted {p:.4} ± {error:.4}");
    assert!((share - p).abs() < 5.0 * error, "{what}: share {share}, wanted {p} ± {error}");
}

/// The ladder that burn-in found: swaps about as often everywhere, near the rate that was asked for,
/// and in order.
fn assert_ladder(what: &str, found: &Exchanges, rate: f64) {
    println!("{what}: {:?}", found);
    assert!(found.betas.windows(2).all(|pair| pair[0] < pair[1]), "{what}: {found:?}");
    for swap in &found.swap_rates {
        assert!((swap - rate).abs() < 0.2, "{what}: {found:?}");
    }
    assert_eq!(found.failed, 0, "{what}");
}

const D: usize = 10;
const H: usize = 4;
const COUPLING: f32 = 2.0;

/// Every unit coupled to every other side's: all on and all off are modes, on the likelier one.
fn bimodal(device: &Device) -> Rbm {
    let weights = [COUPLING; D * H];
    let visible = [-0.5 * COUPLING * H as f32 + 0.0847; D];
    let hidden = [-0.5 * COUPLING * D as f32; H];
    Rbm::new(device, &weights, &visible, &hidden).unwrap()
}

/// P(more than half of the visible units are on), by enumeration.
fn probability_on() -> f64 {
    let mut sums = [0.0; 2];
    for state in 0..1u32 << D {
        let on = f64::from(state.count_ones());
        let field = f64::from(COUPLING) * (on - 0.5 * D as f64);
        let bias = on * (-0.5 * f64::from(COUPLING) * H as f64 + 0.0847);
        sums[usize::from(on > 0.5 * D as f64)] += (bias + H as f64 * softplus(field)).exp();
    }
    sums[1] / (sums[0] + sums[1])
}

fn share_on(device: &Device, chains: &Chains) -> f64 {
    let rows = read(device, &chains.visible);
    let on = rows.chunks_exact(D).filter(|row| row.iter().sum::<f32>() > 0.5 * D as f32);
    on.count() as f64 / chains.visible.rows() as f64
}

#[test]
fn a_bimodal_rbm() {
    let p = probability_on();
    for device in devices() {
        let rbm = bimodal(&device);
        let n = count(&device, 4096, 512);
        let all_on = || {
            let mut chains = Chains::new(&rbm, n, SEED).unwrap();
            let ones = vec![1.0; n * D];
            chains.start_from(&rbm, &device.upload(n, D, &ones).unwrap()).unwrap();
            chains
        };
        let label = device.name();
        let mut chains = all_on();
        Gibbs::default().advance(&rbm, &mut chains, 500).unwrap();
        let stuck = share_on(&device, &chains);
        assert!(stuck > 0.95, "{label}: {stuck} of plain Gibbs chains stayed");

        let mut chains = all_on();
        let base = Base::of_means(&[0.5; D]);
        let mut tempering = Tempering::new(base, 4, Box::new(Gibbs::default())).unwrap();
        let burn_in = tempering.burn_in(&rbm, &mut chains, 300, Rungs::default());
        let found = pollster::block_on(burn_in).unwrap();
        assert_ladder(label, &found, 0.5);
        tempering.advance(&rbm, &mut chains, 200).unwrap();
        assert_share(label, share_on(&device, &chains), p, n);
        let after = pollster::block_on(tempering.exchanges(&device)).unwrap();
        assert_eq!(after.betas, found.betas, "{label}: the ladder is frozen");
        assert_eq!(after.rounds, 200, "{label}");
        assert!(after.round_trips > 1.0, "{label}: {after:?}");
    }
}

/// Chains that start in either mode: by R-hat of how many units are on, over 4,000 draws after as many
/// transitions, plain Gibbs has not mixed and tempering has. A replica is handed from mode to mode
/// about once in 30 rounds, so fewer draws would leave R-hat above 1.01 for their number alone.
#[test]
fn r_hat_of_the_bimodal_rbm() {
    let (device, n, draws) = (Device::cpu(), 64, 4000);
    let rbm = bimodal(&device);
    let r_hat_of = |sampler: &dyn Sampler, chains: &mut Chains| {
        sampler.advance(&rbm, chains, draws).unwrap();
        let mut trace = Vec::new();
        for _ in 0..draws {
            sampler.advance(&rbm, chains, 1).unwrap();
            let rows = read(&device, &chains.visible);
            trace.extend(rows.chunks_exact(D).map(|row| row.iter().sum::<f32>()));
        }
        r_hat(&Draws::from_trace(&trace, n).unwrap())
    };
    let start = || {
        let mut chains = Chains::new(&rbm, n, SEED).unwrap();
        let rows: Vec<f32> = (0..n * D).map(|at| (at / D % 2) as f32).collect();
        chains.start_from(&rbm, &device.upload(n, D, &rows).unwrap()).unwrap();
        chains
    };
    let plain = r_hat_of(&Gibbs::default(), &mut start());
    let mut chains = start();
    let base = Base::of_means(&[0.5; D]);
    let mut tempering = Tempering::new(base, 4, Box::new(Gibbs::default())).unwrap();
    let burn_in = tempering.burn_in(&rbm, &mut chains, 300, Rungs::default());
    pollster::block_on(burn_in).unwrap();
    let exchanged = r_hat_of(&tempering, &mut chains);
    println!("R-hat: plain {plain:.3}, tempering {exchanged:.3}");
    assert!(plain > 1.5, "{plain}");
    assert!(exchanged < 1.01, "{exchanged}");
}

fn two_wells(device: &Device) -> Analytic {
    let part = |weight, x: f64| Component {
        weight,
        mean: vec![x, 0.0],
        covariance: vec![1.0, 0.0, 0.0, 0.25],
    };
    Analytic::mixture(device, &[part(0.3, -8.0), part(0.7, 8.0)]).unwrap()
}

#[test]
fn a_mixture_of_two_gaussians() {
    for device in devices() {
        let energy = two_wells(&device);
        let n = count(&device, 4096, 512);
        let samplers: [Box<dyn Fn() -> Box<dyn Sampler>>; 3] = [
            Box::new(|| Box::new(Mala::new(0.1))),
            Box::new(|| Box::new(Hmc::new(0.3, 3))),
            Box::new(|| Box::new(Metropolis::new(1.0))),
        ];
        let at_right = || {
            let mut chains = Chains::new(&energy, n, SEED).unwrap();
            let x = [8.0, 0.0].repeat(n);
            device.write(&mut chains.visible, 0, &x).unwrap();
            chains
        };
        let share = |chains: &Chains| {
            let rows = read(&device, &chains.visible);
            rows.chunks_exact(2).filter(|x| x[0] > 0.0).count() as f64 / n as f64
        };
        // A software GPU takes half a minute for one.
        let few = n < 4096;
        for sampler in &samplers[..if few { 1 } else { samplers.len() }] {
            let what = format!("{}, {}", device.name(), sampler().kind());
            let mut chains = at_right();
            sampler().advance(&energy, &mut chains, 300).unwrap();
            assert_eq!(share(&chains), 1.0, "{what}: all stay");

            let mut chains = at_right();
            let base = Base::Gaussian { mean: vec![0.0; 2], deviation: vec![8.0, 2.0] };
            let mut tempering = Tempering::new(base, 4, sampler()).unwrap();
            let burn_in = tempering.burn_in(&energy, &mut chains, 600, Rungs::ForSwapRate(0.6));
            let found = pollster::block_on(burn_in).unwrap();
            assert_ladder(&what, &found, 0.6);
            tempering.advance(&energy, &mut chains, 300).unwrap();
            assert_share(&what, share(&chains), 0.7, n);
            let after = pollster::block_on(tempering.exchanges(&device)).unwrap();
            assert!(after.round_trips > 1.0, "{what}: {after:?}");
        }
    }
}

/// A call of many steps is as many calls of one, and a run repeats.
#[test]
fn runs_repeat() {
    for device in devices() {
        let rbm = bimodal(&device);
        let run = |calls: &[u32]| {
            let mut chains = Chains::new(&rbm, 64, SEED).unwrap();
            chains.start_from_noise(&device).unwrap();
            let base = Base::of_means(&[0.3; D]);
            let tempering = Tempering::new(base, 5, Box::new(Gibbs::default())).unwrap();
            for steps in calls {
                tempering.advance(&rbm, &mut chains, *steps).unwrap();
            }
            (read(&device, &chains.visible), read(&device, &chains.hidden))
        };
        assert_eq!(run(&[7]), run(&[7]), "{device:?}");
        assert_eq!(run(&[7]), run(&[1, 4, 2]), "{device:?}");
    }
}

#[test]
fn settings_that_make_no_ladder_are_refused() {
    let gibbs = || Box::new(Gibbs::default());
    let base = || Base::of_means(&[0.5; D]);
    let ladder = |betas: &[f32]| {
        Tempering::with_ladder(base(), betas.to_vec(), gibbs()).map(drop).unwrap_err().to_string()
    };
    for (betas, wanted) in [
        (&[1.0][..], "number of rungs 1; it must be 2 or more"),
        (&[0.0, 0.5, 0.5, 1.0], "rung 0.5; it must be above the one below it"),
        (&[0.0, f32::NAN, 1.0], "rung NaN; it must be from 0 to 1"),
        (&[-0.1, 1.0], "rung -0.1; it must be from 0 to 1"),
        (&[0.0, 0.9], "top rung 0.9; it must be 1"),
    ] {
        assert!(ladder(betas).contains(wanted), "{}", ladder(betas));
    }
    assert!(Tempering::new(base(), 1, gibbs()).is_err());
    let device = Device::cpu();
    let (rbm, wells) = (bimodal(&device), two_wells(&device));
    let mut tempering = Tempering::new(base(), 3, gibbs()).unwrap();
    assert!(tempering.admits(&rbm).is_ok());
    let message = tempering.admits(&wells).unwrap_err().to_string();
    assert!(message.contains("wanted a Gaussian base"), "{message}");
    let real = Tempering::new(Base::isotropic(2, 1.0), 3, gibbs()).unwrap();
    assert!(real.admits(&wells).unwrap_err().to_string().contains("gibbs"));
    let mut chains = Chains::new(&rbm, 4, SEED).unwrap();
    for rate in [0.0, 1.0, f64::NAN] {
        let burn_in = tempering.burn_in(&rbm, &mut chains, 10, Rungs::ForSwapRate(rate));
        assert!(pollster::block_on(burn_in).is_err(), "{rate}");
    }
    assert_eq!(wells.hidden(), 0);
}
