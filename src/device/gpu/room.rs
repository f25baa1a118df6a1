//! The limits of a GPU's memory.

use super::Gpu;

impl Gpu {
    /// Bytes that a buffer may have for a kernel to use all of it.
    pub(super) fn largest_buffer(&self) -> u64 {
        let limits = self.device.limits();
        limits.max_buffer_size.min(limits.max_storage_buffer_binding_size)
    }

    /// Bytes of the device's own memory, which wgpu does not tell: Vulkan does.
    #[cfg(any(target_os = "linux", target_os = "windows"))]
    pub(super) fn memory(&self) -> Option<u64> {
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

    /// Not told by wgpu.
    #[cfg(not(any(target_os = "linux", target_os = "windows")))]
    pub(super) fn memory(&self) -> Option<u64> {
        None
    }
}
