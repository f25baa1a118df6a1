//! `ergodic bench`

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{
    Context,
    failure::{INTERRUPTED, Usage},
    interrupt::Interrupt,
    output::{bar, check_target, open_device, say},
    scale,
};
use crate::{
    bench::{self, BenchError, Event, Plan, Report},
    plot,
    run::{RunError, write_atomically},
};

/// Most chains that are believed to be meant.
const MOST_CHAINS: usize = 1 << 24;
/// The first words of a table of several devices.
const TABLE: &str = "| case";

/// Arguments of `ergodic bench`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Cases to measure, each by its name or the start of it [default: all]
    #[arg(value_name = "CASE")]
    cases: Vec<String>,
    /// Chain counts in place of 64 to 65536
    #[arg(long, value_delimiter = ',', num_args = 1, value_name = "N,…")]
    chains: Option<Vec<usize>>,
    /// Some cases with few chain counts, in 20 seconds
    #[arg(long)]
    quick: bool,
    /// How the cost grows with chains, units and steps, beside what it is on paper, and which models
    /// and how many chains fit, in place of the cases
    #[arg(long, conflicts_with_all = ["cases", "chains", "merge"])]
    scale: bool,
    /// The folder to write: bench.json and bench.png, with --scale scale.json and scale.png, with
    /// --merge merged.md and merged.png
    #[arg(long, value_name = "FOLDER", default_value = "runs/bench")]
    out: PathBuf,
    /// Measure nothing: put the bench.json of several devices into one table
    #[arg(
        long,
        value_name = "BENCH.JSON",
        num_args = 1..,
        conflicts_with_all = ["cases", "chains", "quick"]
    )]
    merge: Vec<PathBuf>,
}

pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    if !args.merge.is_empty() {
        return merge(context, &args);
    }
    if args.scale {
        return scale::run(context, &args.out, args.quick).await;
    }
    let plan = plan(context, &args)?;
    let (json, png) = (args.out.join("bench.json"), args.out.join("bench.png"));
    check_folder(&args.out, &png)?;
    if json.exists() {
        Report::read(&json).map_err(|error| Usage(format!("{error}; choose another --out")))?;
    }
    let device = open_device(context, None).await?;
    make_folder(&args.out)?;
    let interrupt = Interrupt::listen_to("stopping after this case", "left at once")?;
    let mut report = Report::new(&device, args.quick);
    let bar = bar(plan.measurements().len() as u64, "cases");
    let print = |text: String| match context.json {
        true => Ok(()),
        false => bar.suspend(|| say(text)),
    };
    let mut failed = None;
    let mut observe = |event: Event<'_>| {
        let printed = match event {
            Event::Roofline(roofline) => {
                print(roofline.to_string()).and_then(|()| print(bench::header()))
            }
            Event::Begins(case, chains) => {
                bar.set_message(format!("{}, {chains} chains", case.name));
                Ok(())
            }
            Event::Measured(row) => print(bench::line(row)),
            Event::LeftOut(left_out) => print(left_out.to_string()),
        };
        if matches!(event, Event::Measured(_) | Event::LeftOut(_)) {
            bar.inc(1);
        }
        failed = failed.take().or(printed.err());
        failed.is_none() && !interrupt.asked()
    };
    let ended = bench::run(&device, &plan, &mut report, &mut observe);
    bar.finish_and_clear();
    if let Some(error) = failed {
        return Err(error.into());
    }
    // What was measured is kept, however the rest went.
    if !report.cases.is_empty() {
        write(&report, &json, &png)?;
    }
    let finished = match ended {
        // Ctrl-C reaches the program that is run for its cold start too.
        Err(BenchError::ColdStart { .. }) if interrupt.asked() => false,
        ended => ended?,
    };
    if context.json {
        say(report.to_json(&json)?)?;
    } else if !report.cases.is_empty() {
        say(format!("{}: bench.json, bench.png", args.out.display()))?;
    }
    if !finished {
        note!("stopped; the cases that were done are in {}", args.out.display());
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the arguments ask for.
fn plan(context: &Context, args: &Args) -> anyhow::Result<Plan> {
    let cases = bench::select(&args.cases, args.quick).map_err(|error| Usage(error.to_string()))?;
    let mut chains = args.chains.clone();
    if let Some(chains) = &mut chains {
        if let Some(wrong) = chains.iter().find(|n| !(1..=MOST_CHAINS).contains(*n)) {
            let problem = format!("chains is {wrong}, wanted 1 to {MOST_CHAINS}");
            return Err(Usage(problem).into());
        }
        chains.sort_unstable();
        chains.dedup();
    }
    let program = std::env::current_exe()?;
    Ok(Plan { cases, chains, quick: args.quick, program, device: context.device(None) })
}

/// Refuses a folder with files of such names that are not of this command.
pub(super) fn check_folder(out: &Path, png: &Path) -> Result<(), Usage> {
    if out.exists() && !out.is_dir() {
        return Err(Usage(format!("--out: {} is a file, wanted a folder", out.display())));
    }
    if out.exists() { check_target(png, b"\x89PNG", "--out") } else { Ok(()) }
}

pub(super) fn make_folder(out: &Path) -> Result<(), RunError> {
    std::fs::create_dir_all(out).map_err(|source| RunError::Io {
        action: "create",
        path: out.into(),
        source,
        advice: "; choose another --out",
    })
}

fn write(report: &Report, json: &Path, png: &Path) -> anyhow::Result<()> {
    write_atomically(json, report.to_json(json)?.as_bytes())?;
    // A cold start alone has no throughput to draw.
    if report.cases.iter().any(|row| row.steps_per_second.is_some()) {
        write_atomically(png, &plot::png(&bench::picture(report)?)?)?;
    }
    Ok(())
}

fn merge(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let reports =
        args.merge.iter().map(|path| Report::read(path)).collect::<Result<Vec<_>, _>>()?;
    let (table_path, png) = (args.out.join("merged.md"), args.out.join("merged.png"));
    check_folder(&args.out, &png)?;
    make_folder(&args.out)?;
    check_target(&table_path, TABLE.as_bytes(), "--out")?;
    let table = bench::merged_table(&reports);
    write_atomically(&table_path, format!("{table}\n").as_bytes())?;
    let mut written = vec!["merged.md"];
    if reports.iter().flat_map(|report| &report.cases).any(|row| row.steps_per_second.is_some()) {
        write_atomically(&png, &plot::png(&bench::merged_picture(&reports)?)?)?;
        written.push("merged.png");
    }
    if context.json {
        say(serde_json::to_string_pretty(&reports)?)?;
    } else {
        say(table)?;
        say(format!("{}: {}", args.out.display(), written.join(", ")))?;
    }
    Ok(ExitCode::SUCCESS)
}
