//! How long the GPU is busy: a timestamp where the first pass of each submission begins, and one where
//! the last ends. Nothing is stamped before somebody asks.

use super::{Gpu, Result, queue::lock};

/// Bytes of a timestamp.
const STAMP: u64 = wgpu::QUERY_SIZE as u64;

/// The timestamps of submissions.
pub(super) struct Stopwatch {
    set: wgpu::QuerySet,
    /// Stamps of the set that are in use.
    used: u32,
    resolved: wgpu::Buffer,
    /// Stamps on their way to the host.
    collected: Vec<wgpu::Buffer>,
}

/// The two stamps of a submission.
pub(super) struct Stamps {
    set: wgpu::QuerySet,
    begin: u32,
}

impl Stamps {
    /// What a pass writes, as the first or the last of its submission, or both.
    pub fn of_pass(
        &self,
        is_first: bool,
        is_last: bool,
    ) -> Option<wgpu::ComputePassTimestampWrites<'_>> {
        (is_first || is_last).then(|| wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: is_first.then_some(self.begin),
            end_of_pass_write_index: is_last.then_some(self.begin + 1),
        })
    }
}

impl Stopwatch {
    /// None where the device has no timestamps.
    fn new(device: &wgpu::Device) -> Option<Self> {
        if !device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return None;
        }
        let set = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("busy"),
            ty: wgpu::QueryType::Timestamp,
            count: wgpu::QUERY_SET_MAX_QUERIES,
        });
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let resolved = stamp_buffer(device, wgpu::QUERY_SET_MAX_QUERIES, usage);
        Some(Self { set, used: 0, resolved, collected: Vec::new() })
    }

    /// The stamps of the next submission.
    pub fn next(&mut self, gpu: &Gpu) -> Stamps {
        if self.used == wgpu::QUERY_SET_MAX_QUERIES {
            self.collect(gpu);
        }
        let begin = self.used;
        self.used += 2;
        Stamps { set: self.set.clone(), begin }
    }

    /// Sends the stamps on their way, without waiting for them.
    fn collect(&mut self, gpu: &Gpu) {
        if self.used == 0 {
            return;
        }
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let target = stamp_buffer(&gpu.device, self.used, usage);
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        encoder.resolve_query_set(&self.set, 0..self.used, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &target, 0, target.size());
        gpu.queue.submit([encoder.finish()]);
        self.collected.push(target);
        self.used = 0;
    }
}

fn stamp_buffer(device: &wgpu::Device, stamps: u32, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("busy"),
        size: STAMP * u64::from(stamps),
        usage,
        mapped_at_creation: false,
    })
}

impl Gpu {
    /// Seconds in which it ran kernels since the last call. None at the first call, from which on it
    /// stamps its submissions, and where nothing ran or no timestamps can be had.
    pub(super) async fn busy_seconds(&self) -> Result<Option<f64>> {
        self.flush()?;
        let collected = {
            let mut recorder = lock(&self.recorder);
            let Some(stopwatch) = &mut recorder.stopwatch else {
                recorder.stopwatch = Stopwatch::new(&self.device);
                return Ok(None);
            };
            stopwatch.collect(self);
            std::mem::take(&mut stopwatch.collected)
        };
        let mut stamps: Vec<u64> = Vec::new();
        for buffer in &collected {
            stamps.extend(self.fetch::<u64>(buffer).await?);
        }
        Ok(covered(&stamps, self.queue.get_timestamp_period()))
    }
}

/// Seconds that pairs of stamps (begin, end), in ticks of `period` nanoseconds, cover together; what
/// two cover counts once. None where there are none, or where a driver gives what is no time.
fn covered(stamps: &[u64], period: f32) -> Option<f64> {
    let mut pairs: Vec<(u64, u64)> =
        stamps.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let are_times = pairs.iter().all(|(begin, end)| *begin > 0 && begin <= end);
    if pairs.is_empty() || !are_times || !(period.is_finite() && period > 0.0) {
        return None;
    }
    pairs.sort_unstable();
    let (mut ticks, mut until) = (0, 0);
    for (begin, end) in pairs {
        ticks += end.saturating_sub(begin.max(until));
        until = until.max(end);
    }
    Some(1e-9 * f64::from(period) * ticks as f64)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use pollster::block_on;

    use super::*;
    use crate::device::{Device, Pointwise, select::first_gpu};

    #[test]
    fn what_two_submissions_cover_counts_once() {
        let seconds = |stamps: &[u64]| covered(stamps, 2.0).map(|seconds| (1e9 * seconds).round());
        assert_eq!(seconds(&[10, 20]), Some(20.0), "ten ticks of 2 ns");
        assert_eq!(seconds(&[10, 20, 30, 31]), Some(22.0), "with a gap");
        assert_eq!(seconds(&[15, 30, 10, 20]), Some(40.0), "overlapping, out of order");
        assert_eq!(seconds(&[10, 40, 15, 20, 40, 41]), Some(62.0), "one in another, one after");
        assert_eq!(seconds(&[7, 7]), Some(0.0), "shorter than a tick");
        assert_eq!(seconds(&[1, u64::MAX]), Some(2.0 * u64::MAX as f64));
    }

    #[test]
    fn what_is_no_time_is_not_counted() {
        for stamps in [&[][..], &[0, 0], &[0, 20], &[20, 10], &[10, 20, 30, 0]] {
            assert_eq!(covered(stamps, 1.0), None, "{stamps:?}");
        }
        for period in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert_eq!(covered(&[10, 20], period), None, "{period}");
        }
    }

    /// With more submissions than a set of timestamps holds.
    #[test]
    fn a_gpu_is_busy_for_some_of_the_time() {
        let Some(gpu) = first_gpu() else { return };
        let has_stamps = gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY);
        let device = Device::from_gpu(gpu);
        let mut array = device.zeros(64, 64).unwrap();
        let busy = || block_on(device.busy_seconds()).unwrap();
        assert_eq!(busy(), None, "it was not asked before");
        for submissions in [1, 3, wgpu::QUERY_SET_MAX_QUERIES / 2 + 1] {
            let started = Instant::now();
            for _ in 0..submissions {
                device.pointwise(Pointwise::Fill(1.0), &mut array).unwrap();
                // Submits what is recorded.
                device.write(&mut array, 0, &[2.0; 64]).unwrap();
            }
            let found = busy();
            let wall = started.elapsed().as_secs_f64();
            assert_eq!(found.is_some(), has_stamps);
            assert!(found.is_none_or(|busy| busy > 0.0 && busy <= wall), "{found:?} of {wall} s");
            assert_eq!(busy(), None, "nothing ran since");
        }
        let copy = device.duplicate(&array).unwrap();
        assert_eq!(busy(), None, "a copy is no kernel");
        assert_eq!(block_on(device.read(&copy)).unwrap()[0], 2.0);
    }
}
