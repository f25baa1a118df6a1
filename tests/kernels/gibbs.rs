//! One sweep against f64 with the host's Philox, then what must hold whatever the model.

use std::sync::OnceLock;

use ergodic::{
    device::{
        Device, Draw, Gibbs,
        gpu::{Checks, Matrices, Tile},
    },
    random::Stream,
    wgpu,
};

use crate::{
    common::{
        assert_within, base_limits_device, bits, devices_with_checks, gpu_with_matrices,
        gpus_with_checks, limited_device, normals, normals_of, raw, read, sigmoid, uniforms,
        upload,
    },
    oracle::{CLOSE, assert_states, uniform_of},
};

/// A model and how it is sampled.
pub struct Model {
    pub d: usize,
    pub h: usize,
    pub w: Vec<f32>,
    pub b: Vec<f32>,
    pub c: Vec<f32>,
    pub clamp: Option<Vec<f32>>,
    pub beta: f32,
    pub seed: u64,
}

impl Model {
    /// Random weights of a size that leaves the inputs of a unit of order 1.
    pub fn new(d: usize, h: usize) -> Self {
        let w = normals_of(d * h, 2.0 / (d.min(h) as f32).sqrt(), 1);
        let (b, c) = (normals(d, 2), normals(h, 3));
        Self { d, h, w, b, c, clamp: None, beta: 0.8, seed: 0xfedc_ba98_7654_3210 }
    }
}

/// Visible states, hidden states, hidden means.
#[derive(Clone, Debug, PartialEq)]
pub struct Chains {
    pub visible: Vec<f32>,
    pub hidden: Vec<f32>,
    pub means: Vec<f32>,
}

impl Chains {
    pub fn new(n: usize, model: &Model) -> Self {
        Self {
            visible: bits(n * model.d, 4),
            hidden: bits(n * model.h, 5),
            means: vec![f32::NAN; n * model.h],
        }
    }
}

/// Runs calls of so many sweeps, the first sweep at `first_step`; the chains after each call.
pub fn run(
    device: &Device,
    model: &Model,
    start: &Chains,
    calls: &[u32],
    first_step: u32,
) -> Vec<Chains> {
    let Model { d, h, .. } = *model;
    let n = start.hidden.len() / h;
    let weights = upload(device, d, h, &model.w);
    let visible_bias = upload(device, 1, d, &model.b);
    let hidden_bias = upload(device, 1, h, &model.c);
    let clamp = model.clamp.as_ref().map(|clamp| upload(device, 1, d, clamp));
    let mut visible = upload(device, n, d, &start.visible);
    let mut hidden = upload(device, n, h, &start.hidden);
    let mut means = upload(device, n, h, &start.means);
    let mut step = first_step;
    let after_call = |sweeps: &u32| {
        let call = Gibbs {
            weights: &weights,
            visible_bias: &visible_bias,
            hidden_bias: &hidden_bias,
            visible: &mut visible,
            hidden: &mut hidden,
            hidden_means: &mut means,
            clamp: clamp.as_ref(),
            beta: model.beta,
            sweeps: *sweeps,
            seed: model.seed,
            first_step: step,
        };
        device.gibbs(call).unwrap();
        step = step.wrapping_add(*sweeps);
        Chains {
            visible: read(device, &visible),
            hidden: read(device, &hidden),
            means: read(device, &means),
        }
    };
    calls.iter().map(after_call).collect()
}

/// p = σ(β (bias + W x)) in f64 for every row of x.
pub fn probabilities(model: &Model, x: &[f32], to_hidden: bool) -> Vec<f64> {
    let Model { d, h, .. } = *model;
    let (from, bias) = if to_hidden { (d, &model.c) } else { (h, &model.b) };
    let mut p = Vec::new();
    for row in x.chunks(from) {
        for (unit, bias) in bias.iter().enumerate() {
            let weight = |k: usize| model.w[if to_hidden { k * h + unit } else { unit * h + k }];
            let input: f64 =
                row.iter().enumerate().map(|(k, x)| f64::from(*x) * f64::from(weight(k))).sum();
            p.push(sigmoid(f64::from(model.beta) * (input + f64::from(*bias))));
        }
    }
    p
}

/// Asserts that one sweep from `start` obeys the f64 probabilities. The hidden half is judged from
/// the visible states that came out, so that a state too close to call does not matter later.
pub fn assert_sweep(what: &str, model: &Model, start: &Chains, end: &Chains, step: u32) {
    let draw = |stream| Draw { seed: model.seed, step, stream };
    let mut p = probabilities(model, &start.hidden, false);
    if let Some(clamp) = &model.clamp {
        for (index, p) in p.iter_mut().enumerate() {
            if clamp[index % model.d] != 0.0 {
                // Bit-unchanged; then made such that the rule for states holds as well.
                let (found, wanted) = (end.visible[index], start.visible[index]);
                assert_eq!(found.to_bits(), wanted.to_bits(), "{what}: clamped unit {index}");
                *p = if wanted == 1.0 { 2.0 } else { -1.0 };
            }
        }
    }
    let visible = format!("{what}, visible");
    assert_states(&visible, &end.visible, &p, model.d, draw(Stream::Visible));
    let p = probabilities(model, &end.visible, true);
    assert_within(&format!("{what}, means"), &end.means, &p, &vec![1e-5; p.len()]);
    let hidden = format!("{what}, hidden");
    assert_states(&hidden, &end.hidden, &p, model.h, draw(Stream::Hidden));
}

/// The devices, and where the adapter has cooperative matrices the GPU with those, whichever is
/// faster; opened once a process.
pub fn samplers() -> Vec<(&'static str, Device)> {
    static WITH_MATRICES: OnceLock<Vec<(&str, Device)>> = OnceLock::new();
    let with_matrices = WITH_MATRICES.get_or_init(|| {
        let open = |label, checks| {
            let (gpu, matrices, _) = gpu_with_matrices(checks)?;
            Some((label, Device::from_gpu(gpu.with_tile(smallest_tile(matrices)))))
        };
        [("matrices, checks on", Checks::Full), ("matrices, checks off", Checks::Off)]
            .into_iter()
            .filter_map(|(label, checks)| open(label, checks))
            .collect()
    });
    [devices_with_checks(), with_matrices.clone()].concat()
}

/// The one that fits the largest models.
fn smallest_tile(matrices: Matrices) -> Tile {
    matrices.tiles().next().expect("there is a tile of one span")
}

/// A software driver takes half a second to compile the kernel for each, so few.
const MODELS: [(usize, usize); 5] = [(1, 1), (3, 2), (12, 7), (64, 65), (257, 100)];

#[test]
fn one_sweep_obeys_the_probabilities() {
    for (d, h) in MODELS {
        let mut model = Model::new(d, h);
        for n in [1, 16, 33, 65] {
            for clamped in [false, true] {
                model.clamp = clamped.then(|| bits(d, 6));
                let start = Chains::new(n, &model);
                for (label, device) in samplers() {
                    let step = u32::MAX - 1;
                    let end = run(&device, &model, &start, &[1], step);
                    let what = format!("{label}: {d} x {h}, {n} chains, clamped {clamped}");
                    assert_sweep(&what, &model, &start, &end[0], step);
                }
            }
        }
    }
}

/// Every sweep of a longer run is such a sweep, also where the step number wraps around.
#[test]
fn every_sweep_obeys_the_probabilities() {
    let mut model = Model::new(12, 7);
    model.clamp = Some(bits(12, 6));
    for (label, device) in samplers() {
        let mut start = Chains::new(40, &model);
        let first = u32::MAX - 2;
        for (sweep, end) in run(&device, &model, &start, &[1; 6], first).into_iter().enumerate() {
            let step = first.wrapping_add(sweep as u32);
            assert_sweep(&format!("{label}: sweep {sweep}"), &model, &start, &end, step);
            start = end;
        }
    }
}

#[test]
fn only_clamped_visible_states_are_read() {
    let mut model = Model::new(64, 65);
    for clamp in [None, Some(bits(64, 6))] {
        model.clamp = clamp;
        let start = Chains::new(20, &model);
        let mut spoilt = start.clone();
        for (index, state) in spoilt.visible.iter_mut().enumerate() {
            if model.clamp.as_ref().is_none_or(|clamp| clamp[index % model.d] == 0.0) {
                *state = f32::NAN;
            }
        }
        for (label, device) in samplers() {
            let clean = run(&device, &model, &start, &[3], 0);
            assert_eq!(run(&device, &model, &spoilt, &[3], 0), clean, "{label}");
        }
    }
}

/// At β = 0 every probability is exactly ½, so no state is too close to call.
#[test]
fn at_beta_zero_units_are_fair_coins() {
    let mut model = Model::new(64, 65);
    model.beta = 0.0;
    let start = Chains::new(70, &model);
    let coins = |units: usize, stream| -> Vec<f32> {
        let draw = Draw { seed: model.seed, step: 9, stream };
        let coin = |i: usize| uniform_of(draw, i / units, i % units, units) < 0.5;
        (0..70 * units).map(|i| f32::from(u8::from(coin(i)))).collect()
    };
    for (label, device) in samplers() {
        let end = run(&device, &model, &start, &[1], 9).remove(0);
        assert_eq!(end.visible, coins(64, Stream::Visible), "{label}");
        assert_eq!(end.hidden, coins(65, Stream::Hidden), "{label}");
        assert_eq!(end.means, vec![0.5; 70 * 65], "{label}");
    }
}

#[test]
fn extreme_weights_leave_states_and_means_sound() {
    for (d, h) in [(12, 7), (64, 65), (700, 600)] {
        for magnitude in [1e4, 3e38] {
            let mut model = Model::new(d, h);
            let signed = |n: usize, seed| -> Vec<f32> {
                let sign = |u: &f32| if *u < 0.5 { -magnitude } else { magnitude };
                uniforms(n, seed).iter().map(sign).collect()
            };
            (model.w, model.b, model.c) = (signed(d * h, 1), signed(d, 2), signed(h, 3));
            let start = Chains::new(17, &model);
            for (label, device) in samplers() {
                let what = format!("{label}: {d} x {h}, weights of {magnitude:e}");
                let end = run(&device, &model, &start, &[2], 0).remove(0);
                let states = [&end.visible[..], &end.hidden].concat();
                assert!(states.iter().all(|s| *s == 0.0 || *s == 1.0), "{what}: a state");
                // Long sums are taken in blocks on the CPU. If these overflow to either side,
                // their sum is no number, and the means say so.
                let overflows = magnitude > 1e38 && d > 512 && label == "CPU";
                let sound = |p: &f32| (0.0..=1.0).contains(p) || (overflows && p.is_nan());
                assert!(end.means.iter().all(sound), "{what}: a mean");
            }
        }
    }
}

/// Few units are on, and partial sums over any two of them overflow to either side.
#[test]
fn short_sums_that_overflow_leave_means_sound() {
    let (d, h) = (12, 7);
    let mut model = Model::new(d, h);
    for (index, w) in model.w.iter_mut().enumerate() {
        *w = if index / h % 4 < 2 { 3e38 } else { -3e38 };
    }
    model.clamp = Some(vec![1.0; d]);
    let mut start = Chains::new(5, &model);
    for (index, state) in start.visible.iter_mut().enumerate() {
        *state = f32::from(u8::from(index % d < 4));
    }
    for (label, device) in samplers() {
        let end = run(&device, &model, &start, &[1], 0).remove(0);
        let sound = |p: &f32| (0.0..=1.0).contains(p);
        assert!(end.means.iter().all(sound), "{label}: {:?}", end.means);
    }
}

/// 16 KiB of workgroup memory hold the states of 4,096 units: up to there one dispatch does all,
/// past it each half-sweep is a product. Both obey the same rule, and give the same words.
#[test]
fn models_on_both_sides_of_the_workgroup_memory_limit() {
    let Some(base) = base_limits_device() else { return };
    assert_halves(&base, &[(4089, 7), (4090, 7), (5, 4091), (5, 4092)]);
}

/// Some adapters offer 32 bytes less, which is 4,088 units.
#[test]
fn models_on_both_sides_of_a_lower_limit() {
    let bytes = wgpu::Limits::downlevel_defaults().max_compute_workgroup_storage_size;
    let limits = wgpu::Limits { max_compute_workgroup_storage_size: bytes, ..Default::default() };
    let Some(lower) = limited_device(limits) else { return };
    assert_halves(&lower, &[(4081, 7), (4082, 7)]);
}

fn assert_halves(device: &Device, models: &[(usize, usize)]) {
    for (d, h) in models {
        for clamped in [false, true] {
            let mut model = Model::new(*d, *h);
            model.clamp = clamped.then(|| bits(*d, 6));
            let start = Chains::new(3, &model);
            let end = run(device, &model, &start, &[1], 5);
            assert_sweep(&format!("{d} x {h}, {clamped}"), &model, &start, &end[0], 5);
            // Two sweeps in one call are the two sweeps of two calls.
            let twice = run(device, &model, &start, &[1, 1], 5).remove(1);
            let once = run(device, &model, &start, &[2], 5).remove(0);
            assert_eq!(raw(&once.visible), raw(&twice.visible), "{d} x {h}, {clamped}");
            assert_eq!(raw(&once.hidden), raw(&twice.hidden), "{d} x {h}, {clamped}");
            assert_eq!(raw(&once.means), raw(&twice.means), "{d} x {h}, {clamped}");
        }
    }
}

/// The states of the CPU and of a GPU after one sweep from equal input differ in no more places
/// than uniforms are close to their probability.
#[test]
fn devices_agree_on_a_sweep() {
    let model = Model::new(64, 65);
    let start = Chains::new(200, &model);
    let ends: Vec<_> = samplers()
        .iter()
        .map(|(_, device)| run(device, &model, &start, &[1], 0).remove(0))
        .collect();
    for end in &ends[1..] {
        let pairs = ends[0].visible.iter().zip(&end.visible);
        let apart = pairs.filter(|(a, b)| a != b).count() as f64;
        assert!(apart <= 3.0 + 10.0 * CLOSE * end.visible.len() as f64, "{apart} states differ");
    }
}

/// A device that knows nothing of its own speed yet splits many chains over several dispatches.
#[test]
fn many_chains_are_split_over_dispatches() {
    for (what, _) in gpus_with_checks() {
        let checks = if what.ends_with("on") { Checks::Full } else { Checks::Off };
        let device = pollster::block_on(Device::open_with("gpu:0", checks)).unwrap();
        let model = Model::new(12, 7);
        let start = Chains::new(20_000, &model);
        let end = run(&device, &model, &start, &[1], 0).remove(0);
        assert_sweep(what, &model, &start, &end, 0);
    }
}
