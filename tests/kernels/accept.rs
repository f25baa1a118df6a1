//! accept against f64: log α, decisions, what is taken over, and proposals that have failed.

use ergodic::{
    device::{Accept, Device, Draw, LARGEST_ENERGY, Rule, TALLY},
    random::Stream,
};

use crate::{
    common::{devices_with_checks, normals, normals_of, raw, read, upload},
    oracle::uniform_of,
};

const SHAPES: [(usize, usize); 5] = [(1, 1), (5, 3), (700, 2), (64, 17), (33, 784)];
const DRAW: Draw = Draw { seed: 11, step: 4, stream: Stream::Accept };
const BETA: f32 = 0.7;
const DRIFT: f32 = 0.05;
const NOISE: f32 = 0.4;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Always,
    Symmetric,
    Langevin,
    Hamiltonian,
}

/// The operands of a call: states, proposals, energies, vectors (scores or momenta), tally.
#[derive(Clone)]
struct Case {
    n: usize,
    d: usize,
    x: Vec<f32>,
    proposal: Vec<f32>,
    energy: Vec<f32>,
    proposal_energy: Vec<f32>,
    vectors: [Vec<f32>; 2],
    tally: Vec<f32>,
}

impl Case {
    fn random(n: usize, d: usize) -> Self {
        let x = normals(n * d, 1);
        let step = normals_of(n * d, NOISE, 2);
        Self {
            n,
            d,
            proposal: x.iter().zip(step).map(|(x, step)| x + step).collect(),
            x,
            energy: normals(n, 3),
            proposal_energy: normals(n, 4),
            // Scores as large as 1/√D keep log α of order 1 at every D.
            vectors: [5, 6].map(|seed| normals_of(n * d, 1.0 / (d as f32).sqrt(), seed)),
            tally: normals(n * TALLY, 7),
        }
    }

    /// log α and a bound of its rounding, in f64.
    fn log_alpha(&self, kind: Kind, row: usize) -> (f64, f64) {
        let (drift, noise) = (f64::from(DRIFT), f64::from(NOISE));
        let range = row * self.d..(row + 1) * self.d;
        let wide = |values: &[f32]| -> Vec<f64> {
            values[range.clone()].iter().map(|x| f64::from(*x)).collect()
        };
        let [old, new] = [wide(&self.vectors[0]), wide(&self.vectors[1])];
        let (x, proposal) = (wide(&self.x), wide(&self.proposal));
        let energy = |values: &[f32]| f64::from(values[row]);
        let energies = -f64::from(BETA) * (energy(&self.proposal_energy) - energy(&self.energy));
        let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>();
        let (vectors, size) = match kind {
            Kind::Always => return (0.0, 0.0),
            Kind::Symmetric => (0.0, 0.0),
            Kind::Langevin => {
                let forth = squares(&mut (0..self.d).map(|i| proposal[i] - x[i] - drift * old[i]));
                let back = squares(&mut (0..self.d).map(|i| x[i] - proposal[i] - drift * new[i]));
                let terms = (0..self.d).map(|i| {
                    let sum = (old[i] + new[i]).abs();
                    sum * (proposal[i].abs() + x[i].abs() + drift * (old[i] - new[i]).abs())
                });
                let size = terms.sum::<f64>() * drift / (noise * noise);
                ((forth - back) / (2.0 * noise * noise), size)
            }
            Kind::Hamiltonian => {
                let (before, after) =
                    (squares(&mut old.iter().copied()), squares(&mut new.iter().copied()));
                (0.5 * (before - after), before + after)
            }
        };
        let size = size + energy(&self.energy).abs() + energy(&self.proposal_energy).abs() + 1.0;
        (energies + vectors, 1e-6 * size)
    }

    /// The state, energy, vectors (scores) and tally after a call.
    fn run(&self, device: &Device, kind: Kind) -> [Vec<f32>; 4] {
        let Self { n, d, .. } = *self;
        let mut x = upload(device, n, d, &self.x);
        let proposal = upload(device, n, d, &self.proposal);
        let mut energy = upload(device, n, 1, &self.energy);
        let proposal_energy = upload(device, n, 1, &self.proposal_energy);
        let mut score = upload(device, n, d, &self.vectors[0]);
        let proposal_score = upload(device, n, d, &self.vectors[1]);
        let momentum = upload(device, n, d, &self.vectors[0]);
        let mut tally = upload(device, n, TALLY, &self.tally);
        let rule = match kind {
            Kind::Always => Rule::Always,
            Kind::Symmetric => Rule::Symmetric { beta: BETA },
            Kind::Langevin => Rule::Langevin { beta: BETA, drift: DRIFT, noise: NOISE },
            Kind::Hamiltonian => Rule::Hamiltonian {
                beta: BETA,
                momentum: &momentum,
                proposal_momentum: &proposal_score,
            },
        };
        let energies = (kind != Kind::Always).then_some((&mut energy, &proposal_energy));
        let scores = (kind != Kind::Symmetric).then_some((&mut score, &proposal_score));
        let call = Accept {
            rule,
            x: &mut x,
            proposal: &proposal,
            energies,
            scores,
            tally: &mut tally,
            draw: DRAW,
        };
        device.accept(call).unwrap();
        [&x, &energy, &score, &tally].map(|array| read(device, array))
    }
}

/// Checks log α, the decision and everything that follows it.
fn check(what: &str, case: &Case, kind: Kind, found: &[Vec<f32>; 4]) -> [usize; 2] {
    let [x, energy, score, tally] = found;
    let mut decisions = [0; 2];
    for row in 0..case.n {
        let what = format!("{what}, {kind:?}, row {row} of {} x {}", case.n, case.d);
        let (wanted, bound) = case.log_alpha(kind, row);
        let [old, new] = [&case.tally, tally].map(|tally| &tally[row * TALLY..(row + 1) * TALLY]);
        let log_alpha = f64::from(new[3]);
        assert!((log_alpha - wanted).abs() <= bound, "{what}: log α {log_alpha}, wanted {wanted}");
        let log_u = uniform_of(DRAW, row, 0, 1).ln();
        let taken = x[row * case.d] == case.proposal[row * case.d];
        if (log_u - wanted).abs() > bound + 1e-5 {
            assert_eq!(taken, log_u < wanted, "{what}: log u {log_u}, log α {wanted}");
        }
        decisions[usize::from(taken)] += 1;
        let range = row * case.d..(row + 1) * case.d;
        let pick = |old: &[f32], new: &[f32], given: bool| {
            if taken && given { new.to_vec() } else { old.to_vec() }
        };
        let (with_energies, with_scores) = (kind != Kind::Always, kind != Kind::Symmetric);
        let states = pick(&case.x[range.clone()], &case.proposal[range.clone()], true);
        assert_eq!(x[range.clone()], states, "{what}");
        let energies = pick(&[case.energy[row]], &[case.proposal_energy[row]], with_energies);
        assert_eq!(energy[row..=row], energies, "{what}");
        let [before, after] = &case.vectors;
        let scores = pick(&before[range.clone()], &after[range.clone()], with_scores);
        assert_eq!(score[range], scores, "{what}");
        assert_eq!(new[0], old[0] + f32::from(u8::from(taken)), "{what}: accepted");
        assert_eq!(new[1], old[1], "{what}: failed");
        let probability = f64::from(new[2]) - f64::from(old[2]);
        assert!((probability - wanted.min(0.0).exp()).abs() <= bound + 1e-6, "{what}: min(1, α)");
    }
    decisions
}

#[test]
fn proposals_are_judged_as_in_f64() {
    for (label, device) in devices_with_checks() {
        for (n, d) in SHAPES {
            let case = Case::random(n, d);
            for kind in [Kind::Always, Kind::Symmetric, Kind::Langevin, Kind::Hamiltonian] {
                let [kept, taken] = check(label, &case, kind, &case.run(&device, kind));
                // Both outcomes were seen.
                let both = kept > n / 20 && taken > n / 20;
                assert!(kind == Kind::Always || n < 30 || both, "{label}: {kept} and {taken}");
                assert!(kind != Kind::Always || kept == 0, "{label}: {kept} kept");
            }
        }
    }
}

/// NaN, infinities and values beyond the range, in the last coordinate or in the energy: rejected,
/// counted, and no bit of another row is other than without them.
#[test]
fn failed_proposals_are_rejected_and_counted() {
    let bad_states = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.1e15, -2e15, f32::MAX];
    let bad_energies = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.1e30, -2e30];
    let (n, d) = (70, 5);
    let good = Case::random(n, d);
    let mut bad = good.clone();
    for (i, value) in bad_states.iter().enumerate() {
        bad.proposal[(5 * i) * d + d - 1] = *value;
    }
    for (i, value) in bad_energies.iter().enumerate() {
        bad.proposal_energy[5 * i + 2] = *value;
    }
    let failed = |kind: Kind, row: usize| {
        (row.is_multiple_of(5) && row / 5 < bad_states.len())
            || (kind != Kind::Always && row % 5 == 2 && row / 5 < bad_energies.len())
    };
    for (label, device) in devices_with_checks() {
        for kind in [Kind::Always, Kind::Symmetric, Kind::Langevin, Kind::Hamiltonian] {
            let (clean, spoilt) = (good.run(&device, kind), bad.run(&device, kind));
            for row in 0..n {
                let what = format!("{label}, {kind:?}, row {row}");
                let range = row * d..(row + 1) * d;
                if !failed(kind, row) {
                    for (clean, spoilt) in clean.iter().zip(&spoilt) {
                        let width = clean.len() / n;
                        let row = row * width..(row + 1) * width;
                        // An always-taken row takes its energy unread.
                        assert_eq!(raw(&clean[row.clone()]), raw(&spoilt[row]), "{what}");
                    }
                    continue;
                }
                assert_eq!(spoilt[0][range.clone()], bad.x[range.clone()], "{what}: state");
                assert_eq!(spoilt[1][row], bad.energy[row], "{what}: energy");
                assert_eq!(spoilt[2][range.clone()], bad.vectors[0][range], "{what}: score");
                let [old, new] =
                    [&bad.tally, &spoilt[3]].map(|tally| &tally[row * TALLY..(row + 1) * TALLY]);
                let log_alpha = if kind == Kind::Always { 0.0 } else { -LARGEST_ENERGY };
                assert_eq!(new, [old[0], old[1] + 1.0, old[2], log_alpha], "{what}: tally");
            }
        }
    }
}
