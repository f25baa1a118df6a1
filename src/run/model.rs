//! The model file, model.safetensors.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{RunError, files::write_atomically, read_tensors, tensors_to_bytes};
use crate::{
    data::ImageShape,
    device::{Device, DeviceError},
    energy::{Energy, ModelError, Rbm},
    tensor::Tensor,
};

/// What a model file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelFile {
    /// The kind of model: `rbm`.
    pub model: String,
    /// Visible units.
    pub visible: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Height and width of the picture that the visible units spell, where they do.
    pub image: Option<(usize, usize)>,
    /// The energy, in a formula.
    pub energy: String,
    /// The version of this program that wrote it.
    pub version: String,
}

/// Writes a model.
///
/// # Errors
/// The device or the system refuses.
pub async fn write_model(
    path: &Path,
    model: &Rbm,
    image: Option<ImageShape>,
) -> Result<(), RunError> {
    let about = ModelFile {
        model: model.kind().into(),
        visible: model.dimension(),
        hidden: model.hidden(),
        image: image.map(|image| (image.height, image.width)),
        energy: "E(v,h) = -v'Wh - b'v - c'h; W is weights [visible, hidden], b visible_bias, c \
                 hidden_bias; units are 0 or 1"
            .into(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let failed = |error: DeviceError| RunError::file(path, error.to_string());
    let mut tensors = Vec::new();
    for (name, array) in model.parameters() {
        let values = model.device().read(array).await.map_err(failed)?;
        let shape = if array.rows() == 1 && name != "weights" {
            vec![array.columns()]
        } else {
            vec![array.rows(), array.columns()]
        };
        tensors.push(Tensor::new(name, &shape, values));
    }
    let about = serde_json::to_string(&about).map_err(|e| RunError::file(path, e.to_string()))?;
    let bytes = tensors_to_bytes(&tensors, &about).map_err(|e| RunError::file(path, e))?;
    write_atomically(path, &bytes)
}

/// Reads a model and the picture shape that its file names; the file may come from any program.
///
/// # Errors
/// The file cannot be read, or is no RBM, or the device cannot hold it.
pub fn read_model(path: &Path, device: &Device) -> Result<(Rbm, Option<ImageShape>), RunError> {
    let (tensors, about) = read_tensors(path)?;
    let model = Rbm::from_tensors(device, &tensors).map_err(|error| match error {
        ModelError::Tensor(source) => RunError::Tensor { path: path.into(), source },
        ModelError::Device(error) => RunError::file(path, error.to_string()),
    })?;
    let about: Option<ModelFile> = about.and_then(|text| serde_json::from_str(&text).ok());
    let image = about
        .and_then(|about| about.image)
        .map(|(height, width)| ImageShape { height, width })
        .filter(|image| image.height.checked_mul(image.width) == Some(model.dimension()))
        .or_else(|| square(model.dimension()));
    Ok((model, image))
}

/// A square picture, where the number of units allows one.
fn square(units: usize) -> Option<ImageShape> {
    let side = units.isqrt();
    (side > 1 && side * side == units).then_some(ImageShape { height: side, width: side })
}
