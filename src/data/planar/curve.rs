//! Sets around a curve: a point drawn on the curve, plus isotropic normal noise. The density is
//! an integral along the curve,
//!
//! p(x) = 1/pieces · Σ over pieces ∫₀¹ N(x; c(s), σ²·I) q(s) ds,
//!
//! taken by a fixed rule. Its nodes lie 0.4 σ apart or closer, so that the integrand is resolved
//! to rounding.

use std::f64::consts::{PI, TAU};
use std::sync::LazyLock;

use super::{blur, choose};
use crate::random::HostRng;

pub(super) static TWO_MOONS: LazyLock<Curve> = LazyLock::new(|| {
    // The usual moons (cos t, sin t) and (1 − cos t, ½ − sin t), centred and doubled.
    let moon = |class, s: f64| {
        let side = if class == 0 { 1.0 } else { -1.0 };
        let (sin, cos) = (PI * s).sin_cos();
        [side * (2.0 * cos - 1.0), side * (2.0 * sin - 0.5)]
    };
    Curve::new(2, 0.2, Law::Uniform, 192, moon)
});

pub(super) static TWO_SPIRALS: LazyLock<Curve> = LazyLock::new(|| {
    let spiral = |class, s: f64| {
        let side = if class == 0 { 1.0 } else { -1.0 };
        let (sin, cos) = (3.0 * PI * s).sin_cos();
        [-side * PI * s * cos, side * PI * s * sin]
    };
    Curve::new(2, 0.15, Law::Linear, 512, spiral)
});

pub(super) static CIRCLES: LazyLock<Curve> = LazyLock::new(|| {
    let circle = |class, s: f64| {
        let radius = if class == 0 { 3.0 } else { 1.5 };
        let (sin, cos) = (TAU * s).sin_cos();
        [radius * cos, radius * sin]
    };
    Curve::new(2, 0.24, Law::Closed, 200, circle)
});

pub(super) static SWISS_ROLL: LazyLock<Curve> = LazyLock::new(|| {
    let roll = |_, s: f64| {
        let t = 1.5 * PI * (1.0 + 2.0 * s);
        [t * t.cos() / 5.0, t * t.sin() / 5.0]
    };
    Curve::new(1, 0.2, Law::Uniform, 512, roll)
});

/// Nodes that the search for the nearest one takes at a time.
const LANES: usize = 8;
/// Terms below e⁻⁴⁰ of the nearest node's are left out.
const NEGLIGIBLE: f64 = 40.0;
/// Standard deviations of noise by which the extent exceeds the curve: 3e-12 of the probability
/// of a normal law lies farther out.
const MARGIN: f64 = 7.0;

/// The law q of the parameter s from 0 to 1.
#[derive(Clone, Copy, PartialEq)]
enum Law {
    /// Uniform, on a curve with ends.
    Uniform,
    /// Uniform, on a curve that closes smoothly.
    Closed,
    /// Density 2s, on a curve with ends.
    Linear,
}

/// A curve of several pieces with its noise, and the nodes of the integral along it.
pub(super) struct Curve {
    pieces: usize,
    noise: f64,
    law: Law,
    point: fn(usize, f64) -> [f64; 2],
    x: Vec<f64>,
    y: Vec<f64>,
    /// Sums to 1.
    weight: Vec<f64>,
}

impl Curve {
    /// `nodes`, a multiple of [`LANES`], is for one piece.
    fn new(
        pieces: usize,
        noise: f64,
        law: Law,
        nodes: usize,
        point: fn(usize, f64) -> [f64; 2],
    ) -> Self {
        debug_assert_eq!(nodes % LANES, 0);
        let rule = if law == Law::Closed { trapezoid(nodes) } else { fejer(nodes) };
        let (mut x, mut y, mut weight) = (Vec::new(), Vec::new(), Vec::new());
        for piece in 0..pieces {
            for &(s, w) in &rule {
                let [cx, cy] = point(piece, s);
                let q = if law == Law::Linear { 2.0 * s } else { 1.0 };
                x.push(cx);
                y.push(cy);
                weight.push(w * q / pieces as f64);
            }
        }
        Self { pieces, noise, law, point, x, y, weight }
    }

    /// A point and its piece.
    pub(super) fn draw(&self, rng: &mut HostRng) -> ([f64; 2], usize) {
        let piece = choose(self.pieces, rng);
        let u = f64::from(rng.uniform());
        let s = if self.law == Law::Linear { u.sqrt() } else { u };
        (blur((self.point)(piece, s), self.noise, rng), piece)
    }

    pub(super) fn log_density(&self, [x, y]: [f64; 2]) -> f64 {
        let squared = |cx: f64, cy: f64| (x - cx) * (x - cx) + (y - cy) * (y - cy);
        let mut least = [f64::INFINITY; LANES];
        for (xs, ys) in self.x.chunks_exact(LANES).zip(self.y.chunks_exact(LANES)) {
            for lane in 0..LANES {
                let d = squared(xs[lane], ys[lane]);
                least[lane] = if d < least[lane] { d } else { least[lane] };
            }
        }
        let nearest = least.into_iter().fold(f64::INFINITY, f64::min);
        let variance = self.noise * self.noise;
        let farthest = nearest + 2.0 * variance * NEGLIGIBLE;
        let mut sum = 0.0;
        for ((cx, cy), weight) in self.x.iter().zip(&self.y).zip(&self.weight) {
            let d = squared(*cx, *cy);
            if d <= farthest {
                sum += weight * ((nearest - d) / (2.0 * variance)).exp();
            }
        }
        sum.ln() - nearest / (2.0 * variance) - (TAU * variance).ln()
    }

    pub(super) fn extent(&self) -> [(f64, f64); 2] {
        [&self.x, &self.y].map(|values| {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (least - MARGIN * self.noise, greatest + MARGIN * self.noise)
        })
    }
}

/// Nodes and weights on (0, 1) for periodic integrands, where equal weights are the best.
fn trapezoid(nodes: usize) -> Vec<(f64, f64)> {
    let n = nodes as f64;
    (0..nodes).map(|k| (k as f64 / n, 1.0 / n)).collect()
}

/// Nodes and weights on (0, 1) of Fejér's first rule: an even number of Chebyshev nodes, exact
/// for polynomials of a lower degree than their number. Source: Waldvogel, "Fast construction of
/// the Fejér and Clenshaw–Curtis quadrature rules", BIT 46, 2006.
fn fejer(nodes: usize) -> Vec<(f64, f64)> {
    let n = nodes as f64;
    let node = |k: usize| {
        let angle = (k as f64 + 0.5) * PI / n;
        let sum: f64 = (1..nodes / 2)
            .map(|j| (2.0 * j as f64 * angle).cos() / (4.0 * (j * j) as f64 - 1.0))
            .sum();
        (0.5 * (1.0 + angle.cos()), (1.0 - 2.0 * sum) / n)
    };
    (0..nodes).map(node).collect()
}
