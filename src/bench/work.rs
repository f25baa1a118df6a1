//! How much work a case is: multiply-adds, unit updates, bytes.

use super::{Case, Kind};

/// Bytes of a number.
const FLOAT: f64 = 4.0;

/// The work of one step of one chain; of a case that trains, a chain's share of an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Multiply-adds of the products, all terms counted, zeros too.
    pub macs: f64,
    /// Binary units drawn; `None` where units are real, or nothing is drawn.
    pub flips: Option<f64>,
    /// Bytes that must be read or written where a call's operands are not in a cache before and
    /// nothing is moved twice: its parameters once, and its states in and out.
    pub bytes: f64,
}

impl Work {
    /// The work of a case with `chains` chains and `steps` steps a call.
    ///
    /// With D visible and H hidden units, a sweep makes v | h and h | v: 2DH multiply-adds. A step of
    /// annealing needs the same two products. A net with P weights takes P for its energies and as
    /// many again for the way back to its inputs; MALA does so once more at the start of a call.
    ///
    /// An update by PCD-1 with B examples and as many chains takes DH for the hidden means of an
    /// example, 2DH for the sweep of a chain, and DH each for both gradients. It goes eight times
    /// over the weights or their gradient: the weights are read for the examples, the chains and the
    /// update, which writes them; the gradient is written, read and written again for the second sum,
    /// and read by the update.
    pub fn of(case: &Case, chains: usize, steps: u32) -> Self {
        let sizes: Vec<f64> = case.sizes.iter().map(|units| *units as f64).collect();
        let weights: f64 = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let (n, steps) = (chains as f64, f64::from(steps));
        let (first, second) = (sizes[0], sizes[1]);
        let units = first + second;
        // Floats a chain step of a call that moves `states` numbers a chain.
        let of_call = |states: f64| (weights / n + states) / steps;
        let (macs, flips, floats) = match case.kind {
            // Hidden states come in; both states and the hidden means go out.
            Kind::Gibbs | Kind::SparseGibbs => {
                (2.0 * weights, Some(units), of_call(first + 3.0 * second))
            }
            Kind::Anneal => (2.0 * weights, Some(units), of_call(first + 2.0 * second)),
            // Data and chains come in; the chains go out.
            Kind::Pcd => {
                (5.0 * weights, Some(units), 8.0 * weights / n + 2.0 * first + 3.0 * second)
            }
            Kind::Ula => (2.0 * weights, None, of_call(2.0 * first)),
            Kind::Mala => (2.0 * weights * (1.0 + 1.0 / steps), None, of_call(2.0 * first)),
            // These are one call a step.
            Kind::Energy | Kind::FreeEnergy => (weights, None, weights / n + first + 1.0),
            Kind::Score => (2.0 * weights, None, weights / n + 2.0 * first),
            Kind::ColdStart => (0.0, None, 0.0),
        };
        Self { macs, flips, bytes: FLOAT * floats }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::CASES, *};

    fn work(name: &str, chains: usize, steps: u32) -> Work {
        Work::of(CASES.iter().find(|case| case.name == name).unwrap(), chains, steps)
    }

    #[test]
    fn multiply_adds_and_flips_are_those_counted_by_hand() {
        let gibbs = work("gibbs-784-500", 1000, 1);
        assert_eq!((gibbs.macs, gibbs.flips), (784_000.0, Some(1284.0)));
        assert_eq!(work("gibbs-784-500-sparse", 1000, 1), gibbs, "zeros count too");
        assert_eq!(work("gibbs-4096-4096", 64, 1).macs, 33_554_432.0);
        assert_eq!(work("anneal-784-500", 64, 9).macs, 784_000.0);
        // 392,000 weights: hidden means, a sweep, two gradients.
        let pcd = work("pcd-784-500", 100, 50);
        assert_eq!((pcd.macs, pcd.flips), (1_960_000.0, Some(1284.0)));
        // 2·128 + 128·128 + 128 = 16,768, there and back.
        assert_eq!(work("ula-2-128-128-1", 64, 1).macs, 33_536.0);
        assert_eq!(work("mala-2-128-128-1", 64, 8).macs, 33_536.0 * 9.0 / 8.0);
        // 64·512 + 2·512·512 + 512·10 = 562,176.
        assert_eq!(work("energy-64-512-512-512-10", 64, 1).macs, 562_176.0);
        assert_eq!(work("score-64-512-512-512-10", 64, 1).macs, 1_124_352.0);
        assert_eq!(work("score-64-512-512-512-10", 64, 1).flips, None);
        assert_eq!(work("free-energy-784-500", 64, 1).macs, 392_000.0);
    }

    #[test]
    fn bytes_are_those_of_states_and_parameters() {
        // 10 steps of 100 chains: 2,048 weights once, 64 + 3·32 numbers a chain, 4 bytes each.
        let bytes = work("gibbs-64-32", 100, 10).bytes * 100.0 * 10.0;
        assert!((bytes - 4.0 * (2048.0 + 100.0 * 160.0)).abs() < 1e-6, "{bytes}");
        let bytes = work("energy-784-256-1", 64, 10).bytes * 64.0;
        assert!((bytes - 4.0 * ((784.0 * 256.0 + 256.0) + 64.0 * 785.0)).abs() < 1e-6, "{bytes}");
    }
}
