//! The limits of a GPU's memory.

use super::Gpu;

/// Kernels count and index values by u32, and round up to whole workgroups and parts of sums.
const MOST_VALUES: u64 = (1 << 32) - (1 << 16);

/// Bytes that an array may have on a device with such limits.
fn largest_array(limits: &wgpu::Limits) -> u64 {
    limits.max_buffer_size.min(limits.max_storage_buffer_binding_size).min(4 * MOST_VALUES)
}

impl Gpu {
    /// Bytes that a buffer may have for a kernel to use all of it.
    pub(super) fn largest_buffer(&self) -> u64 {
        largest_array(&self.device.limits())
    }

    /// Bytes of the device's own memory, which wgpu does not tell; `None` where its interface does
    /// not tell either.
    pub(super) fn memory(&self) -> Option<u64> {
        #[cfg(any(target_os = "linux", target_os = "windows"))]
        if let Some(bytes) = self.vulkan_heap() {
            return Some(bytes);
        }
        #[cfg(windows)]
        return self.dx12_budget();
        #[cfg(target_vendor = "apple")]
        return self.metal_working_set();
        #[cfg(not(any(windows, target_vendor = "apple")))]
        None
    }

    /// Vulkan: the largest heap of the device's own.
    #[cfg(any(target_os = "linux", target_os = "windows"))]
    fn vulkan_heap(&self) -> Option<u64> {
        // VK_MEMORY_HEAP_DEVICE_LOCAL_BIT.
        const DEVICE_LOCAL: u32 = 1;
        // SAFETY: the handles are only asked for properties, while the guard keeps them alive.
        let properties = unsafe {
            let device = self.device.as_hal::<wgpu::hal::api::Vulkan>()?;
            let instance = device.shared_instance().raw_instance();
            instance.get_physical_device_memory_properties(device.raw_physical_device())
        };
        let heaps = properties.memory_heaps.iter().take(properties.memory_heap_count as usize);
        // Cards have a small window for the host beside their memory.
        heaps.filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0).map(|heap| heap.size).max()
    }

    /// DX12: what the system grants this process of the memory that is nearest to the adapter.
    #[cfg(windows)]
    fn dx12_budget(&self) -> Option<u64> {
        use windows::Win32::Graphics::Dxgi::{
            CreateDXGIFactory1, DXGI_MEMORY_SEGMENT_GROUP_LOCAL, DXGI_QUERY_VIDEO_MEMORY_INFO,
            IDXGIAdapter3, IDXGIFactory4,
        };
        let mut found = DXGI_QUERY_VIDEO_MEMORY_INFO::default();
        // SAFETY: the device is only asked for its adapter's number, while the guard keeps it
        // alive; the other objects are this function's own and count their references.
        unsafe {
            let adapter = {
                let device = self.device.as_hal::<wgpu::hal::api::Dx12>()?;
                device.raw_device().GetAdapterLuid()
            };
            let factory: IDXGIFactory4 = CreateDXGIFactory1().ok()?;
            let adapter: IDXGIAdapter3 = factory.EnumAdapterByLuid(adapter).ok()?;
            adapter.QueryVideoMemoryInfo(0, DXGI_MEMORY_SEGMENT_GROUP_LOCAL, &mut found).ok()?;
        }
        Some(found.Budget).filter(|bytes| *bytes > 0)
    }

    /// Metal: what the device can use without becoming slow.
    #[cfg(target_vendor = "apple")]
    fn metal_working_set(&self) -> Option<u64> {
        use objc2_metal::MTLDevice as _;
        // SAFETY: the device is only asked for a property, while the guard keeps it alive.
        let device = unsafe { self.device.as_hal::<wgpu::hal::api::Metal>()? };
        let bytes = device.raw_device().recommendedMaxWorkingSetSize();
        Some(bytes).filter(|bytes| *bytes > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_an_array_has_a_number_of_32_bits() {
        let of = |max_buffer_size, max_storage_buffer_binding_size| {
            largest_array(&wgpu::Limits {
                max_buffer_size,
                max_storage_buffer_binding_size,
                ..Default::default()
            })
        };
        assert_eq!(of(1 << 28, 1 << 27), 1 << 27);
        assert_eq!(of(1 << 20, 1 << 27), 1 << 20);
        // Metal may allow more than 16 GiB.
        let values = of(1 << 36, 1 << 36) / 4;
        assert_eq!(values, MOST_VALUES);
        // Of whole workgroups and parts of sums too.
        assert!(u32::try_from(values.next_multiple_of(65_536) - 1).is_ok());
        assert_eq!(super::super::groups_of_256(values as usize), (1 << 24) - (1 << 8));
    }
}
