//! The operands of the kernels that every model has a use for.

use super::{Array, Nonlinearity};
use crate::random::Stream;

/// The coordinates of random draws: a unit of a row sees the word that (seed, step, stream,
/// row, unit) names, whatever the batch, the tile and the device.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// The run's seed, the Philox key.
    pub seed: u64,
    /// Counts sweeps or uses; a (step, stream) pair is used once.
    pub step: u32,
    /// What the draw is for.
    pub stream: Stream,
}

/// Block-Gibbs sweeps of a bipartite binary model: each draws v | h, then h | v.
pub struct Gibbs<'a> {
    /// W, `[D, H]`.
    pub weights: &'a Array,
    /// b, `[1, D]`.
    pub visible_bias: &'a Array,
    /// c, `[1, H]`.
    pub hidden_bias: &'a Array,
    /// Visible states, `[n, D]`, zeros and ones; only clamped units are read.
    pub visible: &'a mut Array,
    /// Hidden states, `[n, H]`, zeros and ones: where the sweeps start.
    pub hidden: &'a mut Array,
    /// p(h = 1 | v) of the last sweep, `[n, H]`; unchanged when `sweeps` is 0.
    pub hidden_means: &'a mut Array,
    /// `[1, D]`: visible units with a nonzero entry keep their state.
    pub clamp: Option<&'a Array>,
    /// Inverse temperature β: the chains sample exp(−βE).
    pub beta: f32,
    /// How many sweeps.
    pub sweeps: u32,
    /// The run's seed.
    pub seed: u64,
    /// Number of the first sweep; sweep s draws at step `first_step + s`.
    pub first_step: u32,
}

/// Block-Gibbs sweeps of a bipartite binary model along a path of inverse temperatures from a base of
/// independent units, with the importance weights of the path: annealed importance sampling (Neal
/// 2001; Salakhutdinov and Murray 2008).
///
/// The law at β is exp(−(1 − β)E₀ − βE), E₀ = −b₀ᵀv. Sweep s draws v | h, then h | v, at β_{s+1};
/// before it, log f(β_{s+1}) − log f(β_s) is added to the log weight, with
/// log f(β) = β cᵀh + Σᵢ softplus(b₀ᵢ + β(bᵢ − b₀ᵢ + Wᵢ·h)), the visible units summed out.
pub struct Anneal<'a> {
    /// W, `[D, H]`.
    pub weights: &'a Array,
    /// b₀, `[1, D]`: the visible bias of the base.
    pub base_bias: &'a Array,
    /// b − b₀, `[1, D]`.
    pub bias_shift: &'a Array,
    /// c, `[1, H]`.
    pub hidden_bias: &'a Array,
    /// Visible states, `[n, D]`; only written.
    pub visible: &'a mut Array,
    /// Hidden states, `[n, H]`, zeros and ones: where the path starts.
    pub hidden: &'a mut Array,
    /// Log weights, `[n, 1]`; the path adds to them.
    pub log_weights: &'a mut Array,
    /// β₀, β₁, …: one more than there are sweeps.
    pub betas: &'a [f32],
    /// The run's seed.
    pub seed: u64,
    /// Number of the first sweep; sweep s draws at step `first_step + s`.
    pub first_step: u32,
}

/// What follows a product.
#[derive(Clone, Copy, Debug)]
pub enum Activation {
    /// x
    Identity,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// log(1 + eˣ)
    Softplus,
    /// x · sigmoid(x)
    Silu,
    /// x where x > 0, else eˣ − 1
    Elu,
    /// tanh(x)
    Tanh,
    /// 1 with probability sigmoid(x), else 0.
    Bernoulli(Draw),
}

impl From<Nonlinearity> for Activation {
    fn from(nonlinearity: Nonlinearity) -> Self {
        match nonlinearity {
            Nonlinearity::Silu => Self::Silu,
            Nonlinearity::Elu => Self::Elu,
            Nonlinearity::Tanh => Self::Tanh,
            Nonlinearity::Softplus => Self::Softplus,
        }
    }
}

/// A second array that goes with a product of [`Linear`], `[n, M]`.
pub enum Companion<'a> {
    /// None.
    None,
    /// Takes act'(…), the slope of the activation at each value.
    Slope(&'a mut Array),
    /// Multiplies the result, after the activation.
    Gate(&'a Array),
}

/// act(scale · (X·W + bias)), or with Wᵀ.
pub struct Linear<'a> {
    /// `[n, K]`.
    pub x: &'a Array,
    /// `[K, M]`, or `[M, K]` when `transposed`.
    pub weights: &'a Array,
    /// Whether the product is X·Wᵀ.
    pub transposed: bool,
    /// `[1, M]`.
    pub bias: Option<&'a Array>,
    /// Multiplies the sum before the activation; an inverse temperature.
    pub scale: f32,
    /// The epilogue.
    pub activation: Activation,
}

impl Linear<'_> {
    /// (K, M): the length of the sums, the number of columns that come out.
    pub fn sizes(&self) -> (usize, usize) {
        let (rows, columns) = self.weights.shape();
        if self.transposed { (columns, rows) } else { (rows, columns) }
    }
}

/// out ← Σ over all terms of Σₙ weight · (xₙ − x_offset)(yₙ − y_offset)ᵀ, or out plus that.
pub struct Outer<'a> {
    /// One or more.
    pub terms: &'a [OuterTerm<'a>],
    /// Subtracted from each row of x, `[1, D]`.
    pub x_offset: &'a Array,
    /// Subtracted from each row of y, `[1, H]`.
    pub y_offset: &'a Array,
    /// Whether to add to what `out` holds.
    pub accumulate: bool,
}

/// Rows of an [`Outer`].
#[derive(Clone, Copy)]
pub struct OuterTerm<'a> {
    /// `[n, D]`.
    pub x: &'a Array,
    /// `[n, H]`.
    pub y: &'a Array,
    /// Weights of the rows.
    pub weights: RowWeights<'a>,
}

/// Weights of the rows of a batch.
#[derive(Clone, Copy)]
pub enum RowWeights<'a> {
    /// One weight for all.
    Uniform(f32),
    /// One each, `[n, 1]` or `[1, n]`.
    Each(&'a Array),
}

/// Reductions; all sum in a fixed order.
#[derive(Clone, Copy)]
pub enum Reduce<'a> {
    /// out `[1, M]` ← Σₙ weight · xₙ, or out plus that.
    ColumnSum {
        /// Weights of the rows.
        weights: RowWeights<'a>,
        /// Whether to add to what `out` holds.
        accumulate: bool,
    },
    /// out `[1, 1]` ← Σ x².
    SumOfSquares,
    /// out `[1, 1]` ← Σ (x − other)².
    SquaredDistance(&'a Array),
    /// out `[1, 1]` ← how many values are NaN or infinite.
    NonFinite,
    /// out, `[n, 1]` or `[1, n]`, ← Σᵢ xᵢ · otherᵢ of each row; the other has as many rows or one for all.
    RowDot(&'a Array),
}

/// Elementwise work on `out`.
#[derive(Clone, Copy)]
pub enum Pointwise<'a> {
    /// out ← value.
    Fill(f32),
    /// out ← value · out.
    Scale(f32),
    /// out ← out + scale · x.
    Axpy {
        /// What to add, shaped as `out`.
        x: &'a Array,
        /// Its factor.
        scale: f32,
    },
    /// out ← out + rate · (x − out): moving averages.
    Lerp {
        /// The target, shaped as `out`.
        x: &'a Array,
        /// Share of the way to go.
        rate: f32,
    },
    /// out ← 1 with probability p, else 0.
    Bernoulli {
        /// Probabilities, shaped as `out`.
        p: &'a Array,
        /// Which draws.
        draw: Draw,
    },
    /// out ← out + scale · ξ, ξ standard normal by the Box–Muller transform. The units that own
    /// words 0 and 1 of a Philox block (see [`crate::random`]) share these two: the first word
    /// gives the radius, the second the angle; so do those that own words 2 and 3. |ξ| ≤ 5.77.
    Normal {
        /// Standard deviation of what is added.
        scale: f32,
        /// Which draws.
        draw: Draw,
    },
    /// out ← uniforms in (low, high).
    Uniform {
        /// Lower end.
        low: f32,
        /// Upper end.
        high: f32,
        /// Which draws.
        draw: Draw,
    },
    /// out ← 1 or −1, one as likely as the other.
    Rademacher {
        /// Which draws.
        draw: Draw,
    },
    /// out ← out · x.
    Multiply {
        /// The factors, shaped as `out`.
        x: &'a Array,
    },
    /// out ← out + scale · kₙ · xₙ in each row n.
    AxpyRows {
        /// What to add, shaped as `out`.
        x: &'a Array,
        /// k, `[n, 1]`.
        factors: &'a Array,
        /// A factor of all.
        scale: f32,
    },
    /// out ← out + value in one column.
    AddToColumn {
        /// The column.
        column: usize,
        /// What to add.
        value: f32,
    },
    /// out ← x in rows drawn with probability `share`, each by the word of unit 0 of 1 of its row.
    MixRows {
        /// The values to take, shaped as `out`.
        x: &'a Array,
        /// The probability.
        share: f32,
        /// Which draws.
        draw: Draw,
    },
    /// out ← min(max(out, low), high).
    Clamp {
        /// Least value.
        low: f32,
        /// Greatest value.
        high: f32,
    },
    /// out ← x in the columns whose mask is not 0.
    Select {
        /// `[1, columns]`.
        mask: &'a Array,
        /// The values to take, shaped as `out`.
        x: &'a Array,
    },
}

/// One step of an optimizer on one parameter: descends along `gradient`.
#[derive(Clone, Copy, Debug)]
pub enum Optimize {
    /// m ← momentum · m + g; p ← p − rate · (m + decay · p). With momentum 0 the step is taken
    /// along g, and m is left alone.
    Sgd {
        /// Learning rate.
        rate: f32,
        /// Momentum in [0, 1).
        momentum: f32,
        /// L2 decay.
        decay: f32,
    },
    /// Adam (Kingma and Ba 2015) with decoupled decay.
    Adam {
        /// Learning rate times √(1 − β₂ᵗ) / (1 − β₁ᵗ).
        rate: f32,
        /// β₁.
        beta1: f32,
        /// β₂.
        beta2: f32,
        /// ε, added after the root.
        epsilon: f32,
        /// Learning rate times the L2 decay.
        decay: f32,
    },
}
