//! The joint model of examples and classes: −log p(y | x) and, with the factor λ, −log p(x). With
//! p(y | x) the softmax of f(x) and E(x) = −log Σᵧ exp f(x)[y], the weights on E(x, y) are
//! one-hot − softmax + λ softmax at the data and −λ softmax at the chains. λ = 0 is the
//! conditional model p(y | x) alone.
//! Source: Grathwohl et al., "Your classifier is secretly an energy based model and you should
//! treat it like one", ICLR 2020; Tomczak, "Deep Generative Modeling", 2022, chapter 6.

use super::{
    Batch, LossTerm, Objective, ObjectiveError, Replay, Result, Update, chain_points, contrast,
    kept, penalty::regularised,
};
use crate::{
    device::{Array, Pointwise, Reduce},
    energy::{Energy, Points, Weights},
    sampler::Chains,
};

/// Cross-entropy and the generative term.
pub struct Jem {
    /// The chains of the generative term; none where λ is 0.
    replay: Option<Replay>,
    generative: f32,
    energy_l2: f32,
    weights: Option<Array>,
    softmax: Option<Array>,
    column: Option<Array>,
    regularised: [Option<Array>; 2],
}

impl Jem {
    /// With the factor λ of the generative term, which needs chains unless it is 0, and of the mean
    /// squared energies.
    pub fn new(replay: Option<Replay>, generative: f32, energy_l2: f32) -> Self {
        Self {
            replay,
            generative,
            energy_l2,
            weights: None,
            softmax: None,
            column: None,
            regularised: [None, None],
        }
    }
}

/// Outputs f(x) of the energy's net as `[n, K]`.
fn outputs(energy: &dyn Energy, x: &Array, classes: usize) -> Result<Array> {
    let mut out = energy.device().zeros(x.rows(), classes)?;
    energy.logits(x, &mut out)?;
    Ok(out)
}

fn classes_of(batch: &Batch) -> Result<&Array> {
    batch.classes.as_ref().ok_or(ObjectiveError::NoLabels { objective: "jem" })
}

impl Objective for Jem {
    fn kind(&self) -> &'static str {
        "jem"
    }

    fn sees_constant(&self) -> bool {
        self.energy_l2 != 0.0
    }

    fn admits(&self, energy: &dyn Energy) -> Result<()> {
        if energy.classes() < 2 {
            return Err(ObjectiveError::Inadmissible {
                objective: "jem",
                energy: energy.kind(),
                reason: "it has no outputs for classes",
                admissible: "pcd or cd, or train a jem model on data with labels",
            });
        }
        self.replay.as_ref().map_or(Ok(()), |replay| replay.admits(energy))
    }

    fn points<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        update: Update,
    ) -> Result<Vec<Points<'a>>> {
        let device = energy.device();
        let classes = classes_of(batch)?;
        let (rows, count) = classes.shape();
        let weights = kept(&mut self.weights, device, rows, count)?;
        device.copy_rows(classes, 0, weights, 0, rows)?;
        // At λ = 1 the softmax of the data cancels: −log p(x, y) = E(x, y) + log Z.
        if self.generative != 1.0 {
            let softmax = kept(&mut self.softmax, device, rows, count)?;
            let column = kept(&mut self.column, device, rows, 1)?;
            device.softmax(&outputs(energy, &batch.x, count)?, softmax, column)?;
            let scale = self.generative - 1.0;
            device.pointwise(Pointwise::Axpy { x: &*softmax, scale }, weights)?;
        }
        device.pointwise(Pointwise::Scale(1.0 / rows as f32), weights)?;
        let mut list =
            vec![Points { x: &batch.x, hidden_means: None, weights: Weights::Outputs(weights) }];
        let strength = self.energy_l2;
        let [on_data, on_chains] = &mut self.regularised;
        if strength != 0.0 {
            let weights = on_data.insert(regularised(energy, &batch.x, strength, 0.0)?);
            let weights = Weights::Each(weights);
            list.push(Points { x: &batch.x, hidden_means: None, weights });
        }
        if let Some(replay) = &mut self.replay {
            let chains = replay.advance(energy, update)?;
            let mut points = chain_points(chains, -self.generative);
            if strength != 0.0 {
                let total = -self.generative;
                let weights = regularised(energy, &chains.visible, strength, total)?;
                points.weights = Weights::Each(on_chains.insert(weights));
            }
            list.push(points);
        }
        Ok(list)
    }

    fn loss(&self, energy: &dyn Energy, batch: &Batch, _update: Update) -> Result<Vec<LossTerm>> {
        let device = energy.device();
        let classes = classes_of(batch)?;
        let (rows, count) = classes.shape();
        let logits = outputs(energy, &batch.x, count)?;
        let mut softmax = device.zeros(rows, count)?;
        let mut cross_entropy = device.zeros(rows, 1)?;
        device.softmax(&logits, &mut softmax, &mut cross_entropy)?;
        let mut chosen = device.zeros(rows, 1)?;
        device.reduce(Reduce::RowDot(classes), &logits, &mut chosen)?;
        device.pointwise(Pointwise::Axpy { x: &chosen, scale: -1.0 }, &mut cross_entropy)?;
        let mut terms = vec![(cross_entropy, 1.0)];
        if let Some(replay) = &self.replay {
            let contrast = contrast(energy, &batch.x, &replay.moved().visible)?;
            let weigh = |(values, factor)| (values, factor * f64::from(self.generative));
            terms.extend(contrast.into_iter().map(weigh));
        }
        Ok(terms)
    }

    fn chains(&self) -> Option<&Chains> {
        self.replay.as_ref().map(Replay::chains)
    }

    fn chains_mut(&mut self) -> Option<&mut Chains> {
        self.replay.as_mut().map(Replay::chains_mut)
    }

    fn moved_mut(&mut self) -> Option<&mut Chains> {
        self.replay.as_mut().map(Replay::moved_mut)
    }
}
