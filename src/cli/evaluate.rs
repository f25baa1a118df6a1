//! `ergodic evaluate`

use std::{path::PathBuf, process::ExitCode};

use super::{
    Context,
    output::{open_device, say, spinner},
    source::{DataArgs, Source},
};
use crate::{
    energy::Energy,
    evaluate::{Evaluation, MAX_EXACT_UNITS},
};

/// Arguments of `ergodic evaluate`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A run folder or a model.safetensors
    run: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    let device = open_device(context, None).await?;
    let source = Source::open(&args.run, &device)?;
    let data = source.data(&args.data)?;
    let spinner = spinner("likelihood");
    let evaluation = Evaluation::of(&source.model, &data).await?;
    spinner.finish_and_clear();
    if context.json {
        say(serde_json::to_string_pretty(&evaluation)?)?;
    } else {
        say(table(&evaluation, source.model.dimension(), source.model.hidden()))?;
    }
    if let Some(Err(error)) = source.folder.map(|folder| folder.write_evaluation(&evaluation)) {
        note!("warning: {error}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The figures for people.
pub(super) fn table(evaluation: &Evaluation, visible: usize, hidden: usize) -> String {
    let number = |value: Option<f64>| value.map_or("unknown".into(), written);
    let mut lines = vec![
        format!(
            "{} {visible}-{hidden} on {}, binarised by {}",
            evaluation.model, evaluation.data, evaluation.binarize
        ),
        format!("log Z                     {:>12}", number(evaluation.log_z.exact)),
        format!(
            "log-likelihood, training  {:>12}  nats an example",
            number(evaluation.log_likelihood.train.exact)
        ),
        format!(
            "log-likelihood, test      {:>12}  nats an example",
            number(evaluation.log_likelihood.test.exact)
        ),
        format!(
            "free-energy gap           {:>12}  nats, test less training",
            number(evaluation.free_energy_gap)
        ),
        format!(
            "reconstruction error      {:>12.4}  squared, a unit",
            evaluation.reconstruction_error
        ),
        format!(
            "hidden units              {:>11.1}% dead, {:.1}% saturated",
            100.0 * evaluation.dead_hidden,
            100.0 * evaluation.saturated_hidden
        ),
    ];
    if evaluation.log_z.exact.is_some() && evaluation.log_likelihood.train.exact.is_none() {
        lines.push(
            "The likelihood is unknown: these values are not all 0 or 1; choose another --binarize."
                .into(),
        );
    }
    if evaluation.log_z.exact.is_none() {
        lines.push(format!(
            "The likelihood is unknown: exact enumeration needs {MAX_EXACT_UNITS} units or fewer on \
             the smaller side, and this model has {}.",
            visible.min(hidden)
        ));
    }
    lines.join("\n")
}

/// Four decimals, or an exponent where those would fill the line.
fn written(value: f64) -> String {
    if value.abs() < 1e7 { format!("{value:.4}") } else { format!("{value:.4e}") }
}
