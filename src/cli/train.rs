//! `ergodic train`

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;

use super::{
    Context, dry_run,
    evaluate::why_unknown,
    failure::{INTERRUPTED, Usage},
    interrupt::Interrupt,
    output::{bar, open_device, say, spinner, stages},
    source::load,
};
use crate::{
    data::{self, Binarize, Scale},
    evaluate::Evaluation,
    run::{self, Cadence, Config, Ending, Folder},
    train::{Metrics, ModelKind, SamplerKind, Trainer},
};

/// Arguments of `ergodic train`.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: Config,
    /// A TOML file with any of these settings; flags win
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The run folder to write [default: runs/DATA, numbered where that exists]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Overwrite the run in --out
    #[arg(long)]
    force: bool,
    /// Go on with the run in this folder from its newest checkpoint
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["config", "out", "force", "dry_run"])]
    resume: Option<PathBuf>,
    /// Say what memory and time it would take, measured over some updates; write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let (config, resumed) = match &args.resume {
        Some(path) => {
            if args.settings != Config::default() {
                return Err(Usage(
                    "--resume goes on with the run's own settings; leave out the others".into(),
                )
                .into());
            }
            let folder = Folder::open(path)?;
            (folder.config()?, Some(folder))
        }
        None => {
            let file = args.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
            let rungs = args.settings.rungs;
            let config = args.settings.or(file);
            if rungs.is_some() && config.sampler != Some(SamplerKind::Tempering) {
                return Err(Usage("--rungs is for --sampler tempering".into()).into());
            }
            (config, None)
        }
    };
    let given = config;
    let mut config = given.clone().resolve();
    config.settings().validate()?;
    for (flag, value) in [
        ("log-every", config.log_every),
        ("eval-every", config.eval_every),
        ("checkpoint-every", config.checkpoint_every),
    ] {
        if value == Some(0) {
            return Err(Usage(format!("{flag} is 0, wanted 1 or more updates")).into());
        }
    }
    if config.eval_every.is_some() && config.model != Some(ModelKind::Rbm) {
        return Err(Usage(
            "--eval-every anneals an rbm; for a net use ergodic evaluate when it is trained, on the \
             plane every log line has its likelihood"
                .into(),
        )
        .into());
    }
    let name = config.data.clone().unwrap_or_default();
    let data = load(&name, &config)?;
    if resumed.is_none() {
        config = given.suit(data.train.rows, data.train.columns).resolve();
    }
    config.resolve_epochs(data.train.rows);
    // The run can then be judged and gone on with from any folder.
    if !data::is_builtin(&name)
        && let Ok(path) = std::path::absolute(&name)
        && let Some(path) = path.to_str()
    {
        config.data = Some(path.into());
    }
    let device = open_device(context, config.device.take().as_deref()).await?;
    note!(
        "data: {}: {} training, {} validation and {} test examples of {} units",
        data.name,
        data.train.rows,
        data.validation.rows,
        data.test.rows,
        data.train.columns
    );
    let settings = config.settings();
    if data.scale != Scale::default() && !data::is_builtin(&name) {
        let Scale { min, max } = data.scale;
        let low = if settings.model == ModelKind::Rbm { 0 } else { -1 };
        note!("values from {min} to {max} are scaled to {low} to 1");
    }
    let mut trainer = Trainer::new(&device, data, settings)?;
    if args.dry_run {
        dry_run::train(context, &mut trainer).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = match resumed {
        Some(folder) => {
            let (path, state, broken) = folder.checkpoints().newest()?;
            for error in broken {
                note!("warning: {error}; an older checkpoint is used");
            }
            folder.checkpoints().clear_unfinished()?;
            trainer.restore(&state).with_context(|| {
                format!("{} does not fit config.toml beside it", path.display())
            })?;
            folder.metrics().truncate_after(state.counters.step)?;
            note!("going on from {}", path.display());
            folder
        }
        None => {
            let folder = match args.out.as_ref().or(config.out.take().as_ref()) {
                Some(path) => Folder::create(path, args.force)?,
                None => Folder::create_numbered(&Path::new("runs").join(stem(&name)))?,
            };
            folder.write_config(&config)?;
            folder
        }
    };
    let interrupt = Interrupt::listen()?;
    let cadence = Cadence {
        log_every: config.log_every,
        eval_every: config.eval_every,
        checkpoint_every: config.checkpoint_every,
    };
    let bar = bar(trainer.steps_total(), "updates");
    bar.set_position(trainer.steps_done());
    bar.reset_eta();
    let mut observe = |step, metrics: Option<&Metrics>| {
        bar.set_position(step);
        if let Some(metrics) = metrics {
            bar.set_message(summary(metrics));
        }
    };
    let ending =
        run::train(&mut trainer, &folder, cadence, &mut observe, &|| interrupt.asked()).await?;
    bar.finish_and_clear();
    if let Ending::Interrupted(checkpoint) = ending {
        note!(
            "stopped at update {} of {}; the checkpoint is {}\ngo on with: ergodic train --resume {}",
            trainer.steps_done(),
            trainer.steps_total(),
            checkpoint.display(),
            quoted(folder.path())
        );
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let spinner = spinner("likelihood");
    let evaluation = run::finish(&trainer, &folder, &stages(&spinner)).await?;
    spinner.finish_and_clear();
    report(context, &trainer, &folder, &evaluation)?;
    Ok(ExitCode::SUCCESS)
}

fn report(
    context: &Context,
    trainer: &Trainer,
    folder: &Folder,
    evaluation: &Evaluation,
) -> anyhow::Result<()> {
    if context.json {
        let result = serde_json::json!({
            "out": folder.path(),
            "steps": trainer.steps_done(),
            "seconds": trainer.seconds(),
            "evaluation": evaluation,
        });
        say(serde_json::to_string_pretty(&result)?)?;
        return Ok(());
    }
    say(outcome(trainer, evaluation))?;
    for verdict in &evaluation.verdicts {
        say(verdict.to_string())?;
    }
    for warning in warnings(evaluation, trainer.data().train.columns) {
        note!("warning: {warning}");
    }
    say(format!(
        "{}: {} ({:.1} s)",
        folder.path().display(),
        folder.results().join(", "),
        trainer.seconds()
    ))?;
    Ok(())
}

/// What came out, in one sentence or two.
fn outcome(trainer: &Trainer, evaluation: &Evaluation) -> String {
    let held_out = trainer.data().test.rows.max(trainer.data().validation.rows);
    let binarised = match evaluation.binarize {
        Binarize::None => String::new(),
        binarize => format!(", binarised by {binarize}"),
    };
    let exact = match evaluation.log_z.quadrature {
        Some(_) => "log-likelihood (Z by quadrature)",
        None => "exact log-likelihood",
    };
    let likelihood = &evaluation.log_likelihood;
    let mut text = match (likelihood.test.exact, likelihood.train.exact) {
        (Some(test), train) => format!(
            "{exact} of {held_out} test examples: {test:.3} nats each (training: {:.3}){binarised}",
            train.unwrap_or(f64::NAN)
        ),
        (None, Some(train)) => format!(
            "{exact} of the training examples: {train:.3} nats each{binarised} (there are no test \
             examples)"
        ),
        (None, None) if likelihood.test.bennett.or(likelihood.train.bennett).is_some() => {
            let (part, found) = match likelihood.test.bennett {
                Some(_) => (format!("{held_out} test"), likelihood.test),
                None => ("the training".into(), likelihood.train),
            };
            let value = |x: Option<f64>| x.unwrap_or(f64::NAN);
            format!(
                "log-likelihood of {part} examples: {:.2} nats each, from {:.2} to {:.2} by \
                 annealing (training: {:.2}){binarised}",
                value(found.bennett),
                value(found.lower),
                value(found.upper),
                value(likelihood.train.bennett)
            )
        }
        (None, None) => {
            let reason = why_unknown(evaluation, trainer.model()).unwrap_or_default();
            match evaluation.free_energy_gap {
                Some(gap) => format!(
                    "free energy of test examples: {gap:+.3} nats above training examples (there \
                     is no exact likelihood: {reason})"
                ),
                None => format!(
                    "free energy of the training examples: {:.3} nats (there are no test examples)",
                    evaluation.free_energy.train.unwrap_or(f64::NAN)
                ),
            }
        }
    };
    if let Some(kl) = evaluation.kl {
        text.push_str(&format!("; KL from the true law {kl:.4} nats"));
    }
    if let Some(accuracy) = evaluation.accuracy.test {
        text = format!(
            "test error {:.2}% of {held_out} examples (calibration error {:.3})",
            100.0 * (1.0 - accuracy),
            evaluation.calibration_error.unwrap_or(f64::NAN),
        );
        if let Some(auroc) = evaluation.auroc {
            text.push_str(&format!("; AUROC of the energy against noise {:.3}", auroc.noise));
        }
    }
    text
}

/// What a user should know of a run that ended but did not go well.
fn warnings(evaluation: &Evaluation, units: usize) -> Vec<String> {
    let mut list = Vec::new();
    let coins = -(units as f64) * std::f64::consts::LN_2;
    let enumerated =
        evaluation.log_likelihood.train.exact.filter(|_| evaluation.log_z.exact.is_some());
    if let Some(train) = enumerated.filter(|train| *train < coins) {
        list.push(format!(
            "training diverged: {train:.4e} nats is worse than fair coins ({coins:.1}); try a \
             smaller --lr"
        ));
    }
    let idle = evaluation.dead_hidden.unwrap_or(0.0) + evaluation.saturated_hidden.unwrap_or(0.0);
    if idle > 0.5 {
        list.push(format!(
            "{:.0}% of the hidden units hardly change over the data; try a smaller --lr or fewer \
             --hidden",
            100.0 * idle
        ));
    }
    list
}

/// The figures of a log line in a few words.
fn summary(metrics: &Metrics) -> String {
    if let Some(accuracy) = metrics.accuracy_held_out.or(metrics.accuracy_train) {
        return format!("accuracy {:.1}%", 100.0 * accuracy);
    }
    let gap = metrics.free_energy_gap.unwrap_or(metrics.loss);
    let figure = match (metrics.log_likelihood_held_out, metrics.rbm) {
        (Some(likelihood), _) => format!("log-likelihood {likelihood:.2}"),
        (None, Some(rbm)) => format!("gap {gap:+.2}, error {:.3}", rbm.reconstruction_error),
        (None, None) => format!("loss {:.3}", metrics.loss),
    };
    match metrics.tempering {
        Some(tempering) => format!("{figure}, swap rate {:.2}", tempering.swap_rate),
        None => figure,
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|c| c.is_alphanumeric() || "/._-+".contains(c)) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The name of a run on this data.
pub(super) fn stem(data: &str) -> String {
    let name = Path::new(data).file_name().and_then(|name| name.to_str()).unwrap_or("run");
    name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("run").replace(':', "-")
}
