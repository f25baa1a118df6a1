//! Parallel tempering of a bipartite binary model: sweeps of all rungs, and exchanges between them.

use super::{Array, Device, LABELS, Result, TALLY, expect};

/// Block-Gibbs sweeps of n ladders of chains along a path of inverse temperatures from a base of
/// independent units, with exchanges inside the sweeps: at every rung v | h is drawn, neighbours
/// change places as in [`super::Exchange`], and h | v is drawn.
///
/// The law of rung r is exp(−(1 − βᵣ)E₀ − βᵣE), E₀ = −b₀ᵀv. Row r·n + i of an array is rung r of
/// ladder i, and its draws are those of that row.
pub struct Temper<'a> {
    /// W, `[D, H]`.
    pub weights: &'a Array,
    /// b₀, `[1, D]`: the visible bias of the base.
    pub base_bias: &'a Array,
    /// b − b₀, `[1, D]`.
    pub bias_shift: &'a Array,
    /// c, `[1, H]`.
    pub hidden_bias: &'a Array,
    /// Inverse temperatures of the R rungs, from the lowest up.
    pub betas: &'a [f32],
    /// Visible states, `[R·n, D]`, zeros and ones; only clamped units are read.
    pub visible: &'a mut Array,
    /// Hidden states, `[R·n, H]`, zeros and ones: where the sweeps start.
    pub hidden: &'a mut Array,
    /// p(h = 1 | v) of the top rung in the last sweep, `[n, H]`; unchanged when `sweeps` is 0.
    pub hidden_means: &'a mut Array,
    /// `[1, D]`: visible units with a nonzero entry keep their state. All rungs of a ladder hold
    /// the same one.
    pub clamp: Option<&'a Array>,
    /// The labels of the replicas, `[R·n, LABELS]`, which travel with them; see [`LABELS`].
    pub labels: &'a mut Array,
    /// `[(R − 1)·n, TALLY]`, of the pairs (r, r + 1); see [`super::Exchange::tally`].
    pub tallies: &'a mut Array,
    /// How many sweeps.
    pub sweeps: u32,
    /// Sweeps to a round of exchanges, 1 or more; the first sweep has one.
    pub every: u32,
    /// Number of the first round; even rounds take the pairs (0, 1), (2, 3), …, odd ones the others.
    pub first_round: u32,
    /// The run's seed.
    pub seed: u64,
    /// Number of the first sweep; sweep s draws at step `first_step + s`.
    pub first_step: u32,
}

impl Device {
    /// Moves and exchanges the rungs of ladders; `false`, with nothing done, where there are fewer
    /// than two rungs or no sweeps to a round. See [`Temper`].
    pub fn temper(&self, call: Temper<'_>) -> Result<bool> {
        let (d, h) = call.weights.shape();
        let (n, rungs) = (call.hidden_means.rows, call.betas.len());
        expect("temper", "visible", call.visible.shape(), (rungs * n, d))?;
        expect("temper", "hidden", call.hidden.shape(), (rungs * n, h))?;
        expect("temper", "hidden_means", call.hidden_means.shape(), (n, h))?;
        expect("temper", "base_bias", call.base_bias.shape(), (1, d))?;
        expect("temper", "bias_shift", call.bias_shift.shape(), (1, d))?;
        expect("temper", "hidden_bias", call.hidden_bias.shape(), (1, h))?;
        expect("temper", "labels", call.labels.shape(), (rungs * n, LABELS))?;
        expect("temper", "tallies", call.tallies.shape(), (rungs.max(1) * n - n, TALLY))?;
        if let Some(clamp) = call.clamp {
            expect("temper", "clamp", clamp.shape(), (1, d))?;
        }
        if rungs < 2 || call.every == 0 {
            return Ok(false);
        }
        if call.sweeps == 0 { Ok(true) } else { self.backend.temper(call) }
    }
}
