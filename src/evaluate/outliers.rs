//! The energy as a score of being out of distribution: how well it tells pictures of the test part
//! from noise, from the same pictures upside down, and from bars and stripes.

use serde::{Deserialize, Serialize};

use super::{auroc, energies};
use crate::{
    data::{self, Dataset, Examples, ImageShape},
    device::DeviceError,
    energy::Energy,
    random::{HostRng, Stream},
};

/// Areas under the ROC curve: the probability that a test example has a lower energy than an
/// example of the other kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outliers {
    /// Against uniform noise over the range of the training data.
    pub noise: f64,
    /// Against the test examples turned by 180 degrees; null where they are no pictures.
    pub upside_down: Option<f64>,
    /// Against bars and stripes of 4 × 4 cells, scaled to the size of the pictures; null where they
    /// are no pictures that 4 divides.
    pub bars_and_stripes: Option<f64>,
}

/// Judges the energy as a detector of outliers to `inliers`, a part of `data`; `None` where there
/// are none.
///
/// # Errors
/// The device refuses.
pub async fn outliers(
    energy: &dyn Energy,
    data: &Dataset,
    inliers: &Examples,
) -> Result<Option<Outliers>, DeviceError> {
    // In few dimensions noise lies on the data.
    if inliers.is_empty() || data.image.is_none() {
        return Ok(None);
    }
    let within = energies(energy, inliers).await?;
    let (low, high) = data.train.range();
    let mut rng = HostRng::new(0, Stream::Evaluate, 0);
    let noise = (0..inliers.values.len()).map(|_| low + (high - low) * rng.uniform());
    let against = async |values: Vec<f32>| -> Result<f64, DeviceError> {
        let rows = values.len() / inliers.columns;
        let part = Examples { rows, columns: inliers.columns, values, labels: None };
        Ok(auroc(&within, &energies(energy, &part).await?))
    };
    let noise = against(noise.collect()).await?;
    let (mut upside_down, mut bars_and_stripes) = (None, None);
    if let Some(image) = data.image.filter(|image| image.height * image.width == inliers.columns) {
        let rows = inliers.values.chunks_exact(inliers.columns);
        upside_down =
            Some(against(rows.flat_map(|row| row.iter().rev().copied()).collect()).await?);
        if image.height % 4 == 0 && image.width % 4 == 0 {
            let cell = ImageShape { height: image.height / 4, width: image.width / 4 };
            let patterns = data::bars_and_stripes_of(cell);
            let scaled = patterns.values.iter().map(|bit| low + (high - low) * bit);
            bars_and_stripes = Some(against(scaled.collect()).await?);
        }
    }
    Ok(Some(Outliers { noise, upside_down, bars_and_stripes }))
}
