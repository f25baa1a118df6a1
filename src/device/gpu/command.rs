//! Recorded commands, and their encoding once their pipelines are there.

use std::sync::Arc;

use super::{DeviceError, Gpu, Result, busy::Stamps, pipeline::Pipeline};

/// A command that waits to be submitted.
pub(super) enum Command {
    Dispatch {
        pipeline: Arc<Pipeline>,
        bind_group: wgpu::BindGroup,
        /// Place of its parameters, in bytes.
        params: u32,
        groups: [u32; 3],
        /// Multiply-adds, roughly.
        work: f64,
    },
    /// Buffers, each with an offset, and the size of what is copied, in bytes.
    Copy { source: (wgpu::Buffer, u64), target: (wgpu::Buffer, u64), size: u64 },
}

impl Command {
    /// Whether it can be encoded without waiting.
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Dispatch { pipeline, .. } => pipeline.is_ready(),
            Self::Copy { .. } => true,
        }
    }

    fn is_dispatch(&self) -> bool {
        matches!(self, Self::Dispatch { .. })
    }

    fn work(&self) -> f64 {
        match self {
            Self::Dispatch { work, .. } => *work,
            Self::Copy { .. } => 0.0,
        }
    }
}

/// The first commands, up to the one that makes their work `enough`, and their work.
pub(super) fn slice(commands: &[Command], enough: f64) -> (&[Command], f64) {
    let mut work = 0.0;
    for (place, command) in commands.iter().enumerate() {
        work += command.work();
        if work >= enough {
            return (&commands[..=place], work);
        }
    }
    (commands, work)
}

/// Runs of dispatches, and copies by themselves.
fn runs(commands: &[Command]) -> impl Iterator<Item = &[Command]> {
    commands.chunk_by(|a, b| a.is_dispatch() && b.is_dispatch())
}

/// The runs that make a pass.
pub(super) fn passes(commands: &[Command]) -> impl Iterator<Item = &[Command]> {
    runs(commands).filter(|run| run[0].is_dispatch())
}

impl Gpu {
    /// Encodes commands, dispatches that follow each other in one pass. There are stamps for passes
    /// alone.
    ///
    /// # Errors
    /// The driver refuses a kernel: nothing is encoded, and the device is no longer healthy, for
    /// later commands would find states that these have not made.
    pub(super) fn encode(
        &self,
        commands: &[Command],
        stamps: Option<&Stamps>,
    ) -> Result<wgpu::CommandBuffer> {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let (mut seen, all) = (0, passes(commands).count());
        for run in runs(commands) {
            if let [Command::Copy { source, target, size }] = run {
                encoder.copy_buffer_to_buffer(&source.0, source.1, &target.0, target.1, *size);
                continue;
            }
            seen += 1;
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: stamps.and_then(|stamps| stamps.of_pass(seen == 1, seen == all)),
            });
            for command in run {
                let Command::Dispatch { pipeline, bind_group, params, groups, .. } = command else {
                    continue;
                };
                pass.set_pipeline(pipeline.ready().inspect_err(|error| self.blame(error))?);
                pass.set_bind_group(0, bind_group, &[*params]);
                let [x, y, z] = *groups;
                pass.dispatch_workgroups(x, y, z);
            }
        }
        Ok(encoder.finish())
    }

    /// Remembers a refusal as what all later calls tell.
    fn blame(&self, error: &DeviceError) {
        if let DeviceError::Refused { what, reason } = error {
            // The first one counts.
            let _ = self.fault.refused.set((what.clone(), reason.clone()));
        }
    }
}
