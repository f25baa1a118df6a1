//! Langevin steps of a net, one tile of chains a task: all steps of a tile are taken while its
//! states and its net's values are in cache.

use rayon::prelude::*;

use super::{
    accept::{conclude, in_range, langevin_term},
    host_mut,
    instructions::Instructions,
    lanes::{LANES, Lanes},
    mlp::{PackedNet, Workspace},
    normal::normals,
    simd::{RowDraw, chain_words},
};
use crate::{
    device::{LARGEST_ENERGY, LARGEST_STATE, Langevin, Result, TALLY},
    random::{Stream, blocks},
};

/// The numbers of a step.
struct Dynamics {
    set: Instructions,
    metropolis: bool,
    drift: f32,
    noise: f32,
    beta: f32,
    seed: u64,
}

/// A tile of chains, coordinate by coordinate.
struct Tile {
    /// The number of its first chain.
    first: u32,
    x: Vec<Lanes>,
    proposal: Vec<Lanes>,
    /// Scores of states and of proposals; the latter in MALA only.
    scores: [Vec<Lanes>; 2],
    energies: [Lanes; 2],
    workspace: Workspace,
}

pub(super) fn langevin(set: Instructions, call: Langevin<'_>) -> Result<()> {
    let net = PackedNet::new(set, &call.net)?;
    let columns = call.x.columns();
    let dynamics = Dynamics {
        set,
        metropolis: call.metropolis,
        drift: call.drift,
        noise: call.noise,
        beta: call.beta,
        seed: call.seed,
    };
    let steps = (0..call.steps).map(|step| call.first_step.wrapping_add(step));
    let x = host_mut("langevin", "x", call.x)?.par_chunks_mut(LANES * columns);
    let tally = host_mut("langevin", "tally", call.tally)?.par_chunks_mut(LANES * TALLY);
    x.zip(tally).enumerate().for_each_init(
        || Tile::new(columns, net.workspace()),
        |tile, (index, (x, tally))| {
            tile.load(x, (index * LANES) as u32);
            if dynamics.metropolis {
                dynamics.adjusted(&net, tile, steps.clone(), tally);
            } else {
                dynamics.unadjusted(&net, tile, steps.clone(), tally);
            }
            tile.store(x);
        },
    );
    Ok(())
}

impl Tile {
    fn new(columns: usize, workspace: Workspace) -> Self {
        let lanes = || vec![Lanes::ZERO; columns];
        Self {
            first: 0,
            x: lanes(),
            proposal: lanes(),
            scores: [lanes(), lanes()],
            energies: [Lanes::ZERO; 2],
            workspace,
        }
    }

    /// Takes the states of up to [`LANES`] chains; the lanes beyond them hold zeros.
    fn load(&mut self, x: &[f32], first: u32) {
        self.first = first;
        self.x.fill(Lanes::ZERO);
        for (lane, row) in x.chunks_exact(self.x.len()).enumerate() {
            for (lanes, x) in self.x.iter_mut().zip(row) {
                lanes.0[lane] = *x;
            }
        }
    }

    fn store(&self, x: &mut [f32]) {
        for (lane, row) in x.chunks_exact_mut(self.x.len()).enumerate() {
            for (x, lanes) in row.iter_mut().zip(&self.x) {
                *x = lanes.0[lane];
            }
        }
    }

    /// Whether every coordinate of a lane's proposal is in range: 1 or 0.
    #[inline(always)]
    fn good(&self) -> [u32; LANES] {
        let mut good = [1; LANES];
        for proposal in &self.proposal {
            for (good, x) in good.iter_mut().zip(&proposal.0) {
                *good &= u32::from(in_range(*x, LARGEST_STATE));
            }
        }
        good
    }

    /// Replaces the states of the lanes that are taken.
    #[inline(always)]
    fn take(&mut self, taken: &[u32; LANES]) {
        for (x, proposal) in self.x.iter_mut().zip(&self.proposal) {
            select(x, proposal, taken);
        }
    }
}

/// out ← x in the lanes that are taken.
#[inline(always)]
fn select(out: &mut Lanes, x: &Lanes, taken: &[u32; LANES]) {
    for ((out, x), taken) in out.0.iter_mut().zip(&x.0).zip(taken) {
        *out = if *taken != 0 { *x } else { *out };
    }
}

impl Dynamics {
    fn draw(&self, tile: &Tile, step: u32, stream: Stream) -> RowDraw {
        RowDraw { seed: self.seed, step, chain: tile.first, stream }
    }

    fn unadjusted(
        &self,
        net: &PackedNet<'_>,
        tile: &mut Tile,
        steps: impl Iterator<Item = u32>,
        tally: &mut [f32],
    ) {
        for step in steps {
            net.evaluate(&tile.x, None, &mut tile.scores[0], &mut tile.workspace);
            self.set.vectorize(
                #[inline(always)]
                || {
                    self.propose(tile, step);
                    let good = tile.good();
                    tile.take(&good);
                    for (tally, good) in tally.chunks_exact_mut(TALLY).zip(good) {
                        let good = good as i32 as f32;
                        tally[0] += good;
                        tally[1] += 1.0 - good;
                        tally[2] += good;
                        tally[3] = 0.0;
                    }
                },
            );
        }
    }

    fn adjusted(
        &self,
        net: &PackedNet<'_>,
        tile: &mut Tile,
        steps: impl Iterator<Item = u32>,
        tally: &mut [f32],
    ) {
        let Tile { x, scores, energies, workspace, .. } = tile;
        net.evaluate(x, Some(&mut energies[0]), &mut scores[0], workspace);
        for step in steps {
            self.set.vectorize(
                #[inline(always)]
                || self.propose(tile, step),
            );
            let Tile { proposal, scores, energies, workspace, .. } = tile;
            net.evaluate(proposal, Some(&mut energies[1]), &mut scores[1], workspace);
            self.set.vectorize(
                #[inline(always)]
                || self.judge(tile, step, tally),
            );
        }
    }

    /// proposal ← x + drift · s + noise · ξ.
    #[inline(always)]
    fn propose(&self, tile: &mut Tile, step: u32) {
        let Tile { x, proposal, scores: [score, _], .. } = tile;
        for ((out, x), score) in proposal.iter_mut().zip(x).zip(score) {
            for ((out, x), score) in out.0.iter_mut().zip(&x.0).zip(&score.0) {
                *out = *x + self.drift * score;
            }
        }
        let draw = self.draw(tile, step, Stream::Noise);
        let blocks = blocks(tile.proposal.len());
        for block in 0..blocks {
            let words = chain_words::<{ LANES / 2 }>(draw, block as u32);
            for (half, words) in words.as_chunks::<2>().0.iter().enumerate() {
                let [radii, angles] = words.map(split);
                let (mut first, mut second) = (Lanes::ZERO, Lanes::ZERO);
                for lane in 0..LANES {
                    (first.0[lane], second.0[lane]) = normals(radii[lane], angles[lane]);
                }
                for (word, normals) in [first, second].iter().enumerate() {
                    if let Some(out) = tile.proposal.get_mut((2 * half + word) * blocks + block) {
                        for (out, normal) in out.0.iter_mut().zip(&normals.0) {
                            *out += self.noise * normal;
                        }
                    }
                }
            }
        }
    }

    /// Accepts or rejects MALA's proposals.
    #[inline(always)]
    fn judge(&self, tile: &mut Tile, step: u32, tally: &mut [f32]) {
        let mut vectors = Lanes::ZERO;
        let states = tile.x.iter().zip(&tile.proposal);
        for ((x, proposal), (old, new)) in states.zip(tile.scores[0].iter().zip(&tile.scores[1])) {
            for (lane, sum) in vectors.0.iter_mut().enumerate() {
                let states = [x.0[lane], proposal.0[lane]];
                *sum += langevin_term(states, [old.0[lane], new.0[lane]], self.drift);
            }
        }
        let [words, ..] = chain_words::<{ LANES / 2 }>(self.draw(tile, step, Stream::Accept), 0);
        let words = split(words);
        let (good, [old, new]) = (tile.good(), &tile.energies);
        let scale = self.drift / (self.noise * self.noise);
        let mut taken = [0; LANES];
        for (lane, tally) in tally.chunks_exact_mut(TALLY).enumerate() {
            let log_alpha = if in_range(new.0[lane], LARGEST_ENERGY) {
                -self.beta * (new.0[lane] - old.0[lane]) - scale * vectors.0[lane]
            } else {
                f32::NAN
            };
            let accepted = conclude(log_alpha, good[lane] != 0, true, words[lane], tally);
            taken[lane] = u32::from(accepted);
        }
        tile.take(&taken);
        let [old, new] = &mut tile.scores;
        for (old, new) in old.iter_mut().zip(new) {
            select(old, new, &taken);
        }
        let [old, new] = &mut tile.energies;
        select(old, new, &taken);
    }
}

/// The words of pairs of lanes, lane by lane.
#[inline(always)]
fn split(pairs: [u64; LANES / 2]) -> [u32; LANES] {
    std::array::from_fn(|lane| (pairs[lane / 2] >> (32 * (lane % 2))) as u32)
}
