//! Sweeps of ladders with exchanges, against f64 with the host's Philox.

use ergodic::{
    device::{Device, Draw, LABELS, TALLY, Temper},
    random::{Stream, key, philox, uniform},
    wgpu,
};

use crate::{
    common::{
        assert_within, base_limits_device, bits, cpus, devices_with_checks, gpus_with_checks,
        limited_device, normals, normals_of, raw, read, sigmoid, upload,
    },
    oracle::assert_states,
};

const SEED: u64 = 0x0f1e_2d3c_4b5a_6978;

pub struct Model {
    d: usize,
    h: usize,
    w: Vec<f32>,
    base: Vec<f32>,
    shift: Vec<f32>,
    c: Vec<f32>,
    betas: Vec<f32>,
}

impl Model {
    pub fn new(d: usize, h: usize, rungs: usize) -> Self {
        let w = normals_of(d * h, 1.0 / (d.max(h) as f32).sqrt(), 1);
        let betas = (0..rungs).map(|rung| rung as f32 / (rungs - 1) as f32).collect();
        Self { d, h, w, base: normals(d, 2), shift: normals(d, 3), c: normals(h, 4), betas }
    }
}

#[derive(Clone, Debug)]
pub struct Ladders {
    pub visible: Vec<f32>,
    pub hidden: Vec<f32>,
    pub means: Vec<f32>,
    pub labels: Vec<f32>,
    pub tallies: Vec<f32>,
}

impl Ladders {
    pub fn new(n: usize, model: &Model) -> Self {
        let rows = n * model.betas.len();
        Self {
            visible: bits(rows * model.d, 8),
            hidden: bits(rows * model.h, 5),
            means: vec![-1.0; n * model.h],
            labels: vec![0.0; rows * LABELS],
            tallies: vec![0.0; (rows - n) * TALLY],
        }
    }
}

/// The sweeps of a call.
#[derive(Clone, Copy, Debug)]
pub struct Sweeps {
    pub count: u32,
    pub every: u32,
    pub first_round: u32,
    pub first_step: u32,
}

pub fn run(
    device: &Device,
    model: &Model,
    start: &Ladders,
    clamp: Option<&[f32]>,
    sweeps: Sweeps,
) -> Option<Ladders> {
    let Model { d, h, .. } = *model;
    let rungs = model.betas.len();
    let n = start.means.len() / h;
    let mut visible = upload(device, rungs * n, d, &start.visible);
    let mut hidden = upload(device, rungs * n, h, &start.hidden);
    let mut means = upload(device, n, h, &start.means);
    let mut labels = upload(device, rungs * n, LABELS, &start.labels);
    let mut tallies = upload(device, (rungs - 1) * n, TALLY, &start.tallies);
    let clamp = clamp.map(|clamp| upload(device, 1, d, clamp));
    let call = Temper {
        weights: &upload(device, d, h, &model.w),
        base_bias: &upload(device, 1, d, &model.base),
        bias_shift: &upload(device, 1, d, &model.shift),
        hidden_bias: &upload(device, 1, h, &model.c),
        betas: &model.betas,
        visible: &mut visible,
        hidden: &mut hidden,
        hidden_means: &mut means,
        clamp: clamp.as_ref(),
        labels: &mut labels,
        tallies: &mut tallies,
        sweeps: sweeps.count,
        every: sweeps.every,
        first_round: sweeps.first_round,
        seed: SEED,
        first_step: sweeps.first_step,
    };
    device.temper(call).unwrap().then(|| Ladders {
        visible: read(device, &visible),
        hidden: read(device, &hidden),
        means: read(device, &means),
        labels: read(device, &labels),
        tallies: read(device, &tallies),
    })
}

/// Asserts that one sweep from `start` with its exchanges obeys f64; how many pairs swapped.
fn assert_sweep(
    what: &str,
    model: &Model,
    start: &Ladders,
    clamp: Option<&[f32]>,
    end: &Ladders,
    sweeps: Sweeps,
) -> usize {
    let Model { d, h, .. } = *model;
    let (rungs, n) = (model.betas.len(), start.means.len() / h);
    let draw = |stream| Draw { seed: SEED, step: sweeps.first_step, stream };
    // The visible states before the exchanges: what swapped is swapped back.
    let mut visible = end.visible.clone();
    let mut swapped = 0;
    for pair in 0..rungs - 1 {
        for ladder in 0..n {
            let tally = &end.tallies[(pair * n + ladder) * TALLY..][..TALLY];
            let judged = (pair as u32 + sweeps.first_round).is_multiple_of(2);
            assert_eq!(judged, tally != [0.0; TALLY], "{what}: pair {pair} of {ladder}");
            if tally[0] == 1.0 {
                let (low, high) = visible.split_at_mut((pair + 1) * n * d);
                let low = &mut low[(pair * n + ladder) * d..][..d];
                low.swap_with_slice(&mut high[ladder * d..][..d]);
                swapped += 1;
            }
        }
    }
    let (mut p, mut differences) = (Vec::new(), Vec::new());
    for (row, hidden) in start.hidden.chunks(h).enumerate() {
        let beta = f64::from(model.betas[row / n]);
        let states = &visible[row * d..(row + 1) * d];
        let mut difference = 0.0;
        for unit in 0..d {
            let input: f64 = (0..h).map(|k| f64::from(hidden[k] * model.w[unit * h + k])).sum();
            let change = input + f64::from(model.shift[unit]);
            difference -= f64::from(states[unit]) * change;
            if clamp.is_some_and(|clamp| clamp[unit] != 0.0) {
                // What is held agrees with a draw of that very probability.
                assert_eq!(states[unit], start.visible[row * d + unit], "{what}: held");
                p.push(f64::from(states[unit]));
            } else {
                p.push(sigmoid(f64::from(model.base[unit]) + beta * change));
            }
        }
        difference -= hidden.iter().zip(&model.c).map(|(h, c)| f64::from(h * c)).sum::<f64>();
        differences.push(difference);
    }
    assert_states(&format!("{what}, visible"), &visible, &p, d, draw(Stream::Visible));
    for (row, tally) in end.tallies.chunks_exact(TALLY).enumerate() {
        let pair = row / n;
        if !(pair as u32 + sweeps.first_round).is_multiple_of(2) {
            continue;
        }
        let change = f64::from(model.betas[pair]) - f64::from(model.betas[pair + 1]);
        let log_alpha = change * (differences[row] - differences[row + n]);
        let size = differences[row].abs() + differences[row + n].abs() + d as f64;
        let error = (f64::from(tally[3]) - log_alpha).abs();
        assert!(error <= 2e-6 * size, "{what}: log alpha {} for {log_alpha}", tally[3]);
        let mean = log_alpha.min(0.0).exp();
        assert!((f64::from(tally[2]) - mean).abs() <= 4e-6 * size, "{what}: {tally:?}");
        let counter = [sweeps.first_step, row as u32, 0, Stream::Exchange as u32];
        let log_u = f64::from(uniform(philox(counter, key(SEED))[0])).ln();
        if (log_u - log_alpha).abs() > 4e-6 * size {
            assert_eq!(tally[0] == 1.0, log_u < log_alpha, "{what}: pair {pair}");
        }
    }
    let (mut p, mut bounds) = (Vec::new(), Vec::new());
    for (row, states) in end.visible.chunks(d).enumerate() {
        let beta = f64::from(model.betas[row / n]);
        for unit in 0..h {
            let input: f64 = (0..d).map(|k| f64::from(states[k] * model.w[k * h + unit])).sum();
            p.push(sigmoid(beta * (input + f64::from(model.c[unit]))));
            bounds.push(2e-6);
        }
    }
    assert_states(&format!("{what}, hidden"), &end.hidden, &p, h, draw(Stream::Hidden));
    let top = (rungs - 1) * n * h;
    assert_within(&format!("{what}, means"), &end.means, &p[top..], &bounds[top..]);
    swapped
}

/// Wider than a panel of the CPU's kernels and odd on both sides.
#[test]
fn instruction_sets_give_the_same_bits() {
    let model = Model::new(131, 67, 5);
    let start = Ladders::new(11, &model);
    let sweeps = Sweeps { count: 3, every: 1, first_round: 0, first_step: 4 };
    let end = |device: &Device| {
        let end = run(device, &model, &start, None, sweeps).expect("the CPU takes every ladder");
        raw(&[end.visible, end.hidden, end.means, end.labels, end.tallies].concat())
    };
    let wanted = end(&Device::cpu());
    for (set, device) in cpus() {
        assert!(end(&device) == wanted, "{}", set.title());
    }
}

#[test]
fn sweeps_and_exchanges_obey_f64() {
    for (d, h, rungs, n) in [(3, 2, 2, 40), (17, 9, 5, 13), (64, 65, 16, 1), (40, 33, 20, 3)] {
        let model = Model::new(d, h, rungs);
        let clamp: Vec<f32> = (0..d).map(|unit| f32::from(unit % 3 == 1)).collect();
        let start = Ladders::new(n, &model);
        for (label, device) in devices_with_checks() {
            let mut swapped = 0;
            for (first_round, clamp) in [(0, None), (1, Some(&clamp[..])), (6, Some(&clamp))] {
                let sweeps = Sweeps { count: 1, every: 3, first_round, first_step: u32::MAX };
                let what = format!("{label}: {d} x {h}, {n} ladders of {rungs}, {first_round}");
                let end = run(&device, &model, &start, clamp, sweeps).unwrap();
                swapped += assert_sweep(&what, &model, &start, clamp, &end, sweeps);
            }
            assert!(swapped > 0, "{label}: nothing swapped");
        }
    }
}

/// Many sweeps in one call are those of calls of their own, rounds and labels included; sweeps
/// without a round are calls whose round takes no pair.
#[test]
fn sweeps_of_one_call_are_those_of_many() {
    for rungs in [2, 7] {
        let model = Model::new(12, 7, rungs);
        let start = Ladders::new(19, &model);
        for (label, device) in devices_with_checks() {
            let sweeps = Sweeps { count: 12, every: 1, first_round: 3, first_step: 5 };
            let whole = run(&device, &model, &start, None, sweeps).unwrap();
            let mut parts = start.clone();
            for (done, count) in [(0, 5), (5, 1), (6, 6)] {
                let first = Sweeps { count, first_round: 3 + done, first_step: 5 + done, ..sweeps };
                parts = run(&device, &model, &parts, None, first).unwrap();
            }
            let what = format!("{label}, {rungs} rungs");
            for (whole, parts) in [
                (&whole.visible, &parts.visible),
                (&whole.hidden, &parts.hidden),
                (&whole.means, &parts.means),
                (&whole.labels, &parts.labels),
            ] {
                assert_eq!(raw(whole), raw(parts), "{what}");
            }
            // A replica may sit at another place of the workgroup, where sums round otherwise.
            let tallies = whole.tallies.iter().zip(&parts.tallies);
            for (whole, parts) in tallies {
                assert!((whole - parts).abs() < 1e-5 * whole.abs().max(1.0), "{what}: tallies");
            }
            let trips: f32 = whole.labels.chunks(LABELS).map(|label| label[1]).sum();
            assert!(rungs > 2 || trips > 0.0, "{what}: no round trips");
        }
    }
}

/// A round every third sweep is a round in the sweeps 0, 3, 6, …
#[test]
fn rounds_come_as_often_as_asked() {
    let model = Model::new(6, 5, 3);
    let start = Ladders::new(33, &model);
    for (label, device) in devices_with_checks() {
        let sweeps = Sweeps { count: 7, every: 3, first_round: 0, first_step: 0 };
        let end = run(&device, &model, &start, None, sweeps).unwrap();
        // Every round adds a probability to the third column: rounds 0 and 2 judge the first pair,
        // round 1 the second one.
        for (row, tally) in end.tallies.chunks_exact(TALLY).enumerate() {
            let rounds = if row < 33 { 2.0 } else { 1.0 };
            assert!(tally[2] > 0.0 && tally[2] <= rounds, "{label}, {row}: {tally:?}");
            assert!(tally[0] <= rounds && tally[1] == 0.0, "{label}, {row}: {tally:?}");
        }
    }
}

/// Ladders that a workgroup holds, and those that go by products, on WebGPU's base limits.
#[test]
fn ladders_on_both_sides_of_the_workgroup_memory_limit_obey_f64() {
    let bytes = wgpu::Limits::downlevel_defaults().max_compute_workgroup_storage_size;
    let limits = wgpu::Limits { max_compute_workgroup_storage_size: bytes, ..Default::default() };
    let Some(device) = limited_device(limits) else { return };
    for (d, h, rungs) in
        [(3, 2, 50), (1700, 20, 64), (1850, 20, 64), (3600, 20, 2), (3900, 6, 2), (5, 3, 257)]
    {
        let model = Model::new(d, h, rungs);
        let start = Ladders::new(2, &model);
        let clamp: Vec<f32> = (0..d).map(|unit| f32::from(unit % 3 == 1)).collect();
        for (first_round, clamp) in [(0, None), (1, Some(&clamp[..]))] {
            let sweeps = Sweeps { count: 1, every: 1, first_round, first_step: 9 };
            let what = format!("{d} x {h}, {rungs} rungs, round {first_round}");
            let end = run(&device, &model, &start, clamp, sweeps).unwrap();
            assert_sweep(&what, &model, &start, clamp, &end, sweeps);
        }
    }
}

/// The states of ladders do not depend on how a device runs them: in one workgroup, by products, or
/// on a CPU. More than 256 rungs fit into no workgroup; 2 rungs of 3906 units not into the least one.
#[test]
fn whatever_the_route() {
    let Some(base) = base_limits_device() else { return };
    for (d, h, rungs, n) in [(5, 3, 257, 3), (5, 3, 256, 3), (12, 7, 300, 2), (3900, 6, 2, 1)] {
        let model = Model::new(d, h, rungs);
        let start = Ladders::new(n, &model);
        let clamp: Vec<f32> = (0..d).map(|unit| f32::from(unit % 4 == 1)).collect();
        for clamp in [None, Some(&clamp[..])] {
            let what = if clamp.is_some() { ", clamped" } else { "" };
            let sweeps = Sweeps { count: 5, every: 2, first_round: 1, first_step: u32::MAX - 2 };
            let on = |device: &Device| run(device, &model, &start, clamp, sweeps).unwrap();
            let wanted = on(&Device::cpu());
            for (label, device) in gpus_with_checks().iter().chain([&("base limits", base.clone())])
            {
                let found = on(device);
                let what = format!("{label}: {d} x {h}, {n} ladders of {rungs}{what}");
                let apart = |found: &[f32], wanted: &[f32]| {
                    found.iter().zip(wanted).filter(|(found, wanted)| found != wanted).count()
                };
                assert_eq!(apart(&found.visible, &wanted.visible), 0, "{what}: visible");
                assert_eq!(apart(&found.hidden, &wanted.hidden), 0, "{what}: hidden");
                assert_eq!(apart(&found.labels, &wanted.labels), 0, "{what}: labels");
            }
        }
    }
}
