//! Sweeps along a path, and their log weights, against f64 with the host's Philox.

use ergodic::{
    device::{Anneal, Device, Draw},
    random::Stream,
    wgpu,
};

use crate::{
    common::{
        assert_within, base_limits_device, bits, cpus, devices_with_checks, limited_device,
        normals, normals_of, raw, read, sigmoid, softplus, upload,
    },
    oracle::assert_states,
};

pub struct Model {
    d: usize,
    h: usize,
    w: Vec<f32>,
    base: Vec<f32>,
    shift: Vec<f32>,
    c: Vec<f32>,
}

impl Model {
    pub fn new(d: usize, h: usize) -> Self {
        let w = normals_of(d * h, 2.0 / (d.min(h) as f32).sqrt(), 1);
        Self { d, h, w, base: normals(d, 2), shift: normals(d, 3), c: normals(h, 4) }
    }
}

const SEED: u64 = 0xfedc_ba98_7654_3210;

/// Visible states, hidden states, log weights.
#[derive(Clone, Debug)]
pub struct Chains {
    pub visible: Vec<f32>,
    pub hidden: Vec<f32>,
    pub log_weights: Vec<f32>,
}

impl Chains {
    pub fn new(n: usize, model: &Model) -> Self {
        let visible = vec![f32::NAN; n * model.d];
        Self { visible, hidden: bits(n * model.h, 5), log_weights: normals(n, 6) }
    }
}

pub fn run(device: &Device, model: &Model, start: &Chains, betas: &[f32], step: u32) -> Chains {
    let Model { d, h, .. } = *model;
    let n = start.log_weights.len();
    let mut visible = upload(device, n, d, &start.visible);
    let mut hidden = upload(device, n, h, &start.hidden);
    let mut log_weights = upload(device, n, 1, &start.log_weights);
    let call = Anneal {
        weights: &upload(device, d, h, &model.w),
        base_bias: &upload(device, 1, d, &model.base),
        bias_shift: &upload(device, 1, d, &model.shift),
        hidden_bias: &upload(device, 1, h, &model.c),
        visible: &mut visible,
        hidden: &mut hidden,
        log_weights: &mut log_weights,
        betas,
        seed: SEED,
        first_step: step,
    };
    device.anneal(call).unwrap();
    Chains {
        visible: read(device, &visible),
        hidden: read(device, &hidden),
        log_weights: read(device, &log_weights),
    }
}

/// Asserts that one sweep from `start`, from β to β′, obeys f64.
fn assert_sweep(
    what: &str,
    model: &Model,
    start: &Chains,
    end: &Chains,
    betas: [f32; 2],
    step: u32,
) {
    let Model { d, h, .. } = *model;
    let [from, to] = betas.map(f64::from);
    let draw = |stream| Draw { seed: SEED, step, stream };
    let (mut p, mut log_weights, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
    for (row, before) in start.hidden.chunks(h).zip(&start.log_weights) {
        let (mut log_weight, mut size) = (f64::from(*before), f64::from(before.abs()));
        for unit in 0..d {
            let input: f64 = (0..h).map(|k| f64::from(row[k] * model.w[unit * h + k])).sum();
            let field = |beta: f64| {
                f64::from(model.base[unit]) + beta * (input + f64::from(model.shift[unit]))
            };
            log_weight += softplus(field(to)) - softplus(field(from));
            size += softplus(field(to)) + softplus(field(from));
            p.push(sigmoid(field(to)));
        }
        for (state, bias) in row.iter().zip(&model.c) {
            log_weight += (to - from) * f64::from(state * bias);
            size += f64::from((state * bias).abs());
        }
        log_weights.push(log_weight);
        bounds.push(1e-6 * size + 1e-6);
    }
    assert_states(&format!("{what}, visible"), &end.visible, &p, d, draw(Stream::Visible));
    assert_within(&format!("{what}, log weights"), &end.log_weights, &log_weights, &bounds);
    let mut p = Vec::new();
    for row in end.visible.chunks(d) {
        for unit in 0..h {
            let input: f64 = (0..d).map(|k| f64::from(row[k] * model.w[k * h + unit])).sum();
            p.push(sigmoid(to * (input + f64::from(model.c[unit]))));
        }
    }
    assert_states(&format!("{what}, hidden"), &end.hidden, &p, h, draw(Stream::Hidden));
}

#[test]
fn sweeps_and_weights_obey_f64() {
    for (d, h) in [(3, 2), (64, 65), (257, 100)] {
        let model = Model::new(d, h);
        for n in [16, 33] {
            let start = Chains::new(n, &model);
            for (label, device) in devices_with_checks() {
                for betas in [[0.0, 0.3], [0.5, 0.501], [1.0, 0.9], [0.25, 0.0]] {
                    let end = run(&device, &model, &start, &betas, u32::MAX);
                    let what = format!("{label}: {d} x {h}, {n} chains, {betas:?}");
                    assert_sweep(&what, &model, &start, &end, betas, u32::MAX);
                }
            }
        }
    }
}

/// Wider than a panel of the CPU's kernels and odd on both sides.
#[test]
fn instruction_sets_give_the_same_bits() {
    let model = Model::new(131, 67);
    let start = Chains::new(37, &model);
    let end = |device: &Device| {
        let end = run(device, &model, &start, &[0.0, 0.2, 0.5, 1.0], 9);
        raw(&[end.visible, end.hidden, end.log_weights].concat())
    };
    let wanted = end(&Device::cpu());
    for (set, device) in cpus() {
        assert!(end(&device) == wanted, "{}", set.title());
    }
}

/// A path in one call gives the states of its steps in calls of their own, and the sum of their
/// weights.
#[test]
fn a_path_is_its_steps() {
    let model = Model::new(12, 7);
    let betas: Vec<f32> = (0..=20).map(|i| i as f32 / 20.0).collect();
    let start = Chains::new(40, &model);
    for (label, device) in devices_with_checks() {
        let mut steps = start.clone();
        for (step, pair) in betas.windows(2).enumerate() {
            steps = run(&device, &model, &steps, pair, 3 + step as u32);
        }
        let whole = run(&device, &model, &start, &betas, 3);
        assert_eq!(raw(&whole.visible), raw(&steps.visible), "{label}");
        assert_eq!(raw(&whole.hidden), raw(&steps.hidden), "{label}");
        let wanted: Vec<f64> = steps.log_weights.iter().map(|x| f64::from(*x)).collect();
        assert_within(label, &whole.log_weights, &wanted, &[1e-4; 40]);
    }
}

/// Past the limit of workgroup memory each half-sweep is a product; both obey the same rule.
#[test]
fn models_on_both_sides_of_the_workgroup_memory_limit() {
    let bytes = wgpu::Limits::downlevel_defaults().max_compute_workgroup_storage_size;
    let limits = wgpu::Limits { max_compute_workgroup_storage_size: bytes, ..Default::default() };
    for device in [base_limits_device(), limited_device(limits)].into_iter().flatten() {
        for (d, h) in [(3820, 7), (4090, 7), (5, 4091)] {
            let model = Model::new(d, h);
            let start = Chains::new(3, &model);
            for betas in [[0.0, 0.5], [0.5, 0.0]] {
                let end = run(&device, &model, &start, &betas, 5);
                let what = format!("{d} x {h}, {betas:?}");
                assert_sweep(&what, &model, &start, &end, betas, 5);
            }
        }
    }
}
