//! `ergodic evaluate`

use std::{path::PathBuf, process::ExitCode};

use super::{
    Context,
    failure::Usage,
    output::{open_device, say, spinner, stages},
    source::{DataArgs, Source},
};
use crate::{
    data::Binarize,
    energy::{Energy, Model},
    evaluate::{Effort, Estimate, Evaluation, Judge, LogLikelihood, Verdict, max_exact_units},
};

/// Arguments of `ergodic evaluate`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A run folder or a model.safetensors
    run: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Chains of annealed importance sampling, each way; 0 for none [default: 1000; 500 for nets]
    #[arg(long)]
    chains: Option<usize>,
    /// Inverse temperatures of the path from the base to the model [default: 2000; 500 for nets]
    #[arg(long)]
    temperatures: Option<usize>,
    /// Transitions of the chains that stand for the model, before they are used [default: 1000; 200
    /// for nets]
    #[arg(long)]
    burn_in: Option<u32>,
    /// Seed of every random draw
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Args {
    /// Whether the flags can be meant.
    fn check(&self) -> Result<(), Usage> {
        let refuse = |flag: &str, found: usize, wanted: &str| {
            Err(Usage(format!("{flag} is {found}, wanted {wanted}")))
        };
        match (self.chains, self.temperatures) {
            (Some(n), _) if n == 1 || n > 1 << 24 => refuse("chains", n, "0, or 2 to 16777216"),
            (_, Some(n)) if !(1..=1 << 24).contains(&n) => {
                refuse("temperatures", n, "1 to 16777216")
            }
            _ => Ok(()),
        }
    }

    /// The effort of annealing; none for no chains.
    fn effort(&self, model: &Model) -> Option<Effort> {
        let default = Effort::suiting(&**model);
        let effort = Effort {
            chains: self.chains.unwrap_or(default.chains),
            temperatures: self.temperatures.unwrap_or(default.temperatures),
            burn_in: self.burn_in.unwrap_or(default.burn_in),
            seed: self.seed,
        };
        (effort.chains > 0).then_some(effort)
    }
}

pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    args.check()?;
    let device = open_device(context, None).await?;
    let source = Source::open(&args.run, &device)?;
    let data = source.data(&args.data)?;
    let chains = source.chains()?;
    let spinner = spinner("likelihood");
    let progress = stages(&spinner);
    let effort = args.effort(&source.model);
    let judge = Judge { effort, chains: chains.as_ref(), progress: &progress };
    let evaluation = Evaluation::of(&source.model, &data, &judge).await?;
    spinner.finish_and_clear();
    if context.json {
        say(serde_json::to_string_pretty(&evaluation)?)?;
    } else {
        say(table(&evaluation, &source.model))?;
    }
    if let Some(Err(error)) = source.folder.map(|folder| folder.write_evaluation(&evaluation)) {
        note!("warning: {error}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The figures for people.
pub(super) fn table(evaluation: &Evaluation, model: &Model) -> String {
    let mut lines = vec![format!(
        "{} {} on {}{}",
        evaluation.model,
        sizes(model),
        evaluation.data,
        match evaluation.binarize {
            Binarize::None => String::new(),
            binarize => format!(", binarised by {binarize}"),
        }
    )];
    let mut line = |name: &str, value: Option<f64>, unit: &str| {
        let value = value.map_or("unknown".into(), written);
        lines.push(format!("{name:<26}{value:>12}  {unit}").trim_end().into());
    };
    let log_z = evaluation.log_z.exact.or(evaluation.log_z.quadrature);
    let method = if evaluation.log_z.quadrature.is_some() { "by quadrature" } else { "" };
    if log_z.is_some() || evaluation.log_z.bennett.is_none() {
        line("log Z", log_z, method);
    }
    let likelihood = &evaluation.log_likelihood;
    let annealed = [
        ("log Z by annealing", evaluation.log_z.ais),
        ("… by reverse annealing", evaluation.log_z.reverse_ais),
        ("… by both (Bennett)", evaluation.log_z.bennett),
    ];
    for (name, estimate) in annealed {
        if let Some(estimate) = estimate {
            line(name, Some(estimate.value), &certainty(estimate));
        }
    }
    for (name, found) in [("training", likelihood.train), ("test", likelihood.test)] {
        let name = format!("log-likelihood, {name}");
        line(&name, found.exact.or(found.bennett), &bracket(found));
    }
    line("free-energy gap", evaluation.free_energy_gap, "nats, test less training");
    // The others are figures of some models only.
    let mut known = |name: &str, value: Option<f64>, unit: &str| {
        if value.is_some() {
            line(name, value, unit);
        }
    };
    known("KL(truth, model)", evaluation.kl, "nats, by quadrature");
    known("reconstruction error", evaluation.reconstruction_error, "squared, a unit");
    known("dead hidden units", evaluation.dead_hidden.map(|share| 100.0 * share), "%");
    known("saturated hidden units", evaluation.saturated_hidden.map(|share| 100.0 * share), "%");
    known("accuracy, training", evaluation.accuracy.train.map(|share| 100.0 * share), "%");
    known("accuracy, test", evaluation.accuracy.test.map(|share| 100.0 * share), "%");
    known("calibration error", evaluation.calibration_error, "expected, 15 bins");
    let outliers = evaluation.auroc;
    known("AUROC against noise", outliers.map(|auroc| auroc.noise), "by the energy");
    known("… upside-down examples", outliers.and_then(|auroc| auroc.upside_down), "");
    known("… bars and stripes", outliers.and_then(|auroc| auroc.bars_and_stripes), "");
    if let Some(reason) = why_unknown(evaluation, model) {
        lines.push(format!("The likelihood is unknown: {reason}."));
    }
    lines.extend(evaluation.verdicts.iter().map(Verdict::to_string));
    lines.join("\n")
}

/// How sure an estimate is.
fn certainty(estimate: Estimate) -> String {
    format!("± {:.4}, {:.0} effective chains", estimate.std_error, estimate.ess)
}

/// What a likelihood lies between.
fn bracket(found: LogLikelihood) -> String {
    match (found.lower, found.upper) {
        (Some(lower), Some(upper)) => format!("nats an example, from {lower:.4} to {upper:.4}"),
        _ => "nats an example".into(),
    }
}

/// The sizes of a model's layers.
fn sizes(model: &Model) -> String {
    let list = match model {
        Model::Rbm(rbm) => vec![rbm.dimension(), rbm.hidden()],
        Model::Mlp(mlp) => {
            let shape = mlp.architecture();
            [vec![shape.inputs], shape.hidden, vec![shape.outputs]].concat()
        }
    };
    list.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
}

/// Why there is no likelihood, where there is none.
pub(super) fn why_unknown(evaluation: &Evaluation, model: &Model) -> Option<String> {
    let log_z = evaluation.log_z;
    let found = evaluation.log_likelihood.train;
    if found.exact.or(found.bennett).is_some() {
        return None;
    }
    Some(match model {
        Model::Rbm(_) if log_z.exact.is_some() => {
            "these values are not all 0 or 1; choose another --binarize".into()
        }
        Model::Rbm(rbm) => format!(
            "exact enumeration needs {} units or fewer on the smaller side, and this model has {}; \
             --chains 1000 anneals",
            max_exact_units(rbm.device()),
            rbm.dimension().min(rbm.hidden())
        ),
        Model::Mlp(mlp) if mlp.dimension() > 2 => {
            format!("quadrature needs 1 or 2 dimensions, and this model has {}", mlp.dimension())
        }
        Model::Mlp(_) => {
            "the mass of exp(-E) does not end in any box, so Z is infinite; train with a --base"
                .into()
        }
    })
}

/// Four decimals, or an exponent where those would fill the line.
fn written(value: f64) -> String {
    if value.abs() < 1e7 { format!("{value:.4}") } else { format!("{value:.4e}") }
}
