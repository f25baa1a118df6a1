//! The cases by name.

use super::BenchError;

/// What a case does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Block-Gibbs sweeps of an RBM whose units are on half of the time.
    Gibbs,
    /// The same with units as rarely on as in an RBM of MNIST.
    SparseGibbs,
    /// Sweeps of annealed importance sampling along a path to an RBM.
    Anneal,
    /// Updates of an RBM by PCD-1 with plain SGD, as many chains as examples in a batch.
    Pcd,
    /// Unadjusted Langevin steps on a net.
    Ula,
    /// Metropolis-adjusted Langevin steps on a net.
    Mala,
    /// Energies of a net.
    Energy,
    /// Scores of a net.
    Score,
    /// Free energies of an RBM.
    FreeEnergy,
    /// The program from its start to the first sample of a saved model.
    ColdStart,
}

/// A case: what is done, on a model of which sizes, with how many chains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// Units of each layer.
    pub sizes: &'static [usize],
    /// Chain counts of a quick run; empty where such a run leaves the case out.
    quick: &'static [usize],
}

/// Chain counts of a full run.
const COUNTS: &[usize] = &[64, 256, 1024, 4096, 16384, 65536];
/// Chain counts, and examples in a batch, of a full run that trains.
const BATCHES: &[usize] = &[100, 512];
/// Chain counts of a quick run of a case that such a run would leave out, but for its being named.
const FEW: &[usize] = &[256];

const RBM: &[usize] = &[784, 500];
const SMALL_NET: &[usize] = &[2, 128, 128, 1];
const DEEP_NET: &[usize] = &[64, 512, 512, 512, 10];
const WIDE_NET: &[usize] = &[784, 256, 1];

/// A case; `quick` are the chain counts of a quick run.
pub(super) const fn case(
    name: &'static str,
    kind: Kind,
    sizes: &'static [usize],
    quick: &'static [usize],
) -> Case {
    Case { name, kind, sizes, quick }
}

/// Every case.
pub const CASES: &[Case] = &[
    case("gibbs-64-32", Kind::Gibbs, &[64, 32], &[256, 4096]),
    case("gibbs-784-500", Kind::Gibbs, RBM, &[256, 4096]),
    case("gibbs-784-500-sparse", Kind::SparseGibbs, RBM, &[256, 4096]),
    case("gibbs-784-4096", Kind::Gibbs, &[784, 4096], &[]),
    case("gibbs-4096-4096", Kind::Gibbs, &[4096, 4096], &[]),
    case("anneal-784-500", Kind::Anneal, RBM, &[256, 4096]),
    case("pcd-784-500", Kind::Pcd, RBM, BATCHES),
    case("ula-2-128-128-1", Kind::Ula, SMALL_NET, &[256, 4096]),
    case("ula-64-512-512-512-10", Kind::Ula, DEEP_NET, &[]),
    case("ula-784-256-1", Kind::Ula, WIDE_NET, &[]),
    case("mala-2-128-128-1", Kind::Mala, SMALL_NET, &[256, 4096]),
    case("mala-64-512-512-512-10", Kind::Mala, DEEP_NET, &[]),
    case("mala-784-256-1", Kind::Mala, WIDE_NET, &[]),
    case("energy-2-128-128-1", Kind::Energy, SMALL_NET, &[256, 4096]),
    case("energy-64-512-512-512-10", Kind::Energy, DEEP_NET, &[]),
    case("energy-784-256-1", Kind::Energy, WIDE_NET, &[]),
    case("score-2-128-128-1", Kind::Score, SMALL_NET, &[256, 4096]),
    case("score-64-512-512-512-10", Kind::Score, DEEP_NET, &[]),
    case("score-784-256-1", Kind::Score, WIDE_NET, &[]),
    case("free-energy-784-500", Kind::FreeEnergy, RBM, &[256, 4096]),
    case("cold-start", Kind::ColdStart, &[64, 32], &[1]),
];

impl Case {
    /// Steps that a call must make for its time a step to be that of long runs: MALA begins a call
    /// with the energies and scores of the states that it finds.
    pub(super) fn least_steps(&self) -> u32 {
        if self.kind == Kind::Mala { 8 } else { 1 }
    }

    /// The chain counts to measure: those asked for, or else those of a quick or a full run.
    pub fn counts(&self, asked: Option<&[usize]>, quick: bool) -> Vec<usize> {
        let own = match self.kind {
            Kind::ColdStart => return vec![1],
            Kind::Pcd => BATCHES,
            _ => COUNTS,
        };
        match asked {
            Some(asked) => asked.to_vec(),
            None if quick && self.quick.is_empty() => FEW.to_vec(),
            None if quick => self.quick.to_vec(),
            None => own.to_vec(),
        }
    }
}

/// The cases whose names start with one of `names`, in the order of [`CASES`]; without names, all
/// that a full or a quick run has.
///
/// # Errors
/// No case starts with one of the names.
pub fn select(names: &[String], quick: bool) -> Result<Vec<Case>, BenchError> {
    let starts = |case: &Case, name: &str| !name.is_empty() && case.name.starts_with(name);
    if let Some(found) = names.iter().find(|name| !CASES.iter().any(|case| starts(case, name))) {
        let available = CASES.iter().map(|case| case.name).collect();
        return Err(BenchError::UnknownCase { found: found.clone(), available });
    }
    let wanted = |case: &&Case| match names {
        [] => !quick || !case.quick.is_empty(),
        names => names.iter().any(|name| starts(case, name)),
    };
    Ok(CASES.iter().filter(wanted).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_selected_by_the_start_of_their_names() {
        let named = |names: &[&str], quick| -> Vec<&str> {
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            select(&names, quick).unwrap().iter().map(|case| case.name).collect()
        };
        assert_eq!(
            named(&["pcd", "gibbs-784-500"], false),
            ["gibbs-784-500", "gibbs-784-500-sparse", "pcd-784-500"]
        );
        assert_eq!(named(&[], false).len(), CASES.len());
        assert!(named(&[], true).len() < CASES.len());
        assert_eq!(named(&["gibbs-4096"], true), ["gibbs-4096-4096"], "named, so not left out");
        for wrong in ["gibs", "", "784"] {
            let error = select(&[wrong.into()], false).unwrap_err().to_string();
            assert!(error.contains("gibbs-64-32"), "{error}");
        }
    }

    #[test]
    fn names_say_the_sizes() {
        for case in CASES.iter().filter(|case| case.kind != Kind::ColdStart) {
            let sizes: Vec<String> = case.sizes.iter().map(usize::to_string).collect();
            assert!(case.name.contains(&format!("-{}", sizes.join("-"))), "{}", case.name);
            assert!(!case.counts(None, true).is_empty() && !case.counts(None, false).is_empty());
            assert_eq!(case.counts(Some(&[7]), true), [7]);
        }
    }
}
