//! Score matching with the exact trace of the Hessian: E_data[½‖∇E(x)‖² − tr ∇²E(x)], the trace by
//! second differences along every axis.
//! Source: Hyvärinen, "Estimation of non-normalized statistical models by score matching", JMLR
//! 2005, theorem 1.

use super::{
    Batch, LossTerm, Objective, Result, Update,
    differences::{Along, Law, Probes, Steps, half_squared_norm, hessian_trace, squared_score},
    needs_score,
};
use crate::{
    device::Pointwise,
    energy::{Energy, Points},
};

/// Probes of the reported loss, where the axes would be too many.
const REPORTED_PROBES: usize = 16;

/// Score matching, and its variants whose trace is a mean over random probes.
pub struct Sm {
    kind: &'static str,
    law: Law,
    steps: Steps,
    probes: Probes,
    along: Along,
}

impl Sm {
    /// With the exact trace.
    pub fn new(steps: Steps) -> Self {
        Self::with_probes("sm", Law::Axes, 1, steps)
    }

    pub(super) fn with_probes(kind: &'static str, law: Law, count: usize, steps: Steps) -> Self {
        let probes = Probes::new(law, count, steps.second);
        Self { kind, law, steps, probes, along: Along::new(steps.first) }
    }
}

impl Objective for Sm {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn sees_constant(&self) -> bool {
        false
    }

    fn admits(&self, energy: &dyn Energy) -> Result<()> {
        needs_score(self.kind, energy)
    }

    fn points<'a>(
        &'a mut self,
        energy: &dyn Energy,
        batch: &'a Batch,
        update: Update,
    ) -> Result<Vec<Points<'a>>> {
        self.probes.place(energy.device(), &batch.x, None, update)?;
        squared_score(energy, &batch.x, &mut self.along)?;
        Ok(self.probes.points().chain(self.along.points()).collect())
    }

    fn loss(&self, energy: &dyn Energy, batch: &Batch, update: Update) -> Result<Vec<LossTerm>> {
        let device = energy.device();
        let mut score = device.zeros(batch.x.rows(), batch.x.columns())?;
        energy.score(&batch.x, &mut score)?;
        let mut loss = half_squared_norm(device, &score)?;
        let law = if batch.x.columns() > REPORTED_PROBES { Law::Rademacher } else { self.law };
        let h = self.steps.first;
        let trace = hessian_trace(energy, &batch.x, law, REPORTED_PROBES, h, update)?;
        device.pointwise(Pointwise::Axpy { x: &trace, scale: -1.0 }, &mut loss)?;
        Ok(vec![(loss, 1.0)])
    }
}
