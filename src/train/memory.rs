//! What a run keeps on its device.

use serde::Serialize;

use super::{OptimizerKind, SamplerKind, Settings, Trainer, feed};
use crate::{
    device::{Array, Room, TALLY},
    energy::Rbm,
    sampler::Chains,
};

/// Bytes of a run's arrays on the device. Kernels add what they need for the moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Memory {
    /// Parameters, with their gradient, moments, averages and offsets.
    pub parameters: u64,
    /// Persistent chains, those of lower rungs too.
    pub chains: u64,
    /// Minibatches.
    pub batches: u64,
}

impl Memory {
    /// All together.
    pub fn total(&self) -> u64 {
        self.parameters + self.chains + self.batches
    }
}

impl Chains {
    /// Bytes of the arrays on the device.
    pub fn bytes(&self) -> u64 {
        bytes([&self.visible, &self.hidden, &self.hidden_means, &self.tally])
    }
}

impl Trainer {
    /// What the run keeps on its device when averaging has begun.
    pub fn memory(&self) -> Memory {
        let parameters = self.model.parameters();
        let parameters = bytes(parameters.iter().map(|(_, array)| *array));
        let averages = if self.settings.average > 0.0 { parameters } else { 0 };
        let moments = bytes(self.optimizer.moments.iter().flatten());
        let offsets = self.model.as_rbm().and_then(Rbm::offsets);
        let offsets = offsets.map_or(0, |offsets| bytes([&offsets.visible, &offsets.hidden]));
        let (rungs, stacks) = replicas(&self.settings);
        let chains = self.objective.chains().map_or(0, Chains::bytes);
        let batch = [&self.batch.x, &self.batch.hidden_means];
        let batch = bytes(batch.into_iter().chain(&self.batch.classes));
        Memory {
            parameters: parameters + bytes(&self.gradient) + averages + moments + offsets,
            chains: rungs * stacks * chains,
            batches: batch + self.feed.bytes(),
        }
    }
}

/// Bytes of arrays.
pub(super) fn bytes<'a>(arrays: impl IntoIterator<Item = &'a Array>) -> u64 {
    arrays.into_iter().map(|array| 4 * array.len() as u64).sum()
}

/// Replicas of a persistent chain, and how often each is kept: rungs have the chains of the top one
/// each, and move as one stack of them all.
fn replicas(settings: &Settings) -> (u64, u64) {
    match settings.sampler {
        SamplerKind::Tempering => (settings.rungs as u64, 2),
        _ => (1, 1),
    }
}

/// What a model and its chains take, on paper: arrays are counted, none is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnPaper {
    /// What stays on the device.
    pub memory: Memory,
    /// Bytes that the start of the chains takes for the moment.
    pub start: u64,
    /// The largest array: rows, columns.
    pub largest: (usize, usize),
}

impl OnPaper {
    /// Chains of a model of these layers that are sampled: two layers are those of an RBM, more
    /// those of a net.
    pub fn sampling(sizes: &[usize], chains: usize) -> Self {
        let parameters = parameters(sizes);
        let states = states(sizes, chains);
        let largest = parameters.iter().chain(&states).copied();
        let memory = Memory { parameters: sum(&parameters), chains: sum(&states), batches: 0 };
        // A start from noise takes a probability for every unit; that of a net takes none.
        let start = if sizes.len() == 2 { size((chains, sizes[0] + sizes[1])) } else { 0 };
        Self { memory, start, largest: largest.max_by_key(|shape| size(*shape)).unwrap_or((1, 1)) }
    }

    /// The training of an RBM of `visible` units by PCD on so many examples, in the host's memory or on a
    /// device with its own: the bytes of [`Trainer::memory`].
    pub fn training(visible: usize, settings: &Settings, examples: usize, is_host: bool) -> Self {
        let hidden = settings.hidden.first().copied().unwrap_or(1);
        let batch = settings.batch.min(examples).max(1);
        let chains = Self::sampling(&[visible, hidden], settings.chains);
        let moments = match settings.optimizer {
            OptimizerKind::Sgd => 1,
            OptimizerKind::Adam => 2,
        };
        // The parameters, their gradient, their averages.
        let copies = 2 + moments + u64::from(settings.average > 0.0);
        let offsets = if settings.centred { size((1, visible + hidden)) } else { 0 };
        let upload = (feed::upload_rows(examples, visible, batch, is_host), visible);
        let (rungs, stacks) = replicas(settings);
        let stack = (settings.chains * rungs as usize, visible.max(hidden));
        let memory = Memory {
            parameters: copies * chains.memory.parameters + offsets,
            chains: rungs * stacks * chains.memory.chains,
            batches: sum(&[(batch, visible), (batch, hidden), upload]),
        };
        let arrays = [chains.largest, (batch, visible), (batch, hidden), upload, stack];
        let largest = arrays.into_iter().max_by_key(|shape| size(*shape)).unwrap_or((1, 1));
        Self { memory, start: chains.start, largest }
    }

    /// Whether no array, and not all of them together, are too large.
    pub fn fits(&self, room: &Room) -> bool {
        self.array_fits(room) && room.memory.is_none_or(|memory| self.bytes() <= memory)
    }

    /// Whether no array is too large.
    pub fn array_fits(&self, room: &Room) -> bool {
        Room::size(self.largest.0, self.largest.1) <= room.array
    }

    /// Bytes of all that stays and of the start.
    fn bytes(&self) -> u64 {
        self.memory.total().saturating_add(self.start)
    }
}

/// The parameters of an RBM or a net.
fn parameters(sizes: &[usize]) -> Vec<(usize, usize)> {
    let layers = sizes.windows(2).map(|pair| (pair[0], pair[1]));
    match *sizes {
        [visible, hidden] => vec![(visible, hidden), (1, visible), (1, hidden)],
        _ => layers.flat_map(|(inputs, outputs)| [(inputs, outputs), (1, outputs)]).collect(),
    }
}

/// The arrays of [`Chains`]; those of no hidden units have a column all the same.
fn states(sizes: &[usize], chains: usize) -> [(usize, usize); 4] {
    let hidden = if sizes.len() == 2 { sizes[1] } else { 1 };
    [sizes[0], hidden, hidden, TALLY].map(|columns| (chains, columns))
}

/// Bytes of arrays of these shapes.
fn sum(shapes: &[(usize, usize)]) -> u64 {
    shapes.iter().map(|shape| size(*shape)).fold(0, u64::saturating_add)
}

/// Bytes of an array of a shape.
fn size((rows, columns): (usize, usize)) -> u64 {
    (rows as u64).saturating_mul(columns as u64).saturating_mul(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{self, Options},
        device::{Device, Nonlinearity},
        energy::{Architecture, Mlp},
        train::Settings,
    };

    #[test]
    fn training_on_paper_takes_what_training_takes() {
        let data = data::load("bars-and-stripes:3", &Options::default()).unwrap();
        let examples = data.train.rows;
        let settings = Settings { hidden: vec![5], chains: 70, batch: 4, ..Settings::default() };
        for settings in [
            settings.clone(),
            Settings { optimizer: OptimizerKind::Adam, average: 0.0, ..settings.clone() },
            Settings { centred: false, batch: 1000, ..settings.clone() },
            Settings { sampler: SamplerKind::Tempering, rungs: 3, ..settings.clone() },
        ] {
            let on_paper = OnPaper::training(9, &settings, examples, true);
            let trainer = Trainer::new(&Device::cpu(), data.clone(), settings).unwrap();
            assert_eq!(on_paper.memory, trainer.memory());
        }
    }

    #[test]
    fn chains_on_paper_take_what_chains_take() {
        let device = Device::cpu();
        let rbm = Rbm::initial(&device, &[0.5; 7], 3, false, 0).unwrap();
        let shape = Architecture {
            inputs: 7,
            hidden: vec![20, 4],
            outputs: 2,
            nonlinearity: Nonlinearity::Silu,
            base_precision: 1.0,
        };
        let net = Mlp::initial(&device, &shape, 0).unwrap();
        let energies: [(&dyn crate::energy::Energy, &[usize]); 2] =
            [(&rbm, &[7, 3]), (&net, &[7, 20, 4, 2])];
        for (energy, sizes) in energies {
            let chains = Chains::new(energy, 11, 0).unwrap();
            let parameters = energy.parameters().into_iter().map(|(_, array)| array);
            let found = OnPaper::sampling(sizes, 11);
            assert_eq!(found.memory.chains, chains.bytes());
            assert_eq!(found.memory.parameters, bytes(parameters));
        }
    }

    #[test]
    fn a_byte_too_few_is_too_few() {
        let on_paper = OnPaper::sampling(&[100, 50], 1000);
        let (array, total) = (400_000, on_paper.memory.total() + 4 * 150 * 1000);
        let fits = |array, memory| on_paper.fits(&Room { array, memory, is_host: true });
        assert_eq!(on_paper.largest, (1000, 100));
        assert!(fits(array, None) && fits(array, Some(total)));
        assert!(!fits(array - 1, Some(total)) && !fits(array, Some(total - 1)));
    }
}
