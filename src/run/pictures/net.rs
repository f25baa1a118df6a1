//! Pictures of a net: the landscape of an energy over the plane with its chains, samples of
//! pictures class by class, how it classifies.

use super::shape_or_strip;
use crate::{
    data::{Examples, ImageShape, Planar},
    device::DeviceError,
    energy::{Energy, Mlp},
    evaluate::{self, Quadrature},
    plot::{self, DensityMap, Field, Flow, field_points},
    run::{Folder, RunError},
    sampler::{Chains, Mala, Sampler, SamplerError, SgldJem, burn_in},
    train::{TrainError, Trainer},
};

/// Cells along a side of a density map.
const SIDE: usize = 240;
/// Points on a map.
const POINTS: usize = 2000;
/// Chains of an animation, its frames, and the transitions between them.
const FLOWING: usize = 256;
const FRAMES: usize = 50;
const BETWEEN: u32 = 4;
/// Milliseconds of a frame.
const DELAY: u32 = 80;
/// Transitions that adapt the step size, and that follow.
const BURN_IN: u32 = 200;
const STEPS: u32 = 1000;
/// Samples of a class in a grid, and pictures in a grid without classes.
const PER_CLASS: usize = 10;
const TILES: usize = 100;

/// Draws the pictures of a finished run.
///
/// # Errors
/// The device or the system refuses.
pub(super) async fn draw(folder: &Folder, mlp: &Mlp, trainer: &Trainer) -> Result<(), RunError> {
    let failed = |source: TrainError| folder.failed(source);
    let data = trainer.data();
    let range = Range::of(&data.train);
    let seed = trainer.settings().seed;
    if mlp.classes() > 0 {
        draw_classifier(folder, mlp, trainer).await?;
        let generative = trainer.settings().generative > 0.0;
        if let Some(image) = data.image.filter(|_| generative) {
            let names = class_names(mlp.classes(), data.class_names.as_deref());
            let samples = class_samples(mlp, range, PER_CLASS, STEPS_OF_A_CLASS, seed).await;
            let samples = samples.map_err(|error| failed(error.into()))?;
            let picture = class_grid(&samples, range, image, &names)?;
            folder.write("samples.png", &plot::png(&picture)?)?;
        }
    }
    if mlp.dimension() == 2 {
        let bounds = evaluate::extent(&data.train);
        let map = Landscape::of(mlp, bounds).await.map_err(|error| failed(error.into()))?;
        let title = format!("{}, {}", data.name, trainer.settings().objective);
        let samples = samples(mlp, range, POINTS, seed).await;
        let samples = samples.map_err(|error| failed(error.into()))?;
        folder.write("density.png", &plot::png(&map.picture(&pairs(&samples), &title, &[])?)?)?;
        let frames = map.flow(mlp, range, seed, &title).await?;
        return folder.write("flow.gif", &plot::gif(&frames, DELAY)?);
    }
    if mlp.classes() > 0 {
        return Ok(());
    }
    let samples = samples(mlp, range, TILES, seed).await.map_err(|error| failed(error.into()))?;
    let shape = shape_or_strip(data.image, mlp.dimension());
    let grid = plot::grid(&range.to_unit(&samples), shape, None)?;
    folder.write("samples.png", &plot::png(&grid)?)
}

/// Steps of `sgld-jem` from noise to a sample of a class: what training takes chains through
/// between restarts, several times over.
pub const STEPS_OF_A_CLASS: u32 = 100;

/// The least and the greatest value of the training data: where chains start, what is black and
/// white.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The least value.
    pub low: f32,
    /// The greatest value.
    pub high: f32,
}

impl Range {
    /// Of examples.
    pub fn of(data: &Examples) -> Self {
        let (low, high) = data.range();
        Self { low, high }
    }

    /// Values as grey from 0 to 1.
    pub fn to_unit(self, values: &[f32]) -> Vec<f32> {
        let width = (self.high - self.low).max(f32::MIN_POSITIVE);
        values.iter().map(|x| ((x - self.low) / width).clamp(0.0, 1.0)).collect()
    }
}

/// Draws of exp(−E) by MALA from uniform starts, `[rows, D]`.
///
/// # Errors
/// The energy has no score, or the device refuses.
pub async fn samples(
    energy: &dyn Energy,
    range: Range,
    rows: usize,
    seed: u64,
) -> Result<Vec<f32>, SamplerError> {
    let mut chains = Chains::new(energy, rows, seed)?;
    chains.start_uniform(energy.device(), range.low, range.high)?;
    let mut mala = Mala::new(0.01);
    burn_in(&mut mala, energy, &mut chains, BURN_IN).await?;
    mala.advance(energy, &mut chains, STEPS)?;
    Ok(energy.device().read(&chains.visible).await?)
}

/// Samples of every class, `[classes · rows, D]`, by `steps` steps of [`SgldJem`] on E(x, y).
///
/// # Errors
/// The device refuses.
pub async fn class_samples(
    mlp: &Mlp,
    range: Range,
    rows: usize,
    steps: u32,
    seed: u64,
) -> Result<Vec<f32>, SamplerError> {
    let sampler = SgldJem::default();
    let mut list = Vec::new();
    for class in 0..mlp.classes() {
        let energy = mlp.conditional(class)?;
        let mut chains = Chains::new(&energy, rows, seed)?;
        // Every class has draws of its own.
        (chains.clock, chains.starts) = (steps.wrapping_mul(class as u32), class as u32);
        chains.start_uniform(mlp.device(), range.low, range.high)?;
        sampler.advance(&energy, &mut chains, steps)?;
        list.extend(mlp.device().read(&chains.visible).await?);
    }
    Ok(list)
}

/// A grid with a row of samples for each class.
///
/// # Errors
/// The picture cannot be drawn.
pub fn class_grid(
    samples: &[f32],
    range: Range,
    image: ImageShape,
    names: &[String],
) -> Result<image::RgbImage, RunError> {
    let size = image.height * image.width;
    let columns = (samples.len() / size / names.len().max(1)).max(1);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let tiles = range.to_unit(samples);
    Ok(plot::Grid::new(&tiles, image).columns(columns).captions(&names).draw()?)
}

/// The classes' names, or their numbers.
pub fn class_names(classes: usize, names: Option<&[String]>) -> Vec<String> {
    (0..classes)
        .map(|class| names.and_then(|names| names.get(class)).cloned().unwrap_or(class.to_string()))
        .collect()
}

/// confusion.png and calibration.png of the held-out part.
async fn draw_classifier(folder: &Folder, mlp: &Mlp, trainer: &Trainer) -> Result<(), RunError> {
    let data = trainer.data();
    let judged = data.held_out().unwrap_or(&data.train);
    let Some(labels) = &judged.labels else { return Ok(()) };
    let logits = evaluate::logits(mlp, judged).await;
    let logits = logits.map_err(|error| folder.failed(error.into()))?;
    let counts = evaluate::confusion(&logits, labels, mlp.classes());
    let names = data.class_names.as_deref();
    let picture = plot::confusion(&counts, mlp.classes(), names)?;
    folder.write("confusion.png", &plot::png(&picture)?)?;
    let (bins, error) = evaluate::calibration(&logits, labels);
    folder.write("calibration.png", &plot::png(&plot::reliability(&bins, error)?)?)
}

/// Rows of two values as points.
pub fn pairs(values: &[f32]) -> Vec<[f32; 2]> {
    values.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
}

/// −E, or the log-density of a known law, over a box of the plane.
pub struct Landscape {
    grid: Quadrature,
}

impl Landscape {
    /// Over a box a quarter wider on every side than that of the data.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn of(energy: &dyn Energy, mut bounds: Vec<(f64, f64)>) -> Result<Self, DeviceError> {
        evaluate::widen(&mut bounds, 1.5);
        Ok(Self { grid: Quadrature::on(energy, bounds, SIDE).await? })
    }

    /// The log-density of a known law, over such a box.
    pub fn of_law(planar: Planar, mut bounds: Vec<(f64, f64)>) -> Self {
        evaluate::widen(&mut bounds, 1.5);
        let places = field_points(SIDE, SIDE, bounds[0], bounds[1]);
        let minus_energy = places.iter().map(|x| planar.log_density(*x)).collect();
        Self { grid: Quadrature { log_z: 0.0, bounds, side: SIDE, minus_energy } }
    }

    fn field(&self) -> Field<'_> {
        let bounds = |index: usize| self.grid.bounds.get(index).copied().unwrap_or((0.0, 1.0));
        Field {
            values: &self.grid.minus_energy,
            columns: self.grid.side,
            rows: self.grid.side,
            x: bounds(0),
            y: bounds(1),
        }
    }

    /// A density map with points over it.
    ///
    /// # Errors
    /// The energy has no finite value in the box.
    pub fn picture(
        &self,
        points: &[[f32; 2]],
        title: &str,
        captions: &[&str],
    ) -> Result<image::RgbImage, RunError> {
        Ok(DensityMap::new(self.field()).points(points).title(title).captions(captions).draw()?)
    }

    /// Frames of chains over the landscape, a label for each.
    ///
    /// # Errors
    /// The energy has no finite value in the box.
    pub fn animate(
        &self,
        frames: &[Vec<[f32; 2]>],
        title: &str,
        labels: &[String],
    ) -> Result<Vec<image::RgbImage>, RunError> {
        Ok(Flow::new(self.field(), frames).title(title).labels(labels).draw()?)
    }

    /// Frames of chains that flow from a uniform start to their law.
    async fn flow(
        &self,
        energy: &dyn Energy,
        range: Range,
        seed: u64,
        title: &str,
    ) -> Result<Vec<image::RgbImage>, RunError> {
        let device = energy.device();
        let frames = async {
            let mut mala = Mala::new(0.01);
            let mut chains = Chains::new(energy, FLOWING, seed)?;
            chains.start_uniform(device, range.low, range.high)?;
            burn_in(&mut mala, energy, &mut chains, BURN_IN).await?;
            // The step size is known; the chains start over, for all to see.
            chains.start_uniform(device, range.low, range.high)?;
            let mut frames = vec![pairs(&device.read(&chains.visible).await?)];
            for _ in 1..FRAMES {
                mala.advance(energy, &mut chains, BETWEEN)?;
                frames.push(pairs(&device.read(&chains.visible).await?));
            }
            Ok::<_, SamplerError>(frames)
        };
        let frames = frames.await?;
        let labels: Vec<String> =
            (0..FRAMES).map(|frame| format!("step {}", frame as u32 * BETWEEN)).collect();
        self.animate(&frames, title, &labels)
    }
}
