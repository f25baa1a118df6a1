//! The loop of a training run in its folder: updates, log lines, checkpoints, and the files at the
//! end.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{Folder, RunError, pictures, write_model};
use crate::{
    energy::Domain,
    evaluate::{Effort, Evaluation, Judge},
    train::{Metrics, TrainError, Trainer},
};

/// Log lines of a run, where the user names no interval.
const LOG_LINES: u64 = 100;
/// Time between checkpoints, where the user names no interval.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);
/// States × units that exact likelihoods during training may cost in all.
const EXACT_BUDGET: u64 = 1 << 30;

/// Quadratures during training, where the energy is over few dimensions.
const QUADRATURES: u64 = 20;

/// How often a run logs and saves, in updates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cadence {
    /// Between log lines.
    pub log_every: Option<u64>,
    /// Between estimates of the likelihood by annealing.
    pub eval_every: Option<u64>,
    /// Between checkpoints.
    pub checkpoint_every: Option<u64>,
}

/// How the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All updates are done.
    Done,
    /// The caller asked to stop; the checkpoint to go on from.
    Interrupted(PathBuf),
}

/// Trains to the end, or until `stop` says so; `observe` hears of every update, with the figures
/// where it was logged.
///
/// # Errors
/// Training or the system refuses. The newest checkpoint stays, and the message names it.
pub async fn train(
    trainer: &mut Trainer,
    folder: &Folder,
    cadence: Cadence,
    observe: &mut dyn FnMut(u64, Option<&Metrics>),
    stop: &dyn Fn() -> bool,
) -> Result<Ending, RunError> {
    let checkpoints = folder.checkpoints();
    let metrics_file = folder.metrics();
    let total = trainer.steps_total();
    let log_every = cadence
        .log_every
        .unwrap_or_else(|| total.div_ceil(LOG_LINES).max(trainer.steps_per_epoch()))
        .clamp(1, total.max(1));
    let exact_every = exact_interval(trainer, total / log_every);
    let mut saved = Instant::now();
    let failed = |source: TrainError| folder.failed(source);
    // From the first moment on there is something to go on from.
    if checkpoints.newest_path().is_none() {
        checkpoints.save(&trainer.state().await.map_err(failed)?)?;
    }
    while trainer.steps_done() < total {
        trainer.step().map_err(failed)?;
        let step = trainer.steps_done();
        let last = step == total;
        let mut figures = None;
        let anneal = cadence.eval_every.is_some_and(|every| step.is_multiple_of(every.max(1)));
        if step.is_multiple_of(log_every) || anneal || last {
            let exact = last || (step / log_every).is_multiple_of(exact_every);
            let mut metrics = trainer.measure(exact).await.map_err(failed)?;
            if anneal {
                metrics.annealed = trainer.anneal(&metrics).await.map_err(failed)?;
            }
            metrics_file.append(&metrics)?;
            figures = Some(metrics);
        }
        observe(step, figures.as_ref());
        let stopping = stop() && !last;
        let due = match cadence.checkpoint_every {
            Some(every) => step.is_multiple_of(every.max(1)),
            None => saved.elapsed() >= CHECKPOINT_EVERY,
        };
        if due || stopping || last {
            // A log line has looked already.
            if figures.is_none() {
                trainer.check_finite().await.map_err(failed)?;
            }
            let path = checkpoints.save(&trainer.state().await.map_err(failed)?)?;
            saved = Instant::now();
            if stopping {
                return Ok(Ending::Interrupted(path));
            }
        }
    }
    Ok(Ending::Done)
}

/// Every how many log lines the exact likelihood is affordable.
fn exact_interval(trainer: &Trainer, lines: u64) -> u64 {
    let model = trainer.model();
    if model.domain() == Domain::Real {
        return lines.div_ceil(QUADRATURES).max(1);
    }
    let (d, h) = (model.dimension(), model.hidden());
    let states = 1u64.checked_shl(d.min(h) as u32).unwrap_or(u64::MAX);
    let least = if d.min(h) <= 16 { 10 } else { 1 };
    let affordable = (EXACT_BUDGET / states.saturating_mul(d.max(h) as u64).max(1)).max(least);
    lines.div_ceil(affordable).max(1)
}

/// Writes what a finished run leaves: model, evaluation, pictures. Returns the evaluation.
///
/// # Errors
/// Training or the system refuses.
pub async fn finish(
    trainer: &Trainer,
    folder: &Folder,
    progress: &dyn Fn(&str, f64),
) -> Result<Evaluation, RunError> {
    let failed = |source: TrainError| folder.failed(source);
    let model = trainer.averaged_model().map_err(failed)?;
    write_model(&folder.model(), &model, trainer.data().image).await?;
    let (data, settings) = (trainer.data(), trainer.settings());
    let mut drawn = None;
    if settings.binarize.fixed() != settings.binarize {
        drawn.insert(data.clone()).binarize(settings.binarize.fixed(), settings.seed);
    }
    let effort = Effort { seed: settings.seed, ..Effort::brief() };
    // A net's would take longer than its training.
    let effort = model.as_rbm().map(|_| effort);
    let judge = Judge { effort, chains: trainer.chains(), progress };
    let judged = Evaluation::of(&model, drawn.as_ref().unwrap_or(data), &judge).await;
    let evaluation = judged.map_err(|error| failed(error.into()))?;
    folder.write_evaluation(&evaluation)?;
    progress("drawing pictures", 0.0);
    pictures::draw_run(folder, &model, trainer).await?;
    Ok(evaluation)
}
