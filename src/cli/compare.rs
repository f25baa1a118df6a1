//! `ergodic compare`

use std::{path::PathBuf, process::ExitCode};

use super::{
    Context,
    failure::{INTERRUPTED, Usage},
    interrupt::Interrupt,
    output::{bar, open_device, say},
    source::load,
};
use crate::{
    device::Nonlinearity,
    run::{self, Comparison, Config, OBJECTIVES, RunError},
    train::{ModelKind, SamplerKind, Settings},
};

/// Arguments of `ergodic compare`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A built-in set of the plane (two-moons, eight-gaussians, pinwheel, checkerboard,
    /// two-spirals, circles, swiss-roll) or a file of two columns
    #[arg(long, default_value = "two-moons")]
    data: String,
    /// The column of a CSV file that holds the class, which is left out
    #[arg(long, allow_hyphen_values = true)]
    label: Option<String>,
    /// The folder to write: compare.png, compare.json, a model for each objective
    /// [default: runs/compare-DATA]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Gradient evaluations of each objective, in millions
    #[arg(long, default_value_t = 10.0)]
    budget: f64,
    /// Hidden units of each layer
    #[arg(long, value_delimiter = ',', num_args = 1, default_value = "128,128")]
    hidden: Vec<usize>,
    /// The nonlinearity of the hidden layers
    #[arg(long, value_enum, default_value = "silu")]
    activation: Nonlinearity,
    /// The sampler of pcd and cd
    #[arg(long, value_enum, default_value = "mala")]
    sampler: SamplerKind,
    /// Noise level of dsm, in the data's standard deviation
    #[arg(long, default_value_t = 0.05)]
    sigma: f32,
    /// Seed of every random draw
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    if !(args.budget > 0.0 && args.budget <= 1e6) {
        return Err(Usage(format!(
            "budget is {}, wanted more than 0 and at most 1000000 (million)",
            args.budget
        ))
        .into());
    }
    let settings = Settings {
        hidden: args.hidden,
        activation: args.activation,
        sampler: args.sampler,
        sigma: vec![args.sigma],
        seed: args.seed,
        ..Settings::of(ModelKind::Mlp)
    };
    settings.validate()?;
    let source = Config { seed: Some(args.seed), label: args.label, ..Config::default() };
    let data = load(&args.data, &source)?;
    let device = open_device(context, None).await?;
    let name = super::train::stem(&args.data);
    let folder = args.out.unwrap_or_else(|| format!("runs/compare-{name}").into());
    std::fs::create_dir_all(&folder).map_err(|source| RunError::Io {
        action: "create",
        path: folder.clone(),
        source,
        advice: "; choose another --out",
    })?;
    let budget = (args.budget * 1e6) as u64;
    let interrupt = Interrupt::listen()?;
    let bar = bar(1000 * OBJECTIVES.len() as u64, "‰");
    let mut observe = |objective, done: u64, total: u64| {
        let place = OBJECTIVES.iter().position(|other| *other == objective).unwrap_or(0) as u64;
        bar.set_position(1000 * place + 1000 * done / total.max(1));
        bar.set_message(objective.to_string());
        !interrupt.asked()
    };
    let result = run::compare(&device, &data, &settings, budget, &folder, &mut observe).await?;
    bar.finish_and_clear();
    if context.json {
        say(serde_json::to_string_pretty(&result)?)?;
    } else {
        say(table(&result))?;
        say(format!("{}: compare.png, compare.json", folder.display()))?;
    }
    if result.objectives.len() < OBJECTIVES.len() {
        note!("stopped; the objectives that were done are in {}", folder.display());
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

fn table(result: &Comparison) -> String {
    let number = |value: Option<f64>| value.map_or("unknown".into(), |value| format!("{value:.4}"));
    let mut lines = vec![format!(
        "{:<15}{:>10}{:>14}{:>10}{:>12}{:>10}",
        "objective", "updates", "evaluations", "seconds", "test NLL", "KL"
    )];
    if let Some(truth) = result.truth {
        lines.push(format!("{:<15}{:>46.4}{:>10.4}", "(the true law)", -truth, 0.0));
    }
    for row in &result.objectives {
        let mut line = format!(
            "{:<15}{:>10}{:>14}{:>10.1}{:>12}{:>10}",
            row.objective.to_string(),
            row.updates,
            row.evaluations,
            row.seconds,
            number(row.nll),
            number(row.kl)
        );
        if let Some(problem) = &row.problem {
            line.push_str(&format!("  {problem}"));
        }
        lines.push(line);
    }
    lines.join("\n")
}
