//! The timed choice among tiles: each of a handful runs for some milliseconds on no chains at all,
//! and the fastest is kept in the user's cache folder. Only `gibbs` uses it, no bit of whose results
//! depends on the tile, but for the last ones of its sums on cooperative matrices. A tile with these is
//! taken only where it draws what the others draw.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    Gpu, Result, cache,
    pipeline::Pipeline,
    queue::lock,
    tile::{Need, Tile},
};

/// Chains of a call from which on a choice is worth its time.
const WORTH: usize = 2048;
/// How long one run of a tile should take.
const RUN: Duration = Duration::from_millis(10);
/// A run that can be timed.
const SOUND: Duration = Duration::from_millis(2);

/// What has been chosen, and where it is kept.
#[derive(Default)]
pub(super) struct Tuner {
    /// Whether to time software drivers and small calls too.
    pub always: bool,
    /// Folder of the kept choices; none is kept without one.
    pub folder: Option<PathBuf>,
    known: Mutex<HashMap<String, Tile>>,
}

impl Tuner {
    pub fn new() -> Self {
        Self { folder: cache::folder(), ..Self::default() }
    }

    fn file(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join("tiles.json"))
    }

    /// The kept choices; none where the file is missing or broken.
    fn kept(&self) -> BTreeMap<String, Tile> {
        let text = self.file().and_then(|file| std::fs::read(file).ok());
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Keeps a choice.
    fn keep(&self, key: &str, tile: Tile) {
        let Some(file) = self.file() else { return };
        let mut kept = self.kept();
        kept.insert(key.into(), tile);
        if let Ok(text) = serde_json::to_vec_pretty(&kept) {
            cache::replace(&file, &text);
        }
    }
}

impl Gpu {
    /// The fastest tile for a call, or `first` where the choice is not worth its time. `pipeline` is
    /// the kernel for a tile; `run` records sweeps of so many workgroups that own no chains: (tile,
    /// workgroups, sweeps).
    pub(super) fn timed_tile(
        &self,
        need: &Need,
        first: Tile,
        pipeline: impl Fn(Tile) -> Result<Arc<Pipeline>>,
        run: impl Fn(Tile, u32, u32) -> Result<()>,
    ) -> Result<Tile> {
        let worth = self.tuner.always || (!self.is_software && need.chains >= WORTH);
        if self.tile.is_some() || !worth || cfg!(target_family = "wasm") {
            return Ok(first);
        }
        let key = self.key(need);
        if let Some(tile) = lock(&self.tuner.known).get(&key) {
            return Ok(*tile);
        }
        let candidates = self.candidates(need);
        let kept = self.tuner.kept().get(&key).copied().filter(|tile| candidates.contains(tile));
        let tile = match kept {
            Some(tile) => tile,
            None => {
                let tiles = compiled(&handful(&candidates), pipeline)?;
                let tile = self.fastest(need, first, &tiles, run)?;
                self.tuner.keep(&key, tile);
                tile
            }
        };
        lock(&self.tuner.known).insert(key, tile);
        Ok(tile)
    }

    /// What a choice depends on.
    fn key(&self, need: &Need) -> String {
        let info = self.device.adapter_info();
        let (d, h) = need.shape;
        format!(
            "{} {}, {} {} {:?}, {} bytes, gibbs {d}-{h}, {} chains",
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            self.name,
            info.driver_info,
            info.backend,
            self.device.limits().max_compute_workgroup_storage_size,
            need.chains.next_power_of_two(),
        )
    }

    fn fastest(
        &self,
        need: &Need,
        first: Tile,
        tiles: &[Tile],
        run: impl Fn(Tile, u32, u32) -> Result<()>,
    ) -> Result<Tile> {
        // As many workgroups as the call has, or as run for some milliseconds.
        let all = need.workgroups(first) as u32;
        let mut count = all.min(64);
        run(first, count, 1)?;
        let mut took = self.time(|| run(first, count, 1))?;
        while count < all && took < SOUND {
            count = (4 * count).min(all);
            took = self.time(|| run(first, count, 1))?;
        }
        let share = RUN.as_secs_f64() / took.as_secs_f64().max(1e-6);
        let (chains, sweeps) = if share >= 1.0 && count < all {
            ((f64::from(count) * share) as usize * first.chains as usize, 1)
        } else {
            (count as usize * first.chains as usize, (share as u32).clamp(1, 64))
        };
        let part = Need { chains: chains.min(need.chains), ..*need };
        let mut best = (Duration::MAX, first);
        for tile in tiles {
            if tile.matrices.is_some() && !self.agrees(*tile)? {
                continue;
            }
            let workgroups = part.workgroups(*tile) as u32;
            // A driver may put off a part of its work to the first run.
            run(*tile, workgroups, 1)?;
            let once = || self.time(|| run(*tile, workgroups, sweeps));
            let took = once()?.min(once()?);
            if took < best.0 {
                best = (took, *tile);
            }
        }
        Ok(best.1)
    }
}

/// The tiles whose kernels compile, which a driver may refuse for some: all at the same time, and
/// before any is timed.
fn compiled(tiles: &[Tile], pipeline: impl Fn(Tile) -> Result<Arc<Pipeline>>) -> Result<Vec<Tile>> {
    let pipelines: Vec<_> = tiles.iter().map(|tile| pipeline(*tile)).collect::<Result<_>>()?;
    let each = tiles.iter().zip(&pipelines);
    Ok(each.filter(|(_, pipeline)| pipeline.ready().is_ok()).map(|(tile, _)| *tile).collect())
}

/// The three cheapest of the tiles, the cheapest of every register tile, and all with cooperative
/// matrices.
fn handful(candidates: &[Tile]) -> Vec<Tile> {
    let mut tiles: Vec<Tile> = Vec::new();
    for tile in candidates {
        let is_new = !tiles.iter().any(|t| (t.blocks, t.part) == (tile.blocks, tile.part));
        if tiles.len() < 3 || is_new || tile.matrices.is_some() {
            tiles.push(*tile);
        }
    }
    tiles
}
