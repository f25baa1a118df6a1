//! `ergodic devices`

use std::process::ExitCode;

use super::{Context, output::say};
use crate::device::{self, Device, cpu::Instructions};

pub(super) async fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let adapters = device::adapters().await;
    let wanted = context.device(None);
    let chosen = Device::open(&wanted).await?;
    let sets = Instructions::available();
    if context.json {
        let listed = serde_json::json!({
            "chosen": chosen.name(),
            "cpu": Device::cpu().name(),
            "instructions": sets.iter().map(|set| set.name()).collect::<Vec<_>>(),
            "adapters": adapters,
        });
        say(serde_json::to_string_pretty(&listed)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let names: Vec<String> = sets.iter().map(|set| format!("cpu:{}", set.name())).collect();
    let others =
        if names.len() > 1 { format!(" (or {})", names.join(", ")) } else { String::new() };
    say(format!("{:<8} {}{others}", "cpu", Device::cpu().name()))?;
    for adapter in &adapters {
        say(format!(
            "{:<8} {} ({}, {}; {}; arrays up to {}, workgroup memory {}{})",
            format!("gpu:{}", adapter.index),
            adapter.name,
            adapter.kind,
            adapter.backend,
            adapter.driver,
            device::bytes(adapter.max_array_bytes),
            device::bytes(u64::from(adapter.workgroup_bytes)),
            adapter.matrices.map_or(String::new(), |matrices| {
                format!(", cooperative matrices {0} x {0}", matrices.size)
            }),
        ))?;
    }
    say(format!("--device {wanted} takes: {}", chosen.name()))?;
    Ok(ExitCode::SUCCESS)
}
