//! Shaders as programs: WGSL text, its imports, the constants of a variant, the bindings.

use std::fmt::Write;

use super::{Checks, DeviceError, Gpu, Result, queue::lock};

/// How a kernel uses a binding of group 0; binding 0 is always the uniform parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`
    Read,
    /// `var<storage, read_write>`
    Write,
}

/// A kernel's shader and what it binds.
#[derive(Debug)]
pub struct Program {
    /// Name of the kernel and of its file.
    pub name: &'static str,
    /// WGSL, with `#import NAME` lines.
    pub source: &'static str,
    /// Storage bindings 1, 2, …
    pub bindings: &'static [Access],
    /// Bytes of the uniform parameters.
    pub params: usize,
    /// A set of constants that makes the source complete, for tests.
    pub example: &'static [(&'static str, Constant)],
}

/// A compile-time constant of a variant.
#[derive(Clone, Copy, Debug)]
pub enum Constant {
    /// `const NAME: u32`
    U32(u32),
    /// `const NAME: bool`
    Bool(bool),
}

/// Shared parts, by the name that `#import` takes.
const LIBRARY: &[(&str, &str)] = &[
    ("acceptance", include_str!("../../../shaders/lib/acceptance.wgsl")),
    ("activation", include_str!("../../../shaders/lib/activation.wgsl")),
    ("exchange", include_str!("../../../shaders/lib/exchange.wgsl")),
    ("half_sweep", include_str!("../../../shaders/lib/half_sweep.wgsl")),
    ("matmul", include_str!("../../../shaders/lib/matmul.wgsl")),
    ("net", include_str!("../../../shaders/lib/net.wgsl")),
    ("normal", include_str!("../../../shaders/lib/normal.wgsl")),
    ("philox", include_str!("../../../shaders/lib/philox.wgsl")),
    ("totals", include_str!("../../../shaders/lib/totals.wgsl")),
];

impl Program {
    /// The WGSL of a variant: constants, imports, source.
    ///
    /// # Errors
    /// An import that the library does not have.
    pub fn assemble(&self, constants: &[(&str, Constant)]) -> Result<String, String> {
        let mut text = String::new();
        for (name, value) in constants {
            // Writing to a string cannot fail.
            let _ = match value {
                Constant::U32(value) => writeln!(text, "const {name}: u32 = {value}u;"),
                Constant::Bool(value) => writeln!(text, "const {name}: bool = {value};"),
            };
        }
        for line in self.source.lines() {
            match line.strip_prefix("#import ") {
                None => text.push_str(line),
                Some(import) => {
                    let part = LIBRARY.iter().find(|(name, _)| *name == import.trim());
                    let (_, part) = part.ok_or_else(|| {
                        format!(
                            "shaders/{}.wgsl imports '{import}', which is not in shaders/lib",
                            self.name
                        )
                    })?;
                    text.push_str(part);
                }
            }
            text.push('\n');
        }
        Ok(text)
    }
}

/// A compiled variant.
#[derive(Clone)]
pub(super) struct Pipeline {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
}

impl Gpu {
    /// The pipeline of a variant, compiled at first use.
    pub(super) fn pipeline(
        &self,
        program: &Program,
        constants: &[(&str, Constant)],
    ) -> Result<Pipeline> {
        let key = format!("{} {constants:?}", program.name);
        if let Some(pipeline) = lock(&self.pipelines).get(&key) {
            return Ok(pipeline.clone());
        }
        let refused = |reason| DeviceError::Refused { what: format!("kernel {key}"), reason };
        let source = program.assemble(constants).map_err(refused)?;
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let pipeline = self.compile(program, source);
        for scope in [internal, scope] {
            if let Some(error) = pollster::block_on(scope.pop()) {
                return Err(refused(error.to_string()));
            }
        }
        lock(&self.pipelines).insert(key, pipeline.clone());
        Ok(pipeline)
    }

    fn compile(&self, program: &Program, source: String) -> Pipeline {
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(program.name),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        };
        let module = match self.checks {
            Checks::Full => self.device.create_shader_module(descriptor),
            // SAFETY: the shaders are this crate's own, never a user's. They guard every index by
            // the sizes in their parameters, which the callers check against the arrays, all
            // their loops end, and the tests run them with the checks on.
            Checks::Off => unsafe {
                self.device.create_shader_module_trusted(
                    descriptor,
                    wgpu::ShaderRuntimeChecks::unchecked(),
                )
            },
        };
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
        let layout = self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(program.name),
            entries: &entries,
        });
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(program.name),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(program.name),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: self.checks == Checks::Full,
                ..Default::default()
            },
            cache: None,
        });
        Pipeline { pipeline, layout }
    }
}
