//! Tensors in safetensors files. A file is checked against its own length before its body is read.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    io::Read,
    path::Path,
};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use super::{
    RunError,
    files::{open_regular, shortened},
};
use crate::tensor::Tensor;

/// The longest header that is read: room for far more tensors than a model has.
const MAX_HEADER: u64 = 1 << 20;
/// The one metadata key, so that equal contents give equal bytes.
const METADATA: &str = "ergodic";

/// The bytes of a safetensors file; `metadata` is kept as one string.
///
/// # Errors
/// The format refuses the tensors.
pub fn tensors_to_bytes(tensors: &[Tensor], metadata: &str) -> Result<Vec<u8>, String> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(tensor, bytes)| {
            Ok((&tensor.name, TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| error.to_string())?;
    let metadata = HashMap::from([(METADATA.to_string(), metadata.to_string())]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())
}

/// Reads the tensors of a file and this program's metadata, where the file has them. F32 and F64
/// are read; other types are an error.
///
/// # Errors
/// The file cannot be read, is not a safetensors file, is cut off, or repeats a name.
pub fn read_tensors(path: &Path) -> Result<(Vec<Tensor>, Option<String>), RunError> {
    let refuse = |problem: String| RunError::file(path, problem);
    let (mut file, length) = open_regular(path)?;
    let mut bytes = vec![0; 8];
    if length < 8 {
        return Err(refuse(format!("has {length} bytes: too few for a safetensors file")));
    }
    file.read_exact(&mut bytes).map_err(RunError::io("read", path))?;
    let header = bytes.iter().rev().fold(0u64, |length, byte| (length << 8) | u64::from(*byte));
    if header > MAX_HEADER || header + 8 > length {
        return Err(refuse(format!(
            "is not a safetensors file, or a broken one: it announces a header of {header} bytes \
             in a file of {length} (at most {MAX_HEADER} are read)"
        )));
    }
    bytes.resize(8 + header as usize, 0);
    file.read_exact(&mut bytes[8..]).map_err(RunError::io("read", path))?;
    let names: UniqueKeys = serde_json::from_slice(&bytes[8..])
        .map_err(|error| refuse(format!("has a broken safetensors header: {error}")))?;
    let announced = names.end.saturating_add(8 + header);
    if announced != length {
        return Err(refuse(format!(
            "has {length} bytes, but its header describes {announced}: it is cut off or damaged"
        )));
    }
    file.read_to_end(&mut bytes).map_err(RunError::io("read", path))?;
    let parsed = SafeTensors::deserialize(&bytes)
        .map_err(|error| refuse(format!("is not a valid safetensors file: {error}")))?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes)
        .map_err(|error| refuse(format!("is not a valid safetensors file: {error}")))?;
    let metadata = metadata.metadata().as_ref().and_then(|map| map.get(METADATA).cloned());
    let mut tensors = Vec::new();
    for (name, view) in parsed.iter() {
        let name = shortened(name);
        let values = match view.dtype() {
            Dtype::F32 => floats(view.data(), f32::from_le_bytes),
            Dtype::F64 => floats(view.data(), |bytes| f64::from_le_bytes(bytes) as f32),
            other => {
                return Err(refuse(format!(
                    "tensor '{name}' is of type {other:?}, wanted F32 or F64; convert it"
                )));
            }
        };
        tensors.push(Tensor { name, shape: view.shape().to_vec(), values });
    }
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((tensors, metadata))
}

fn floats<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|bytes| value(*bytes)).collect()
}

/// A header whose keys are checked to be unique, and where its last tensor ends.
struct UniqueKeys {
    end: u64,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    data_offsets: Option<(u64, u64)>,
    #[serde(flatten)]
    _rest: HashMap<String, IgnoredAny>,
}

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = UniqueKeys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from tensor names to their places")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueKeys, A::Error> {
                let mut seen = HashSet::new();
                let mut end = 0;
                while let Some(key) = map.next_key::<String>()? {
                    if key == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                    } else if let Some((_, last)) = map.next_value::<Entry>()?.data_offsets {
                        end = end.max(last);
                    }
                    let shown = shortened(&key);
                    if !seen.insert(key) {
                        let message = format!("the name '{shown}' occurs twice");
                        return Err(serde::de::Error::custom(message));
                    }
                }
                Ok(UniqueKeys { end })
            }
        }
        deserializer.deserialize_map(Keys)
    }
}
