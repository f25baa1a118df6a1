//! What fits a device, on paper: see [`OnPaper`]. Nothing is allocated.

use serde::{Deserialize, Serialize};

use crate::{
    device::Room,
    train::{MOST, OnPaper, Settings},
};

/// Examples of the training that is counted, and of its minibatches: those of MNIST.
const EXAMPLES: usize = 60_000;
const BATCH: usize = 500;
/// Models whose most chains are told.
const MODELS: [&[usize]; 4] = [&[64, 20], &[784, 500], &[4096, 4096], &[64, 256, 256, 1]];
/// Chain counts whose largest models are told.
const COUNTS: [usize; 3] = [1, 1024, 65536];

/// What fits a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitting {
    /// The device's limits.
    pub room: Room,
    /// Models, with the most chains of each.
    pub models: Vec<MostChains>,
    /// Chain counts, with the largest square RBM for each.
    pub squares: Vec<MostUnits>,
}

/// The memory of a model, and the most chains that fit beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MostChains {
    /// Units of each layer: two are those of an RBM, more those of a net.
    pub sizes: Vec<usize>,
    /// Bytes of the parameters.
    pub parameters: u64,
    /// The same in training, with all that belongs to them.
    pub parameters_in_training: Option<u64>,
    /// Bytes of a chain.
    pub chain: u64,
    /// The most chains that are sampled.
    pub sampled: Most,
    /// The most persistent chains of a training; `None` of a net, whose training also keeps the
    /// values of its layers.
    pub trained: Option<Most>,
}

/// The largest square RBM that fits beside chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MostUnits {
    /// The chains.
    pub chains: usize,
    /// The most units of either layer, of a model that is sampled …
    pub sampled: Most,
    /// … and of one that is trained.
    pub trained: Most,
}

/// The most that fits; none does where it is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Most {
    /// How many.
    pub count: usize,
    /// Bytes that so many keep on the device.
    pub bytes: u64,
    /// Why no more.
    pub bound: Bound,
}

/// What keeps a model or chains from being larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// What one array may have.
    Array,
    /// The memory.
    Memory,
    /// What the program believes to be meant.
    Program,
}

impl Most {
    /// The most for which what `need` says fits; `need` grows with its argument.
    fn of(room: &Room, need: impl Fn(usize) -> OnPaper) -> Self {
        let (mut count, mut too_many) = (0, MOST + 1);
        while too_many - count > 1 {
            let middle = count + (too_many - count) / 2;
            if need(middle).fits(room) {
                count = middle;
            } else {
                too_many = middle;
            }
        }
        let bound = match need(too_many) {
            _ if count == MOST => Bound::Program,
            more if more.array_fits(room) => Bound::Memory,
            _ => Bound::Array,
        };
        let bytes = if count == 0 { 0 } else { need(count).memory.total() };
        Self { count, bytes, bound }
    }
}

impl Fitting {
    /// What fits a device with such limits.
    pub fn of(room: Room) -> Self {
        let chains = |sizes: &&[usize]| MostChains::of(&room, sizes);
        let squares = |chains: usize| MostUnits {
            chains,
            sampled: Most::of(&room, |units| OnPaper::sampling(&[units, units], chains)),
            trained: Most::of(&room, |units| training(&room, [units, units], chains)),
        };
        Self {
            room,
            models: MODELS.iter().map(chains).collect(),
            squares: COUNTS.into_iter().map(squares).collect(),
        }
    }
}

impl MostChains {
    /// Of a model of these layers.
    pub fn of(room: &Room, sizes: &[usize]) -> Self {
        let one = OnPaper::sampling(sizes, 1).memory;
        let rbm = match *sizes {
            [visible, hidden] => Some((visible, hidden)),
            _ => None,
        };
        Self {
            sizes: sizes.to_vec(),
            parameters: one.parameters,
            parameters_in_training: rbm.map(|(d, h)| training(room, [d, h], 1).memory.parameters),
            chain: one.chains,
            sampled: Most::of(room, |chains| OnPaper::sampling(sizes, chains)),
            trained: rbm.map(|(d, h)| Most::of(room, |chains| training(room, [d, h], chains))),
        }
    }
}

/// A training by PCD with the other settings as they are by default.
fn training(room: &Room, [visible, hidden]: [usize; 2], chains: usize) -> OnPaper {
    let settings = Settings { hidden: vec![hidden], chains, batch: BATCH, ..Settings::default() };
    OnPaper::training(visible, &settings, EXAMPLES, room.is_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_chains_are_those_counted_by_hand() {
        // Bytes of a chain of a 100-50: itself, with its means and its tally, and its start.
        let (chain, start, parameters) = (4 * (100 + 100 + 4), 4 * 150, 4 * (5000 + 150));
        let memory = parameters + 1000 * (chain + start);
        let room = Room { array: 1 << 40, memory: Some(memory), is_host: false };
        let found = MostChains::of(&room, &[100, 50]);
        assert_eq!((found.chain, found.parameters), (chain, parameters));
        let bytes = parameters + 1000 * chain;
        assert_eq!(found.sampled, Most { count: 1000, bytes, bound: Bound::Memory });
        let room = Room { memory: Some(memory - 1), ..room };
        assert_eq!(MostChains::of(&room, &[100, 50]).sampled.count, 999);
        // Visible states of 400 bytes a chain are the largest array, and more than an upload.
        let room = Room { array: 40_000_000, memory: None, is_host: false };
        let found = MostChains::of(&room, &[100, 50]);
        assert_eq!((found.sampled.count, found.sampled.bound), (100_000, Bound::Array));
        assert_eq!(found.trained.unwrap().count, 100_000);
        let room = Room { array: u64::MAX, ..room };
        let all = MostChains::of(&room, &[100, 50]).sampled;
        assert_eq!((all.count, all.bound), (1 << 24, Bound::Program));
        let room = Room { array: 1 << 10, memory: Some(1 << 30), ..room };
        let none = MostChains::of(&room, &[100, 50]);
        assert_eq!((none.sampled.count, none.sampled.bytes), (0, 0));
    }

    #[test]
    fn the_largest_squares_shrink_with_chains_and_training() {
        // The binding size of most NVIDIA drivers, on a card of 80 GB.
        let room = Room { array: (1 << 32) - 1, memory: Some(80_000_000_000), is_host: false };
        let found = Fitting::of(room);
        // 32,768² floats are a byte too many.
        assert_eq!(found.squares[0].sampled.count, 32_767);
        assert_eq!(found.squares[0].sampled.bound, Bound::Array);
        for square in &found.squares {
            let MostUnits { sampled, trained, .. } = square;
            assert!(trained.count <= sampled.count && trained.count > 0, "{square:?}");
            assert!(OnPaper::sampling(&[sampled.count; 2], square.chains).fits(&room));
            assert!(!OnPaper::sampling(&[sampled.count + 1; 2], square.chains).fits(&room));
        }
        assert!(found.squares.is_sorted_by(|a, b| a.sampled.count >= b.sampled.count));
    }
}
