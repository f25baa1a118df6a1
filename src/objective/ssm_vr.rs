//! Sliced score matching with reduced variance: E[½‖∇E(x)‖² − vᵀ∇²E(x)v] with standard normal v;
//! the mean of ½(vᵀ∇E)² over v is taken exactly.
//! Source: Song, Garg, Shi and Ermon, "Sliced score matching", UAI 2019, equation 8.

use super::{
    differences::{Law, Steps},
    sm::Sm,
};

/// Makes the objective `ssm-vr`.
pub struct SsmVr;

impl SsmVr {
    /// With `probes` probes an example.
    #[expect(clippy::new_ret_no_self, reason = "it is score matching with other probes")]
    pub fn new(probes: usize, steps: Steps) -> Sm {
        Sm::with_probes("ssm-vr", Law::Normal, probes, steps)
    }
}
