//! Recording, submitting and reading back. Commands are collected and submitted in slices of
//! measured length; two slices are in flight, so the host records while the GPU works. Commands whose
//! pipelines are not compiled yet are collected on.

use std::{
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytemuck::{Pod, Zeroable};

use super::{
    Array, DeviceError, FOLD, Gpu, Result, buffer,
    busy::Stopwatch,
    command::{self, Command},
    pace::{self, Pace},
    program::{Constant, Program},
};

/// Offset between the parameters of successive dispatches: WebGPU's largest alignment.
const PARAMS_STRIDE: usize = 256;
/// Dispatches that one submission may hold.
const MAX_DISPATCHES: usize = 1024;
/// Submissions in flight before the host waits for the oldest.
const IN_FLIGHT: usize = 2;
/// How long one wait may last before the GPU is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Locks, whatever a panic elsewhere left behind: the guarded values are always whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Commands that are recorded and not yet submitted, and submissions that are not yet done.
pub(super) struct Recorder {
    commands: Vec<Command>,
    params: Vec<u8>,
    params_buffer: wgpu::Buffer,
    work: f64,
    in_flight: VecDeque<Submission>,
    idle_since: Instant,
    pace: Pace,
    /// Where somebody wants to know how long the GPU is busy.
    pub stopwatch: Option<Stopwatch>,
}

struct Submission {
    index: wgpu::SubmissionIndex,
    at: Instant,
    work: f64,
}

impl Recorder {
    pub fn new(device: &wgpu::Device, pace: Pace) -> Self {
        let params_buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("parameters"),
            size: (PARAMS_STRIDE * MAX_DISPATCHES) as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self {
            commands: Vec::new(),
            params: Vec::new(),
            params_buffer,
            work: 0.0,
            in_flight: VecDeque::new(),
            idle_since: Instant::now(),
            pace,
            stopwatch: None,
        }
    }

    /// Takes another pace.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Forgets what is not yet submitted.
    pub fn forget(&mut self) {
        self.commands.clear();
        self.params.clear();
        self.work = 0.0;
    }

    /// Whether what is recorded should be submitted: when it is enough and no pipeline is waited for.
    fn is_due(&self) -> bool {
        self.params.len() >= PARAMS_STRIDE * MAX_DISPATCHES
            || (self.work >= self.pace.budget() && self.commands.iter().all(Command::is_ready))
    }
}

/// Which workgroups of a kernel a dispatch runs, in the head of every kernel's parameters;
/// `Gpu::dispatch` fills it in. See `shaders/lib/grid.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct Grid {
    first_group: u32,
    end_group: u32,
}

/// A run of a kernel, in one dispatch or more.
pub(super) struct Dispatch<'a> {
    pub program: &'static Program,
    pub constants: &'a [(&'a str, Constant)],
    /// What begins with a [`Grid`].
    pub params: &'a [u8],
    pub buffers: &'a [&'a wgpu::Buffer],
    /// Workgroups; none hears of another, so they may run in any number of dispatches.
    pub groups: u32,
    /// Multiply-adds, roughly.
    pub work: f64,
}

impl Gpu {
    /// Records a run of a kernel, and submits what is recorded once it is enough. No dispatch has more
    /// work than the pace's budget, but where a single workgroup has.
    pub(super) fn dispatch(&self, dispatch: Dispatch<'_>) -> Result<()> {
        let mut rest = Grid { first_group: 0, end_group: dispatch.groups };
        while rest.first_group < rest.end_group {
            let groups = rest.end_group - rest.first_group;
            let work = dispatch.work * f64::from(groups) / f64::from(dispatch.groups);
            let end_group = rest.first_group + pace::share(work, groups, self.budget());
            self.record(&dispatch, Grid { end_group, ..rest })?;
            rest.first_group = end_group;
        }
        Ok(())
    }

    /// Records the dispatch of some workgroups.
    fn record(&self, dispatch: &Dispatch<'_>, grid: Grid) -> Result<()> {
        self.healthy()?;
        let pipeline = self.pipeline(dispatch.program, dispatch.constants)?;
        let groups = grid.end_group - grid.first_group;
        let work = dispatch.work * f64::from(groups) / f64::from(dispatch.groups);
        let mut recorder = lock(&self.recorder);
        let offset = recorder.params.len();
        recorder.params.extend_from_slice(bytemuck::bytes_of(&grid));
        recorder.params.extend_from_slice(&dispatch.params[size_of::<Grid>()..]);
        recorder.params.resize(offset + PARAMS_STRIDE, 0);
        let params = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &recorder.params_buffer,
            offset: 0,
            size: wgpu::BufferSize::new(dispatch.program.params as u64),
        });
        let storage = dispatch.buffers.iter().enumerate().map(|(index, buffer)| {
            wgpu::BindGroupEntry { binding: index as u32 + 1, resource: buffer.as_entire_binding() }
        });
        let entries: Vec<_> =
            std::iter::once(wgpu::BindGroupEntry { binding: 0, resource: params })
                .chain(storage)
                .collect();
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(dispatch.program.name),
            layout: &pipeline.layout,
            entries: &entries,
        });
        recorder.work += work;
        recorder.commands.push(Command::Dispatch {
            pipeline,
            bind_group,
            params: offset as u32,
            groups: [groups.min(FOLD), groups.div_ceil(FOLD), 1],
            work,
        });
        if recorder.is_due() { self.submit(&mut recorder) } else { Ok(()) }
    }

    /// Multiply-adds that one dispatch should stay under.
    fn budget(&self) -> f64 {
        lock(&self.recorder).pace.budget()
    }

    /// How many rounds of so much work each one dispatch should make, 1 or more.
    pub(super) fn rounds(&self, work: f64) -> u32 {
        ((self.budget() / work) as u32).max(1)
    }

    /// Records a copy of `size` bytes between two places.
    pub(super) fn copy(
        &self,
        source: (&wgpu::Buffer, u64),
        target: (&wgpu::Buffer, u64),
        size: u64,
    ) -> Result<()> {
        self.healthy()?;
        let place = |(buffer, offset): (&wgpu::Buffer, u64)| (buffer.clone(), offset);
        let command = Command::Copy { source: place(source), target: place(target), size };
        lock(&self.recorder).commands.push(command);
        Ok(())
    }

    /// Submits what is recorded; waits only where too much is in flight, or for a pipeline.
    pub(super) fn flush(&self) -> Result<()> {
        self.submit(&mut lock(&self.recorder))
    }

    /// Submits what is recorded, in slices of the pace's budget.
    fn submit(&self, recorder: &mut Recorder) -> Result<()> {
        if !recorder.params.is_empty() {
            self.queue.write_buffer(&recorder.params_buffer, 0, &recorder.params);
        }
        let commands = std::mem::take(&mut recorder.commands);
        recorder.forget();
        let mut rest = &commands[..];
        while !rest.is_empty() {
            let (slice, work) = command::slice(rest, recorder.pace.budget());
            rest = &rest[slice.len()..];
            let stopwatch = recorder.stopwatch.as_mut();
            let stamps = stopwatch
                .filter(|_| command::passes(slice).next().is_some())
                .map(|stopwatch| stopwatch.next(self));
            let index = self.queue.submit([self.encode(slice, stamps.as_ref())?]);
            recorder.in_flight.push_back(Submission { index, at: Instant::now(), work });
            self.keep_pace(recorder)?;
        }
        self.healthy()
    }

    /// Waits until no more is in flight than should be, and learns how fast the GPU is.
    fn keep_pace(&self, recorder: &mut Recorder) -> Result<()> {
        while recorder.in_flight.len() > IN_FLIGHT {
            if let Some(oldest) = recorder.in_flight.pop_front() {
                self.wait(Some(oldest.index))?;
                let busy = oldest.at.max(recorder.idle_since).elapsed();
                recorder.idle_since = Instant::now();
                recorder.pace.learn(oldest.work, busy);
            }
        }
        Ok(())
    }

    fn wait(&self, submission_index: Option<wgpu::SubmissionIndex>) -> Result<()> {
        self.poll(submission_index);
        self.healthy()
    }

    /// Submits what is recorded and waits until all is done.
    fn drain(&self) -> Result<()> {
        self.flush()?;
        self.wait(None)?;
        let mut recorder = lock(&self.recorder);
        let in_flight = std::mem::take(&mut recorder.in_flight);
        if let Some(oldest) = in_flight.front() {
            let busy = oldest.at.max(recorder.idle_since).elapsed();
            recorder.pace.learn(in_flight.iter().map(|submission| submission.work).sum(), busy);
        }
        recorder.idle_since = Instant::now();
        Ok(())
    }

    /// How long the commands take that `record` records, once all before them are done.
    pub(super) fn time(&self, record: impl FnOnce() -> Result<()>) -> Result<Duration> {
        self.drain()?;
        let started = Instant::now();
        record()?;
        self.drain()?;
        Ok(started.elapsed())
    }

    /// The one place that waits for the GPU, and where wgpu calls back. It panics in here when the
    /// device is lost, after its callback has told the reason; the panic becomes that fault.
    pub(super) fn poll(&self, submission_index: Option<wgpu::SubmissionIndex>) {
        let poll = wgpu::PollType::Wait { submission_index, timeout: Some(PATIENCE) };
        // The first reason counts.
        match catch_unwind(AssertUnwindSafe(|| self.device.poll(poll))) {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let seconds = PATIENCE.as_secs();
                let _ = self.fault.lost.set(format!("no answer for {seconds} s: {error}"));
            }
            Err(_) => {
                let _ = self.fault.lost.set("the driver gave no reason".into());
            }
        }
    }

    /// Reads an array back through a staging buffer.
    pub(super) async fn read_back(&self, array: &Array) -> Result<Vec<f32>> {
        let size = 4 * array.len() as u64;
        let source = buffer("read", "array", array)?;
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.copy((source, 0), (&staging, 0), size)?;
        self.flush()?;
        self.fetch(&staging).await
    }

    /// The values of a buffer that can be mapped, once all that is submitted is done.
    pub(super) async fn fetch<T: bytemuck::Pod>(&self, staging: &wgpu::Buffer) -> Result<Vec<T>> {
        let mapped = Arc::new(Mutex::new(Mapped::default()));
        let done = mapped.clone();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            let mut done = lock(&done);
            done.result = Some(result.map_err(|error| error.to_string()));
            if let Some(waker) = done.waker.take() {
                waker.wake();
            }
        });
        // A browser calls back by itself and must not be blocked.
        #[cfg(not(target_family = "wasm"))]
        self.drain()?;
        let lost = |reason: String| DeviceError::Lost { reason };
        MapFuture(mapped).await.map_err(lost)?;
        let view = staging.get_mapped_range(..).map_err(|error| lost(error.to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&view))
    }
}

/// The outcome of a mapping, and who waits for it.
#[derive(Default)]
struct Mapped {
    result: Option<Result<(), String>>,
    waker: Option<Waker>,
}

struct MapFuture(Arc<Mutex<Mapped>>);

impl Future for MapFuture {
    type Output = Result<(), String>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut mapped = lock(&self.0);
        match mapped.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                mapped.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
