//! The model file, model.safetensors.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{RunError, files::write_atomically, read_tensors, tensors_to_bytes};
use crate::{
    data::ImageShape,
    device::{Device, DeviceError, Nonlinearity},
    energy::{Mlp, Model, ModelError, Rbm},
    tensor::Tensor,
};

/// What a model file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelFile {
    /// The kind of model: `rbm`, `mlp` or `jem`.
    pub model: String,
    /// Visible units.
    pub visible: usize,
    /// Hidden units of an RBM.
    pub hidden: usize,
    /// The nonlinearity of a net; silu where a file does not say.
    #[serde(default)]
    pub activation: Option<Nonlinearity>,
    /// Height and width of the picture that the visible units spell, where they do.
    pub image: Option<(usize, usize)>,
    /// The energy, in a formula.
    pub energy: String,
    /// The version of this program that wrote it.
    pub version: String,
}

/// The energy of a model in a formula.
fn formula(model: &Model) -> &'static str {
    match model {
        Model::Rbm(_) => {
            "E(v,h) = -v'Wh - b'v - c'h; W is weights [visible, hidden], b visible_bias, c \
             hidden_bias; units are 0 or 1"
        }
        Model::Mlp(mlp) if mlp.outputs() == 1 => {
            "E(x) = f(x) + base_precision x'x / 2; f is h <- activation(h W + b) layer by layer, \
             without the activation in the last; W is layers.N.weight [in, out], b layers.N.bias"
        }
        Model::Mlp(_) => {
            "E(x,y) = -f(x)[y] + base_precision x'x / 2 and E(x) = -log sum_y exp f(x)[y] + the \
             same; f is h <- activation(h W + b) layer by layer, without the activation in the \
             last; W is layers.N.weight [in, out], b layers.N.bias"
        }
    }
}

/// Writes a model.
///
/// # Errors
/// The device or the system refuses.
pub async fn write_model(
    path: &Path,
    model: &Model,
    image: Option<ImageShape>,
) -> Result<(), RunError> {
    let about = ModelFile {
        model: model.kind().into(),
        visible: model.dimension(),
        hidden: model.hidden(),
        activation: model.as_mlp().map(|mlp| mlp.architecture().nonlinearity),
        image: image.map(|image| (image.height, image.width)),
        energy: formula(model).into(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let failed = |error: DeviceError| RunError::file(path, error.to_string());
    let mut tensors = model.as_mlp().map(Mlp::constants).unwrap_or_default();
    for (name, array) in model.parameters() {
        let values = model.device().read(array).await.map_err(failed)?;
        let shape = match name.ends_with("bias") {
            true => vec![array.columns()],
            false => vec![array.rows(), array.columns()],
        };
        tensors.push(Tensor::new(name, &shape, values));
    }
    let about = serde_json::to_string(&about).map_err(|e| RunError::file(path, e.to_string()))?;
    let bytes = tensors_to_bytes(&tensors, &about).map_err(|e| RunError::file(path, e))?;
    write_atomically(path, &bytes)
}

/// A model from its file.
pub struct Loaded {
    /// The model.
    pub model: Model,
    /// The picture shape that the file names, or a square where the units make one.
    pub image: Option<ImageShape>,
    /// What had to be assumed, in words.
    pub assumed: Option<String>,
}

/// Reads a model; the file may come from any program. Tensors named `layers.N.weight` make a net,
/// others an RBM.
///
/// # Errors
/// The file cannot be read, or is no such model, or the device cannot hold it.
pub fn read_model(path: &Path, device: &Device) -> Result<Loaded, RunError> {
    let (tensors, about) = read_tensors(path)?;
    let about: Option<ModelFile> = about.and_then(|text| serde_json::from_str(&text).ok());
    let mut assumed = None;
    let model = if tensors.iter().any(|tensor| tensor.name.starts_with("layers.")) {
        let named = about.as_ref().and_then(|about| about.activation);
        if named.is_none() {
            assumed = Some("the file does not name its activation; silu is assumed".into());
        }
        let activation = named.unwrap_or(Nonlinearity::Silu);
        Mlp::from_tensors(device, &tensors, activation).map(Model::Mlp)
    } else {
        Rbm::from_tensors(device, &tensors).map(Model::Rbm)
    };
    let model = model.map_err(|error| match error {
        ModelError::Tensor(source) => RunError::Tensor { path: path.into(), source },
        error => RunError::file(path, error.to_string()),
    })?;
    let image = about
        .and_then(|about| about.image)
        .map(|(height, width)| ImageShape { height, width })
        .filter(|image| image.height.checked_mul(image.width) == Some(model.dimension()))
        .or_else(|| square(model.dimension()));
    Ok(Loaded { model, image, assumed })
}

/// A square picture, where the number of units allows one.
fn square(units: usize) -> Option<ImageShape> {
    let side = units.isqrt();
    (side > 1 && side * side == units).then_some(ImageShape { height: side, width: side })
}
