//! The pictures of a run: what its chains dream, what it has learnt, its learning curves.

mod curves;
mod evaluation;
mod net;
mod rbm;

use super::{Folder, RunError};
use crate::{data::ImageShape, energy::Model, train::Trainer};

pub(super) use evaluation::draw as draw_evaluation;
pub use net::{
    Landscape, Range, STEPS_OF_A_CLASS, class_grid, class_names, class_samples, pairs, samples,
};
pub use rbm::visible_means;

/// Draws the pictures of a finished run.
///
/// # Errors
/// The device or the system refuses.
pub(super) async fn draw_run(
    folder: &Folder,
    model: &Model,
    trainer: &Trainer,
) -> Result<(), RunError> {
    match model {
        Model::Rbm(rbm) => rbm::draw(folder, rbm, trainer).await?,
        Model::Mlp(mlp) => net::draw(folder, mlp, trainer).await?,
    }
    curves::draw(folder, if trainer.data().validation.is_empty() { "test" } else { "validation" })
}

/// The longest strip of units that is drawn as one.
const LONGEST_STRIP: usize = 100;

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
