//! `ergodic bench --scale`

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{
    Context,
    bench::{check_folder, make_folder},
    failure::{INTERRUPTED, Usage},
    interrupt::Interrupt,
    output::{bar, open_device, say},
};
use crate::{
    bench::scale::{self, Event, Scaling},
    plot,
    run::write_atomically,
};

/// The files that it writes.
struct Files {
    json: PathBuf,
    png: PathBuf,
}

pub(super) async fn run(context: &Context, out: &Path, quick: bool) -> anyhow::Result<ExitCode> {
    let files = Files { json: out.join("scale.json"), png: out.join("scale.png") };
    check_folder(out, &files.png)?;
    if files.json.exists() {
        Scaling::read(&files.json)
            .map_err(|error| Usage(format!("{error}; choose another --out")))?;
    }
    let device = open_device(context, None).await?;
    make_folder(out)?;
    let interrupt = Interrupt::listen_to("stopping after this measurement", "left at once")?;
    let mut report = Scaling::new(&device, quick);
    let bar = bar(scale::measurements(quick) as u64, "measurements");
    let print = |text: String| match context.json {
        true => Ok(()),
        false => bar.suspend(|| say(text)),
    };
    print(report.fitting.to_string())?;
    let mut failed = None;
    let mut observe = |event: Event<'_>| {
        let printed = match event {
            Event::Roofline(roofline) => print(format!("\n{roofline}")),
            Event::Begins(curve) => print(format!("\n{}", scale::header(curve))),
            Event::At(curve, at) => {
                bar.set_message(format!("{} {at}", curve.kernel.name()));
                Ok(())
            }
            Event::Measured(curve) => scale::line(curve).map_or(Ok(()), &print),
            Event::LeftOut(left_out) => print(left_out.to_string()),
            Event::Ends(curve) => print(scale::growth(curve)),
        };
        if matches!(event, Event::Measured(_) | Event::LeftOut(_)) {
            bar.inc(1);
        }
        failed = failed.take().or(printed.err());
        failed.is_none() && !interrupt.asked()
    };
    let ended = scale::run(&device, &mut report, &mut observe);
    bar.finish_and_clear();
    if let Some(error) = failed {
        return Err(error.into());
    }
    // What was found is kept, however the rest went.
    let written = write(&report, &files)?;
    let finished = ended?;
    if context.json {
        say(report.to_json(&files.json)?)?;
    } else {
        say(format!("\n{}: {written}", out.display()))?;
    }
    if !finished {
        note!("stopped; what was measured is in {}", out.display());
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the report, and the picture where there is something to draw; says which.
fn write(report: &Scaling, files: &Files) -> anyhow::Result<&'static str> {
    write_atomically(&files.json, report.to_json(&files.json)?.as_bytes())?;
    if report.curves.is_empty() {
        return Ok("scale.json");
    }
    write_atomically(&files.png, &plot::png(&scale::picture(report)?)?)?;
    Ok("scale.json, scale.png")
}
