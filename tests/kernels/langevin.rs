//! Langevin steps of nets against backpropagation in f64, and what must hold whatever the net.

use ergodic::{
    device::{Array, Device, Draw, Head, Langevin, Layer, Net, Nonlinearity, Pointwise, Result},
    energy::{Architecture, Domain, Energy, Mlp},
    random::Stream,
    sampler::{Chains, Mala, Sampler, Ula},
};

use crate::{
    common::{
        assert_within, cpus, every_device, normals, normals_of, raw, read, sigmoid, softplus,
        upload,
    },
    oracle::uniform_of,
};

const SEED: u64 = 0x0123_4567_89ab_cdef;
const FIRST_STEP: u32 = 7;
const STEPS: u32 = 10;
const DRIFT: f32 = 0.2;
const NOISE: f32 = 0.7;
const BETA: f32 = 0.9;
const TALLY: usize = 4;
const KINDS: [Nonlinearity; 4] =
    [Nonlinearity::Silu, Nonlinearity::Elu, Nonlinearity::Tanh, Nonlinearity::Softplus];

struct Case {
    widths: Vec<usize>,
    weights: Vec<Vec<f32>>,
    biases: Vec<Vec<f32>>,
    kind: Nonlinearity,
    head: Head,
    precision: f32,
}

impl Case {
    fn new(widths: &[usize], kind: Nonlinearity, head: Head, precision: f32) -> Self {
        let pairs = || widths.windows(2).enumerate();
        // Strong enough that forgetting a slope or a layer shows at once.
        let weights = |(layer, pair): (usize, &[usize])| {
            normals_of(pair[0] * pair[1], 1.5 / (pair[0] as f32).sqrt(), 10 + layer as u64)
        };
        let biases = |(layer, pair): (usize, &[usize])| normals_of(pair[1], 0.5, 20 + layer as u64);
        Self {
            widths: widths.to_vec(),
            weights: pairs().map(weights).collect(),
            biases: pairs().map(biases).collect(),
            kind,
            head,
            precision,
        }
    }

    fn dimension(&self) -> usize {
        self.widths[0]
    }

    fn describe(&self) -> String {
        let Self { widths, kind, head, precision, .. } = self;
        format!("{widths:?} {kind:?} {head:?}, precision {precision}")
    }

    /// E(x) and −∇E(x).
    fn evaluate(&self, x: &[f64]) -> (f64, Vec<f64>) {
        let last = self.weights.len() - 1;
        let mut values = x.to_vec();
        let mut slopes = Vec::new();
        for (layer, (weights, biases)) in self.weights.iter().zip(&self.biases).enumerate() {
            let columns = biases.len();
            let sum = |column: usize| -> f64 {
                let terms = values.iter().enumerate();
                let product: f64 =
                    terms.map(|(i, x)| x * f64::from(weights[i * columns + column])).sum();
                product + f64::from(biases[column])
            };
            let sums: Vec<f64> = (0..columns).map(sum).collect();
            values = sums.clone();
            if layer != last {
                let both: Vec<_> = sums.iter().map(|z| nonlinearity(self.kind, *z)).collect();
                values = both.iter().map(|both| both.0).collect();
                slopes.push(both.iter().map(|both| both.1).collect::<Vec<f64>>());
            }
        }
        let (mut energy, mut cotangent) = match self.head {
            Head::Energy => (values[0], vec![-1.0]),
            Head::Free => {
                let largest = values.iter().copied().fold(f64::MIN, f64::max);
                let total: f64 = values.iter().map(|f| (f - largest).exp()).sum();
                let softmax = values.iter().map(|f| (f - largest).exp() / total).collect();
                (-largest - total.ln(), softmax)
            }
            Head::Class(class) => {
                let mut one = vec![0.0; values.len()];
                one[class as usize] = 1.0;
                (-values[class as usize], one)
            }
        };
        for layer in (0..=last).rev() {
            let back = self.weights[layer]
                .chunks(cotangent.len())
                .map(|row| row.iter().zip(&cotangent).map(|(w, c)| f64::from(*w) * c).sum::<f64>());
            cotangent = back.collect();
            if layer > 0 {
                let gated = cotangent.iter().zip(&slopes[layer - 1]).map(|(c, slope)| c * slope);
                cotangent = gated.collect();
            }
        }
        let precision = f64::from(self.precision);
        energy += 0.5 * precision * x.iter().map(|x| x * x).sum::<f64>();
        let score = cotangent.iter().zip(x).map(|(c, x)| c - precision * x);
        (energy, score.collect())
    }
}

fn nonlinearity(kind: Nonlinearity, x: f64) -> (f64, f64) {
    let s = sigmoid(x);
    match kind {
        Nonlinearity::Silu => (x * s, s + x * s * (1.0 - s)),
        Nonlinearity::Elu if x > 0.0 => (x, 1.0),
        Nonlinearity::Elu => (x.exp_m1(), x.exp()),
        Nonlinearity::Tanh => (x.tanh(), 1.0 - x.tanh().powi(2)),
        Nonlinearity::Softplus => (softplus(x), s),
    }
}

/// States and tally after calls of so many steps; none where the device takes no such call.
fn run(
    device: &Device,
    case: &Case,
    metropolis: bool,
    start: &[f32],
    calls: &[u32],
) -> Option<(Vec<f32>, Vec<f32>)> {
    let d = case.dimension();
    let n = start.len() / d;
    let arrays = case.widths.windows(2).zip(case.weights.iter().zip(&case.biases));
    let arrays: Vec<[Array; 2]> = arrays
        .map(|(sizes, (w, b))| {
            [upload(device, sizes[0], sizes[1], w), upload(device, 1, sizes[1], b)]
        })
        .collect();
    let mut x = upload(device, n, d, start);
    let mut tally = upload(device, n, TALLY, &vec![0.0; n * TALLY]);
    let mut first_step = FIRST_STEP;
    for steps in calls {
        let layers = arrays.iter().map(|[weights, bias]| Layer { weights, bias }).collect();
        let net = Net {
            layers,
            nonlinearity: case.kind,
            head: case.head,
            base_precision: case.precision,
        };
        let taken = device.langevin(Langevin {
            net,
            x: &mut x,
            tally: &mut tally,
            metropolis,
            drift: DRIFT,
            noise: NOISE,
            beta: BETA,
            steps: *steps,
            seed: SEED,
            first_step,
        });
        if !taken.unwrap_or_else(|error| panic!("{error}")) {
            return None;
        }
        first_step += steps;
    }
    Some((read(device, &x), read(device, &tally)))
}

/// scale · ξ of a step, as [`Pointwise::Normal`] draws it.
fn noise(n: usize, d: usize, step: u32) -> Vec<f32> {
    let device = Device::cpu();
    let mut out = device.zeros(n, d).unwrap();
    let draw = Draw { seed: SEED, step, stream: Stream::Noise };
    device.pointwise(Pointwise::Normal { scale: NOISE, draw }, &mut out).unwrap();
    read(&device, &out)
}

/// What f64 makes of a chain.
struct Chain {
    x: Vec<f64>,
    accepted: u32,
    /// Sum of min(1, α).
    expected: f64,
    log_alpha: f64,
    /// Some decision was too close to call.
    close: bool,
}

/// log u and log α closer than this are not compared.
const CLOSE: f64 = 1e-3;

fn oracle(case: &Case, metropolis: bool, start: &[f32]) -> Vec<Chain> {
    let d = case.dimension();
    let n = start.len() / d;
    let noises: Vec<_> = (0..STEPS).map(|step| noise(n, d, FIRST_STEP + step)).collect();
    let (drift, deviation, beta) = (f64::from(DRIFT), f64::from(NOISE), f64::from(BETA));
    let rows = start.chunks(d).enumerate().map(|(row, x)| {
        let x = x.iter().copied().map(f64::from).collect();
        let mut chain = Chain { x, accepted: 0, expected: 0.0, log_alpha: 0.0, close: false };
        let (mut energy, mut score) = case.evaluate(&chain.x);
        for (step, noise) in noises.iter().enumerate() {
            let moved = chain.x.iter().zip(&score).zip(&noise[row * d..]);
            let proposal: Vec<f64> =
                moved.map(|((x, s), noise)| x + drift * s + f64::from(*noise)).collect();
            let (new_energy, new_score) = case.evaluate(&proposal);
            let mut accept = true;
            if metropolis {
                let distance = |to: &[f64], from: &[f64], score: &[f64]| -> f64 {
                    let terms = to.iter().zip(from).zip(score);
                    terms.map(|((to, from), s)| (to - from - drift * s).powi(2)).sum()
                };
                chain.log_alpha = -beta * (new_energy - energy)
                    + (distance(&proposal, &chain.x, &score)
                        - distance(&chain.x, &proposal, &new_score))
                        / (2.0 * deviation * deviation);
                let draw =
                    Draw { seed: SEED, step: FIRST_STEP + step as u32, stream: Stream::Accept };
                let log_u = uniform_of(draw, row, 0, 1).ln();
                chain.close |= (log_u - chain.log_alpha).abs() < CLOSE;
                accept = log_u < chain.log_alpha;
            }
            chain.expected += chain.log_alpha.exp().min(1.0);
            if accept {
                chain.accepted += 1;
                (chain.x, energy, score) = (proposal, new_energy, new_score);
            }
        }
        chain
    });
    rows.collect()
}

/// Compares 10 steps on every device; the share of proposals that f64 accepts.
fn assert_agrees(case: &Case, metropolis: bool, n: usize) -> f64 {
    let d = case.dimension();
    let start = normals(n * d, 30);
    let wanted = oracle(case, metropolis, &start);
    let close = wanted.iter().filter(|chain| chain.close).count();
    // |log u − log α| is below 1e-3 with probability 2e-3 at most, in ten steps 2e-2.
    assert!(close <= 3 + n / 20, "{close} of {n} chains are close");
    for device in every_device() {
        let Some((x, tally)) = run(&device, case, metropolis, &start, &[STEPS]) else { continue };
        let label = format!("{}: {}, {n} chains", device.name(), case.describe());
        for (row, chain) in wanted.iter().enumerate().filter(|(_, chain)| !chain.close) {
            let what = format!("{label}: chain {row}");
            assert_within(&what, &x[row * d..(row + 1) * d], &chain.x, &vec![1e-4; d]);
            let tally = &tally[row * TALLY..(row + 1) * TALLY];
            let tally_wanted = [f64::from(chain.accepted), 0.0, chain.expected, chain.log_alpha];
            let what = format!("{what}, tally");
            assert_within(&what, tally, &tally_wanted, &[0.0, 0.0, CLOSE, CLOSE]);
        }
    }
    let accepted: u32 = wanted.iter().map(|chain| chain.accepted).sum();
    f64::from(accepted) / f64::from(STEPS) / n as f64
}

fn shapes() -> [(&'static [usize], Head); 8] {
    [
        (&[2, 16, 16, 1], Head::Energy),
        (&[2, 128, 128, 1], Head::Energy),
        (&[64, 128, 10], Head::Free),
        (&[64, 128, 10], Head::Class(3)),
        (&[3, 5, 1], Head::Energy),
        (&[5, 7, 11, 3, 6], Head::Free),
        (&[7, 3], Head::Free),
        (&[9, 4], Head::Class(2)),
    ]
}

#[test]
fn unadjusted_chains_follow_f64() {
    for (widths, head) in shapes() {
        for kind in KINDS {
            for precision in [0.0, 0.7] {
                assert_agrees(&Case::new(widths, kind, head, precision), false, 17);
            }
        }
        for n in [1, 257] {
            assert_agrees(&Case::new(widths, Nonlinearity::Silu, head, 0.7), false, n);
        }
    }
}

#[test]
fn adjusted_chains_follow_f64() {
    let mut rejections = 0;
    for (widths, head) in shapes() {
        for kind in KINDS {
            for precision in [0.0, 0.7] {
                let case = Case::new(widths, kind, head, precision);
                rejections += usize::from(assert_agrees(&case, true, 17) < 0.97);
            }
        }
        for n in [1, 257] {
            assert_agrees(&Case::new(widths, Nonlinearity::Tanh, head, 0.7), true, n);
        }
    }
    // Of 64.
    assert!(rejections >= 32, "proposals are rejected in {rejections} cases only");
}

/// Where products are fused; the baseline, which rounds twice, is held to f64 above.
#[test]
fn instruction_sets_that_fuse_give_the_same_bits() {
    for (widths, head) in shapes() {
        let case = Case::new(widths, Nonlinearity::Silu, head, 0.7);
        let start = normals(33 * case.dimension(), 31);
        let end = |device: &Device| {
            let (x, tally) = run(device, &case, true, &start, &[STEPS]).expect("the CPU takes any");
            raw(&[x, tally].concat())
        };
        let fusing: Vec<_> = cpus().into_iter().filter(|(set, _)| set.fuses()).collect();
        for (set, device) in &fusing {
            assert!(end(device) == end(&fusing[0].1), "{}, {}", set.title(), case.describe());
        }
    }
}

#[test]
fn chains_depend_on_nothing_but_their_number() {
    for metropolis in [false, true] {
        for (widths, head) in [shapes()[0], shapes()[2]] {
            let case = Case::new(widths, Nonlinearity::Silu, head, 0.7);
            let d = case.dimension();
            let start = normals(257 * d, 31);
            for device in every_device() {
                let Some(whole) = run(&device, &case, metropolis, &start, &[STEPS]) else {
                    continue;
                };
                let assert_same = |what: &str, n: usize, found: (Vec<f32>, Vec<f32>)| {
                    let label = format!("{}: {}, {what}", device.name(), case.describe());
                    assert!(raw(&found.0) == raw(&whole.0[..n * d]), "{label}: states differ");
                    assert!(raw(&found.1) == raw(&whole.1[..n * TALLY]), "{label}: tally differs");
                };
                let again = |n: usize, calls: &[u32]| {
                    run(&device, &case, metropolis, &start[..n * d], calls).unwrap()
                };
                assert_same("5 + 5 steps", 257, again(257, &[5, 5]));
                assert_same("1 + 9 steps", 257, again(257, &[1, 9]));
                for n in [1, 17, 33, 64] {
                    assert_same(&format!("{n} chains"), n, again(n, &[STEPS]));
                }
                for threads in [1, 3] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    let found = pool.unwrap().install(|| again(257, &[STEPS]));
                    assert_same(&format!("{threads} threads"), 257, found);
                }
            }
        }
    }
}

#[test]
fn chains_out_of_range_stay_and_harm_no_other() {
    let n = 40;
    let bad = [(3, f32::NAN), (5, 1e30), (39, f32::INFINITY)];
    for (kind, metropolis) in KINDS
        .into_iter()
        .zip([false, true, false, true])
        .chain([(Nonlinearity::Silu, true), (Nonlinearity::Softplus, false)])
    {
        for (widths, head) in [shapes()[0], shapes()[2]] {
            let case = Case::new(widths, kind, head, 0.7);
            let d = case.dimension();
            let good_start = normals(n * d, 32);
            let mut start = good_start.clone();
            for (chain, value) in bad {
                start[chain * d + 1] = value;
            }
            for device in every_device() {
                let Some(good) = run(&device, &case, metropolis, &good_start, &[STEPS]) else {
                    continue;
                };
                let found = run(&device, &case, metropolis, &start, &[STEPS]).unwrap();
                for chain in 0..n {
                    let label = format!("{}: {}, chain {chain}", device.name(), case.describe());
                    let states = chain * d..(chain + 1) * d;
                    let counts = chain * TALLY..(chain + 1) * TALLY;
                    if bad.iter().any(|(bad, _)| *bad == chain) {
                        let unmoved = raw(&found.0[states.clone()]) == raw(&start[states]);
                        assert!(unmoved, "{label}: moved");
                        assert_eq!(found.1[counts][..3], [0.0, STEPS as f32, 0.0], "{label}");
                    } else {
                        let same = raw(&found.0[states.clone()]) == raw(&good.0[states]);
                        assert!(same, "{label}: differs beside a failed chain");
                        assert_eq!(found.1[counts.clone()], good.1[counts], "{label}");
                    }
                }
            }
        }
    }
}

/// A net that hides that it is one, so that samplers go step by step.
struct Plain<'a>(&'a Mlp);

impl Energy for Plain<'_> {
    fn kind(&self) -> &'static str {
        "plain"
    }

    fn device(&self) -> &Device {
        self.0.device()
    }

    fn dimension(&self) -> usize {
        self.0.dimension()
    }

    fn domain(&self) -> Domain {
        Domain::Real
    }

    fn energy(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.0.energy(x, out)
    }

    fn score(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.0.score(x, out)
    }

    fn energy_and_score(&self, x: &Array, energy: &mut Array, score: &mut Array) -> Result<()> {
        self.0.energy_and_score(x, energy, score)
    }
}

#[test]
fn samplers_take_the_same_steps_fused_and_one_by_one() {
    let samplers: [Box<dyn Sampler>; 2] = [Box::new(Ula::new(0.02)), Box::new(Mala::new(0.02))];
    let case = Case::new(&[2, 3, 1], Nonlinearity::Silu, Head::Energy, 0.0);
    for device in every_device() {
        // Nothing is fused where there is no such kernel.
        if run(&device, &case, false, &[0.0; 2], &[1]).is_none() {
            continue;
        }
        for (inputs, outputs) in [(2, 1), (20, 10)] {
            let shape = Architecture {
                inputs,
                hidden: vec![32, 24],
                outputs,
                nonlinearity: Nonlinearity::Silu,
                base_precision: 0.5,
            };
            let mlp = Mlp::initial(&device, &shape, 3).unwrap();
            for sampler in &samplers {
                let chains = |energy: &dyn Energy| {
                    let mut chains = Chains::new(energy, 100, SEED).unwrap();
                    chains.start_uniform(&device, -2.0, 2.0).unwrap();
                    sampler.advance(energy, &mut chains, STEPS).unwrap();
                    (read(&device, &chains.visible), read(&device, &chains.tally))
                };
                let (fused, plain) = (chains(&mlp), chains(&Plain(&mlp)));
                let what = format!("{}: {} of {inputs} inputs", device.name(), sampler.kind());
                let wide = |x: &[f32]| x.iter().copied().map(f64::from).collect::<Vec<_>>();
                assert_within(&what, &fused.0, &wide(&plain.0), &vec![1e-4; fused.0.len()]);
                assert_within(&what, &fused.1, &wide(&plain.1), &vec![1e-3; fused.1.len()]);
            }
        }
    }
}
