//! A wgpu device that the caller made, with WebGPU's base limits, samples and trains as well.

use ergodic::{
    data,
    device::Device,
    train::{Metrics, Settings, Trainer},
};

use crate::{
    common::{base_limits_device, devices_with_checks},
    gibbs::{Chains, Model, run},
};

#[test]
fn it_samples_the_same_chains() {
    let Some(own) = base_limits_device() else { return };
    let model = Model::new(12, 7);
    let start = Chains::new(65, &model);
    // Without the checks in the shaders, as the device of the caller: the very same program.
    let (_, opened) = devices_with_checks().pop().expect("the GPU without checks is the last");
    let wanted = run(&opened, &model, &start, &[20], 0);
    assert_eq!(run(&own, &model, &start, &[20], 0), wanted);
}

/// Trains on 3 x 3 bars and stripes; the figures before and after.
fn train(device: &Device) -> [Metrics; 2] {
    let data = data::load("bars-and-stripes:3", &data::Options::default()).unwrap();
    let settings = Settings {
        hidden: vec![8],
        epochs: 600,
        chains: 100,
        lr: 1.0,
        final_lr: 0.05,
        ..Settings::default()
    };
    let mut trainer = Trainer::new(device, data, settings).unwrap();
    let before = pollster::block_on(trainer.measure(true)).unwrap();
    for _ in 0..trainer.steps_total() {
        trainer.step().unwrap();
    }
    [before, pollster::block_on(trainer.measure(true)).unwrap()]
}

/// Runs on different devices are the same only in law, so their likelihoods are compared.
#[test]
fn it_trains() {
    let Some(own) = base_limits_device() else { return };
    let likelihood = |metrics: &Metrics| metrics.log_likelihood_train.unwrap();
    let [start, end] = train(&own).map(|metrics| likelihood(&metrics));
    let [cpu_start, cpu_end] = train(&Device::cpu()).map(|metrics| likelihood(&metrics));
    eprintln!("own {start} to {end}, CPU {cpu_start} to {cpu_end} nats");
    assert!((start - cpu_start).abs() < 1e-4, "{start} and {cpu_start} nats at the start");
    assert!(end > start + 1.0, "{start} to {end} nats");
    assert!((end - cpu_end).abs() < 0.2, "{end} nats, {cpu_end} on the CPU");
}
