//! Pictures of an RBM: samples and filters.

use super::shape_or_strip;
use crate::{
    device::{Array, DeviceError},
    energy::{Energy, Rbm},
    plot,
    run::{Folder, RunError},
    sampler::{Chains, Gibbs, Sampler},
    train::{TrainError, Trainer},
};

/// Pictures in a grid.
const TILES: usize = 100;
/// Sweeps of the finished model from where training left the chains.
const SWEEPS: u32 = 200;

/// Draws samples.png and filters.png of a finished run.
///
/// # Errors
/// The device or the system refuses.
pub(super) async fn draw(folder: &Folder, model: &Rbm, trainer: &Trainer) -> Result<(), RunError> {
    let shape = shape_or_strip(trainer.data().image, model.dimension());
    let failed = |source: TrainError| folder.failed(source);
    if let Some(chains) = trainer.chains() {
        let means = dream(model, chains).await.map_err(failed)?;
        folder.write("samples.png", &plot::png(&plot::grid(&means, shape, None)?)?)?;
    }
    let weights =
        model.device().read(model.parameters()[0].1).await.map_err(|error| failed(error.into()))?;
    let (weights, shown) = strongest(&weights, model.hidden());
    folder.write("filters.png", &plot::png(&plot::filters(&weights, shown, shape, TILES)?)?)
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
