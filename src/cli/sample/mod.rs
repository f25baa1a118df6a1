//! `ergodic sample`

use std::{path::PathBuf, process::ExitCode};

mod clamp;
mod mover;
mod net;
mod watch;

use clamp::clamp_mask;
use mover::Mover;
use watch::Watch;

use super::{
    Context, dry_run,
    failure::Usage,
    output::{bar, check_target, open_device, say},
    source::{DataArgs, Source},
};
use crate::{
    data::{Dataset, ImageShape, npy},
    device::{Array, Device},
    energy::{Base, Energy, Model, Rbm},
    evaluate::{Mixing, mixing_verdict},
    plot,
    run::{shape_or_strip, visible_means, write_atomically},
    sampler::{Chains, Exchanges, Gibbs},
    train::SamplerKind,
};

/// Arguments of `ergodic sample`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A run folder or a model.safetensors
    run: PathBuf,
    /// How many chains; the first 400 are drawn
    #[arg(long, default_value_t = 100)]
    chains: usize,
    /// Transitions of every chain: Gibbs sweeps of an rbm, steps of a net's sampler
    #[arg(long, default_value_t = 1000)]
    steps: u32,
    /// The grid of pictures to write
    #[arg(long, default_value = "samples.png")]
    out: PathBuf,
    /// Where chains start [default: noise; data with --clamp]
    #[arg(long, value_enum)]
    start: Option<Start>,
    /// Visible units that keep their data: top, bottom, left, right (halves of a picture) or unit
    /// numbers such as 0-31,40
    #[arg(long)]
    clamp: Option<String>,
    /// The class to sample from a jem: a number, or each for a row of every class [default: p(x)]
    #[arg(long)]
    class: Option<net::Class>,
    /// The sampler [default: gibbs of an rbm, that of the run of a net]
    #[arg(long, value_enum)]
    sampler: Option<SamplerKind>,
    /// Temperatures of --sampler tempering [default: as many as swap every second time]
    #[arg(long)]
    rungs: Option<usize>,
    /// The step size of the sampler [default: adapted during burn-in]
    #[arg(long, allow_negative_numbers = true)]
    step_size: Option<f32>,
    /// Transitions that adapt step sizes and temperatures first
    #[arg(long, default_value_t = 200)]
    burn_in: u32,
    /// Inverse temperature
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    beta: f32,
    /// Seed of every random draw
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Also write the final states of the units, [chains, units], as .npy
    #[arg(long, value_name = "FILE")]
    npy: Option<PathBuf>,
    /// Also write an animation of the chains
    #[arg(long, value_name = "FILE")]
    gif: Option<PathBuf>,
    /// Frames of the animation
    #[arg(long, default_value_t = 60)]
    frames: u32,
    /// Say what memory and time it would take, measured over some transitions; write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Start {
    /// Every unit 1 with probability ½
    Noise,
    /// Test examples
    Data,
}

/// Where the counters of the draws start: training with the same seed does not come this far.
const OWN_DRAWS: u32 = 1 << 31;
/// Chains in a picture.
const DRAWN: usize = 400;
/// Chains in an animation.
const ANIMATED: usize = 36;
/// Milliseconds of a frame.
const DELAY: u32 = 80;
/// Sweeps between updates of the bar.
const SLICE: u32 = 50;

pub(super) async fn run(context: &Context, args: Args) -> anyhow::Result<ExitCode> {
    check(&args)?;
    let device = open_device(context, None).await?;
    let source = Source::open(&args.run, &device)?;
    let done = match &source.model {
        Model::Rbm(model) => rbm(context, &args, &device, &source, model).await?,
        Model::Mlp(mlp) => net::run(context, &args, &device, &source, mlp).await?,
    };
    let Some(done) = done else { return Ok(ExitCode::SUCCESS) };
    write_atomically(&args.out, &plot::png(&done.picture)?)?;
    let mut written = vec![args.out.clone()];
    if let Some(path) = &args.npy {
        write_atomically(path, &npy::write(&done.states, done.rows, source.model.dimension()))?;
        written.push(path.clone());
    }
    if let (Some(path), Some(gif)) = (&args.gif, &done.gif) {
        write_atomically(path, gif)?;
        written.push(path.clone());
    }
    let names: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    if context.json {
        let result = serde_json::json!({
            "chains": done.rows, "steps": args.steps, "written": names, "mixing": done.mixing,
            "tempering": done.exchanges,
        });
        say(serde_json::to_string_pretty(&result)?)?;
    } else {
        let steps = if source.model.as_rbm().is_some() { "sweeps" } else { "transitions" };
        say(format!("{} chains, {} {steps}: {}", done.rows, args.steps, names.join(", ")))?;
        // Chains are as good as their worst.
        let worst = done.mixing.iter().max_by(|a, b| a.r_hat.total_cmp(&b.r_hat));
        if let Some(verdict) = worst.and_then(mixing_verdict) {
            say(verdict.to_string())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What sampling came to.
struct Written {
    picture: image::RgbImage,
    /// The final states, `[rows, D]`.
    states: Vec<f32>,
    rows: usize,
    gif: Option<Vec<u8>>,
    /// How the chains mixed; of each class where there are several.
    mixing: Vec<Mixing>,
    /// How exchanges fared for every law that was sampled; none without tempering.
    exchanges: Vec<Exchanges>,
}

/// Samples of an RBM; none in a dry run.
async fn rbm(
    context: &Context,
    args: &Args,
    device: &Device,
    source: &Source,
    model: &Rbm,
) -> anyhow::Result<Option<Written>> {
    let suits = |kind| matches!(kind, SamplerKind::Gibbs | SamplerKind::Tempering);
    if args.sampler.is_some_and(|kind| !suits(kind)) {
        return Err(Usage(
            "--sampler: an rbm is sampled by gibbs, since its units are 0 or 1, or by tempering"
                .into(),
        )
        .into());
    }
    if args.class.is_some() {
        return Err(Usage("--class: an rbm has no classes".into()).into());
    }
    let shape = shape_or_strip(source.image, source.model.dimension());
    let mask = args.clamp.as_deref().map(|text| clamp_mask(text, shape)).transpose()?;
    let start = args.start.unwrap_or(if mask.is_some() { Start::Data } else { Start::Noise });
    if mask.is_some() && start == Start::Noise {
        return Err(Usage("--clamp keeps parts of data; leave out --start noise".into()).into());
    }

    let mut chains = Chains::new(model, args.chains, args.seed)?;
    (chains.clock, chains.starts) = (OWN_DRAWS, OWN_DRAWS);
    let mut given = None;
    match start {
        Start::Noise => chains.start_from_noise(device)?,
        Start::Data => {
            // States are bits, also where the data are probabilities.
            let bit = |x: f32| f32::from(x > 0.5);
            let rows = held_out(&source.data(&args.data)?, args.chains, bit);
            let visible = device.upload(args.chains, model.dimension(), &rows)?;
            start_from_data(device, model, &mut chains, &visible, mask.as_deref())?;
            given = Some(rows);
        }
    }
    let clamp = mask.as_ref().map(|mask| device.upload(1, mask.len(), mask)).transpose()?;
    let gibbs = Box::new(Gibbs { beta: args.beta, clamp });
    let mut mover = match args.sampler {
        Some(SamplerKind::Tempering) => {
            Mover::tempering(args, base(args, source, model).await?, gibbs)?
        }
        _ => Mover::Plain(gibbs),
    };
    if args.dry_run {
        let sampler = mover.sampler();
        // Chains that keep units of their own are not watched.
        let draws = if mask.is_none() { watch::draws(args.steps) } else { 0 };
        let work = (1, args.steps, draws);
        dry_run::sample(context, device, model, sampler, &mut chains, work).await?;
        return Ok(None);
    }
    mover.burn_in(args, model, &mut chains).await?;
    let shown =
        Shown { model, shape, mask: mask.as_deref(), given: given.as_deref(), beta: args.beta };

    // The last frame shows where the chains end.
    let early = if args.gif.is_some() { (args.frames - 1).min(args.steps) } else { 0 };
    let mut animation = Vec::new();
    // Around other clamped units every chain has a law of its own: they are not to agree.
    let watch = mask.is_none().then(|| Watch::new(model, &chains, args.steps));
    let mut watch = watch.transpose()?;
    let bar = bar(u64::from(args.steps), "sweeps");
    let mut done = 0;
    while done < args.steps {
        if early > 0 && done == frame_at(animation.len() as u32, early, args.steps) {
            animation.push(shown.grid(&chains, ANIMATED).await?);
        }
        let next = if early > 0 {
            frame_at(animation.len() as u32, early, args.steps)
        } else {
            args.steps
        };
        let to_look = watch.as_ref().map_or(SLICE, |watch| watch.until(done));
        let sweeps = (next - done).min(SLICE).min(to_look);
        mover.sampler().advance(model, &mut chains, sweeps)?;
        done += sweeps;
        // At another temperature the energies are of another law, and mix by the same measure.
        if let Some(watch) = &mut watch {
            watch.look(model, &chains, done)?;
        }
        bar.set_position(u64::from(done));
    }
    if args.gif.is_some() {
        animation.push(shown.grid(&chains, ANIMATED).await?);
    }
    let picture = shown.grid(&chains, DRAWN).await?;
    bar.finish_and_clear();
    let gif = args.gif.as_ref().map(|_| plot::gif(&animation, DELAY)).transpose()?;
    let states = device.read(&chains.visible).await?;
    let mixing = match watch {
        Some(watch) => vec![watch.finish(model).await?],
        None => Vec::new(),
    };
    let exchanges = mover.exchanges(device).await?.into_iter().collect();
    Ok(Some(Written { picture, states, rows: args.chains, gif, mixing, exchanges }))
}

/// The base that replicas of an RBM come from: the means of its data, or where it names none its own
/// visible biases.
async fn base(args: &Args, source: &Source, model: &Rbm) -> anyhow::Result<Base> {
    if source.names_data() || args.data.is_named() {
        return Ok(Base::of_means(&source.data(&args.data)?.train.means()));
    }
    let bias = model.bipartite().map(|arrays| arrays.visible_bias);
    let log_odds = match bias {
        Some(bias) => model.device().read(bias).await?,
        None => vec![0.0; model.dimension()],
    };
    Ok(Base::Bernoulli { log_odds })
}

fn check(args: &Args) -> Result<(), Usage> {
    if !(1..=1 << 24).contains(&args.chains) {
        return Err(Usage(format!("chains is {}, wanted 1 to 16777216", args.chains)));
    }
    if !(args.beta.is_finite() && args.beta >= 0.0) {
        return Err(Usage(format!("beta is {}, wanted a finite number, 0 or more", args.beta)));
    }
    if let Some(step) = args.step_size.filter(|step| !(step.is_finite() && *step > 0.0)) {
        return Err(Usage(format!("step-size is {step}, wanted a finite number above 0")));
    }
    if !(1..=1000).contains(&args.frames) {
        return Err(Usage(format!("frames is {}, wanted 1 to 1000", args.frames)));
    }
    mover::check(args)?;
    check_target(&args.out, b"\x89PNG", "--out")?;
    if let Some(path) = &args.npy {
        check_target(path, b"\x93NUMPY", "--npy")?;
    }
    if let Some(path) = &args.gif {
        check_target(path, b"GIF8", "--gif")?;
    }
    let targets = [Some(&args.out), args.npy.as_ref(), args.gif.as_ref()];
    let targets: Vec<_> = targets.into_iter().flatten().collect();
    match (1..targets.len()).find(|index| targets[..*index].contains(&targets[*index])) {
        Some(index) => Err(Usage(format!(
            "{} is named for two outputs; give each a name of its own",
            targets[index].display()
        ))),
        None => Ok(()),
    }
}

/// The sweep before which early frame `frame` of `frames` is taken; early frames lie closer, since
/// chains move fastest at the start.
fn frame_at(frame: u32, frames: u32, steps: u32) -> u32 {
    let share = f64::from(frame) / f64::from(frames);
    ((share * share * f64::from(steps)).round() as u32).max(frame).min(steps)
}

/// As many held-out examples as there are chains, from the start again when they run out.
fn held_out(data: &Dataset, chains: usize, value: impl Fn(f32) -> f32) -> Vec<f32> {
    let part = data.held_out().unwrap_or(&data.train);
    (0..chains).flat_map(|chain| part.row(chain % part.rows)).map(|x| value(*x)).collect()
}

/// Starts at the data; units that are not clamped start from noise, so that nothing of them
/// leaks into the completion.
fn start_from_data(
    device: &Device,
    model: &Rbm,
    chains: &mut Chains,
    visible: &Array,
    mask: Option<&[f32]>,
) -> anyhow::Result<()> {
    let Some(mask) = mask else { return Ok(chains.start_from(model, visible)?) };
    chains.start_from_noise(device)?;
    let mask = device.upload(1, mask.len(), mask)?;
    let select = crate::device::Pointwise::Select { mask: &mask, x: visible };
    device.pointwise(select, &mut chains.visible)?;
    let mixed = device.duplicate(&chains.visible)?;
    Ok(chains.start_from(model, &mixed)?)
}

/// How chains are drawn.
struct Shown<'a> {
    model: &'a Rbm,
    shape: ImageShape,
    mask: Option<&'a [f32]>,
    given: Option<&'a [f32]>,
    beta: f32,
}

impl Shown<'_> {
    /// A grid of the first chains: means of the free units, data of the clamped ones.
    async fn grid(&self, chains: &Chains, limit: usize) -> anyhow::Result<image::RgbImage> {
        let d = self.model.dimension();
        let device = self.model.device();
        let rows = chains.hidden.rows().min(limit);
        let mut hidden = device.zeros(rows, self.model.hidden())?;
        device.copy_rows(&chains.hidden, 0, &mut hidden, 0, rows)?;
        let mut means = visible_means(self.model, &hidden, self.beta).await?;
        let mask: Option<Vec<bool>> =
            self.mask.map(|mask| mask.iter().map(|m| *m != 0.0).collect());
        if let (Some(mask), Some(given)) = (&mask, self.given) {
            for (index, (mean, given)) in means.iter_mut().zip(given).enumerate() {
                if mask[index % d] {
                    *mean = *given;
                }
            }
        }
        let grid = plot::Grid::new(&means, self.shape);
        Ok(match &mask {
            Some(mask) => grid.given(mask).draw()?,
            None => grid.draw()?,
        })
    }
}
