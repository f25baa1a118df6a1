//! Score matching with Hutchinson's estimate of the trace: the mean of vᵀ∇²E(x)v over M Rademacher
//! probes v, which is unbiased (no further factor 1/D).
//! Source: Hutchinson, "A stochastic estimator of the trace of the influence matrix", 1990;
//! Grathwohl et al., "FFJORD", ICLR 2019, section 3.1, for its use in densities.

use super::{
    differences::{Law, Steps},
    sm::Sm,
};

/// Makes the objective `sm-hutchinson`.
pub struct SmHutchinson;

impl SmHutchinson {
    /// With `probes` probes an example.
    #[expect(clippy::new_ret_no_self, reason = "it is score matching with other probes")]
    pub fn new(probes: usize, steps: Steps) -> Sm {
        Sm::with_probes("sm-hutchinson", Law::Rademacher, probes, steps)
    }
}
