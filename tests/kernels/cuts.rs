//! The pace cuts kernels into dispatches: what comes out must not depend on where, bit by bit.

use ergodic::{
    device::{
        Activation, Array, Device, Draw, Linear, Nonlinearity, Outer, OuterTerm, Pointwise, Reduce,
        RowWeights,
        gpu::{Checks, Gpu},
    },
    energy::{Architecture, Mlp},
    random::Stream,
    sampler::{Mala, Sampler, Ula},
    wgpu,
};

use crate::{
    anneal,
    common::{normals, own_wgpu, raw, read, upload},
    gibbs, temper,
};

/// What a kernel gave, by its name.
type Results = Vec<(String, Vec<u32>)>;

const DRAW: Draw = Draw { seed: 77, step: 5, stream: Stream::Evaluate };

fn products(device: &Device, results: &mut Results) {
    for (n, k, m) in [(130, 65, 70), (33, 20, 257), (300, 9, 3), (120, 9, 124)] {
        let x = upload(device, n, k, &normals(n * k, 1));
        for transposed in [false, true] {
            let (rows, columns) = if transposed { (m, k) } else { (k, m) };
            let weights = upload(device, rows, columns, &normals(k * m, 2));
            let bias = upload(device, 1, m, &normals(m, 3));
            let call = |activation| Linear {
                x: &x,
                weights: &weights,
                transposed,
                bias: Some(&bias),
                scale: 0.7,
                activation,
            };
            let mut out = device.zeros(n, m).unwrap();
            let mut slope = device.zeros(n, m).unwrap();
            let gate = upload(device, n, m, &normals(n * m, 4));
            let mut sums = device.zeros(n, 1).unwrap();
            let mut add = |what: &str, array: &Array| {
                results
                    .push((format!("{what} {n} {k} {m} {transposed}"), raw(&read(device, array))));
            };
            device.linear(&call(Activation::Bernoulli(DRAW)), &mut out).unwrap();
            add("linear", &out);
            device.linear_with_slope(&call(Activation::Tanh), &mut out, &mut slope).unwrap();
            add("values", &out);
            add("slopes", &slope);
            device.linear_gated(&call(Activation::Identity), &gate, &mut out).unwrap();
            add("gated", &out);
            device.linear_sum(&call(Activation::Softplus), &mut sums).unwrap();
            add("linear_sum", &sums);
        }
    }
}

fn sums(device: &Device, results: &mut Results) {
    // The last is cut into parts besides.
    for (n, d, h) in [(33, 70, 65), (40, 132, 36), (2000, 12, 7)] {
        let x = upload(device, n, d, &normals(n * d, 1));
        let y = upload(device, n, h, &normals(n * h, 2));
        let weights = upload(device, n, 1, &normals(n, 3));
        let (x_offset, y_offset) =
            (upload(device, 1, d, &normals(d, 4)), upload(device, 1, h, &normals(h, 5)));
        let terms = [RowWeights::Each(&weights), RowWeights::Uniform(0.3)]
            .map(|weights| OuterTerm { x: &x, y: &y, weights });
        let call =
            Outer { terms: &terms, x_offset: &x_offset, y_offset: &y_offset, accumulate: true };
        let mut out = upload(device, d, h, &normals(d * h, 6));
        device.outer(&call, &mut out).unwrap();
        results.push((format!("outer {n} {d} {h}"), raw(&read(device, &out))));
        let mut columns = upload(device, 1, d, &normals(d, 7));
        let sum = Reduce::ColumnSum { weights: RowWeights::Each(&weights), accumulate: true };
        device.reduce(sum, &x, &mut columns).unwrap();
        results.push((format!("column sums {n} {d}"), raw(&read(device, &columns))));
        let mut dots = device.zeros(n, 1).unwrap();
        device.reduce(Reduce::RowDot(&x_offset), &x, &mut dots).unwrap();
        results.push((format!("dots {n} {d}"), raw(&read(device, &dots))));
    }
    let x = upload(device, 300, 500, &normals(150_000, 8));
    let y = upload(device, 300, 500, &normals(150_000, 9));
    let mut out = device.zeros(1, 1).unwrap();
    for (what, call) in [
        ("squares", Reduce::SumOfSquares),
        ("distance", Reduce::SquaredDistance(&y)),
        ("non-finite", Reduce::NonFinite),
    ] {
        device.reduce(call, &x, &mut out).unwrap();
        results.push((what.into(), raw(&read(device, &out))));
    }
}

fn rows_and_values(device: &Device, results: &mut Results) {
    let x = upload(device, 130, 70, &normals(130 * 70, 1));
    let mut p = device.zeros(130, 70).unwrap();
    let mut column = device.zeros(130, 1).unwrap();
    device.softmax(&x, &mut p, &mut column).unwrap();
    results.push(("softmax".into(), raw(&read(device, &p))));
    results.push(("log-sum-exp".into(), raw(&read(device, &column))));
    device.normalize(&mut p, &mut column).unwrap();
    results.push(("normalize".into(), raw(&read(device, &p))));
    results.push(("norms".into(), raw(&read(device, &column))));
    device.pointwise(Pointwise::Normal { scale: 0.3, draw: DRAW }, &mut p).unwrap();
    results.push(("normals".into(), raw(&read(device, &p))));
}

fn sweeps(device: &Device, results: &mut Results) {
    let mut add = |what: &str, parts: &[&[f32]]| {
        results.push((what.into(), parts.iter().flat_map(|part| raw(part)).collect()));
    };
    let mut model = gibbs::Model::new(37, 26);
    model.clamp = Some((0..37).map(|unit| f32::from(u8::from(unit % 5 == 1))).collect());
    for model in [model, gibbs::Model::new(37, 26)] {
        let start = gibbs::Chains::new(101, &model);
        for chains in gibbs::run(device, &model, &start, &[1, 5], 3) {
            add("gibbs", &[&chains.visible, &chains.hidden, &chains.means]);
        }
    }
    let model = anneal::Model::new(37, 26);
    let start = anneal::Chains::new(101, &model);
    let chains = anneal::run(device, &model, &start, &[0.0, 0.2, 0.5, 0.9, 1.0], 7);
    add("anneal", &[&chains.visible, &chains.hidden, &chains.log_weights]);
    // In a workgroup, and by products.
    for (rungs, n) in [(5, 40), (257, 2)] {
        let model = temper::Model::new(12, 7, rungs);
        let start = temper::Ladders::new(n, &model);
        let sweeps = temper::Sweeps { count: 6, every: 1, first_round: 0, first_step: 5 };
        let end = temper::run(device, &model, &start, None, sweeps).unwrap();
        add("temper", &[&end.visible, &end.hidden, &end.means, &end.labels]);
    }
}

fn langevin(device: &Device, results: &mut Results) {
    let shape = Architecture {
        inputs: 5,
        hidden: vec![20, 9],
        outputs: 1,
        nonlinearity: Nonlinearity::Silu,
        base_precision: 1.0,
    };
    let energy = Mlp::initial(device, &shape, 3).unwrap();
    let samplers: [Box<dyn Sampler>; 2] = [Box::new(Mala::new(0.05)), Box::new(Ula::new(0.05))];
    for sampler in samplers {
        let mut chains = ergodic::sampler::Chains::new(&energy, 101, 9).unwrap();
        chains.start_uniform(device, -1.0, 1.0).unwrap();
        sampler.advance(&energy, &mut chains, 6).unwrap();
        results.push((sampler.kind().into(), raw(&read(device, &chains.visible))));
        results.push((sampler.kind().into(), raw(&read(device, &chains.tally))));
    }
}

#[test]
fn no_result_depends_on_the_cuts() {
    let mut wanted: Option<Results> = None;
    // All in one dispatch; single workgroups; some of them.
    for (budget, checks) in
        [(f64::INFINITY, Checks::Off), (1.0, Checks::Full), (1.0, Checks::Off), (3e5, Checks::Off)]
    {
        let Some((device, queue, _)) = own_wgpu(wgpu::Limits::default()) else { return };
        let gpu = Gpu::new(device, queue, "cut", checks).with_budget(budget);
        let device = Device::from_gpu(gpu);
        let mut found = Results::new();
        for part in [products, sums, rows_and_values, sweeps, langevin] {
            part(&device, &mut found);
        }
        let wanted = wanted.get_or_insert_with(|| found.clone());
        assert_eq!(found.len(), wanted.len());
        for ((what, found), (_, wanted)) in found.iter().zip(wanted.iter()) {
            assert!(found == wanted, "{what}: cut to {budget} multiply-adds, it differs");
        }
    }
}

/// Products and sums on a device that one workgroup fills take other tiles than on one of eight: 128 and
/// 64 as well as 32, of which no bit depends but where sums are cut into parts.
#[test]
fn no_product_depends_on_its_tile() {
    let on = |workgroups: f64| {
        let (device, queue, _) = own_wgpu(wgpu::Limits::default())?;
        let gpu = Gpu::new(device, queue, "filled", Checks::Off).with_filling(workgroups);
        let device = Device::from_gpu(gpu);
        let mut found = Results::new();
        products(&device, &mut found);
        sums(&device, &mut found);
        found.retain(|(what, _)| !what.contains("2000"));
        Some(found)
    };
    let Some(wanted) = on(8.0) else { return };
    let found = on(0.5).unwrap();
    assert_eq!(found.len(), wanted.len());
    for ((what, found), (_, wanted)) in found.iter().zip(&wanted) {
        assert!(found == wanted, "{what} differs");
    }
}

/// More workgroups than a grid has along its first side: 32,769 of 256 values, whose fold has twice as
/// many.
#[test]
fn folded_grids_do_what_is_asked_and_no_more() {
    let Some((device, queue, _)) = own_wgpu(wgpu::Limits::default()) else { return };
    let gpu = Gpu::new(device, queue, "folded", Checks::Full).with_budget(f64::INFINITY);
    let device = Device::from_gpu(gpu);
    let count = 256 * 32_768 + 5;
    let mut values = device.zeros(1, count).unwrap();
    device
        .pointwise(Pointwise::AddToColumn { column: count - 1, value: 1.0 }, &mut values)
        .unwrap();
    device.pointwise(Pointwise::AddToColumn { column: 3, value: 2.0 }, &mut values).unwrap();
    let mut sum = device.zeros(1, 1).unwrap();
    device.reduce(Reduce::SumOfSquares, &values, &mut sum).unwrap();
    assert_eq!(read(&device, &sum), [5.0]);
}
