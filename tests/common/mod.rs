//! What every test crate shares: the devices that tests run on, random numbers, comparisons.
// Each test crate compiles this file for itself and uses its own part of it.
#![allow(dead_code)]

use std::sync::OnceLock;

use ergodic::{
    device::{
        Array, Device, adapters,
        cpu::Instructions,
        gpu::{Checks, Gpu, MATRIX_FEATURES, Matrices},
    },
    random::{HostRng, Stream},
    wgpu,
};

/// Which devices tests run on: "cpu,gpu" where it is not set.
const DEVICES: &str = "ERGODIC_TEST_DEVICES";

/// The devices that tests run on, as programs open them: the CPU and a GPU.
pub fn devices() -> Vec<Device> {
    let mut devices = every_device();
    devices.drain(1..cpus().len());
    devices
}

/// The CPU on every instruction set that it has, widest first, and a GPU as programs open it.
pub fn every_device() -> Vec<Device> {
    let as_programs = |checks: &Option<Checks>| checks.is_none_or(|it| it == Checks::default());
    let opened = opened().iter().filter(|(_, checks, _)| as_programs(checks));
    opened.map(|(_, _, device)| device.clone()).collect()
}

/// The CPU on every instruction set that it has, widest first, and the GPU both with the shaders' checks
/// and without, each with a label.
pub fn devices_with_checks() -> Vec<(&'static str, Device)> {
    opened().iter().map(|(label, _, device)| (*label, device.clone())).collect()
}

/// The GPU variants of [`devices_with_checks`]; none where the run is CPU only.
pub fn gpus_with_checks() -> Vec<(&'static str, Device)> {
    devices_with_checks().split_off(cpus().len())
}

/// The CPU on every instruction set that it has, widest first.
pub fn cpus() -> Vec<(Instructions, Device)> {
    let sets = Instructions::available().into_iter();
    sets.map(|set| (set, Device::cpu_with(set))).collect()
}

type Opened = (&'static str, Option<Checks>, Device);

/// Opened once a process: a driver takes up to a second to start.
fn opened() -> &'static [Opened] {
    static OPENED: OnceLock<Vec<Opened>> = OnceLock::new();
    OPENED.get_or_init(|| {
        let cpus = cpus().into_iter().map(|(set, device)| (set.title(), None, device));
        let mut opened: Vec<Opened> = cpus.collect();
        if !with_gpu() {
            eprintln!("{DEVICES}=cpu: these tests run on the CPU only");
            return opened;
        }
        // Hardware comes first in the list, software drivers last.
        assert!(!pollster::block_on(adapters()).is_empty(), "{NO_ADAPTER}");
        let gpu = |label, checks| {
            let device = pollster::block_on(Device::open_with("gpu:0", checks))
                .unwrap_or_else(|error| panic!("{error}"));
            eprintln!("{label}: {}", device.name());
            (label, Some(checks), device)
        };
        opened.push(gpu("GPU, checks on", Checks::Full));
        opened.push(gpu("GPU, checks off", Checks::Off));
        opened
    })
}

const NO_ADAPTER: &str = "no GPU adapter, not even a software one: `scripts/test` installs the \
    software Vulkan driver of Mesa, and ERGODIC_TEST_DEVICES=cpu tests the CPU only";

/// Whether the run covers a GPU.
pub fn with_gpu() -> bool {
    match std::env::var(DEVICES) {
        Err(_) => true,
        Ok(value) => match value.trim() {
            "cpu" => false,
            "" | "cpu,gpu" => true,
            other => panic!("{DEVICES} is '{other}', wanted 'cpu' or 'cpu,gpu'"),
        },
    }
}

/// The adapter that the tests use; none in a CPU-only run.
fn own_adapter() -> Option<wgpu::Adapter> {
    // Opens the test devices first: it says what to do where there is no adapter.
    if gpus_with_checks().is_empty() {
        return None;
    }
    let name = pollster::block_on(adapters()).swap_remove(0).name;
    let descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    let instance = wgpu::Instance::new(descriptor);
    let found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let adapter = found.into_iter().find(|adapter| adapter.get_info().name == name);
    Some(adapter.expect("adapters are listed the same twice"))
}

/// A wgpu device of the caller's own on the adapter that the tests use; none in a CPU-only run.
pub fn own_wgpu(limits: wgpu::Limits) -> Option<(wgpu::Device, wgpu::Queue, wgpu::AdapterInfo)> {
    let adapter = own_adapter()?;
    let descriptor = wgpu::DeviceDescriptor { required_limits: limits, ..Default::default() };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
        .expect("every adapter offers WebGPU's base limits");
    Some((device, queue, adapter.get_info()))
}

/// A GPU that may use the cooperative matrices of its adapter, these, and its bytes of workgroup memory;
/// none where it has no such matrices, and says so.
pub fn gpu_with_matrices(checks: Checks) -> Option<(Gpu, Matrices, usize)> {
    let adapter = own_adapter()?;
    let info = adapter.get_info();
    let Some(matrices) = Matrices::of(&adapter) else {
        eprintln!("{} has no cooperative matrices that gibbs can use: not tested", info.name);
        return None;
    };
    let limits = wgpu::Limits {
        max_compute_workgroup_storage_size: adapter.limits().max_compute_workgroup_storage_size,
        ..Default::default()
    };
    let descriptor = wgpu::DeviceDescriptor {
        required_limits: limits,
        required_features: MATRIX_FEATURES,
        // SAFETY: one kernel uses what is experimental, by its rules.
        experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
        ..Default::default()
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
        .expect("an adapter opens with what it offers");
    let room = device.limits().max_compute_workgroup_storage_size as usize;
    let gpu = Gpu::new(device, queue, &info.name, checks).with_matrices(Some(matrices));
    Some((gpu, matrices, room))
}

/// A device of the crate on [`own_wgpu`] with WebGPU's base limits: 16 KiB of workgroup memory.
pub fn base_limits_device() -> Option<Device> {
    limited_device(wgpu::Limits::default())
}

/// A device of the crate on [`own_wgpu`] with the given limits.
pub fn limited_device(limits: wgpu::Limits) -> Option<Device> {
    let (device, queue, info) = own_wgpu(limits)?;
    Some(Device::from_wgpu(device, queue, info))
}

/// Standard normals.
pub fn normals(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = HostRng::new(seed, Stream::Data, 0);
    (0..n).map(|_| rng.normal()).collect()
}

/// Normals with a standard deviation.
pub fn normals_of(n: usize, deviation: f32, seed: u64) -> Vec<f32> {
    normals(n, seed).iter().map(|x| deviation * x).collect()
}

/// Uniforms in (0, 1).
pub fn uniforms(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = HostRng::new(seed, Stream::Data, 0);
    (0..n).map(|_| rng.uniform()).collect()
}

/// Zeros and ones, one as likely as the other.
pub fn bits(n: usize, seed: u64) -> Vec<f32> {
    uniforms(n, seed).iter().map(|u| f32::from(u8::from(*u < 0.5))).collect()
}

/// An array with the given values; panics where the device refuses.
pub fn upload(device: &Device, rows: usize, columns: usize, values: &[f32]) -> Array {
    device.upload(rows, columns, values).unwrap_or_else(|error| panic!("{error}"))
}

/// The values of an array; panics where the device refuses.
pub fn read(device: &Device, array: &Array) -> Vec<f32> {
    pollster::block_on(device.read(array)).unwrap_or_else(|error| panic!("{error}"))
}

/// Every value in f64.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// 1 / (1 + e⁻ˣ) in f64.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// log(1 + eˣ) in f64.
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The bits of every value, for comparisons that see the sign of zero and NaN.
pub fn raw(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// Asserts |found − wanted| ≤ bound, value by value; NaN fails.
pub fn assert_within(what: &str, found: &[f32], wanted: &[f64], bounds: &[f64]) {
    assert_eq!(found.len(), wanted.len(), "{what}: number of values");
    for (index, ((found, wanted), bound)) in found.iter().zip(wanted).zip(bounds).enumerate() {
        let error = (f64::from(*found) - wanted).abs();
        assert!(error <= *bound, "{what}: [{index}] is {found}, wanted {wanted} ± {bound:.1e}");
    }
}
