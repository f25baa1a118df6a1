//! How fast the kernels and a training run are on a device:
//!
//!     cargo bench --bench throughput -- [gibbs] [anneal] [train] [langevin] [--device cpu]
//!         [--data MNIST-FOLDER]
//!
//! Prints one JSON object a case, with the median and the best of several rounds. `benches/peers.py`
//! runs it beside PyTorch and scikit-learn.

use std::time::Instant;

use ergodic::{
    data::{self, Binarize, Dataset, Examples},
    device::{Device, Nonlinearity},
    energy::{Architecture, Base, Mlp, Path, Rbm},
    evaluate::Annealer,
    random::{HostRng, Stream},
    sampler::{Chains, Gibbs, Mala, Sampler, Ula},
    train::{Settings, Trainer},
};
use pollster::block_on;
use rayon::prelude::*;

const VISIBLE: usize = 784;
const HIDDEN: usize = 500;
const ROUNDS: usize = 7;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let value = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).cloned()
    };
    let device = value("--device").unwrap_or_else(|| "auto".into());
    let device = block_on(Device::open(&device)).expect("the device opens");
    let wanted = |case: &str| {
        let named = ["gibbs", "anneal", "train", "langevin"]
            .iter()
            .any(|case| arguments.iter().any(|a| a == case));
        !named || arguments.iter().any(|argument| argument == case)
    };
    // As the program does: small CPU kernels then start without a hand-over between threads.
    rayon::scope(|_| {
        if wanted("gibbs") {
            for chains in [100, 512, 4096] {
                gibbs(&device, chains);
            }
        }
        if wanted("anneal") {
            anneal(&device, 1000);
            products(1000);
        }
        if wanted("train") {
            train(&device, value("--data").as_deref());
        }
        if wanted("langevin") {
            for chains in [256, 8192] {
                langevin(&device, chains);
            }
        }
    });
}

/// Seconds of each round, sorted, after one round to warm up.
fn rounds(mut round: impl FnMut()) -> Vec<f64> {
    round();
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            round();
            started.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

fn report(
    device: &Device,
    case: &str,
    sizes: &[usize],
    chains: usize,
    unit: &str,
    work: f64,
    seconds: &[f64],
) {
    let line = serde_json::json!({
        "case": case, "device": device.name(), "sizes": sizes, "chains": chains,
        "unit": unit, "median": work / seconds[seconds.len() / 2], "best": work / seconds[0],
    });
    println!("{line}");
}

/// Block-Gibbs sweeps a second, of all chains together, five sweeps a call.
fn gibbs(device: &Device, chains: usize) {
    let mut rng = HostRng::new(1, Stream::Parameters, 0);
    let weights: Vec<f32> = (0..VISIBLE * HIDDEN).map(|_| 0.05 * rng.normal()).collect();
    let model = Rbm::new(device, &weights, &[-1.0; VISIBLE], &[0.0; HIDDEN]).expect("it fits");
    let mut state = Chains::new(&model, chains, 1).expect("it fits");
    state.start_from_noise(device).expect("the device works");
    let sweeps = (5 * 4096 / chains.max(512)) as u32;
    let seconds = rounds(|| {
        Gibbs::default().advance(&model, &mut state, sweeps).expect("the device works");
        block_on(device.read(&state.hidden)).expect("the device works");
    });
    report(device, "gibbs", &[VISIBLE, HIDDEN], chains, "sweeps/s", f64::from(sweeps), &seconds);
}

/// Steps of annealed importance sampling a second, of all chains together, a hundred a call.
fn anneal(device: &Device, chains: usize) {
    let mut rng = HostRng::new(1, Stream::Parameters, 0);
    let weights: Vec<f32> = (0..VISIBLE * HIDDEN).map(|_| 0.05 * rng.normal()).collect();
    let model = Rbm::new(device, &weights, &[-1.0; VISIBLE], &[0.0; HIDDEN]).expect("it fits");
    let path = Path::new(&model, Base::of_means(&[0.13; VISIBLE])).expect("they fit");
    let annealer = Annealer::new(&path);
    let mut state = annealer.start(chains, 1).expect("the device works");
    let betas: Vec<f32> = (0..=100).map(|step| step as f32 / 100.0).collect();
    let seconds = rounds(|| {
        let mut log_weights = device.zeros(chains, 1).expect("it fits");
        annealer.advance(&mut state, &betas, &mut log_weights).expect("the device works");
        block_on(device.read(&log_weights)).expect("the device works");
    });
    report(device, "anneal", &[VISIBLE, HIDDEN], chains, "sweeps/s", 100.0, &seconds);
}

/// The products of a sweep on the CPU by the GEMM crate, both ways, on all threads: what sweeps of
/// dense states cannot pass.
fn products(chains: usize) {
    let (v, h, w) =
        (vec![1f32; chains * VISIBLE], vec![1f32; chains * HIDDEN], vec![0.5f32; VISIBLE * HIDDEN]);
    let mut to_visible = vec![0f32; chains * VISIBLE];
    let mut to_hidden = vec![0f32; chains * HIDDEN];
    let part = chains.div_ceil(rayon::current_num_threads());
    let of_part = |out: &mut [f32], x: &[f32], n: usize, k: usize, strides: (isize, isize)| {
        let chains = out.len() / n;
        // SAFETY: out is [chains, n], x [chains, k], w [k, n] with these strides.
        unsafe {
            gemm::gemm(
                chains,
                n,
                k,
                out.as_mut_ptr(),
                1,
                n as isize,
                false,
                x.as_ptr(),
                1,
                k as isize,
                w.as_ptr(),
                strides.1,
                strides.0,
                0.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    };
    let product = |out: &mut [f32], x: &[f32], n: usize, k: usize, strides: (isize, isize)| {
        out.par_chunks_mut(part * n)
            .zip(x.par_chunks(part * k))
            .for_each(|(out, x)| of_part(out, x, n, k, strides));
    };
    let seconds = rounds(|| {
        for _ in 0..20 {
            product(&mut to_visible, &h, VISIBLE, HIDDEN, (1, HIDDEN as isize));
            product(&mut to_hidden, &v, HIDDEN, VISIBLE, (HIDDEN as isize, 1));
        }
    });
    report(&Device::cpu(), "products", &[VISIBLE, HIDDEN], chains, "sweeps/s", 20.0, &seconds);
}

/// Langevin steps a second, of all chains together, on a 2-128-128-1 net; one call, of more steps
/// where chains are few.
fn langevin(device: &Device, chains: usize) {
    let shape = Architecture {
        inputs: 2,
        hidden: vec![128, 128],
        outputs: 1,
        nonlinearity: Nonlinearity::Silu,
        base_precision: 0.0,
    };
    let net = Mlp::initial(device, &shape, 1).expect("it fits");
    let samplers: [Box<dyn Sampler>; 2] = [Box::new(Ula::new(0.01)), Box::new(Mala::new(0.01))];
    for sampler in samplers {
        let mut state = Chains::new(&net, chains, 1).expect("it fits");
        state.start_uniform(device, -1.0, 1.0).expect("the device works");
        let steps = (20 * 8192 / chains) as u32;
        let seconds = rounds(|| {
            sampler.advance(&net, &mut state, steps).expect("the device works");
            block_on(device.read(&state.visible)).expect("the device works");
        });
        let work = f64::from(steps);
        report(device, sampler.kind(), &[2, 128, 128, 1], chains, "steps/s", work, &seconds);
    }
}

/// Training images a second: PCD-1, batch 100, 100 chains, plain SGD with centred gradients.
fn train(device: &Device, source: Option<&str>) {
    let data = match source {
        Some(source) => data::load(source, &data::Options::default()).expect("the data load"),
        None => synthetic(),
    };
    let settings = Settings {
        hidden: vec![HIDDEN],
        chains: 100,
        epochs: 1_000,
        binarize: Binarize::Threshold,
        ..Settings::default()
    };
    let mut trainer = Trainer::new(device, data, settings).expect("the settings are sound");
    let updates = 150;
    let seconds = rounds(|| {
        for _ in 0..updates {
            trainer.step().expect("the device works");
        }
        block_on(trainer.check_finite()).expect("the weights stay finite");
    });
    report(
        device,
        "train",
        &[VISIBLE, HIDDEN],
        100,
        "images/s",
        100.0 * f64::from(updates),
        &seconds,
    );
}

/// As many bits as MNIST has, and as many ones among them.
fn synthetic() -> Dataset {
    let rows = 10_000;
    let mut rng = HostRng::new(1, Stream::Data, 0);
    let values = (0..rows * VISIBLE).map(|_| f32::from(rng.uniform() < 0.13)).collect();
    let train = Examples { rows, columns: VISIBLE, values, labels: None };
    Dataset { name: "synthetic".into(), train, ..Dataset::default() }
}
