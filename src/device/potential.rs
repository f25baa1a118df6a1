//! Energies that are formulas with a few numbers, as one kernel.

use super::{Array, Device, Result, expect};

/// An energy by formula; see `crate::energy` for log Z and what each is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    /// −log Σₖ exp(cₖ − ½ (x − μₖ)ᵀ Λₖ (x − μₖ)). Parameters `[K, 1 + D + D²]`: a row a component,
    /// cₖ, μₖ, Λₖ.
    Mixture,
    /// h ((x₁/m)² − 1)² + ½ Σ over i > 1 of xᵢ². Parameters `[1, 2]`: h, m.
    DoubleWell,
    /// (‖x‖ − R)² / (2σ²); the score at the origin is 0. Parameters `[1, 2]`: R, σ.
    Ring,
    /// x₁² / (2σ²) + ½ (x₂ − c (x₁² − σ²))² + ½ Σ over i > 2 of xᵢ². Parameters `[1, 2]`: σ, c.
    Banana,
}

/// The energies and scores of points under a [`Formula`].
pub struct Potential<'a> {
    /// The formula.
    pub formula: Formula,
    /// Its numbers.
    pub parameters: &'a Array,
    /// The points, `[n, D]`.
    pub x: &'a Array,
    /// Takes E(x), `[n, 1]`.
    pub energy: Option<&'a mut Array>,
    /// Takes −∇E(x), `[n, D]`.
    pub score: Option<&'a mut Array>,
}

impl Device {
    /// Evaluates a formula; see [`Potential`].
    pub fn potential(&self, call: Potential<'_>) -> Result<()> {
        let (n, d) = call.x.shape();
        let (rows, columns) = call.parameters.shape();
        let (least, wanted) = match call.formula {
            Formula::Mixture => (1, (rows, 1 + d + d * d)),
            Formula::DoubleWell | Formula::Ring => (1, (1, 2)),
            Formula::Banana => (2, (1, 2)),
        };
        expect("potential", "x", (n, d), (n, d.max(least)))?;
        expect("potential", "parameters", (rows, columns), wanted)?;
        if let Some(energy) = &call.energy {
            expect("potential", "energy", energy.shape(), (n, 1))?;
        }
        if let Some(score) = &call.score {
            expect("potential", "score", score.shape(), (n, d))?;
        }
        self.backend.potential(call)
    }
}
