//! Acceptance of proposals: every row is judged, then the accepted rows are taken over.

use rayon::prelude::*;

use super::{
    activation::{exp, ln},
    host, host_mut,
    instructions::Instructions,
    reduce::sum,
    simd::{RowDraw, row_words},
};
use crate::{
    device::{Accept, Array, DeviceError, LARGEST_ENERGY, LARGEST_STATE, Result, Rule, TALLY},
    random::uniform,
};

/// Rows that one task judges.
const ROWS: usize = 256;

/// The values of a state and of its proposal.
type Pair<'a> = [&'a [f32]; 2];

/// The terms of log α, in host memory.
struct Judge<'a> {
    /// β and the energies; none where every proposal is taken.
    energies: Option<(f32, Pair<'a>)>,
    vectors: Vectors<'a>,
}

enum Vectors<'a> {
    None,
    Scores { pair: Pair<'a>, drift: f32, noise: f32 },
    Momenta(Pair<'a>),
}

impl Judge<'_> {
    /// log α; not finite where the energy is out of range.
    #[inline(always)]
    fn log_alpha(&self, row: usize, x: &[f32], proposal: &[f32]) -> f32 {
        let Some((beta, [old, new])) = self.energies else { return 0.0 };
        if !in_range(new[row], LARGEST_ENERGY) {
            return f32::NAN;
        }
        let range = row * x.len()..(row + 1) * x.len();
        // Both are ½‖a‖² − ½‖b‖² = ½ (a − b)·(a + b): what a and b share never enters the sum.
        let vectors = match &self.vectors {
            Vectors::None => 0.0,
            Vectors::Scores { pair: [old, new], drift, noise } => {
                let scores = old[range.clone()].iter().zip(&new[range]);
                let terms =
                    x.iter().zip(proposal).zip(scores).map(|((x, proposal), (old, new))| {
                        langevin_term([*x, *proposal], [*old, *new], *drift)
                    });
                drift / (noise * noise) * sum(terms)
            }
            Vectors::Momenta([old, new]) => {
                let momenta = old[range.clone()].iter().zip(&new[range]);
                0.5 * sum(momenta.map(|(old, new)| (new - old) * (new + old)))
            }
        };
        -beta * (new[row] - old[row]) - vectors
    }

    /// Judges a row into its tally; whether the proposal is accepted.
    #[inline(always)]
    fn judge(&self, row: usize, states: Pair<'_>, draw: RowDraw, tally: &mut [f32]) -> bool {
        let [x, proposal] = states;
        let log_alpha = self.log_alpha(row, x, proposal);
        let good = proposal.iter().fold(true, |good, x| good & in_range(*x, LARGEST_STATE));
        let mut word = [0];
        row_words(draw, &mut word);
        conclude(log_alpha, good, self.energies.is_some(), word[0], tally)
    }
}

/// Judges a proposal, whose state is in range where `good`, into its tally; whether it is accepted.
/// `judged`: log α is not finite where the energy is out of range, and there is one.
#[inline(always)]
pub(super) fn conclude(
    log_alpha: f32,
    good: bool,
    judged: bool,
    word: u32,
    tally: &mut [f32],
) -> bool {
    let failed = !log_alpha.is_finite() || !good;
    let accepted = !failed && ln(uniform(word)) < log_alpha;
    tally[0] += f32::from(accepted);
    tally[1] += f32::from(failed);
    tally[2] += if failed { 0.0 } else { exp(log_alpha.min(0.0)) };
    tally[3] = if failed && judged { -LARGEST_ENERGY } else { log_alpha };
    accepted
}

/// A coordinate's term of ½‖a‖² − ½‖b‖² in MALA's log α, over drift / noise²; see `log_alpha`.
#[inline(always)]
pub(super) fn langevin_term(states: [f32; 2], scores: [f32; 2], drift: f32) -> f32 {
    let ([x, proposal], [old, new]) = (states, scores);
    (old + new) * ((proposal - x) - 0.5 * drift * (old - new))
}

/// Whether a value is a number and not beyond a limit.
#[inline(always)]
pub(super) fn in_range(value: f32, limit: f32) -> bool {
    value.abs() <= limit
}

pub(super) fn accept(set: Instructions, call: Accept<'_>) -> Result<()> {
    let Accept { rule, x, proposal, mut energies, mut scores, tally, draw } = call;
    let columns = x.columns();
    let mut taken = vec![false; x.rows()];
    {
        let old = host("accept", "x", x)?;
        let new = host("accept", "proposal", proposal)?;
        let judge = operands(rule, &energies, &scores)?;
        let tally = host_mut("accept", "tally", tally)?;
        let tasks = tally.par_chunks_mut(ROWS * TALLY).zip(taken.par_chunks_mut(ROWS)).enumerate();
        tasks.for_each(|(task, (tally, taken))| {
            set.vectorize(
                #[inline(always)]
                || {
                    let rows = tally.chunks_exact_mut(TALLY).zip(taken).enumerate();
                    for (index, (tally, taken)) in rows {
                        let row = task * ROWS + index;
                        let range = row * columns..(row + 1) * columns;
                        let states = [&old[range.clone()], &new[range]];
                        *taken = judge.judge(row, states, RowDraw::of(draw, row), tally);
                    }
                },
            );
        });
    }
    take(&taken, proposal, x)?;
    for pair in [&mut energies, &mut scores].into_iter().flatten() {
        take(&taken, pair.1, pair.0)?;
    }
    Ok(())
}

type Arrays<'a> = Option<(&'a mut Array, &'a Array)>;

fn operands<'a>(
    rule: Rule<'a>,
    energies: &'a Arrays<'_>,
    scores: &'a Arrays<'_>,
) -> Result<Judge<'a>> {
    let pair = |name: &'static str, arrays: &'a Arrays<'_>| match arrays {
        Some((old, new)) => Ok([host("accept", name, old)?, host("accept", name, new)?]),
        None => Err(DeviceError::Shape {
            kernel: "accept",
            operand: name,
            found: (0, 1),
            wanted: (1, 1),
        }),
    };
    let (beta, vectors) = match rule {
        Rule::Always => return Ok(Judge { energies: None, vectors: Vectors::None }),
        Rule::Symmetric { beta } => (beta, Vectors::None),
        Rule::Langevin { beta, drift, noise } => {
            (beta, Vectors::Scores { pair: pair("pair of scores", scores)?, drift, noise })
        }
        Rule::Hamiltonian { beta, momentum, proposal_momentum } => {
            let old = host("accept", "momentum", momentum)?;
            (beta, Vectors::Momenta([old, host("accept", "momentum", proposal_momentum)?]))
        }
    };
    Ok(Judge { energies: Some((beta, pair("pair of energies", energies)?)), vectors })
}

/// Copies the rows that are taken.
fn take(taken: &[bool], new: &Array, out: &mut Array) -> Result<()> {
    let columns = out.columns();
    let new = host("accept", "proposal", new)?;
    let out = host_mut("accept", "x", out)?;
    let tasks = out.par_chunks_mut(ROWS * columns).zip(new.par_chunks(ROWS * columns));
    tasks.zip(taken.par_chunks(ROWS)).for_each(|((out, new), taken)| {
        for ((out, new), taken) in
            out.chunks_exact_mut(columns).zip(new.chunks_exact(columns)).zip(taken)
        {
            if *taken {
                out.copy_from_slice(new);
            }
        }
    });
    Ok(())
}
