//! The pictures of a run: what its chains dream, its filters, its learning curves.

use super::{Folder, RunError};
use crate::{
    data::ImageShape,
    device::{Array, DeviceError},
    energy::{Energy, Rbm},
    plot::{self, Panel, Series},
    sampler::{Chains, Gibbs, Sampler},
    train::{Metrics, TrainError, Trainer},
};

/// Pictures in a grid.
const TILES: usize = 100;
/// The longest strip of units that is drawn as one.
const LONGEST_STRIP: usize = 100;
/// Sweeps of the finished model from where training left the chains.
const SWEEPS: u32 = 200;

/// Draws samples.png, filters.png and curves.png of a finished run.
///
/// # Errors
/// The device or the system refuses.
pub(super) async fn draw_run(
    folder: &Folder,
    model: &Rbm,
    trainer: &Trainer,
) -> Result<(), RunError> {
    let shape = shape_or_strip(trainer.data().image, model.dimension());
    let failed = |source: TrainError| folder.failed(source);
    let means = dream(model, trainer.chains()).await.map_err(failed)?;
    folder.write("samples.png", &plot::png(&plot::grid(&means, shape, None)?)?)?;
    let weights =
        model.device().read(model.parameters()[0].1).await.map_err(|error| failed(error.into()))?;
    let (weights, shown) = strongest(&weights, model.hidden());
    folder.write("filters.png", &plot::png(&plot::filters(&weights, shown, shape, TILES)?)?)?;
    draw_curves(folder, if trainer.data().validation.is_empty() { "test" } else { "validation" })
}

/// Means of the visible units of the first chains, after some sweeps of the finished model.
async fn dream(model: &Rbm, trained: &Chains) -> Result<Vec<f32>, TrainError> {
    let device = model.device();
    let rows = trained.visible.rows().min(TILES);
    let mut chains = Chains::new(model, rows, trained.seed)?;
    device.copy_rows(&trained.hidden, 0, &mut chains.hidden, 0, rows)?;
    chains.clock = trained.clock;
    Gibbs::default().advance(model, &mut chains, SWEEPS)?;
    Ok(visible_means(model, &chains.hidden, 1.0).await?)
}

/// Means of the visible units given hidden states, `[n, D]`, read back.
///
/// # Errors
/// The device refuses.
pub async fn visible_means(
    model: &Rbm,
    hidden: &Array,
    beta: f32,
) -> Result<Vec<f32>, DeviceError> {
    let device = model.device();
    let mut means = device.zeros(hidden.rows(), model.dimension())?;
    model.visible_means(hidden, beta, &mut means)?;
    device.read(&means).await
}

/// The columns of W `[D, H]` with the largest norms, largest first.
fn strongest(weights: &[f32], hidden: usize) -> (Vec<f32>, usize) {
    let norm = |unit: usize| -> f64 {
        weights.iter().skip(unit).step_by(hidden).map(|w| f64::from(*w).powi(2)).sum()
    };
    let mut units: Vec<(f64, usize)> = (0..hidden).map(|unit| (norm(unit), unit)).collect();
    units.sort_by(|a, b| b.0.total_cmp(&a.0));
    units.truncate(TILES);
    let rows = weights.chunks_exact(hidden);
    let values = rows.flat_map(|row| units.iter().map(|(_, unit)| row[*unit])).collect();
    (values, units.len())
}

/// The picture shape; where the data are no pictures, a strip, or if that is long, the rectangle of
/// as many units that is nearest to a square.
pub fn shape_or_strip(image: Option<ImageShape>, units: usize) -> ImageShape {
    let height = if units > LONGEST_STRIP {
        (1..=units.isqrt()).rev().find(|height| units.is_multiple_of(*height)).unwrap_or(1)
    } else {
        1
    };
    image.unwrap_or(ImageShape { height, width: units / height })
}

/// Draws curves.png from metrics.jsonl; `held_out` names the part that is held out.
///
/// # Errors
/// The system refuses.
fn draw_curves(folder: &Folder, held_out: &str) -> Result<(), RunError> {
    let metrics = folder.metrics().read()?;
    let series = |name: &str, value: &dyn Fn(&Metrics) -> Option<f64>| Series {
        name: name.into(),
        points: metrics.iter().filter_map(|m| Some((m.epoch, value(m)?))).collect(),
    };
    let panels = [
        (
            "log-likelihood (nats)",
            vec![
                series("training", &|m| m.log_likelihood_train),
                series(held_out, &|m| m.log_likelihood_held_out),
            ],
        ),
        (
            "free-energy gap (nats)",
            vec![
                series(&format!("{held_out} − training"), &|m| m.free_energy_gap),
                series("data − chains", &|m| Some(m.loss)),
            ],
        ),
        (
            "squared error a pixel",
            vec![series("reconstruction", &|m| Some(m.reconstruction_error))],
        ),
        (
            "share of units",
            vec![
                series("flipped by a sweep", &|m| Some(m.chain_turnover)),
                series("dead hidden", &|m| Some(m.dead_hidden)),
                series("saturated hidden", &|m| Some(m.saturated_hidden)),
            ],
        ),
    ];
    let panels: Vec<Panel> = panels
        .into_iter()
        .filter(|(_, series)| series.iter().any(|series| !series.points.is_empty()))
        .map(|(label, series)| Panel { y_label: label.into(), series, references: Vec::new() })
        .collect();
    folder.write("curves.png", &plot::png(&plot::curves("epoch", &panels)?)?)
}
