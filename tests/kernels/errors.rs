//! What goes wrong is a typed error that says what to do; nothing panics.

use ergodic::{
    device::{
        Activation, Array, Device, DeviceError, Draw, Gibbs, Linear, Optimize, Outer, OuterTerm,
        Pointwise, Reduce, RowWeights, Statistics, adapters,
    },
    random::Stream,
    wgpu,
};

use crate::common::{
    base_limits_device, devices, devices_with_checks, gpus_with_checks, own_wgpu, read, upload,
};

fn open(name: &str) -> Result<Device, DeviceError> {
    pollster::block_on(Device::open(name))
}

#[test]
fn an_unknown_device_lists_those_there_are() {
    for name in ["a GPU from the future", "gpu:99", "gpu:x", "gpu:-1", "", "  "] {
        let error = open(name).unwrap_err();
        assert!(matches!(error, DeviceError::UnknownDevice { .. }), "{name}: {error}");
        let text = error.to_string();
        for there in ["auto", "cpu"] {
            assert!(text.contains(there), "{text}");
        }
        for adapter in pollster::block_on(adapters()) {
            assert!(text.contains(&format!("gpu:{} ({})", adapter.index, adapter.name)), "{text}");
        }
    }
}

#[test]
fn names_are_taken_in_any_case_and_in_part() {
    assert!(open(" CPU ").unwrap().name().starts_with("CPU"));
    if gpus_with_checks().is_empty() {
        return;
    }
    let first = pollster::block_on(adapters()).remove(0);
    for name in [first.name[1..].to_uppercase(), "GPU:0".into(), first.name.clone()] {
        assert!(open(&name).unwrap().name().contains(&first.name), "{name}");
    }
}

#[test]
fn auto_takes_no_software_driver() {
    let first = pollster::block_on(adapters()).into_iter().next();
    let hardware = first.filter(|first| first.kind != "software");
    let auto = open("auto").unwrap();
    match hardware {
        Some(adapter) => assert!(auto.name().contains(&adapter.name), "{auto:?}"),
        None => {
            assert!(auto.name().starts_with("CPU"), "{auto:?}");
            let error = open("gpu").unwrap_err();
            assert!(matches!(error, DeviceError::NoAdapter { .. }), "{error}");
            assert!(error.to_string().contains("--device cpu"), "{error}");
        }
    }
}

#[test]
fn an_array_over_the_limit_says_what_it_needs_and_what_there_is() {
    for (label, device) in devices_with_checks() {
        for (rows, columns) in [(usize::MAX, 2), (usize::MAX, usize::MAX), (1 << 62, 4)] {
            let error = device.zeros(rows, columns).unwrap_err();
            assert!(matches!(error, DeviceError::TooLarge { .. }), "{label}: {error}");
        }
    }
    let Some(device) = base_limits_device() else { return };
    // 4 GiB; WebGPU's base limit is 128 MiB a binding.
    let error = device.zeros(1 << 20, 1 << 10).unwrap_err();
    assert!(
        matches!(error, DeviceError::TooLarge { needed: 0x1_0000_0000, available: 0x800_0000, .. }),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains("4 GiB") && text.contains("128 MiB"), "{text}");
    // The device is as good as before.
    let array = upload(&device, 1, 2, &[1.0, 2.0]);
    assert_eq!(read(&device, &array), [1.0, 2.0]);
}

/// A call with one wrong operand.
type Wrong = (&'static str, &'static str, fn(&Device) -> Result<(), DeviceError>);

fn zeros(device: &Device, rows: usize, columns: usize) -> Array {
    device.zeros(rows, columns).unwrap()
}

/// gibbs on 4 chains of a 3 x 2 model, with the shapes given for its operands in turn: weights,
/// visible_bias, hidden_bias, visible, hidden, hidden_means, clamp.
fn gibbs(device: &Device, shapes: [(usize, usize); 7]) -> Result<(), DeviceError> {
    let [weights, visible_bias, hidden_bias, mut visible, mut hidden, mut hidden_means, clamp] =
        shapes.map(|(rows, columns)| zeros(device, rows, columns));
    device.gibbs(Gibbs {
        weights: &weights,
        visible_bias: &visible_bias,
        hidden_bias: &hidden_bias,
        visible: &mut visible,
        hidden: &mut hidden,
        hidden_means: &mut hidden_means,
        clamp: Some(&clamp),
        beta: 1.0,
        sweeps: 1,
        seed: 0,
        first_step: 0,
    })
}

const GIBBS: [(&str, (usize, usize)); 7] = [
    ("weights", (3, 2)),
    ("visible_bias", (1, 3)),
    ("hidden_bias", (1, 2)),
    ("visible", (4, 3)),
    ("hidden", (4, 2)),
    ("hidden_means", (4, 2)),
    ("clamp", (1, 3)),
];

fn linear(d: &Device, x: [usize; 2], bias: [usize; 2], out: [usize; 2]) -> Result<(), DeviceError> {
    let call = Linear {
        x: &zeros(d, x[0], x[1]),
        weights: &zeros(d, 3, 2),
        transposed: false,
        bias: Some(&zeros(d, bias[0], bias[1])),
        scale: 1.0,
        activation: Activation::Identity,
    };
    d.linear(&call, &mut zeros(d, out[0], out[1]))
}

/// linear of 4 rows of 3 to 2 columns, with a slope or a gate of some shape.
fn beside(
    d: &Device,
    activation: Activation,
    companion: &str,
    shape: [usize; 2],
) -> Result<(), DeviceError> {
    let call = Linear {
        x: &zeros(d, 4, 3),
        weights: &zeros(d, 3, 2),
        transposed: false,
        bias: None,
        scale: 1.0,
        activation,
    };
    let mut array = zeros(d, shape[0], shape[1]);
    let mut out = zeros(d, 4, 2);
    match companion {
        "slope" => d.linear_with_slope(&call, &mut out, &mut array),
        _ => d.linear_gated(&call, &array, &mut out),
    }
}

const DRAW: Draw = Draw { seed: 0, step: 0, stream: Stream::Evaluate };

/// outer on 4 rows of 3 and 2 columns, with the shapes of y, x_offset, y_offset, weights, out.
fn outer(d: &Device, shapes: [(usize, usize); 5]) -> Result<(), DeviceError> {
    let [y, x_offset, y_offset, weights, mut out] =
        shapes.map(|(rows, columns)| zeros(d, rows, columns));
    let terms = &[OuterTerm { x: &zeros(d, 4, 3), y: &y, weights: RowWeights::Each(&weights) }];
    let call = Outer { terms, x_offset: &x_offset, y_offset: &y_offset, accumulate: false };
    d.outer(&call, &mut out)
}

/// As `outer`, with x_sums and y_sums besides.
fn statistics(d: &Device, shapes: [(usize, usize); 7]) -> Result<(), DeviceError> {
    let [y, x_offset, y_offset, weights, mut products, mut x_sums, mut y_sums] =
        shapes.map(|(rows, columns)| zeros(d, rows, columns));
    d.statistics(Statistics {
        terms: &[OuterTerm { x: &zeros(d, 4, 3), y: &y, weights: RowWeights::Each(&weights) }],
        x_offset: &x_offset,
        y_offset: &y_offset,
        products: &mut products,
        x_sums: &mut x_sums,
        y_sums: &mut y_sums,
    })
}

const OUTER: [(&str, (usize, usize)); 5] = [
    ("y", (4, 2)),
    ("x_offset", (1, 3)),
    ("y_offset", (1, 2)),
    ("weights", (4, 1)),
    ("out", (3, 2)),
];

const STATISTICS: [(&str, (usize, usize)); 7] = [
    OUTER[0],
    OUTER[1],
    OUTER[2],
    OUTER[3],
    ("products", (3, 2)),
    ("x_sums", (1, 3)),
    ("y_sums", (1, 2)),
];

const SGD: Optimize = Optimize::Sgd { rate: 0.1, momentum: 0.0, decay: 0.0 };

const WRONG: &[Wrong] = &[
    ("linear", "x", |d| linear(d, [4, 2], [1, 2], [4, 2])),
    ("linear", "bias", |d| linear(d, [4, 3], [2, 1], [4, 2])),
    ("linear", "out", |d| linear(d, [4, 3], [1, 2], [4, 3])),
    ("linear", "slope", |d| beside(d, Activation::Silu, "slope", [4, 3])),
    ("linear", "gate", |d| beside(d, Activation::Silu, "gate", [2, 4])),
    ("linear", "smooth activation", |d| beside(d, Activation::Bernoulli(DRAW), "slope", [4, 2])),
    ("softmax", "p", |d| d.softmax(&zeros(d, 4, 3), &mut zeros(d, 3, 4), &mut zeros(d, 4, 1))),
    ("softmax", "log_sum", |d| {
        d.softmax(&zeros(d, 4, 3), &mut zeros(d, 4, 3), &mut zeros(d, 1, 4))
    }),
    ("normalize", "norms", |d| d.normalize(&mut zeros(d, 4, 3), &mut zeros(d, 3, 1))),
    ("reduce", "other", |d| {
        d.reduce(Reduce::RowDot(&zeros(d, 1, 3)), &zeros(d, 3, 2), &mut zeros(d, 3, 1))
    }),
    ("reduce", "out", |d| {
        d.reduce(Reduce::RowDot(&zeros(d, 3, 2)), &zeros(d, 3, 2), &mut zeros(d, 1, 2))
    }),
    ("reduce", "out", |d| d.reduce(Reduce::SumOfSquares, &zeros(d, 3, 2), &mut zeros(d, 1, 2))),
    ("reduce", "other", |d| {
        let call = Reduce::SquaredDistance(&zeros(d, 2, 3));
        d.reduce(call, &zeros(d, 3, 2), &mut zeros(d, 1, 1))
    }),
    ("reduce", "weights", |d| {
        let weights = RowWeights::Each(&zeros(d, 1, 2));
        let call = Reduce::ColumnSum { weights, accumulate: false };
        d.reduce(call, &zeros(d, 3, 2), &mut zeros(d, 1, 2))
    }),
    ("pointwise", "operand", |d| {
        d.pointwise(Pointwise::Axpy { x: &zeros(d, 2, 3), scale: 1.0 }, &mut zeros(d, 3, 2))
    }),
    ("pointwise", "operand", |d| {
        d.pointwise(Pointwise::Bernoulli { p: &zeros(d, 1, 2), draw: DRAW }, &mut zeros(d, 3, 2))
    }),
    ("pointwise", "operand", |d| {
        d.pointwise(Pointwise::Multiply { x: &zeros(d, 2, 3) }, &mut zeros(d, 3, 2))
    }),
    ("pointwise", "operand", |d| {
        let call = Pointwise::MixRows { x: &zeros(d, 2, 3), share: 0.5, draw: DRAW };
        d.pointwise(call, &mut zeros(d, 3, 2))
    }),
    ("pointwise", "operand", |d| {
        let (x, factors) = (&zeros(d, 2, 3), &zeros(d, 3, 1));
        d.pointwise(Pointwise::AxpyRows { x, factors, scale: 1.0 }, &mut zeros(d, 3, 2))
    }),
    ("pointwise", "factors", |d| {
        let (x, factors) = (&zeros(d, 3, 2), &zeros(d, 1, 3));
        d.pointwise(Pointwise::AxpyRows { x, factors, scale: 1.0 }, &mut zeros(d, 3, 2))
    }),
    ("pointwise", "column", |d| {
        d.pointwise(Pointwise::AddToColumn { column: 2, value: 1.0 }, &mut zeros(d, 3, 2))
    }),
    ("pointwise", "mask", |d| {
        let x = &zeros(d, 3, 2);
        d.pointwise(Pointwise::Select { mask: &zeros(d, 1, 3), x }, &mut zeros(d, 3, 2))
    }),
    ("optimize", "gradient", |d| {
        d.optimize(SGD, &zeros(d, 2, 3), &mut zeros(d, 3, 2), &mut [zeros(d, 3, 2)])
    }),
    ("optimize", "moment", |d| {
        d.optimize(SGD, &zeros(d, 3, 2), &mut zeros(d, 3, 2), &mut [zeros(d, 2, 3)])
    }),
    ("optimize", "list of moments", |d| {
        d.optimize(SGD, &zeros(d, 3, 2), &mut zeros(d, 3, 2), &mut [])
    }),
    ("upload", "values", |d| d.upload(3, 2, &[0.0; 5]).map(drop)),
    ("upload", "values", |d| d.upload(0, 2, &[]).map(drop)),
    ("upload", "values", |d| d.upload(usize::MAX, 4, &[0.0; 4]).map(drop)),
    ("write", "values", |d| d.write(&mut zeros(d, 3, 2), 2, &[0.0; 4])),
    ("write", "values", |d| d.write(&mut zeros(d, 3, 2), 0, &[0.0; 3])),
    ("write", "values", |d| d.write(&mut zeros(d, 3, 2), usize::MAX, &[0.0; 2])),
    ("outer", "list of terms", |d| {
        let (x_offset, y_offset) = (&zeros(d, 1, 3), &zeros(d, 1, 2));
        let call = Outer { terms: &[], x_offset, y_offset, accumulate: false };
        d.outer(&call, &mut zeros(d, 3, 2))
    }),
    ("gather", "rows", |d| d.gather(&mut zeros(d, 3, 2), &[0.0; 8], &[0, 1])),
    ("gather", "source", |d| d.gather(&mut zeros(d, 3, 2), &[0.0; 7], &[0, 1, 3])),
    ("copy_rows", "target", |d| d.copy_rows(&zeros(d, 3, 2), 0, &mut zeros(d, 3, 3), 0, 1)),
    ("copy_rows", "rows", |d| d.copy_rows(&zeros(d, 3, 2), 2, &mut zeros(d, 3, 2), 0, 2)),
    ("copy_rows", "rows", |d| d.copy_rows(&zeros(d, 3, 2), 0, &mut zeros(d, 3, 2), 4, 1)),
    ("copy_rows", "rows", |d| d.copy_rows(&zeros(d, 3, 2), usize::MAX, &mut zeros(d, 3, 2), 0, 1)),
];

fn assert_shape(label: &str, result: Result<(), DeviceError>, kernel: &str, operand: &str) {
    let error = result.expect_err(&format!("{label}: {kernel} takes a wrong {operand}"));
    let DeviceError::Shape { kernel: found_kernel, operand: found, .. } = &error else {
        panic!("{label}: {kernel}, {operand}: {error}")
    };
    assert_eq!((*found_kernel, *found), (kernel, operand), "{label}");
    assert!(error.to_string().contains(operand), "{error}");
}

#[test]
fn a_wrong_shape_names_the_operand() {
    for device in devices() {
        let label = device.name();
        for (kernel, operand, call) in WRONG {
            assert_shape(label, call(&device), kernel, operand);
        }
        gibbs(&device, GIBBS.map(|(_, shape)| shape)).unwrap();
        // The weights and the visible states set the sizes that the others must have.
        for wrong in [1, 2, 4, 5, 6] {
            let mut shapes = GIBBS.map(|(_, shape)| shape);
            shapes[wrong].1 += 1;
            assert_shape(label, gibbs(&device, shapes), "gibbs", GIBBS[wrong].0);
        }
        let mut shapes = GIBBS.map(|(_, shape)| shape);
        shapes[3] = (4, 2);
        assert_shape(label, gibbs(&device, shapes), "gibbs", "visible");
        outer(&device, OUTER.map(|(_, shape)| shape)).unwrap();
        for wrong in 0..OUTER.len() {
            let mut shapes = OUTER.map(|(_, shape)| shape);
            shapes[wrong].0 += 1;
            assert_shape(label, outer(&device, shapes), "outer", OUTER[wrong].0);
        }
        statistics(&device, STATISTICS.map(|(_, shape)| shape)).unwrap();
        for wrong in 0..STATISTICS.len() {
            let mut shapes = STATISTICS.map(|(_, shape)| shape);
            shapes[wrong].0 += 1;
            assert_shape(label, statistics(&device, shapes), "statistics", STATISTICS[wrong].0);
        }
    }
}

/// Every operand of a pointwise call, a read and a copy, taken from another kind of device.
#[test]
fn an_array_of_another_kind_of_device_is_refused() {
    let cpu = Device::cpu();
    for (label, gpu) in gpus_with_checks() {
        for (here, there) in [(&cpu, &gpu), (&gpu, &cpu)] {
            let (mut own, mut foreign) = (zeros(here, 2, 2), zeros(there, 2, 2));
            let one = zeros(here, 1, 1);
            let results = [
                pollster::block_on(here.read(&foreign)).map(drop),
                here.write(&mut foreign, 0, &[0.0; 2]),
                here.copy_rows(&foreign, 0, &mut own, 0, 1),
                here.copy_rows(&own, 0, &mut foreign, 0, 1),
                here.pointwise(Pointwise::Fill(0.0), &mut foreign),
                here.pointwise(Pointwise::Axpy { x: &foreign, scale: 1.0 }, &mut own),
                here.reduce(Reduce::SumOfSquares, &foreign, &mut zeros(here, 1, 1)),
                here.reduce(Reduce::SumOfSquares, &own, &mut zeros(there, 1, 1)),
                here.reduce(Reduce::SquaredDistance(&foreign), &own, &mut zeros(here, 1, 1)),
                here.optimize(SGD, &foreign, &mut zeros(here, 2, 2), &mut [zeros(here, 2, 2)]),
                here.optimize(SGD, &own, &mut zeros(here, 2, 2), &mut [zeros(there, 2, 2)]),
                here.reduce(Reduce::RowDot(&foreign), &own, &mut zeros(here, 2, 1)),
                here.softmax(&foreign, &mut zeros(here, 2, 2), &mut zeros(here, 2, 1)),
                here.softmax(&own, &mut zeros(there, 2, 2), &mut zeros(here, 2, 1)),
                here.normalize(&mut foreign, &mut zeros(here, 2, 1)),
                here.normalize(&mut own, &mut zeros(there, 2, 1)),
                gibbs_with_weights(here, &foreign),
                here.linear(
                    &Linear {
                        x: &own,
                        weights: &foreign,
                        transposed: false,
                        bias: None,
                        scale: 1.0,
                        activation: Activation::Identity,
                    },
                    &mut zeros(here, 2, 2),
                ),
            ];
            for (index, result) in results.into_iter().enumerate() {
                let error = result.expect_err(&format!("{label}: call {index} takes the array"));
                assert!(matches!(error, DeviceError::Foreign { .. }), "{label}: {index}: {error}");
            }
            // Nothing was spoilt by the refusals.
            assert_eq!(read(here, &one), [0.0], "{label}");
        }
    }
}

fn gibbs_with_weights(device: &Device, weights: &Array) -> Result<(), DeviceError> {
    device.gibbs(Gibbs {
        weights,
        visible_bias: &zeros(device, 1, 2),
        hidden_bias: &zeros(device, 1, 2),
        visible: &mut zeros(device, 3, 2),
        hidden: &mut zeros(device, 3, 2),
        hidden_means: &mut zeros(device, 3, 2),
        clamp: None,
        beta: 1.0,
        sweeps: 1,
        seed: 0,
        first_step: 0,
    })
}

/// A device that is gone answers everything with an error, and reading back says so.
#[test]
fn a_destroyed_device_gives_errors() {
    let Some((raw, queue, info)) = own_wgpu(wgpu::Limits::default()) else { return };
    let device = Device::from_wgpu(raw.clone(), queue, info);
    let mut x = upload(&device, 2, 2, &[1.0; 4]);
    // Queued before the loss, submitted after it.
    device.pointwise(Pointwise::Scale(2.0), &mut x).unwrap();
    raw.destroy();
    let error = pollster::block_on(device.read(&x)).expect_err("the device is gone");
    assert!(matches!(error, DeviceError::Lost { .. }), "{error:?}");
    // From here on everything refuses, in the same words.
    let results = [
        device.zeros(2, 2).map(drop),
        device.upload(1, 1, &[0.0]).map(drop),
        device.write(&mut x, 0, &[0.0; 2]),
        device.pointwise(Pointwise::Fill(0.0), &mut x),
        device.duplicate(&x).map(drop),
        pollster::block_on(device.read(&x)).map(drop),
    ];
    for (index, result) in results.into_iter().enumerate() {
        let error = result.expect_err(&format!("call {index} on a lost device"));
        assert!(matches!(error, DeviceError::Lost { .. }), "{index}: {error:?}");
    }
}

/// The loss comes before anything else was asked of the device.
#[test]
fn a_device_that_was_lost_before_its_first_use_gives_errors() {
    let Some((raw, queue, info)) = own_wgpu(wgpu::Limits::default()) else { return };
    let device = Device::from_wgpu(raw.clone(), queue, info);
    raw.destroy();
    let result =
        device.upload(2, 2, &[1.0; 4]).and_then(|array| pollster::block_on(device.read(&array)));
    let error = result.expect_err("the device is gone");
    assert!(matches!(error, DeviceError::Lost { .. }), "{error:?}");
}
