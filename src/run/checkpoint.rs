//! Checkpoints: `checkpoints/step-00001234.safetensors`, the newest few. Each carries a checksum of
//! its tensors; loading takes the newest one that is whole.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{RunError, files::write_atomically, read_tensors, tensors_to_bytes};
use crate::{
    sampler::LadderState,
    tensor::Tensor,
    train::{Counters, Settings, State},
};

/// How many checkpoints are kept.
const KEEP: usize = 2;
/// The format of the file; raised when an older program could not read it.
const FORMAT: u32 = 1;

/// The checkpoints of a run.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct About {
    format: u32,
    version: String,
    crc32: u32,
    counters: Counters,
    settings: Settings,
    data_checksum: u32,
}

impl Checkpoints {
    /// In a folder, which must exist before one is saved.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Writes one and removes the oldest; returns its path.
    ///
    /// # Errors
    /// The system refuses; the older ones are then still there.
    pub fn save(&self, state: &State) -> Result<PathBuf, RunError> {
        let path = self.folder.join(format!("step-{:08}.safetensors", state.counters.step));
        let about = About {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            crc32: checksum(&state.counters, &state.tensors),
            counters: state.counters.clone(),
            settings: state.settings.clone(),
            data_checksum: state.data_checksum,
        };
        let about =
            serde_json::to_string(&about).map_err(|e| RunError::file(&path, e.to_string()))?;
        let bytes =
            tensors_to_bytes(&state.tensors, &about).map_err(|e| RunError::file(&path, e))?;
        write_atomically(&path, &bytes)?;
        let mut kept = self.list()?;
        kept.truncate(kept.len().saturating_sub(KEEP));
        for old in kept {
            std::fs::remove_file(&old).map_err(RunError::io("remove", &old))?;
        }
        Ok(path)
    }

    /// The newest one that is whole, and what was wrong with newer ones.
    ///
    /// # Errors
    /// There is none.
    pub fn newest(&self) -> Result<(PathBuf, State, Vec<RunError>), RunError> {
        let mut broken = Vec::new();
        for path in self.list()?.into_iter().rev() {
            match load(&path) {
                Ok(state) => return Ok((path, state, broken)),
                Err(error) => broken.push(error),
            }
        }
        Err(broken.pop().unwrap_or_else(|| {
            RunError::file(&self.folder, "holds no checkpoint; start the run again with --force")
        }))
    }

    /// Removes what writes left that a crash cut short.
    ///
    /// # Errors
    /// The system refuses.
    pub fn clear_unfinished(&self) -> Result<(), RunError> {
        let entries =
            std::fs::read_dir(&self.folder).map_err(RunError::io("read", &self.folder))?;
        for entry in entries.filter_map(Result::ok) {
            // The names that the atomic writer gives to files it has not renamed yet.
            if entry.file_name().to_string_lossy().starts_with(".step-") {
                let path = entry.path();
                std::fs::remove_file(&path).map_err(RunError::io("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Removes all of them, and no other file.
    ///
    /// # Errors
    /// The system refuses.
    pub fn clear(&self) -> Result<(), RunError> {
        self.clear_unfinished()?;
        for path in self.list()? {
            std::fs::remove_file(&path).map_err(RunError::io("remove", &path))?;
        }
        Ok(())
    }

    /// The path of the newest one, whole or not.
    pub fn newest_path(&self) -> Option<PathBuf> {
        self.list().ok()?.pop()
    }

    /// All of them, oldest first.
    fn list(&self) -> Result<Vec<PathBuf>, RunError> {
        let entries =
            std::fs::read_dir(&self.folder).map_err(RunError::io("read", &self.folder))?;
        let mut found: Vec<(u64, PathBuf)> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_str()?;
                let step = name.strip_prefix("step-")?.strip_suffix(".safetensors")?;
                Some((step.parse().ok()?, path))
            })
            .collect();
        found.sort();
        Ok(found.into_iter().map(|(_, path)| path).collect())
    }
}

fn load(path: &Path) -> Result<State, RunError> {
    let (tensors, about) = read_tensors(path)?;
    let about = about.ok_or_else(|| RunError::file(path, "is no checkpoint of this program"))?;
    let about: About = serde_json::from_str(&about)
        .map_err(|error| RunError::file(path, format!("has broken metadata: {error}")))?;
    if about.format != FORMAT {
        return Err(RunError::file(
            path,
            format!(
                "has checkpoint format {}, this program reads {FORMAT}; resume it with the version \
                 that wrote it ({})",
                about.format, about.version
            ),
        ));
    }
    if checksum(&about.counters, &tensors) != about.crc32 {
        return Err(RunError::file(path, "is damaged: its checksum does not fit its contents"));
    }
    Ok(State {
        counters: about.counters,
        settings: about.settings,
        data_checksum: about.data_checksum,
        tensors,
    })
}

/// CRC-32 of the counters and of all values, the tensors taken by name.
fn checksum(counters: &Counters, tensors: &[Tensor]) -> u32 {
    let mut sorted: Vec<&Tensor> = tensors.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut crc = flate2::Crc::new();
    for counter in
        [counters.step, counters.averaged, u64::from(counters.clock), u64::from(counters.starts)]
    {
        crc.update(&counter.to_le_bytes());
    }
    for word in counters.ladder.iter().flat_map(LadderState::words) {
        crc.update(&word.to_le_bytes());
    }
    for tensor in sorted {
        crc.update(tensor.name.as_bytes());
        for value in &tensor.values {
            crc.update(&value.to_le_bytes());
        }
    }
    crc.sum()
}
