//! Samples of a net: of p(x), or of p(x | y) where it has classes.

use super::{
    Args, DELAY, DRAWN, Mover, OWN_DRAWS, SLICE, Start, Written, frame_at, held_out,
    watch::{self, Watch},
};
use crate::{
    cli::{Context, dry_run, failure::Usage, output::bar, source::Source},
    data::Dataset,
    device::Device,
    energy::{Base, Domain, Energy, Mlp},
    evaluate::Mixing,
    plot,
    run::{Landscape, Range, class_grid, class_names, pairs, shape_or_strip},
    sampler::{Chains, Exchanges, Sampler},
    train::SamplerKind,
};

/// Chains in an animation.
const ANIMATED: usize = 256;
/// Leapfrog steps of a transition.
const LEAPFROG: u32 = 5;
/// The step size that burn-in starts from, as a share of the data's range.
const FIRST_STEP: f32 = 0.02;

/// Which class to sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Every class, a row each.
    Each,
    /// One.
    One(usize),
}

impl std::str::FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "each" => Ok(Self::Each),
            _ => text.parse().map(Self::One).map_err(|_| "wanted a class number, or each".into()),
        }
    }
}

/// What a run of chains gave: their states, and those at each frame.
struct Ran {
    states: Vec<f32>,
    frames: Vec<Vec<f32>>,
    acceptance: f64,
    mixing: Vec<Mixing>,
    exchanges: Vec<Exchanges>,
}

/// Samples of a net; none in a dry run.
pub(super) async fn run(
    context: &Context,
    args: &Args,
    device: &Device,
    source: &Source,
    mlp: &Mlp,
) -> anyhow::Result<Option<Written>> {
    if args.clamp.is_some() {
        return Err(Usage("--clamp is for an rbm; a net's units all move".into()).into());
    }
    let kind = sampler_kind(args, source);
    if kind == SamplerKind::SgldJem && (args.beta != 1.0 || args.step_size.is_some()) {
        return Err(Usage(
            "sgld-jem has a step and a noise of its own, at no temperature; leave out --beta and \
             --step-size, or choose --sampler mala"
                .into(),
        )
        .into());
    }
    let known = source.names_data() || args.data.is_named();
    let data = known.then(|| source.data(&args.data)).transpose()?;
    let range = data.as_ref().map_or(Range { low: -1.0, high: 1.0 }, |data| Range::of(&data.train));
    let start = match (args.start, &data) {
        (Some(Start::Data), Some(data)) => {
            Some(held_out(data, args.chains, std::convert::identity))
        }
        (Some(Start::Data), None) => {
            return Err(Usage("--start data: a bare model names no data; add --data".into()).into());
        }
        _ => None,
    };
    let classes = mlp.classes();
    let (names, energies): (Vec<String>, Vec<Box<dyn Energy + '_>>) = match args.class {
        Some(_) if classes == 0 => {
            return Err(Usage("--class: this model has no classes".into()).into());
        }
        Some(Class::One(class)) if class >= classes => {
            return Err(Usage(format!("--class is {class}, wanted 0 to {}", classes - 1)).into());
        }
        Some(Class::One(class)) => (Vec::new(), vec![Box::new(mlp.conditional(class)?)]),
        Some(Class::Each) => {
            let names = data.as_ref().and_then(|data| data.class_names.as_deref());
            let each = (0..classes).map(|class| Ok(Box::new(mlp.conditional(class)?) as _));
            (class_names(classes, names), each.collect::<anyhow::Result<_>>()?)
        }
        None => (Vec::new(), Vec::new()),
    };
    let energies: Vec<&dyn Energy> = match energies.is_empty() {
        true => vec![mlp],
        false => energies.iter().map(|energy| &**energy).collect(),
    };

    let rows = (args.chains / energies.len()).max(1);
    let bar = bar(u64::from(args.steps) * energies.len() as u64, "transitions");
    let mut all = Ran {
        states: Vec::new(),
        frames: Vec::new(),
        acceptance: 0.0,
        mixing: Vec::new(),
        exchanges: Vec::new(),
    };
    for (index, energy) in energies.iter().enumerate() {
        let sampler = sampler(args, kind, range);
        let mut mover = match args.sampler {
            Some(SamplerKind::Tempering) => {
                Mover::tempering(args, base(mlp, data.as_ref()), sampler)?
            }
            _ => Mover::Plain(sampler),
        };
        mover.sampler().admits(*energy)?;
        let mut chains = Chains::new(*energy, rows, args.seed)?;
        // Every class has draws of its own.
        let own = args.steps.wrapping_add(args.burn_in).wrapping_mul(index as u32);
        (chains.clock, chains.starts) =
            (OWN_DRAWS.wrapping_add(own), OWN_DRAWS.wrapping_add(2 * index as u32));
        if args.dry_run {
            let work = (energies.len(), args.steps, watch::draws(args.steps));
            let sampler = mover.sampler();
            dry_run::sample(context, device, *energy, sampler, &mut chains, work).await?;
            return Ok(None);
        }
        let ran = advance(args, device, &mut mover, *energy, &mut chains, range, &start, &bar);
        let ran = ran.await?;
        all.states.extend(ran.states);
        all.mixing.extend(ran.mixing);
        all.exchanges.extend(ran.exchanges);
        all.acceptance += ran.acceptance / energies.len() as f64;
        for (place, frame) in ran.frames.into_iter().enumerate() {
            match all.frames.get_mut(place) {
                Some(frames) => frames.extend(frame),
                None => all.frames.push(frame),
            }
        }
    }
    bar.finish_and_clear();
    if all.acceptance.is_finite() {
        note!("acceptance {:.1}%", 100.0 * all.acceptance);
    }

    let d = mlp.dimension();
    let map = match (&data, d) {
        (Some(data), 2) => {
            Some(Landscape::of(energies[0], crate::evaluate::extent(&data.train)).await?)
        }
        (None, 2) => Some(Landscape::of(energies[0], vec![(-1.0, 1.0); 2]).await?),
        _ => None,
    };
    let title = data.as_ref().map_or("samples".into(), |data| data.name.clone());
    let draw = |states: &[f32]| -> anyhow::Result<image::RgbImage> {
        if let Some(map) = &map {
            return Ok(map.picture(&pairs(states), &title, &[])?);
        }
        let shape = shape_or_strip(source.image, d);
        if names.is_empty() {
            let shown = states.len().min(DRAWN * d);
            return Ok(plot::grid(&range.to_unit(&states[..shown]), shape, None)?);
        }
        Ok(class_grid(states, range, shape, &names)?)
    };
    let animation = match &map {
        Some(map) if args.gif.is_some() => {
            let frames: Vec<_> = all.frames.iter().map(|frame| pairs(frame)).collect();
            let last = frames.len().saturating_sub(1) as u32;
            let labels: Vec<String> = (0..frames.len() as u32)
                .map(|frame| format!("step {}", frame_at(frame, last.max(1), args.steps)))
                .collect();
            map.animate(&frames, &title, &labels)?
        }
        _ => all.frames.iter().map(|frame| draw(frame)).collect::<anyhow::Result<_>>()?,
    };
    let gif = (args.gif.is_some()).then(|| plot::gif(&animation, DELAY)).transpose()?;
    Ok(Some(Written {
        picture: draw(&all.states)?,
        rows: all.states.len() / d,
        states: all.states,
        gif,
        mixing: all.mixing,
        exchanges: all.exchanges,
    }))
}

/// Burns in, then moves the chains by all steps and keeps the frames of an animation.
#[expect(clippy::too_many_arguments, reason = "one call, from one place")]
async fn advance(
    args: &Args,
    device: &Device,
    mover: &mut Mover,
    energy: &dyn Energy,
    chains: &mut Chains,
    range: Range,
    start: &Option<Vec<f32>>,
    bar: &indicatif::ProgressBar,
) -> anyhow::Result<Ran> {
    let begin = |chains: &mut Chains| -> anyhow::Result<()> {
        match start {
            Some(rows) => {
                let d = energy.dimension();
                let count = chains.visible.rows();
                Ok(device.write(&mut chains.visible, 0, &rows[..count * d])?)
            }
            None => Ok(chains.start_uniform(device, range.low, range.high)?),
        }
    };
    begin(chains)?;
    if mover.burn_in(args, energy, chains).await? && args.gif.is_some() {
        // For all to see where chains come from.
        begin(chains)?;
    }
    let mut watch = Watch::new(energy, chains, args.steps)?;
    let adapts = mover.sampler().target_acceptance(energy.dimension()).is_some();
    let mut ran = Ran {
        states: Vec::new(),
        frames: Vec::new(),
        acceptance: f64::NAN,
        mixing: Vec::new(),
        exchanges: Vec::new(),
    };
    let early = if args.gif.is_some() { (args.frames - 1).min(args.steps) } else { 0 };
    let d = energy.dimension();
    let mut done = 0;
    loop {
        let due = early > 0 && done == frame_at(ran.frames.len() as u32, early, args.steps);
        if due || (args.gif.is_some() && done == args.steps) {
            let mut states = device.read(&chains.visible).await?;
            states.truncate(ANIMATED * d);
            ran.frames.push(states);
        }
        if done == args.steps {
            break;
        }
        let next = match early {
            0 => args.steps,
            _ => frame_at(ran.frames.len() as u32, early, args.steps),
        };
        let steps = (next.max(done + 1) - done).min(SLICE).min(watch.until(done));
        mover.sampler().advance(energy, chains, steps)?;
        done += steps;
        watch.look(energy, chains, done)?;
        bar.inc(u64::from(steps));
    }
    if adapts && chains.tallied > 0 {
        let acceptance = chains.acceptance(device).await?;
        ran.acceptance = acceptance.rate;
        if acceptance.failed > 0 {
            note!("warning: {} proposals were not finite and were rejected", acceptance.failed);
        }
    }
    ran.mixing.push(watch.finish(energy).await?);
    ran.exchanges.extend(mover.exchanges(device).await?);
    ran.states = device.read(&chains.visible).await?;
    Ok(ran)
}

/// Which sampler the flags name, or else the run. Replicas are moved by that of the run where it
/// leaves their laws invariant.
fn sampler_kind(args: &Args, source: &Source) -> SamplerKind {
    use SamplerKind::{Hmc, Mala, Metropolis, SgldJem, Tempering};
    let suits = if source.model.classes() == 0 { Mala } else { SgldJem };
    match args.sampler {
        Some(Tempering) => {
            let exact = |kind: &SamplerKind| matches!(kind, Mala | Hmc | Metropolis);
            source.sampler().filter(exact).unwrap_or(Mala)
        }
        Some(kind) => kind,
        None => source.sampler().unwrap_or(suits),
    }
}

/// The base that replicas of a net come from: its own base measure, or the moments of its data, or
/// where there are none a standard normal.
fn base(mlp: &Mlp, data: Option<&Dataset>) -> Base {
    let precision = mlp.architecture().base_precision;
    match data {
        _ if precision > 0.0 => Base::isotropic(mlp.dimension(), precision.sqrt().recip()),
        Some(data) => Base::of_rows(Domain::Real, &data.train.values, mlp.dimension()),
        None => Base::isotropic(mlp.dimension(), 1.0),
    }
}

fn sampler(args: &Args, kind: SamplerKind, range: Range) -> Box<dyn Sampler> {
    let length = FIRST_STEP * (range.high - range.low);
    let first = if kind.steps_are_squared() { length * length } else { length };
    kind.sampler(args.step_size.unwrap_or(first), LEAPFROG, args.beta)
}
