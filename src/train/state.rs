//! Everything that a run must remember to go on bit by bit: tensors and a few counters.

use serde::{Deserialize, Serialize};

use super::{Settings, TrainError, Trainer};
use crate::{
    device::{Array, DeviceError},
    energy::{Energy, Rbm},
    sampler::{Chains, LadderState},
    tensor::{self, Tensor},
};

/// A snapshot of a [`Trainer`].
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Counters.
    pub counters: Counters,
    /// The settings of the run.
    pub settings: Settings,
    /// CRC-32 of the training data, binarised.
    pub data_checksum: u32,
    /// Parameters, moments, averages, offsets, chains and replicas.
    pub tensors: Vec<Tensor>,
}

/// The counters of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// Updates done.
    pub step: u64,
    /// Seconds of training, over all sittings.
    pub seconds: f64,
    /// Transitions of the chains done.
    pub clock: u32,
    /// Starts of chains done.
    pub starts: u32,
    /// Updates that the averages are over.
    pub averaged: u64,
    /// Transitions of an update, where they follow the chains.
    #[serde(default)]
    pub transitions: u32,
    /// The ladder of parallel tempering, where it moves the chains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ladder: Option<LadderState>,
}

impl State {
    /// The persistent chains on a device; none where the run has none, or none of that model.
    ///
    /// # Errors
    /// The device refuses.
    pub fn chains(&self, energy: &dyn Energy) -> Result<Option<Chains>, DeviceError> {
        let find = |name: &str| self.tensors.iter().find(|tensor| tensor.name == name);
        let [Some(visible), Some(hidden)] = CHAINS.map(find) else { return Ok(None) };
        let rows = visible.shape.first().copied().unwrap_or(0);
        let fits = visible.shape == [rows, energy.dimension()]
            && (energy.hidden() == 0 || hidden.shape == [rows, energy.hidden()]);
        if rows == 0 || !fits {
            return Ok(None);
        }
        let mut chains = Chains::new(energy, rows, self.settings.seed)?;
        energy.device().write(&mut chains.visible, 0, &visible.values)?;
        if energy.hidden() > 0 {
            energy.device().write(&mut chains.hidden, 0, &hidden.values)?;
        }
        Ok(Some(chains))
    }
}

impl Trainer {
    /// Reads everything back.
    ///
    /// # Errors
    /// The device refuses.
    pub async fn state(&mut self) -> Result<State, TrainError> {
        let mut tensors = Vec::new();
        for (name, array) in self.named_arrays() {
            let values = self.device.read(array).await?;
            tensors.push(Tensor::new(name, &[array.rows(), array.columns()], values));
        }
        let mut ladder = None;
        if let Some(tempering) = self.objective.tempering() {
            for (name, array) in tempering.arrays() {
                let values = self.device.read(array).await?;
                tensors.push(Tensor::new(name, &[array.rows(), array.columns()], values));
            }
            ladder = tempering.ladder_state();
        }
        let (clock, starts) =
            self.objective.chains().map_or((0, 0), |chains| (chains.clock, chains.starts));
        let counters = Counters {
            step: self.step,
            seconds: self.seconds(),
            clock,
            starts,
            averaged: self.average.count,
            transitions: self.chosen_transitions,
            ladder,
        };
        let settings = self.settings.clone();
        Ok(State { counters, settings, data_checksum: self.data_checksum, tensors })
    }

    /// Goes back to a snapshot of a run with the same settings and data.
    ///
    /// # Errors
    /// A tensor is missing, of another shape or not finite, or the device refuses.
    pub fn restore(&mut self, state: &State) -> Result<(), TrainError> {
        if let Some(what) = self.difference(state) {
            return Err(TrainError::OtherRun { what });
        }
        let counters = &state.counters;
        let parameters = self.model.parameters();
        self.average.means = if counters.averaged == 0 {
            None
        } else {
            let zeros = |(_, array): (_, &Array)| self.device.zeros(array.rows(), array.columns());
            Some(parameters.into_iter().map(zeros).collect::<Result<_, DeviceError>>()?)
        };
        self.average.count = counters.averaged;
        let device = self.device.clone();
        let load = |name: String, array: &mut Array| -> Result<(), TrainError> {
            let tensor = tensor::expect(&state.tensors, &name, &[array.rows(), array.columns()])?;
            Ok(device.write(array, 0, &tensor.values)?)
        };
        let names: Vec<_> = self.model.parameters().into_iter().map(|(name, _)| name).collect();
        for (name, parameter) in names.iter().zip(self.model.parameters_mut()) {
            load(name.to_string(), parameter)?;
        }
        for (name, moments) in names.iter().zip(&mut self.optimizer.moments) {
            for (index, moment) in moments.iter_mut().enumerate() {
                load(moment_name(index, name), moment)?;
            }
        }
        for (name, mean) in names.iter().zip(self.average.means.iter_mut().flatten()) {
            load(average_name(name), mean)?;
        }
        if let Some(offsets) = self.model.as_rbm_mut().and_then(Rbm::offsets_mut) {
            load(OFFSETS[0].into(), &mut offsets.visible)?;
            load(OFFSETS[1].into(), &mut offsets.hidden)?;
        }
        if let Some(chains) = self.objective.chains_mut() {
            load(CHAINS[0].into(), &mut chains.visible)?;
            load(CHAINS[1].into(), &mut chains.hidden)?;
            (chains.clock, chains.starts) = (counters.clock, counters.starts);
        }
        if let Some(tempering) = self.objective.tempering() {
            for (name, array) in tempering.arrays() {
                load(name, array)?;
            }
            if !counters.ladder.as_ref().is_some_and(|ladder| tempering.restore_ladder(ladder)) {
                return Err(TrainError::OtherRun { what: "the ladder of tempering".into() });
            }
        }
        self.step = counters.step;
        self.chosen_transitions = counters.transitions.max(1);
        self.resume_clock(counters.seconds);
        Ok(())
    }

    /// What of this run is not as the snapshot has it.
    fn difference(&self, state: &State) -> Option<String> {
        let table = |settings: &Settings| match serde_json::to_value(settings) {
            Ok(serde_json::Value::Object(table)) => table,
            _ => serde_json::Map::new(),
        };
        let (here, there) = (table(&self.settings), table(&state.settings));
        let changed = here.iter().find(|(key, value)| there.get(*key) != Some(*value));
        match changed {
            Some((key, value)) => {
                let old = there.get(key).map_or("unknown".into(), ToString::to_string);
                Some(format!("the setting {key} ({old} then, {value} now)"))
            }
            None if self.data_checksum != state.data_checksum => Some("the training data".into()),
            None => None,
        }
    }

    fn named_arrays(&self) -> Vec<(String, &Array)> {
        let mut list = Vec::new();
        let parameters = self.model.parameters();
        let names: Vec<_> = parameters.iter().map(|(name, _)| name.clone()).collect();
        list.extend(parameters);
        for (name, moments) in names.iter().zip(&self.optimizer.moments) {
            for (index, moment) in moments.iter().enumerate() {
                list.push((moment_name(index, name), moment));
            }
        }
        for (name, mean) in names.iter().zip(self.average.means.iter().flatten()) {
            list.push((average_name(name), mean));
        }
        if let Some(offsets) = self.model.as_rbm().and_then(Rbm::offsets) {
            list.push((OFFSETS[0].into(), &offsets.visible));
            list.push((OFFSETS[1].into(), &offsets.hidden));
        }
        if let Some(chains) = self.objective.chains() {
            list.push((CHAINS[0].into(), &chains.visible));
            list.push((CHAINS[1].into(), &chains.hidden));
        }
        list
    }
}

/// Names of the offsets' and the chains' tensors.
const OFFSETS: [&str; 2] = ["offsets.visible", "offsets.hidden"];
const CHAINS: [&str; 2] = ["chains.visible", "chains.hidden"];

fn moment_name(index: usize, parameter: &str) -> String {
    format!("moments.{index}.{parameter}")
}

fn average_name(parameter: &str) -> String {
    format!("average.{parameter}")
}
