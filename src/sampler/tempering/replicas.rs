//! The replicas below the top rung, and their exchanges.

use crate::{
    device::{Array, Device, Exchange, LABELS, Pointwise, Result, TALLY, Temper},
    energy::Path,
    random::Stream,
    sampler::{Chains, Gibbs},
};

/// Seeds of rungs lie this far apart: Weyl's sequence of the golden ratio, which no two seeds that
/// people choose are on.
const SEED_STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;

/// The chains of all rungs but the top, whose chains are the caller's.
pub(super) struct Replicas {
    pub lower: Vec<Chains>,
    /// Of every rung, `[n, LABELS]`.
    pub labels: Vec<Array>,
    /// Of every rung, `[n, 1]`.
    differences: Vec<Array>,
    /// Of every pair of neighbours, `[n, TALLY]`.
    pub tallies: Vec<Array>,
    /// Rounds of exchanges; even ones take the pairs (0, 1), (2, 3), …, odd ones the others.
    pub rounds: u64,
    /// How many rungs have had seeds.
    pub seeds: u64,
    /// All rungs in one piece, as [`Temper`] takes them.
    stack: Option<Stack>,
}

/// Rungs one below the other.
struct Stack {
    visible: Array,
    hidden: Array,
    labels: Array,
    tallies: Array,
}

impl Stack {
    fn new(device: &Device, rungs: usize, top: &Chains) -> Result<Self> {
        let n = top.visible.rows();
        Ok(Self {
            visible: device.zeros(rungs * n, top.visible.columns())?,
            hidden: device.zeros(rungs * n, top.hidden.columns())?,
            labels: device.zeros(rungs * n, LABELS)?,
            tallies: device.zeros((rungs - 1) * n, TALLY)?,
        })
    }
}

/// What the replicas counted.
pub(super) struct Counts {
    /// Mean of min(1, α) of every pair of neighbours.
    pub swap_rates: Vec<f64>,
    /// Pairs that failed.
    pub failed: u64,
    /// Round trips of all replicas.
    pub round_trips: f64,
    pub rounds: u64,
}

impl Replicas {
    /// Every rung starts as a copy of the top.
    pub fn new(device: &Device, rungs: usize, top: &Chains) -> Result<Self> {
        let mut new = Self {
            lower: Vec::new(),
            labels: Vec::new(),
            differences: Vec::new(),
            tallies: Vec::new(),
            rounds: 0,
            seeds: 0,
            stack: None,
        };
        let like = vec![None; rungs - 1];
        new.lay_out(device, &like, top)?;
        Ok(new)
    }

    /// New lower rungs, each a copy of an old one, or of the top where there is none. What was
    /// counted is forgotten.
    pub fn lay_out(&mut self, device: &Device, like: &[Option<usize>], top: &Chains) -> Result<()> {
        let mut lower = Vec::new();
        for like in like {
            let source = like.and_then(|rung| self.lower.get(rung)).unwrap_or(top);
            let mut chains = source.duplicate(device)?;
            self.seeds += 1;
            // No two rungs share draws, now or later.
            chains.seed = top.seed.wrapping_add(self.seeds.wrapping_mul(SEED_STRIDE));
            (chains.clock, chains.starts) = (top.clock, top.starts);
            lower.push(chains);
        }
        self.lower = lower;
        let (n, rungs) = (top.visible.rows(), like.len() + 1);
        let zeros = |count: usize, columns: usize| -> Result<Vec<Array>> {
            (0..count).map(|_| device.zeros(n, columns)).collect()
        };
        (self.labels, self.differences) = (zeros(rungs, LABELS)?, zeros(rungs, 1)?);
        self.tallies = zeros(rungs - 1, TALLY)?;
        self.reset(device)
    }

    /// Whether these are replicas of such chains on such a device.
    pub fn suit(&self, rungs: usize, top: &Chains) -> bool {
        let fits = |chains: &Chains| {
            chains.visible.shape() == top.visible.shape()
                && chains.hidden.shape() == top.hidden.shape()
        };
        self.lower.len() + 1 == rungs && self.lower.iter().all(fits)
    }

    /// Forgets what was counted.
    pub fn reset(&mut self, device: &Device) -> Result<()> {
        self.reset_swaps(device)?;
        for labels in &mut self.labels {
            device.pointwise(Pointwise::Fill(0.0), labels)?;
        }
        // Whoever is at the lowest rung has been there.
        device.pointwise(Pointwise::AddToColumn { column: 0, value: 1.0 }, &mut self.labels[0])
    }

    /// Forgets how often neighbours swapped, and goes on counting round trips.
    pub fn reset_swaps(&mut self, device: &Device) -> Result<()> {
        self.rounds = 0;
        self.tallies.iter_mut().try_for_each(|tally| device.pointwise(Pointwise::Fill(0.0), tally))
    }

    /// One round of exchanges between neighbours.
    pub fn exchange(&mut self, path: &Path<'_>, betas: &[f32], top: &mut Chains) -> Result<()> {
        let device = path.device();
        let rungs = betas.len();
        let first = (self.rounds % 2) as usize;
        for rung in (first..rungs - 1).step_by(2) {
            let (low, high) = match self.lower.split_at_mut(rung + 1) {
                (below, [next, ..]) => (&mut below[rung], next),
                (below, []) => (&mut below[rung], &mut *top),
            };
            let (below, above) = self.differences.split_at_mut(rung + 1);
            path.difference(&low.visible, &low.hidden, &mut below[rung])?;
            path.difference(&high.visible, &high.hidden, &mut above[0])?;
            let (low_labels, high_labels) = self.labels.split_at_mut(rung + 1);
            let draw = low.draw(Stream::Exchange);
            let mut states =
                [[&mut low.visible, &mut high.visible], [&mut low.hidden, &mut high.hidden]];
            let count = if path.target().hidden() > 0 { 2 } else { 1 };
            device.exchange(Exchange {
                betas: [betas[rung], betas[rung + 1]],
                differences: [&below[rung], &above[0]],
                states: &mut states[..count],
                labels: [&mut low_labels[rung], &mut high_labels[0]],
                ends: [rung == 0, rung + 2 == rungs],
                tally: &mut self.tallies[rung],
                draw,
            })?;
        }
        self.rounds += 1;
        Ok(())
    }

    /// Block-Gibbs sweeps of all rungs, with a round of exchanges every so many of them, in one kernel;
    /// `false`, with nothing done, where the model is not of that kind.
    pub fn sweep(
        &mut self,
        path: &Path<'_>,
        gibbs: &Gibbs,
        betas: &[f32],
        top: &mut Chains,
        (sweeps, every): (u32, u32),
    ) -> Result<bool> {
        let (Some((arrays, base_bias, bias_shift)), 1.0) = (path.binary(), gibbs.beta) else {
            return Ok(false);
        };
        let device = path.device();
        let (n, rungs) = (top.visible.rows(), betas.len());
        let stack = match &mut self.stack {
            Some(stack) if stack.visible.shape() == (rungs * n, top.visible.columns()) => stack,
            stack => stack.insert(Stack::new(device, rungs, top)?),
        };
        for (rung, chains) in self.lower.iter().chain([&*top]).enumerate() {
            device.copy_rows(&chains.visible, 0, &mut stack.visible, rung * n, n)?;
            device.copy_rows(&chains.hidden, 0, &mut stack.hidden, rung * n, n)?;
            device.copy_rows(&self.labels[rung], 0, &mut stack.labels, rung * n, n)?;
        }
        for (pair, tally) in self.tallies.iter().enumerate() {
            device.copy_rows(tally, 0, &mut stack.tallies, pair * n, n)?;
        }
        let fits = device.temper(Temper {
            weights: arrays.weights,
            base_bias,
            bias_shift,
            hidden_bias: arrays.hidden_bias,
            betas,
            visible: &mut stack.visible,
            hidden: &mut stack.hidden,
            hidden_means: &mut top.hidden_means,
            clamp: gibbs.clamp.as_ref(),
            labels: &mut stack.labels,
            tallies: &mut stack.tallies,
            sweeps,
            every,
            first_round: (self.rounds % 2) as u32,
            seed: top.seed,
            first_step: top.clock,
        })?;
        if !fits {
            return Ok(false);
        }
        for (rung, chains) in self.lower.iter_mut().chain([top]).enumerate() {
            device.copy_rows(&stack.visible, rung * n, &mut chains.visible, 0, n)?;
            device.copy_rows(&stack.hidden, rung * n, &mut chains.hidden, 0, n)?;
            device.copy_rows(&stack.labels, rung * n, &mut self.labels[rung], 0, n)?;
            chains.moved(sweeps);
        }
        for (pair, tally) in self.tallies.iter_mut().enumerate() {
            device.copy_rows(&stack.tallies, pair * n, tally, 0, n)?;
        }
        self.rounds += u64::from(sweeps.div_ceil(every));
        Ok(true)
    }

    /// What was counted since the last reset.
    pub async fn counts(&self, device: &Device) -> Result<Counts> {
        let mut counts =
            Counts { swap_rates: Vec::new(), failed: 0, round_trips: 0.0, rounds: self.rounds };
        for (pair, tally) in self.tallies.iter().enumerate() {
            let values = device.read(tally).await?;
            let total = |column: usize| -> f64 {
                values.chunks_exact(TALLY).map(|row| f64::from(row[column])).sum()
            };
            let rounds = (self.rounds + 1 - pair as u64 % 2) / 2;
            counts.swap_rates.push(total(2) / (rounds as f64 * tally.rows() as f64));
            counts.failed += total(1) as u64;
        }
        for labels in &self.labels {
            let values = device.read(labels).await?;
            counts.round_trips +=
                values.chunks_exact(LABELS).map(|row| f64::from(row[1])).sum::<f64>();
        }
        Ok(counts)
    }
}
