//! Pipelines. A variant of a program is compiled on another thread while the commands that use it
//! are recorded; whoever submits them waits for it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use super::{
    Access, Checks, DeviceError, Gpu, Result,
    program::{Constant, Program},
    queue::lock,
};

/// A variant of a program, compiled or about to be.
pub(super) struct Pipeline {
    /// The kernel and its constants.
    name: String,
    program: &'static Program,
    source: String,
    device: wgpu::Device,
    checks: Checks,
    cache: Option<wgpu::PipelineCache>,
    pub layout: wgpu::BindGroupLayout,
    /// The pipeline, or why there is none.
    made: OnceLock<Result<wgpu::ComputePipeline, String>>,
}

/// Held to read by a thread that compiles beside the others; to write, by one that ends that.
#[derive(Clone, Default)]
pub(super) struct Workshop(Arc<RwLock<()>>);

impl Workshop {
    /// Has a pipeline compiled by a thread of rayon's pool. One that is all busy, or absent, does no
    /// harm: whoever needs the pipeline first compiles it.
    fn compile(&self, pipeline: &Arc<Pipeline>) {
        // A browser's device stays on its thread.
        #[cfg(not(target_family = "wasm"))]
        {
            let (workshop, pipeline) = (self.clone(), Arc::downgrade(pipeline));
            rayon::spawn_fifo(move || {
                let _open = workshop.0.read().unwrap_or_else(PoisonError::into_inner);
                if let Some(pipeline) = pipeline.upgrade() {
                    // Whoever submits commands that use it hears of an error.
                    let _ = pipeline.ready();
                }
            });
        }
    }
}

impl Pipeline {
    /// The pipeline. Waits for the thread that compiles it, and compiles it where none does.
    ///
    /// # Errors
    /// The driver refuses the kernel.
    pub fn ready(&self) -> Result<&wgpu::ComputePipeline> {
        let made = self.made.get_or_init(|| self.compile());
        made.as_ref().map_err(|reason| refused(&self.name, reason.clone()))
    }

    /// Whether there is nothing to wait for.
    pub fn is_ready(&self) -> bool {
        self.made.get().is_some()
    }

    fn compile(&self) -> Result<wgpu::ComputePipeline, String> {
        // A panic on a thread of the pool would end the process.
        catch_unwind(AssertUnwindSafe(|| caught(&self.device, || self.create())))
            .unwrap_or_else(|_| Err("its compiler panicked".into()))
    }

    fn create(&self) -> wgpu::ComputePipeline {
        let Self { program, device, .. } = self;
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(program.name),
            source: wgpu::ShaderSource::Wgsl(self.source.as_str().into()),
        };
        let module = match self.checks {
            Checks::Full => device.create_shader_module(descriptor),
            // SAFETY: the shaders are this crate's own, never a user's. They guard every index by
            // the sizes in their parameters, which the callers check against the arrays, all
            // their loops end, and the tests run them with the checks on.
            Checks::Off => unsafe {
                device.create_shader_module_trusted(
                    descriptor,
                    wgpu::ShaderRuntimeChecks::unchecked(),
                )
            },
        };
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(program.name),
            bind_group_layouts: &[Some(&self.layout)],
            immediate_size: 0,
        });
        device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(program.name),
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: self.checks == Checks::Full,
                ..Default::default()
            },
            cache: self.cache.as_ref(),
        })
    }
}

fn refused(name: &str, reason: String) -> DeviceError {
    DeviceError::Refused { what: format!("kernel {name}"), reason }
}

/// What `create` makes, or the error that wgpu tells of meanwhile. Error scopes are the calling
/// thread's own.
pub(super) fn caught<T>(device: &wgpu::Device, create: impl FnOnce() -> T) -> Result<T, String> {
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let made = create();
    let errors = [internal, validation].map(|scope| pollster::block_on(scope.pop()));
    match errors.into_iter().flatten().next() {
        None => Ok(made),
        Some(error) => Err(error.to_string()),
    }
}

impl Gpu {
    /// The pipeline of a variant, whose compilation begins at first use.
    ///
    /// # Errors
    /// The shader is incomplete, or its bindings are more than the device allows. Other errors come
    /// with [`Pipeline::ready`].
    pub(super) fn pipeline(
        &self,
        program: &'static Program,
        constants: &[(&str, Constant)],
    ) -> Result<Arc<Pipeline>> {
        let name = format!("{} {constants:?}", program.name);
        let mut known = lock(&self.pipelines);
        if let Some(pipeline) = known.get(&name) {
            return Ok(pipeline.clone());
        }
        let source = program.assemble(constants).map_err(|reason| refused(&name, reason))?;
        let layout = caught(&self.device, || bind_group_layout(&self.device, program));
        let pipeline = Arc::new(Pipeline {
            layout: layout.map_err(|reason| refused(&name, reason))?,
            name: name.clone(),
            program,
            source,
            device: self.device.clone(),
            checks: self.checks,
            cache: self.cache.as_ref().map(|kept| kept.cache.clone()),
            made: OnceLock::new(),
        });
        known.insert(name, pipeline.clone());
        self.workshop.compile(&pipeline);
        Ok(pipeline)
    }

    /// Waits for the threads that compile, and leaves the others nothing to do: a process must not
    /// end while its driver works.
    pub(super) fn close_workshop(&self) {
        let _closed = self.workshop.0.write().unwrap_or_else(PoisonError::into_inner);
        lock(&self.recorder).forget();
        lock(&self.pipelines).clear();
    }
}

fn bind_group_layout(device: &wgpu::Device, program: &Program) -> wgpu::BindGroupLayout {
    let uniform = wgpu::BindGroupLayoutEntry {
        binding: 0,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: true,
            min_binding_size: wgpu::BufferSize::new(program.params as u64),
        },
        count: None,
    };
    let storage = program.bindings.iter().enumerate().map(|(index, access)| {
        let read_only = *access == Access::Read;
        wgpu::BindGroupLayoutEntry {
            binding: index as u32 + 1,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            ..uniform
        }
    });
    let entries: Vec<_> = std::iter::once(uniform).chain(storage).collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(program.name),
        entries: &entries,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Kernels, gpu::queue::Dispatch, select::first_gpu};

    const fn program(source: &'static str) -> Program {
        Program { name: "broken", source, bindings: &[Access::Write], params: 16, example: &[] }
    }

    static UNKNOWN_NAME: Program = program("@compute @workgroup_size(1) fn main() { x = 1; }");
    static NO_IMPORT: Program = program("#import nothing");
    /// Not what the bindings say.
    static OTHER_BINDING: Program = program(
        "@group(0) @binding(1) var<storage, read> x: array<f32>;
        @group(0) @binding(2) var<storage, read_write> y: array<f32>;
        @compute @workgroup_size(1) fn main() { y[0] = x[0]; }",
    );

    fn dispatch(gpu: &Gpu, program: &'static Program) -> Result<()> {
        let buffer = gpu.buffer(1, 4)?;
        let (params, groups) = (&[0; 16], 1);
        let buffers = &[&buffer];
        gpu.dispatch(Dispatch { program, constants: &[], params, buffers, groups, work: 1.0 })
    }

    /// A kernel that does not compile is named by the dispatch, or at the latest by the flush, and by
    /// whatever is called after it.
    #[test]
    fn a_refused_kernel_is_named_before_results_are_read() {
        for program in [&UNKNOWN_NAME, &NO_IMPORT, &OTHER_BINDING] {
            let Some(gpu) = first_gpu() else { return };
            let is_named = |result: Result<()>| {
                let error = result.expect_err("it is refused");
                assert!(matches!(error, DeviceError::Refused { .. }), "{error}");
                assert!(error.to_string().contains("kernel broken"), "{error}");
            };
            let recorded = dispatch(&gpu, program);
            let is_recorded = recorded.is_ok();
            is_named(recorded.and_then(|()| gpu.flush()));
            if is_recorded {
                is_named(gpu.flush());
                is_named(gpu.allocate(1, 1).map(drop));
            }
            is_named(dispatch(&gpu, program).and_then(|()| gpu.flush()));
        }
    }

    /// Dropped with commands that were never submitted, in the middle of their compilation or before.
    #[test]
    fn a_device_may_go_while_its_kernels_are_compiled() {
        let Some(gpu) = first_gpu() else { return };
        let device = gpu.device.clone();
        for program in crate::device::gpu::PROGRAMS {
            gpu.pipeline(program, program.example).unwrap();
        }
        drop(gpu);
        // What its owner does with it goes on.
        assert!(device.poll(wgpu::PollType::Poll).is_ok());
    }
}
