//! What a command would take, measured on a part of the work: nothing is written.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Context, output::say};
use crate::{
    device::{Device, bytes},
    energy::Energy,
    sampler::{Chains, Sampler},
    train::{Memory, Trainer},
};

/// How long the measurement goes on.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Work of one kind, and the seconds that it would take.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Estimate {
    /// How much there is to do.
    count: u64,
    /// How much of it was done to measure.
    measured: u64,
    seconds_each: f64,
    seconds: f64,
}

impl Estimate {
    /// Does `work`, which waits for the device, in growing parts until it is known how long it takes.
    async fn of<E>(count: u64, mut work: impl AsyncFnMut(u64) -> Result<(), E>) -> Result<Self, E> {
        // The first time compiles, packs and allocates.
        work(1).await?;
        let started = Instant::now();
        let (mut done, mut part) = (0, 1);
        while started.elapsed() < PATIENCE && done < count {
            work(part.min(count - done)).await?;
            done += part.min(count - done);
            part *= 2;
        }
        let seconds_each = started.elapsed().as_secs_f64() / done.max(1) as f64;
        let seconds = seconds_each * count as f64;
        Ok(Self { count, measured: done, seconds_each, seconds })
    }

    fn text(&self, unit: &str) -> String {
        format!(
            "time: {} {unit} of {}, measured over {}: about {}",
            self.count,
            span(self.seconds_each),
            self.measured,
            span(self.seconds)
        )
    }
}

/// Tells what training would take.
pub(super) async fn train(context: &Context, trainer: &mut Trainer) -> anyhow::Result<()> {
    let memory = trainer.memory();
    let chains = trainer.chains().map_or(0, |chains| chains.visible.rows());
    let left = trainer.steps_total() - trainer.steps_done();
    let time = Estimate::of(left, async |updates| {
        for _ in 0..updates {
            trainer.step()?;
        }
        trainer.check_finite().await
    })
    .await?;
    if context.json {
        let result = serde_json::json!({
            "memory": memory, "updates": time, "seconds": time.seconds, "chains": chains,
        });
        say(serde_json::to_string_pretty(&result)?)?;
        return Ok(());
    }
    let Memory { parameters, chains: of_chains, batches } = memory;
    let mut text = format!(
        "memory: {} on the device: {} for parameters and what belongs to them, {} for minibatches",
        bytes(memory.total()),
        bytes(parameters),
        bytes(batches)
    );
    if chains > 0 {
        let each = of_chains / chains as u64;
        text += &format!(", {} for {chains} chains ({} each)", bytes(of_chains), bytes(each));
    }
    say(text)?;
    say(time.text("updates"))?;
    say("the evaluation at the end comes on top; nothing was written")?;
    Ok(())
}

/// Tells what sampling would take: so many transitions for each of some laws, and energies of so many
/// draws. The chains move.
pub(super) async fn sample(
    context: &Context,
    device: &Device,
    energy: &dyn Energy,
    sampler: &dyn Sampler,
    chains: &mut Chains,
    (laws, steps, draws): (usize, u32, u32),
) -> anyhow::Result<()> {
    let (count, memory) = (chains.visible.rows(), chains.bytes());
    let energies = 4 * u64::from(draws) * count as u64;
    let work = u64::from(steps) * laws as u64;
    let time = Estimate::of(work, async |steps| {
        sampler.advance(energy, chains, steps as u32)?;
        device.read(&chains.tally).await.map(drop)?;
        anyhow::Ok(())
    })
    .await?;
    if context.json {
        let result = serde_json::json!({
            "memory": { "chains": memory, "energies": energies }, "transitions": time, "seconds": time.seconds,
            "chains": count * laws,
        });
        say(serde_json::to_string_pretty(&result)?)?;
        return Ok(());
    }
    let each = memory / count as u64;
    let mut text = format!("memory: {} for {count} chains ({} each)", bytes(memory), bytes(each));
    if draws > 0 {
        text += &format!(", {} for their energies ({draws} times)", bytes(energies));
    }
    say(text)?;
    say(time.text("transitions"))?;
    say("pictures and burn-in come on top; nothing was written")?;
    Ok(())
}

/// Seconds for people.
fn span(seconds: f64) -> String {
    match seconds {
        ..1e-3 => format!("{:.1} µs", 1e6 * seconds),
        ..1.0 => format!("{:.1} ms", 1e3 * seconds),
        ..120.0 => format!("{seconds:.1} s"),
        ..7200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit_that_suits() {
        for (seconds, text) in [
            (0.0, "0.0 µs"),
            (1.5e-5, "15.0 µs"),
            (0.0321, "32.1 ms"),
            (119.0, "119.0 s"),
            (600.0, "10.0 min"),
            (36_000.0, "10.0 h"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
