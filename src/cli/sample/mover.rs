//! What moves the chains: a sampler, or replica exchange around one.

use super::Args;
use crate::{
    cli::failure::Usage,
    device::Device,
    energy::{Base, Energy},
    sampler::{Chains, Exchanges, Rungs, Sampler, Tempering, burn_in},
    train::SamplerKind,
};

/// Rungs that burn-in starts from where it chooses their number.
const FIRST_RUNGS: usize = 8;
/// The most rungs that are believed to be meant.
const MOST_RUNGS: usize = 1024;

/// What moves the chains.
pub(super) enum Mover {
    Plain(Box<dyn Sampler>),
    Tempering(Box<Tempering>),
}

impl Mover {
    /// Replica exchange from a base, as the flags ask for.
    pub fn tempering(args: &Args, base: Base, mover: Box<dyn Sampler>) -> anyhow::Result<Self> {
        let rungs = args.rungs.unwrap_or(FIRST_RUNGS);
        Ok(Self::Tempering(Box::new(Tempering::new(base, rungs, mover)?)))
    }

    /// What moves the chains of a call.
    pub fn sampler(&self) -> &dyn Sampler {
        match self {
            Self::Plain(sampler) => &**sampler,
            Self::Tempering(tempering) => &**tempering,
        }
    }

    /// Adapts what the flags leave open; whether the chains have moved.
    pub async fn burn_in(
        &mut self,
        args: &Args,
        energy: &dyn Energy,
        chains: &mut Chains,
    ) -> anyhow::Result<bool> {
        match self {
            _ if args.burn_in == 0 => return Ok(false),
            Self::Plain(sampler) => {
                let adapts = sampler.target_acceptance(energy.dimension()).is_some();
                if args.step_size.is_some() || !adapts {
                    return Ok(false);
                }
                let adapted = burn_in(&mut **sampler, energy, chains, args.burn_in).await?;
                if let Some(step_size) = adapted.step_size {
                    note!("step size {step_size:.4}, adapted over {} transitions", args.burn_in);
                }
            }
            Self::Tempering(tempering) => {
                let rungs = args.rungs.map_or(Rungs::default(), |_| Rungs::Keep);
                tempering.burn_in(energy, chains, args.burn_in, rungs).await?;
            }
        }
        Ok(true)
    }

    /// Tells how exchanges fared, where there were any.
    pub async fn exchanges(&mut self, device: &Device) -> anyhow::Result<Option<Exchanges>> {
        let Self::Tempering(tempering) = self else { return Ok(None) };
        let found = tempering.exchanges(device).await?;
        tell(&found);
        Ok(Some(found))
    }
}

/// What tempering leaves no room for, and what is for it alone.
pub(super) fn check(args: &Args) -> Result<(), Usage> {
    let tempering = args.sampler == Some(SamplerKind::Tempering);
    match args.rungs {
        Some(_) if !tempering => {
            return Err(Usage("--rungs is for --sampler tempering".into()));
        }
        Some(rungs) if !(2..=MOST_RUNGS).contains(&rungs) => {
            return Err(Usage(format!("rungs is {rungs}, wanted 2 to {MOST_RUNGS}")));
        }
        _ => {}
    }
    if tempering && args.beta != 1.0 {
        return Err(Usage(
            "--sampler tempering has temperatures of its own, the last of them 1; leave out --beta"
                .into(),
        ));
    }
    if tempering && args.step_size.is_some() {
        return Err(Usage(
            "--sampler tempering adapts a step size for every rung; leave out --step-size".into(),
        ));
    }
    Ok(())
}

fn tell(found: &Exchanges) {
    let list = |values: &mut dyn Iterator<Item = String>| values.collect::<Vec<_>>().join(" ");
    let betas = list(&mut found.betas.iter().map(|beta| format!("{beta:.3}")));
    note!("tempering: {} rungs at β {betas}", found.betas.len());
    if found.rounds < 2 {
        return;
    }
    let rates = list(&mut found.swap_rates.iter().map(|rate| format!("{rate:.2}")));
    note!("swap rates {rates}; {:.2} round trips a replica", found.round_trips);
    if found.failed > 0 {
        note!("warning: {} exchanges were not finite and were not made", found.failed);
    }
    if found.round_trips < 1.0 {
        note!(
            "warning: most replicas have not been at the lowest rung and back; take more --steps, \
             or another number of --rungs"
        );
    }
}
