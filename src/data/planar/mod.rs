//! Two-dimensional sets whose law is known: each is drawn from the very density that
//! [`Planar::log_density`] gives. Nothing here reads files or scales values.

mod closed;
mod curve;
#[cfg(test)]
mod tests;

use super::{Dataset, Examples};
use crate::random::{HostRng, Stream};
use closed::{BLADES, GAUSSIANS};
use curve::{CIRCLES, Curve, SWISS_ROLL, TWO_MOONS, TWO_SPIRALS};

/// Examples for training, validation and test.
const ROWS: [usize; 3] = [20_000, 2_000, 5_000];

/// A built-in law on the plane. Shapes and sizes are those in common use for density models
/// (Grathwohl et al., "FFJORD", ICLR 2019), made exact where that code has no closed density.
///
/// | set | law | classes | entropy in nats |
/// |---|---|---|---|
/// | two-moons | half circles of radius 2 about (−1, −½), upper, and (1, ½), lower; noise 0.2 | moon | 2.3939 |
/// | eight-gaussians | on a circle of radius 2√2, standard deviation 1/√8 | Gaussian | 2.8316 |
/// | pinwheel | five blades, see below | blade | 2.3206 |
/// | checkerboard | uniform on eight squares of side 2 in [−4, 4]² | none | ln 32 = 3.4657 |
/// | two-spirals | πs·(−cos 3πs, sin 3πs), s of density 2s on [0, 1], and its half turn; noise 0.15 | spiral | 2.9455 |
/// | circles | radius 3 (class 0) and 1.5, noise 0.24 | circle | 3.2681 |
/// | swiss-roll | t·(cos t, sin t)/5, t uniform from 1.5π to 4.5π, noise 0.2 | none | 2.6696 |
///
/// Noise is isotropic and normal, given as its standard deviation per coordinate. Classes are
/// equally probable; every example draws its own, so their counts vary. The pinwheel draws
/// y = (1 + 0.3 a, 0.1 b) with normal a and b, turns it by 2π/5 times the blade and by a further
/// 0.25 exp |y|, and doubles it. A turn by an angle that depends on the radius alone keeps areas.
///
/// Each coordinate has a standard deviation between 1 and 2.4 in every set, and every mean is 0
/// but for that of the swiss roll, (0.4, 0.04).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Planar {
    /// Two interleaved half circles.
    TwoMoons,
    /// Eight equal Gaussians on a circle.
    EightGaussians,
    /// Five bent blades.
    Pinwheel,
    /// Every other square of a 4 × 4 board.
    Checkerboard,
    /// Two spirals from one centre.
    TwoSpirals,
    /// Two concentric circles.
    Circles,
    /// One spiral, from above.
    SwissRoll,
}

impl Planar {
    /// Every set, in the order of the discriminants.
    pub const ALL: [Self; 7] = [
        Self::TwoMoons,
        Self::EightGaussians,
        Self::Pinwheel,
        Self::Checkerboard,
        Self::TwoSpirals,
        Self::Circles,
        Self::SwissRoll,
    ];

    /// The name that [`load`](super::load) knows.
    pub fn name(self) -> &'static str {
        match self {
            Self::TwoMoons => "two-moons",
            Self::EightGaussians => "eight-gaussians",
            Self::Pinwheel => "pinwheel",
            Self::Checkerboard => "checkerboard",
            Self::TwoSpirals => "two-spirals",
            Self::Circles => "circles",
            Self::SwissRoll => "swiss-roll",
        }
    }

    /// The set of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// Number of classes; `None` where the set has no labels.
    pub fn classes(self) -> Option<usize> {
        match self {
            Self::EightGaussians => Some(GAUSSIANS),
            Self::Pinwheel => Some(BLADES),
            Self::Checkerboard | Self::SwissRoll => None,
            Self::TwoMoons | Self::TwoSpirals | Self::Circles => Some(2),
        }
    }

    /// The natural logarithm of the density, per unit of area. Its relative error is below 1e-9
    /// wherever the density exceeds e⁻¹⁰⁰ of its greatest value; farther out it stays finite and
    /// falls with the squared distance. −∞ outside the squares of the checkerboard, beyond 1e100,
    /// and where a coordinate is not a number.
    ///
    /// The first call for a curve fills a table (milliseconds); later ones take about a
    /// microsecond. Safe to call from many threads.
    pub fn log_density(self, x: [f64; 2]) -> f64 {
        if !x.iter().all(|x| x.abs() < 1e100) {
            return f64::NEG_INFINITY;
        }
        match (self, self.curve()) {
            (_, Some(curve)) => curve.log_density(x),
            (Self::EightGaussians, _) => closed::eight_gaussians(x),
            (Self::Pinwheel, _) => closed::pinwheel(x),
            (_, None) => closed::checkerboard(x),
        }
    }

    /// The least and greatest value of each coordinate: a box that holds all of the probability
    /// but less than 1e-9.
    pub fn extent(self) -> [(f64, f64); 2] {
        match (self, self.curve()) {
            (_, Some(curve)) => curve.extent(),
            (Self::EightGaussians, _) => [(-5.2, 5.2); 2],
            (Self::Pinwheel, _) => [(-6.0, 6.0); 2],
            (_, None) => [(-4.0, 4.0); 2],
        }
    }

    /// Draws `rows` independent examples of two values, with their classes where the set has any.
    pub fn draw(self, rows: usize, rng: &mut HostRng) -> Examples {
        let mut values = Vec::with_capacity(2 * rows);
        let mut labels = Vec::with_capacity(rows);
        for _ in 0..rows {
            let (x, class) = match (self, self.curve()) {
                (_, Some(curve)) => curve.draw(rng),
                (Self::EightGaussians, _) => closed::draw_eight_gaussians(rng),
                (Self::Pinwheel, _) => closed::draw_pinwheel(rng),
                (_, None) => closed::draw_checkerboard(rng),
            };
            values.extend(x.map(|x| x as f32));
            labels.push(class as u32);
        }
        Examples { rows, columns: 2, values, labels: self.classes().map(|_| labels) }
    }

    /// The set under a seed: 20,000 examples for training, 2,000 for validation, 5,000 for test.
    pub(super) fn dataset(self, seed: u64) -> Dataset {
        let part = |part: usize| {
            let substream = self as u64 * ROWS.len() as u64 + part as u64;
            self.draw(ROWS[part], &mut HostRng::new(seed, Stream::Data, substream))
        };
        Dataset {
            name: self.name().into(),
            train: part(0),
            validation: part(1),
            test: part(2),
            planar: Some(self),
            natural: true,
            ..Dataset::default()
        }
    }

    fn curve(self) -> Option<&'static Curve> {
        match self {
            Self::TwoMoons => Some(&TWO_MOONS),
            Self::TwoSpirals => Some(&TWO_SPIRALS),
            Self::Circles => Some(&CIRCLES),
            Self::SwissRoll => Some(&SWISS_ROLL),
            Self::EightGaussians | Self::Pinwheel | Self::Checkerboard => None,
        }
    }
}

/// A whole number below `count`, all equally probable to 2⁻²³.
fn choose(count: usize, rng: &mut HostRng) -> usize {
    (f64::from(rng.uniform()) * count as f64) as usize
}

/// A point with `noise` standard deviations of normal noise on each coordinate.
fn blur([x, y]: [f64; 2], noise: f64, rng: &mut HostRng) -> [f64; 2] {
    [x + noise * f64::from(rng.normal()), y + noise * f64::from(rng.normal())]
}
