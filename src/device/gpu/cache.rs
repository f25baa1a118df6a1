//! What is kept in the user's cache folder between runs: chosen tiles, and pipelines as the driver
//! has compiled them, the latter on Vulkan only. A file that is missing, broken or of another
//! version costs time and nothing else.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use atomic_write_file::AtomicWriteFile;

use super::pipeline::caught;

/// What a file of pipelines begins with, before the checksum of the rest. What other versions of the
/// program have left would be carried along for ever, so it is not read.
const MAGIC: &[u8] = concat!("ergodic ", env!("CARGO_PKG_VERSION"), " pipelines\n").as_bytes();
/// Bytes of a file that is read or written, at most.
const LARGEST: u64 = 64 << 20;

/// `ergodic` in the user's cache folder: `$XDG_CACHE_HOME`, `%LOCALAPPDATA%`, `~/Library/Caches` on
/// macOS, else `~/.cache`.
pub(super) fn folder() -> Option<PathBuf> {
    // Relative paths are to be ignored, says the XDG specification.
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    let cache = folder("XDG_CACHE_HOME")
        .or_else(|| folder("LOCALAPPDATA"))
        .or_else(|| Some(folder("HOME")?.join(of_home)))?;
    Some(cache.join("ergodic"))
}

/// Replaces a file as a whole, so that no reader sees half of one. Where it cannot be written, the
/// next process does without: nothing but time is lost.
pub(super) fn replace(file: &Path, bytes: &[u8]) {
    let write = || -> std::io::Result<()> {
        file.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        let mut file = AtomicWriteFile::open(file)?;
        file.write_all(bytes)?;
        file.commit()
    };
    let _ = write();
}

/// The pipelines that this and earlier processes have compiled for an adapter.
pub(super) struct PipelineCache {
    pub cache: wgpu::PipelineCache,
    file: PathBuf,
    /// Bytes of what was read.
    known: usize,
}

impl PipelineCache {
    /// What the folder holds for the device's adapter; none where the driver has no such thing.
    pub fn open(device: &wgpu::Device, folder: &Path) -> Option<Self> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let file = folder.join(wgpu::util::pipeline_cache_key(&device.adapter_info())?);
        let kept = read(&file);
        let create = |data: Option<&[u8]>| {
            let label = Some("pipelines");
            let descriptor = wgpu::PipelineCacheDescriptor { label, data, fallback: true };
            // SAFETY: the data is what `save` got from wgpu for an adapter of the same key, byte for
            // byte by its checksum, in a folder of the user's own; wgpu and the driver check in turn
            // that it was made by the same driver.
            caught(device, || unsafe { device.create_pipeline_cache(&descriptor) }).ok()
        };
        let known = kept.as_ref().map_or(0, Vec::len);
        let cache = kept.and_then(|data| create(Some(&data))).or_else(|| create(None))?;
        Some(Self { cache, file, known })
    }

    /// Writes the pipelines where there are more than were read.
    pub fn save(&self) {
        let Some(data) = self.cache.get_data() else { return };
        if data.len() != self.known && data.len() as u64 <= LARGEST {
            replace(&self.file, &[MAGIC, &checksum(&data), &data].concat());
        }
    }
}

/// The data of a file of pipelines, if it is whole.
fn read(file: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = LARGEST + MAGIC.len() as u64 + 4;
    File::open(file).ok()?.take(most + 1).read_to_end(&mut bytes).ok()?;
    let (sum, data) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
    (bytes.len() as u64 <= most && *sum == checksum(data)).then(|| data.to_vec())
}

fn checksum(data: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Device, gpu::Gpu, select::first_gpu};

    #[test]
    fn only_what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new").join("pipelines");
        assert_eq!(read(&file), None);
        let whole = [MAGIC, &checksum(b"compiled"), b"compiled"].concat();
        replace(&file, &whole);
        assert_eq!(read(&file).as_deref(), Some(&b"compiled"[..]));
        for place in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[place] ^= 1;
            std::fs::write(&file, flipped).unwrap();
            assert_eq!(read(&file), None, "a bit of byte {place} is flipped");
            std::fs::write(&file, &whole[..place]).unwrap();
            assert_eq!(read(&file), None, "it ends before byte {place}");
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert_eq!(read(&file), None, "a folder");
        replace(&file, &whole);
        assert!(file.is_dir(), "what cannot be replaced stays");
    }

    /// A device that has compiled a kernel leaves a file, takes one that is there as long as it is
    /// whole, and does its work whatever is in it.
    #[test]
    fn pipelines_are_kept_for_the_next_device() {
        let folder = tempfile::tempdir().unwrap();
        let opened = || Some(first_gpu()?.with_kept_pipelines(folder.path().into()));
        let works = |gpu: Gpu| {
            let device = Device::from_gpu(gpu);
            let words = pollster::block_on(device.philox(&[([0; 4], [0; 2])])).unwrap();
            assert_eq!(words, [[0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]]);
        };
        let Some(gpu) = opened() else { return };
        let Some(cache) = &gpu.cache else {
            eprintln!("{} keeps no pipelines", gpu.name());
            return;
        };
        let file = cache.file.clone();
        assert_eq!(cache.known, 0);
        works(gpu);
        let written = std::fs::read(&file).unwrap();
        let data = read(&file).unwrap();
        // What is there is known, and not written again: the file may be taken away.
        let gpu = opened().unwrap();
        assert_eq!(gpu.cache.as_ref().map(|cache| cache.known), Some(data.len()));
        std::fs::remove_file(&file).unwrap();
        works(gpu);
        assert!(!file.exists(), "nothing new was compiled");
        // Whole by its checksum, but no pipelines; of another version; garbage.
        let foreign = [MAGIC, &checksum(b"compiled"), b"compiled"].concat();
        let older = [b"ergodic 0.0.1 pipelines\n", &checksum(&data)[..], &data].concat();
        for bytes in [&foreign[..], &older, b"\0", b""] {
            std::fs::write(&file, bytes).unwrap();
            works(opened().unwrap());
            assert_eq!(std::fs::read(&file).unwrap().len(), written.len());
        }
    }
}
