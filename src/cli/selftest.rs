//! `ergodic selftest`

use std::process::ExitCode;

use super::{
    Context,
    output::{open_device, say},
};
use crate::selftest;

pub(super) async fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let device = open_device(context, None).await?;
    let report = selftest::run(&device).await?;
    if context.json {
        say(serde_json::to_string_pretty(&report)?)?;
    } else {
        say(report.to_string())?;
    }
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
