//! The fused Langevin kernel of the GPU against the same steps taken one kernel at a time on the
//! CPU, and what must hold whatever the net.

use ergodic::{
    device::{Array, Device, Draw, Nonlinearity, Pointwise, Result, TALLY, gpu::Checks},
    energy::{Architecture, Domain, Energy, Mlp},
    random::Stream,
    sampler::{Chains, Mala, Sampler, Ula},
};

use crate::{
    common::{base_limits_device, gpus_with_checks, normals_of, raw, read, upload},
    oracle::uniform_of,
};

const STEPS: u32 = 10;
const SEED: u64 = 0x0123_4567_89ab_cdef;
/// The step number wraps around within a run.
const FIRST_STEP: u32 = u32::MAX - 3;
/// A uniform that is this close to α may fall on either side of it.
const CLOSE: f64 = 1e-3;

/// An energy whose net no kernel sees, so that samplers take the general path.
struct General<'a>(&'a (dyn Energy + Sync));

impl Energy for General<'_> {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn device(&self) -> &Device {
        self.0.device()
    }

    fn dimension(&self) -> usize {
        self.0.dimension()
    }

    fn domain(&self) -> Domain {
        self.0.domain()
    }

    fn energy(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.0.energy(x, out)
    }

    fn score(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.0.score(x, out)
    }
}

/// A net, and which of its energies is meant.
#[derive(Clone, Debug)]
struct Case {
    widths: &'static [usize],
    nonlinearity: Nonlinearity,
    base_precision: f32,
    class: Option<usize>,
    chains: usize,
    /// Factor of the initial weights: enough that proposals are rejected, and not so much that
    /// steps overshoot, which makes rounding errors grow from step to step.
    scale: f32,
}

impl Case {
    fn new(widths: &'static [usize], nonlinearity: Nonlinearity, chains: usize) -> Self {
        Self { widths, nonlinearity, base_precision: 0.0, class: None, chains, scale: 4.0 }
    }

    /// The net, the same on every device.
    fn net(&self, device: &Device) -> Mlp {
        let [inputs, hidden @ .., outputs] = self.widths else {
            unreachable!("two widths or more")
        };
        let shape = Architecture {
            inputs: *inputs,
            hidden: hidden.to_vec(),
            outputs: *outputs,
            nonlinearity: self.nonlinearity,
            base_precision: self.base_precision,
        };
        let mut net = Mlp::initial(device, &shape, 7).unwrap();
        for parameter in net.parameters_mut() {
            device.pointwise(Pointwise::Scale(self.scale), parameter).unwrap();
        }
        net
    }

    fn with_energy<T>(&self, net: &Mlp, work: impl FnOnce(&(dyn Energy + Sync)) -> T) -> T {
        match self.class {
            None => work(net),
            Some(class) => work(&net.conditional(class).unwrap()),
        }
    }

    fn start(&self) -> Vec<f32> {
        normals_of(self.chains * self.widths[0], 1.5, 11)
    }
}

/// States and tallies after every call of so many steps.
type Trace = Vec<(Vec<f32>, Vec<f32>)>;

fn run(energy: &dyn Energy, sampler: &dyn Sampler, start: &[f32], calls: &[u32]) -> Trace {
    let device = energy.device();
    let rows = start.len() / energy.dimension();
    let mut chains = Chains::new(energy, rows, SEED).unwrap();
    chains.visible = upload(device, rows, energy.dimension(), start);
    chains.clock = FIRST_STEP;
    let after_call = |steps: &u32| {
        sampler.advance(energy, &mut chains, *steps).unwrap();
        (read(device, &chains.visible), read(device, &chains.tally))
    };
    calls.iter().map(after_call).collect()
}

/// Runs the fused kernel; panics where it does not take the net.
fn fused(device: &Device, case: &Case, mala: bool, start: &[f32], calls: &[u32]) -> Trace {
    assert!(takes(device, case, mala), "{case:?} does not fit");
    case.with_energy(&case.net(device), |energy| run(energy, &*sampler(mala), start, calls))
}

/// Whether the fused kernel takes a net.
fn takes(device: &Device, case: &Case, metropolis: bool) -> bool {
    let mut x = device.zeros(1, case.widths[0]).unwrap();
    let mut tally = device.zeros(1, TALLY).unwrap();
    case.with_energy(&case.net(device), |energy| {
        let call = ergodic::device::Langevin {
            net: energy.net().unwrap(),
            x: &mut x,
            tally: &mut tally,
            metropolis,
            drift: 0.1,
            noise: 0.1,
            beta: 1.0,
            steps: 1,
            seed: 0,
            first_step: 0,
        };
        device.langevin(call).unwrap()
    })
}

fn sampler(mala: bool) -> Box<dyn Sampler> {
    if mala { Box::new(Mala::new(0.3)) } else { Box::new(Ula::new(0.1)) }
}

/// For every chain whether in some step of the trace its uniform was close to α.
fn close_calls(trace: &Trace) -> Vec<bool> {
    let mut close = vec![false; trace[0].1.len() / TALLY];
    for (index, (_, tally)) in trace.iter().enumerate() {
        let step = FIRST_STEP.wrapping_add(index as u32);
        let draw = Draw { seed: SEED, step, stream: Stream::Accept };
        for (chain, entry) in tally.chunks_exact(TALLY).enumerate() {
            let distance = f64::from(entry[3]).exp() - uniform_of(draw, chain, 0, 1);
            close[chain] |= distance.abs() < CLOSE;
        }
    }
    close
}

/// Asserts that the fused kernel follows the general path on the CPU.
fn assert_follows(label: &str, device: &Device, case: &Case, mala: bool) {
    let what = format!("{label}: {case:?}, MALA {mala}");
    let cpu = case.net(&Device::cpu());
    let wanted = case.with_energy(&cpu, |energy| {
        run(&General(energy), &*sampler(mala), &case.start(), &[1; STEPS as usize])
    });
    let close = if mala { close_calls(&wanted) } else { vec![false; case.chains] };
    let found = fused(device, case, mala, &case.start(), &[STEPS]).remove(0);
    let wanted = &wanted[STEPS as usize - 1];
    let d = case.widths[0];
    for chain in (0..case.chains).filter(|chain| !close[*chain]) {
        for unit in chain * d..(chain + 1) * d {
            let (found, wanted) = (found.0[unit], wanted.0[unit]);
            assert!((found - wanted).abs() <= 1e-4, "{what}: chain {chain}, {found} for {wanted}");
        }
        let entry = chain * TALLY..(chain + 1) * TALLY;
        let (found, wanted) = (&found.1[entry.clone()], &wanted.1[entry]);
        assert_eq!(found[..2], wanted[..2], "{what}: chain {chain}, accepted and failed");
        for (found, wanted) in found[2..].iter().zip(&wanted[2..]) {
            let error = (found - wanted).abs() / (1.0 + wanted.abs());
            assert!(error < 1e-3, "{what}: chain {chain}, {found} for {wanted}");
        }
    }
    // Uniforms are close to α as often as chance has it.
    let expected = 2.0 * CLOSE * f64::from(STEPS) * case.chains as f64;
    let count = close.iter().filter(|close| **close).count() as f64;
    assert!(count <= 1.0 + expected + 5.0 * expected.sqrt(), "{what}: {count} close calls");
}

fn follow(cases: &[Case]) {
    for (label, device) in gpus_with_checks() {
        for case in cases {
            for mala in [false, true] {
                assert_follows(label, &device, case, mala);
            }
        }
    }
}

use Nonlinearity::{Elu, Silu, Softplus, Tanh};

#[test]
fn every_nonlinearity_follows_the_general_path() {
    let case = |nonlinearity| Case::new(&[2, 16, 16, 1], nonlinearity, 17);
    follow(&[Silu, Elu, Tanh, Softplus].map(case));
}

#[test]
fn small_nets_follow_the_general_path() {
    follow(&[
        Case { base_precision: 0.1, ..Case::new(&[2, 16, 16, 1], Silu, 257) },
        Case { base_precision: 0.1, ..Case::new(&[3, 5, 1], Tanh, 1) },
        Case::new(&[3, 5, 1], Elu, 257),
        // No hidden layer, one of every kind of energy, more units than threads draw in a batch.
        Case { base_precision: 0.1, ..Case::new(&[150, 1], Silu, 17) },
        Case { base_precision: 0.1, ..Case::new(&[6, 4], Silu, 17) },
        Case { class: Some(3), base_precision: 0.1, ..Case::new(&[6, 4], Silu, 17) },
    ]);
}

#[test]
fn wide_nets_follow_the_general_path() {
    follow(&[
        Case { base_precision: 0.1, scale: 3.0, ..Case::new(&[2, 128, 128, 1], Silu, 257) },
        Case { scale: 3.0, ..Case::new(&[2, 128, 128, 1], Softplus, 1) },
    ]);
}

#[test]
fn joint_models_follow_the_general_path() {
    let joint = Case::new(&[64, 128, 10], Elu, 17);
    let with_base = Case { base_precision: 0.1, ..joint.clone() };
    follow(&[joint, Case { class: Some(3), ..with_base }]);
}

/// 16 KiB hold tiles of 16, 8 and 4 chains of these nets.
#[test]
fn every_size_of_a_tile_follows_the_general_path() {
    let Some(device) = base_limits_device() else { return };
    for widths in [&[2, 60, 1][..], &[2, 129, 127, 1], &[2, 255, 256, 1]] {
        let case = Case { base_precision: 0.1, scale: 3.0, ..Case::new(widths, Silu, 18) };
        for mala in [false, true] {
            assert_follows("base limits", &device, &case, mala);
        }
    }
}

/// A device that knows nothing of its own speed yet splits many chains over several dispatches.
#[test]
fn many_chains_are_split_over_dispatches() {
    for (label, _) in gpus_with_checks() {
        let checks = if label.ends_with("on") { Checks::Full } else { Checks::Off };
        for mala in [false, true] {
            let device = pollster::block_on(Device::open_with("gpu:0", checks)).unwrap();
            let case = Case::new(&[3, 16, 16, 1], Softplus, 4_500);
            assert_follows(label, &device, &case, mala);
        }
    }
}

#[test]
fn nets_that_do_not_fit_are_left_to_the_general_path() {
    let Some(device) = base_limits_device() else { return };
    for mala in [false, true] {
        assert!(takes(&device, &Case::new(&[2, 256, 256, 1], Silu, 1), mala));
        assert!(takes(&device, &Case::new(&[2, 4, 4, 4, 4, 4, 4, 1], Silu, 1), mala));
        assert!(!takes(&device, &Case::new(&[2, 512, 512, 1], Silu, 1), mala));
        assert!(!takes(&device, &Case::new(&[2, 4, 4, 4, 4, 4, 4, 4, 1], Silu, 1), mala));
    }
    // MALA keeps three vectors of the dimension more.
    let case = Case::new(&[300, 64, 1], Silu, 1);
    assert_eq!([false, true].map(|mala| takes(&device, &case, mala)), [true, false]);
}

#[test]
fn a_chain_does_not_see_the_others_nor_how_its_steps_are_split() {
    for case in [Case::new(&[3, 16, 16, 1], Silu, 257), Case::new(&[6, 40, 4], Elu, 40)] {
        for (label, device) in gpus_with_checks() {
            for mala in [false, true] {
                let start = case.start();
                let whole = fused(&device, &case, mala, &start, &[STEPS]).remove(0);
                let split = fused(&device, &case, mala, &start, &[3, 6, 1]).remove(2);
                assert_eq!(raw(&whole.0), raw(&split.0), "{label}, MALA {mala}: split");
                assert_eq!(raw(&whole.1), raw(&split.1), "{label}, MALA {mala}: split tally");
                let few = 19 * case.widths[0];
                let part = fused(&device, &case, mala, &start[..few], &[STEPS]).remove(0);
                assert_eq!(raw(&whole.0[..few]), raw(&part.0), "{label}, MALA {mala}: few");
                assert_eq!(raw(&whole.1[..19 * TALLY]), raw(&part.1), "{label}, MALA {mala}");
            }
        }
    }
}

#[test]
fn a_chain_that_is_lost_stays_and_is_counted_and_changes_no_other() {
    let case = Case { base_precision: 0.1, ..Case::new(&[3, 16, 16, 1], Silu, 40) };
    let lost = [(1, f32::NAN), (18, 1e30), (22, f32::INFINITY), (39, -1e30)];
    for (label, device) in gpus_with_checks() {
        for mala in [false, true] {
            let mut start = case.start();
            let clean = fused(&device, &case, mala, &start, &[STEPS]).remove(0);
            for (chain, value) in lost {
                start[3 * chain + 1] = value;
            }
            let found = fused(&device, &case, mala, &start, &[STEPS]).remove(0);
            for chain in 0..case.chains {
                let what = format!("{label}, MALA {mala}: chain {chain}");
                let x = 3 * chain..3 * (chain + 1);
                let entry = TALLY * chain..TALLY * (chain + 1);
                if lost.iter().any(|(other, _)| *other == chain) {
                    assert_eq!(raw(&found.0[x.clone()]), raw(&start[x]), "{what}");
                    let log_alpha = if mala { -1e30 } else { 0.0 };
                    assert_eq!(found.1[entry], [0.0, STEPS as f32, 0.0, log_alpha], "{what}");
                } else {
                    assert_eq!(raw(&found.0[x.clone()]), raw(&clean.0[x]), "{what}");
                    assert_eq!(raw(&found.1[entry.clone()]), raw(&clean.1[entry]), "{what}");
                }
            }
        }
    }
}
