//! Which chains a workgroup of `shaders/lib/half_sweep.wgsl` owns, and which a thread draws at a
//! time. No result depends on it, but for the last bits of the totals of `anneal` and `temper`, and of
//! the sums on cooperative matrices.

use serde::{Deserialize, Serialize};

use super::{matrices::Matrices, program::Constant};

/// A tile of the block-Gibbs kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tile {
    /// Blocks of four units that a thread draws at a time: 1 or 2.
    pub blocks: u32,
    /// Chains that a thread draws at a time: 4, 8 or 16.
    pub part: u32,
    /// Chains of a workgroup: a multiple of `part`, at most 256.
    pub chains: u32,
    /// Cooperative matrices that make the products; then `blocks` and `part` are 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrices: Option<Matrices>,
}

/// Threads of a workgroup.
const THREADS: u32 = 256;
/// (blocks, part) of the register tiles. The last one takes 128 registers for sums alone.
const REGISTERS: [(u32, u32); 5] = [(1, 4), (1, 8), (1, 16), (2, 8), (2, 16)];
/// Multiprocessors of a middling GPU: fewer workgroups leave some of them idle.
const MULTIPROCESSORS: f64 = 64.0;

impl Tile {
    /// Every tile there is without cooperative matrices.
    pub fn all() -> impl Iterator<Item = Self> {
        let counts = [4].into_iter().chain((8..=128).step_by(8)).chain([160, 192, 224, 256]);
        counts.flat_map(|chains| {
            REGISTERS
                .into_iter()
                .filter(move |(_, part)| chains % part == 0)
                .map(move |(blocks, part)| Self { blocks, part, chains, matrices: None })
        })
    }

    /// Words of workgroup memory for each unit.
    pub fn words(self) -> u32 {
        self.chains.div_ceil(32)
    }

    /// Bytes of workgroup memory for a model of so many units.
    pub fn bytes(self, units: usize) -> usize {
        let of_matrices = self.matrices.map_or(0, |matrices| matrices.bytes(self.chains as usize));
        4 * units * self.words() as usize + of_matrices
    }

    /// The constants of `lib/half_sweep.wgsl`, or of `lib/half_sweep_matrix.wgsl`, for a model of so
    /// many units.
    pub fn constants(self, units: u32) -> Vec<(&'static str, Constant)> {
        let of_chains = [
            ("CHAINS", Constant::U32(self.chains)),
            ("WORDS", Constant::U32(self.words() * units)),
        ];
        let of_engine = match self.matrices {
            Some(matrices) => matrices.constants(),
            None => {
                vec![("BLOCKS", Constant::U32(self.blocks)), ("PART", Constant::U32(self.part))]
            }
        };
        [of_engine, of_chains.to_vec()].concat()
    }

    /// Instructions of a thread for one k: multiply-adds; a shift for two chains and a mask for each;
    /// loads, addresses and the loop.
    fn step(self) -> f64 {
        let (blocks, part) = (f64::from(self.blocks), f64::from(self.part));
        let step = 4.0 * blocks * part + 1.5 * part + 1.0 + blocks + 2.0;
        // One workgroup at a time finds registers where two would hide each other's waits.
        if self.blocks * self.part > 16 { 1.25 * step } else { step }
    }

    /// Instructions of a thread in one sweep of its workgroup.
    fn sweep(self, (d, h): (usize, usize)) -> f64 {
        let half = |units: usize, depth: usize| {
            let items = units.div_ceil(4).div_ceil(self.blocks as usize);
            let rounds = items.div_ceil((THREADS / (self.chains / self.part)) as usize);
            let draws = DRAW * f64::from(self.blocks * self.part);
            rounds as f64 * (depth as f64 * self.step() + draws)
        };
        half(d, h) + half(h, d)
    }
}

/// Instructions of a draw of four units: Philox, the sigmoids, what goes around them.
const DRAW: f64 = 450.0;

/// What a tile is wanted for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    /// D and H.
    pub shape: (usize, usize),
    /// Chains of the call.
    pub chains: usize,
    /// Chains that must share a workgroup: the rungs of a ladder, else 1.
    pub together: usize,
    /// Bytes of workgroup memory beside the states.
    pub fixed: usize,
    /// Such bytes a chain.
    pub each: usize,
    /// Whether the kernel can multiply by cooperative matrices.
    pub by_matrices: bool,
}

impl Need {
    /// Workgroups that the call takes.
    pub fn workgroups(&self, tile: Tile) -> usize {
        let ladders = (tile.chains as usize / self.together).max(1);
        (self.chains / self.together).div_ceil(ladders)
    }

    /// The tiles without cooperative matrices whose workgroups fit into `room` bytes, the cheapest
    /// first.
    pub fn candidates(&self, room: usize, is_software: bool) -> Vec<Tile> {
        let mut fitting: Vec<(f64, Tile)> = Tile::all()
            .filter(|tile| self.fits(tile, room))
            .map(|tile| (self.cost(tile, is_software), tile))
            .collect();
        fitting.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        fitting.into_iter().map(|(_, tile)| tile).collect()
    }

    /// Whether a workgroup holds what must be together, in `room` bytes.
    pub fn fits(&self, tile: &Tile, room: usize) -> bool {
        let (d, h) = self.shape;
        let chains = tile.chains as usize;
        chains >= self.together && tile.bytes(d + h) + self.fixed + self.each * chains <= room
    }

    /// Instructions that a multiprocessor issues for a sweep, relative to other tiles: those of a
    /// workgroup times the workgroups one after the other, of which the last find half a GPU idle.
    fn cost(&self, tile: Tile, is_software: bool) -> f64 {
        let workgroups = self.workgroups(tile) as f64;
        let turns = match workgroups / if is_software { 1.0 } else { MULTIPROCESSORS } {
            turns if turns <= 1.0 => 1.0,
            turns => turns + 0.5,
        };
        turns * tile.sweep(self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(shape: (usize, usize), chains: usize) -> Need {
        Need { shape, chains, together: 1, fixed: 0, each: 0, by_matrices: false }
    }

    fn best(need: Need, room: usize) -> Tile {
        need.candidates(room, false)[0]
    }

    /// 1,284 units of 96 chains are 15,408 bytes, and fill 5 rounds of D to 93 % and 3 of H to all.
    #[test]
    fn many_chains_of_a_large_model_take_large_tiles_with_full_rounds() {
        let tile = Tile { blocks: 2, part: 8, chains: 96, matrices: None };
        assert_eq!(best(need((784, 500), 65_536), 16_384), tile);
    }

    #[test]
    fn few_chains_are_spread_over_workgroups() {
        let tile = best(need((784, 500), 100), 16_384);
        assert_eq!(tile, Tile { blocks: 1, part: 4, chains: 4, matrices: None });
    }

    #[test]
    fn tiles_fit_the_memory_and_hold_whole_ladders() {
        for room in [0, 16_352, 16_384, 49_152] {
            for together in [1, 33, 256, 257] {
                let need = Need { together, fixed: 1024, each: 12, ..need((700, 20), 4096) };
                for tile in need.candidates(room, false) {
                    let bytes = 4 * 720 * tile.chains.div_ceil(32) + 1024 + 12 * tile.chains;
                    assert!(bytes as usize <= room && tile.chains as usize >= together);
                    assert_eq!(tile.chains % tile.part, 0);
                }
            }
        }
        assert!(need((4090, 7), 9).candidates(16_384, false).is_empty());
        assert!(!need((4089, 7), 9).candidates(16_384, false).is_empty());
    }
}
