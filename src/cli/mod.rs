//! The command line: one file a subcommand, thin, no mathematics.

/// Prints a line to stderr; a reader that has gone away is no error.
macro_rules! note {
    ($($text:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod bench;
mod compare;
mod devices;
mod dry_run;
mod evaluate;
mod failure;
mod interrupt;
mod output;
mod sample;
mod scale;
mod selftest;
mod source;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Train, sample and judge energy-based models with thousands of Markov chains in parallel
#[derive(Parser)]
#[command(name = "ergodic", version, max_term_width = 100)]
struct Cli {
    /// auto, cpu, cpu:SET, an instruction set that `devices` lists, gpu, gpu:INDEX or part of an adapter's
    /// name; with +matrices at its end, block Gibbs may use tensor cores [default: auto]
    #[arg(long, global = true)]
    device: Option<String>,
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a model and write a run folder
    Train(Box<train::Args>),
    /// Draw samples from a trained model
    Sample(sample::Args),
    /// Judge a trained model
    Evaluate(evaluate::Args),
    /// Train one energy over the plane by every objective and compare them on one page
    Compare(compare::Args),
    /// Measure chain steps a second on a device, and their share of its limits
    Bench(bench::Args),
    /// List the devices of this system
    Devices,
    /// Check the kernels on a device: known answers, invariance, wide models, accuracy
    Selftest,
}

/// What every subcommand knows.
struct Context {
    device: Option<String>,
    json: bool,
}

impl Context {
    /// The device that the command line names, or else the configuration, or else `auto`.
    fn device(&self, configured: Option<&str>) -> String {
        self.device.as_deref().or(configured).unwrap_or("auto").into()
    }
}

/// Runs the program on the arguments of the process. Exit codes: 0 done, 1 failed, 2 wrong usage,
/// 130 interrupted.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context { device: cli.device, json: cli.json };
    // On a thread of the pool, small CPU kernels start without a hand-over between threads.
    let result = rayon::scope(|_| pollster::block_on(run(&context, cli.command)));
    match result {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}

async fn run(context: &Context, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Train(args) => train::run(context, *args).await,
        Command::Sample(args) => sample::run(context, args).await,
        Command::Evaluate(args) => evaluate::run(context, args).await,
        Command::Compare(args) => compare::run(context, args).await,
        Command::Bench(args) => bench::run(context, args).await,
        Command::Devices => devices::run(context).await,
        Command::Selftest => selftest::run(context).await,
    }
}
