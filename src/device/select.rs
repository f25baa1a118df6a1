//! Finding a device by name.

use serde::Serialize;

use super::{
    Device, DeviceError, Result,
    cpu::Instructions,
    gpu::{Checks, Gpu, MATRIX_FEATURES, Matrices},
};

/// What an adapter says of itself, for `ergodic devices`.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterReport {
    /// Its place in the list: `--device gpu:INDEX`.
    pub index: usize,
    /// The adapter's name.
    pub name: String,
    /// Vulkan, Metal, DX12 or WebGPU.
    pub backend: String,
    /// Discrete, integrated, virtual or software.
    pub kind: &'static str,
    /// The driver and its version.
    pub driver: String,
    /// Bytes that one array may have.
    pub max_array_bytes: u64,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Its cooperative matrices (tensor cores), where it has any that `gibbs` can use.
    pub matrices: Option<Matrices>,
}

/// Every adapter of the system, discrete GPUs first, software drivers last.
pub async fn adapters() -> Vec<AdapterReport> {
    enumerate().await.iter().enumerate().map(|(index, adapter)| report(index, adapter)).collect()
}

/// What is asked of a GPU beside its name.
#[derive(Clone, Copy)]
struct Wish {
    checks: Checks,
    /// Whether it may use cooperative matrices.
    with_matrices: bool,
}

/// What ends the name of a device that may use its cooperative matrices.
const WITH_MATRICES: &str = "+matrices";

/// Opens a device by name; see [`Device::open`].
pub(super) async fn open(name: &str, checks: Checks) -> Result<Device> {
    let wanted = name.trim().to_lowercase();
    let without = wanted.strip_suffix(WITH_MATRICES);
    let wish = Wish { checks, with_matrices: without.is_some() };
    find(without.unwrap_or(&wanted), wish).await
}

/// The CPU kernels on the widest instruction set or on that of a name. They have no cooperative
/// matrices.
fn cpu(wish: Wish, set: Option<&str>) -> Result<Device> {
    let set = match set {
        None => Instructions::best(),
        Some(wanted) => {
            let sets = Instructions::available();
            let found = sets.iter().find(|set| set.name() == wanted).copied();
            found.ok_or_else(|| DeviceError::NoInstructions {
                wanted: wanted.into(),
                available: sets.iter().map(|set| set.name()).collect(),
            })?
        }
    };
    let device = Device::cpu_with(set);
    match wish.with_matrices {
        true => Err(DeviceError::NoMatrices { device: device.name().into() }),
        false => Ok(device),
    }
}

async fn find(wanted: &str, wish: Wish) -> Result<Device> {
    if wanted == "cpu" {
        return cpu(wish, None);
    }
    if let Some(set) = wanted.strip_prefix("cpu:") {
        return cpu(wish, Some(set));
    }
    let found = enumerate().await;
    let is_software =
        |adapter: &&wgpu::Adapter| adapter.get_info().device_type == wgpu::DeviceType::Cpu;
    let software = || found.iter().filter(is_software).map(|a| a.get_info().name).collect();
    let hardware = found.iter().find(|adapter| !is_software(adapter));
    if wanted == "auto" {
        return match hardware {
            Some(adapter) => Ok(Device::from_gpu(request(adapter, wish).await?)),
            None => cpu(wish, None),
        };
    }
    if wanted == "gpu" {
        let adapter = hardware.ok_or_else(|| DeviceError::NoAdapter { software: software() })?;
        return Ok(Device::from_gpu(request(adapter, wish).await?));
    }
    let by_index = wanted.strip_prefix("gpu:").and_then(|index| index.parse::<usize>().ok());
    let adapter = match by_index {
        Some(index) => found.get(index),
        None => found.iter().find(|adapter| {
            !wanted.is_empty() && adapter.get_info().name.to_lowercase().contains(wanted)
        }),
    };
    match adapter {
        Some(adapter) => Ok(Device::from_gpu(request(adapter, wish).await?)),
        None => {
            let named = |(index, adapter): (usize, &wgpu::Adapter)| {
                format!("gpu:{index} ({})", adapter.get_info().name)
            };
            let listed = found.iter().enumerate().map(named);
            let available = ["auto".into(), "cpu".into()].into_iter().chain(listed).collect();
            Err(DeviceError::UnknownDevice { wanted: wanted.into(), available })
        }
    }
}

/// "NAME (BACKEND, DRIVER)".
pub(super) fn describe(info: &wgpu::AdapterInfo) -> String {
    format!("{} ({:?}, {})", info.name, info.backend, driver(info))
}

fn driver(info: &wgpu::AdapterInfo) -> String {
    format!("{} {}", info.driver, info.driver_info).trim().to_string()
}

async fn enumerate() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    // Validation layers are for wgpu's own developers; without this, debug builds look for them.
    descriptor.flags.remove(wgpu::InstanceFlags::VALIDATION | wgpu::InstanceFlags::DEBUG);
    let instance = wgpu::Instance::new(descriptor);
    let mut found = instance.enumerate_adapters(wgpu::Backends::all()).await;
    found.sort_by_key(|adapter| rank(adapter.get_info().device_type));
    found
}

fn rank(kind: wgpu::DeviceType) -> u8 {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

fn report(index: usize, adapter: &wgpu::Adapter) -> AdapterReport {
    let info = adapter.get_info();
    let limits = adapter.limits();
    AdapterReport {
        index,
        backend: format!("{:?}", info.backend),
        kind: ["discrete", "integrated", "virtual", "other", "software"]
            [usize::from(rank(info.device_type))],
        driver: driver(&info),
        max_array_bytes: limits.max_buffer_size.min(limits.max_storage_buffer_binding_size),
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        matrices: Matrices::of(adapter),
        name: info.name,
    }
}

/// Opens an adapter with all the memory it offers, its cooperative matrices where they are wished for,
/// and nothing else beyond WebGPU's base limits. Of its features, those are used that keep compiled
/// pipelines and tell when the device is busy.
async fn request(adapter: &wgpu::Adapter, wish: Wish) -> Result<Gpu> {
    let info = adapter.get_info();
    let offered = adapter.limits();
    let limits = wgpu::Limits {
        max_buffer_size: offered.max_buffer_size,
        max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
        max_compute_workgroup_storage_size: offered.max_compute_workgroup_storage_size,
        ..wgpu::Limits::default()
    }
    .or_worse_values_from(&offered);
    let useful = wgpu::Features::PIPELINE_CACHE | wgpu::Features::TIMESTAMP_QUERY;
    let mut descriptor = wgpu::DeviceDescriptor {
        required_limits: limits,
        required_features: adapter.features() & useful,
        ..Default::default()
    };
    let (mut name, mut matrices) = (describe(&info), None);
    if wish.with_matrices {
        matrices = Matrices::of(adapter);
        if matrices.is_none() {
            return Err(DeviceError::NoMatrices { device: name });
        }
        // Tiles that are kept for it are for it alone.
        name.push_str(WITH_MATRICES);
        descriptor.required_features |= MATRIX_FEATURES;
        // SAFETY: what is experimental may misbehave where it is used against its rules; one kernel
        // uses it, by its rules, and only after it was seen to agree with another.
        descriptor.experimental_features = unsafe { wgpu::ExperimentalFeatures::enabled() };
    }
    let (device, queue) = adapter.request_device(&descriptor).await.map_err(|error| {
        DeviceError::Open { adapter: info.name.clone(), reason: error.to_string() }
    })?;
    Ok(Gpu::new(device, queue, &name, wish.checks).with_matrices(matrices))
}

/// The first adapter's, for tests of this crate's inside; none in a run on the CPU only.
#[cfg(test)]
pub(super) fn first_gpu() -> Option<Gpu> {
    if std::env::var("ERGODIC_TEST_DEVICES").is_ok_and(|devices| devices.trim() == "cpu") {
        return None;
    }
    let adapters = pollster::block_on(enumerate());
    let adapter = adapters.first().expect("`scripts/test` installs a software driver");
    let wish = Wish { checks: Checks::default(), with_matrices: false };
    Some(pollster::block_on(request(adapter, wish)).expect("it can be opened"))
}
