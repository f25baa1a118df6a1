//! What fits a device on paper fits it, and one more does not.

use ergodic::{
    bench::scale::{Bound, Fitting, MostChains},
    data::{Dataset, Examples},
    device::{Device, DeviceError},
    energy::{ModelError, Rbm},
    sampler::Chains,
    train::{Settings, TrainError, Trainer},
    wgpu,
};

use crate::common::limited_device;

const SIZES: [usize; 2] = [100, 50];

/// A GPU on which an array may have 8 MiB.
fn narrow() -> Option<Device> {
    let limits =
        wgpu::Limits { max_storage_buffer_binding_size: 8 << 20, ..wgpu::Limits::default() };
    limited_device(limits)
}

fn rbm(device: &Device, [visible, hidden]: [usize; 2]) -> Result<Rbm, DeviceError> {
    Rbm::initial(device, &vec![0.5; visible], hidden, false, 0)
}

fn is_too_large(error: Option<DeviceError>) {
    assert!(matches!(error, Some(DeviceError::TooLarge { .. })), "{error:?}");
}

#[test]
fn a_device_tells_its_limits() {
    let cpu = Device::cpu().room();
    assert!(cpu.array > 1 << 40);
    assert!(!cfg!(target_os = "linux") || cpu.memory.is_some_and(|bytes| bytes > 1 << 20));
    let Some(gpu) = narrow() else { return };
    assert_eq!(gpu.room().array, 8 << 20);
    // On Linux every adapter is Vulkan's.
    assert!(!cfg!(target_os = "linux") || gpu.room().memory.is_some_and(|bytes| bytes > 1 << 20));
}

#[test]
fn the_most_chains_are_sampled_and_one_more_is_refused() {
    let Some(device) = narrow() else { return };
    let most = MostChains::of(&device.room(), &SIZES).sampled;
    // 400 bytes a chain of visible states.
    assert_eq!((most.count, most.bound), ((8 << 20) / 400, Bound::Array));
    let model = rbm(&device, SIZES).unwrap();
    let mut chains = Chains::new(&model, most.count, 0).unwrap();
    chains.start_from_noise(&device).unwrap();
    assert_eq!(chains.bytes() + 4 * (100 * 50 + 150), most.bytes);
    is_too_large(Chains::new(&model, most.count + 1, 0).err());
}

#[test]
fn the_largest_square_is_made_and_one_more_unit_is_refused() {
    let Some(device) = narrow() else { return };
    let most = Fitting::of(device.room()).squares[0].sampled;
    // The largest square below 2²¹ floats.
    assert_eq!((most.count, most.bound), (1448, Bound::Array));
    assert!(rbm(&device, [most.count; 2]).is_ok());
    is_too_large(rbm(&device, [most.count + 1; 2]).err());
}

#[test]
fn the_most_chains_are_trained_and_one_more_is_refused() {
    let Some(device) = narrow() else { return };
    let most = MostChains::of(&device.room(), &SIZES).trained.unwrap();
    assert_eq!((most.count, most.bound), ((8 << 20) / 400, Bound::Array));
    let train = |chains| {
        // As many examples as fill an upload: what comes after them stays on the host.
        let (rows, columns) = (11_000, SIZES[0]);
        let values = (0..rows * columns).map(|k| (k % 2) as f32).collect();
        let train = Examples { rows, columns, values, labels: None };
        let data = Dataset { name: "stripes".into(), train, ..Dataset::default() };
        let settings =
            Settings { hidden: vec![SIZES[1]], chains, batch: 500, ..Settings::default() };
        Trainer::new(&device, data, settings)
    };
    assert_eq!(train(most.count).unwrap().memory().total(), most.bytes);
    match train(most.count + 1).err() {
        Some(TrainError::Device(error) | TrainError::Model(ModelError::Device(error))) => {
            is_too_large(Some(error));
        }
        other => panic!("{other:?}"),
    }
}
