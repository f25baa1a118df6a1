//! Multilayer perceptrons as kernels see them, and the Langevin chains of their energies.

use super::{Array, Device, Result, expect};

/// φ of the hidden layers of a net. Source of silu: Elfwing, Uchibe and Doya 2018; of elu (α = 1):
/// Clevert, Unterthiner and Hochreiter 2016.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Nonlinearity {
    /// x · sigmoid(x)
    Silu,
    /// x where x > 0, else eˣ − 1
    Elu,
    /// tanh(x)
    Tanh,
    /// log(1 + eˣ)
    Softplus,
}

/// How the outputs f(x) of a net make an energy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// One output: E(x) = f(x).
    Energy,
    /// K outputs: E(x) = −log Σₖ exp f(x)[k].
    Free,
    /// K outputs: E(x, y) = −f(x)[y] for this class y.
    Class(u32),
}

/// A layer: z = h·W + b.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// W, `[in, out]`.
    pub weights: &'a Array,
    /// b, `[1, out]`.
    pub bias: &'a Array,
}

/// An energy E(x) = head(f(x)) + ½ · base_precision · ‖x‖², f a multilayer perceptron with φ after
/// every layer but the last.
#[derive(Clone, Debug)]
pub struct Net<'a> {
    /// The layers, from the input on; at least one.
    pub layers: Vec<Layer<'a>>,
    /// φ.
    pub nonlinearity: Nonlinearity,
    /// What the outputs mean.
    pub head: Head,
    /// Precision of the Gaussian base measure; 0 for none.
    pub base_precision: f32,
}

impl Net<'_> {
    /// The number of units of every layer: D, the hidden widths, K.
    pub fn widths(&self) -> Vec<usize> {
        let first = self.layers.first().map(|layer| layer.weights.rows());
        first.into_iter().chain(self.layers.iter().map(|layer| layer.weights.columns())).collect()
    }
}

/// Columns of a tally; see [`Langevin::tally`].
pub const TALLY: usize = 4;
/// A proposal with a coordinate beyond this has failed.
pub const LARGEST_STATE: f32 = 1e15;
/// A proposal with an energy beyond this has failed.
pub const LARGEST_ENERGY: f32 = 1e30;

/// Langevin steps of the chains x: the proposal is x' = x + drift · s(x) + noise · ξ with the score
/// s = −∇E and ξ standard normal. ULA takes every proposal; MALA takes it with probability
/// min(1, α), log α = −β (E(x') − E(x)) + (‖x' − x − drift · s(x)‖² − ‖x − x' − drift · s(x')‖²) /
/// (2 noise²). A proposal that has failed (a coordinate or, in MALA, its energy is not finite or
/// beyond [`LARGEST_STATE`], [`LARGEST_ENERGY`]) is rejected.
/// Source: Roberts and Tweedie, "Exponential convergence of Langevin distributions and their
/// discrete approximations", Bernoulli 1996.
pub struct Langevin<'a> {
    /// The energy.
    pub net: Net<'a>,
    /// States, `[n, D]`.
    pub x: &'a mut Array,
    /// `[n, 4]`, added to at every step: proposals accepted; proposals failed; min(1, α) (1 in ULA,
    /// 0 where the proposal failed). The last column is overwritten by log α of the last step (0 in
    /// ULA).
    pub tally: &'a mut Array,
    /// Whether proposals are accepted or rejected by the Metropolis rule (MALA).
    pub metropolis: bool,
    /// Factor of the score.
    pub drift: f32,
    /// Standard deviation of the noise.
    pub noise: f32,
    /// Inverse temperature β of the acceptance.
    pub beta: f32,
    /// How many steps.
    pub steps: u32,
    /// The run's seed.
    pub seed: u64,
    /// Number of the first step: step s draws ξ from stream `Noise` at `first_step + s` (as
    /// [`super::Pointwise::Normal`] does) and the uniform of the acceptance from stream `Accept`,
    /// unit 0 of 1.
    pub first_step: u32,
}

/// How a proposal is judged.
#[derive(Clone, Copy)]
pub enum Rule<'a> {
    /// Always taken.
    Always,
    /// log α = −β ΔE.
    Symmetric {
        /// Inverse temperature.
        beta: f32,
    },
    /// MALA's; see [`Langevin`].
    Langevin {
        /// Inverse temperature.
        beta: f32,
        /// Factor of the score.
        drift: f32,
        /// Standard deviation of the noise.
        noise: f32,
    },
    /// log α = −β ΔE − ½ ‖p'‖² + ½ ‖p‖².
    Hamiltonian {
        /// Inverse temperature.
        beta: f32,
        /// p, `[n, D]`.
        momentum: &'a Array,
        /// p', `[n, D]`.
        proposal_momentum: &'a Array,
    },
}

/// Accepts or rejects proposals row by row: an accepted row's state, energy and score are
/// replaced. Failed proposals are rejected; see [`Langevin`].
pub struct Accept<'a> {
    /// How proposals are judged.
    pub rule: Rule<'a>,
    /// States, `[n, D]`.
    pub x: &'a mut Array,
    /// Proposals, `[n, D]`.
    pub proposal: &'a Array,
    /// Energies of states and of proposals, `[n, 1]`; where there are none the rule is `Always`.
    pub energies: Option<(&'a mut Array, &'a Array)>,
    /// Scores of states and of proposals, `[n, D]`; `Langevin` needs them.
    pub scores: Option<(&'a mut Array, &'a Array)>,
    /// `[n, 4]`; see [`Langevin::tally`].
    pub tally: &'a mut Array,
    /// Seed and step of the uniforms, which come from its stream, unit 0 of 1.
    pub draw: super::Draw,
}

impl Device {
    /// Runs Langevin steps of a net in one dispatch; see [`Langevin`]. Answers `false`, with
    /// nothing done, where the net's activations do not fit the device: the caller then takes the
    /// steps one kernel at a time.
    pub fn langevin(&self, call: Langevin<'_>) -> Result<bool> {
        let widths = call.net.widths();
        let n = call.x.rows();
        check_net("langevin", &call.net)?;
        expect("langevin", "x", call.x.shape(), (n, widths[0]))?;
        expect("langevin", "tally", call.tally.shape(), (n, TALLY))?;
        if call.steps == 0 { Ok(true) } else { self.backend.langevin(call) }
    }

    /// Accepts or rejects proposals; see [`Accept`].
    pub fn accept(&self, call: Accept<'_>) -> Result<()> {
        let (n, d) = call.x.shape();
        let needs = match call.rule {
            Rule::Always => (false, false),
            Rule::Symmetric { .. } => (true, false),
            Rule::Langevin { .. } => (true, true),
            Rule::Hamiltonian { momentum, proposal_momentum, .. } => {
                expect("accept", "momentum", momentum.shape(), (n, d))?;
                expect("accept", "proposal momentum", proposal_momentum.shape(), (n, d))?;
                (true, false)
            }
        };
        expect("accept", "proposal", call.proposal.shape(), (n, d))?;
        expect("accept", "tally", call.tally.shape(), (n, TALLY))?;
        let count = |given: bool| (usize::from(given), 1);
        if needs.0 {
            expect("accept", "pair of energies", count(call.energies.is_some()), (1, 1))?;
        }
        if needs.1 {
            expect("accept", "pair of scores", count(call.scores.is_some()), (1, 1))?;
        }
        if let Some((old, new)) = &call.energies {
            expect("accept", "energy", old.shape(), (n, 1))?;
            expect("accept", "proposal energy", new.shape(), (n, 1))?;
        }
        if let Some((old, new)) = &call.scores {
            expect("accept", "score", old.shape(), (n, d))?;
            expect("accept", "proposal score", new.shape(), (n, d))?;
        }
        self.backend.accept(call)
    }
}

fn check_net(kernel: &'static str, net: &Net<'_>) -> Result<()> {
    expect(kernel, "list of layers", (net.layers.len().min(1), 1), (1, 1))?;
    let widths = net.widths();
    for (layer, sizes) in net.layers.iter().zip(widths.windows(2)) {
        expect(kernel, "layer weights", layer.weights.shape(), (sizes[0], sizes[1]))?;
        expect(kernel, "layer bias", layer.bias.shape(), (1, sizes[1]))?;
    }
    let outputs = widths[widths.len() - 1];
    match net.head {
        Head::Energy => expect(kernel, "last layer", (1, outputs), (1, 1)),
        Head::Class(class) if class as usize >= outputs => {
            expect(kernel, "class", (class as usize, 1), (outputs - 1, 1))
        }
        Head::Free | Head::Class(_) => Ok(()),
    }
}
