//! The sets whose density is in closed form.

use std::f64::consts::{SQRT_2, TAU};

use super::{blur, choose};
use crate::random::HostRng;

pub(super) const GAUSSIANS: usize = 8;
const GAUSSIAN_RADIUS: f64 = 2.0 * SQRT_2;
const GAUSSIAN_DEVIATION: f64 = 0.25 * SQRT_2;

pub(super) const BLADES: usize = 5;
/// Standard deviation of a blade before it is bent: along its radius, across it.
const BLADE_DEVIATIONS: [f64; 2] = [0.3, 0.1];
const BLADE_TWIST: f64 = 0.25;
const BLADE_SCALE: f64 = 2.0;

/// Squares of the whole board along a side, the empty ones too, and the side of one.
const BOARD: usize = 4;
const SQUARE: f64 = 2.0;

pub(super) fn eight_gaussians(x: [f64; 2]) -> f64 {
    let variance = GAUSSIAN_DEVIATION.powi(2);
    let terms: [f64; GAUSSIANS] = std::array::from_fn(|k| {
        let [cx, cy] = gaussian_centre(k);
        -((x[0] - cx).powi(2) + (x[1] - cy).powi(2)) / (2.0 * variance)
    });
    log_sum_exp(&terms) - (GAUSSIANS as f64 * TAU * variance).ln()
}

pub(super) fn draw_eight_gaussians(rng: &mut HostRng) -> ([f64; 2], usize) {
    let k = choose(GAUSSIANS, rng);
    (blur(gaussian_centre(k), GAUSSIAN_DEVIATION, rng), k)
}

fn gaussian_centre(k: usize) -> [f64; 2] {
    turned([GAUSSIAN_RADIUS, 0.0], part_turn(k, GAUSSIANS))
}

pub(super) fn pinwheel(x: [f64; 2]) -> f64 {
    let [radial, tangential] = BLADE_DEVIATIONS;
    let bent = x.map(|x| x / BLADE_SCALE);
    let straight = turned(bent, -twist(bent));
    let terms: [f64; BLADES] = std::array::from_fn(|k| {
        let [a, b] = turned(straight, -part_turn(k, BLADES));
        -0.5 * (((a - 1.0) / radial).powi(2) + (b / tangential).powi(2))
    });
    log_sum_exp(&terms) - (BLADES as f64 * TAU * radial * tangential * BLADE_SCALE.powi(2)).ln()
}

pub(super) fn draw_pinwheel(rng: &mut HostRng) -> ([f64; 2], usize) {
    let [radial, tangential] = BLADE_DEVIATIONS;
    let k = choose(BLADES, rng);
    let y = [1.0 + radial * f64::from(rng.normal()), tangential * f64::from(rng.normal())];
    (turned(y, part_turn(k, BLADES) + twist(y)).map(|x| x * BLADE_SCALE), k)
}

/// How far the pinwheel turns a point. It keeps the radius, so it is undone by the same angle.
/// Beyond radius 300, where the density is less than any f64, the angle stays finite.
fn twist([x, y]: [f64; 2]) -> f64 {
    BLADE_TWIST * x.hypot(y).min(300.0).exp()
}

pub(super) fn checkerboard(x: [f64; 2]) -> f64 {
    // Squares are closed, so that no rounding of a draw leaves them.
    let half = (BOARD / 2) as f64;
    let [i, j] = x.map(|x| x / SQUARE + half);
    let inside = |i: f64, j: f64| {
        let on_board = |i: f64| (0.0..BOARD as f64).contains(&i);
        on_board(i) && on_board(j) && (i + j).rem_euclid(2.0) == 0.0
    };
    let touched = |i: f64| [i.floor(), i.ceil() - 1.0];
    if touched(i).iter().any(|&i| touched(j).iter().any(|&j| inside(i, j))) {
        let squares = (BOARD * BOARD / 2) as f64;
        -squares.ln() - 2.0 * SQUARE.ln()
    } else {
        f64::NEG_INFINITY
    }
}

pub(super) fn draw_checkerboard(rng: &mut HostRng) -> ([f64; 2], usize) {
    let row = choose(BOARD, rng);
    let column = 2 * choose(BOARD / 2, rng) + row % 2;
    let place = [column, row].map(|square| {
        let within = f64::from(rng.uniform());
        SQUARE * (square as f64 + within - (BOARD / 2) as f64)
    });
    (place, 0)
}

/// The angle of part `k` of `parts` of a whole turn.
fn part_turn(k: usize, parts: usize) -> f64 {
    TAU * k as f64 / parts as f64
}

fn turned([x, y]: [f64; 2], angle: f64) -> [f64; 2] {
    let (sin, cos) = angle.sin_cos();
    [x * cos - y * sin, x * sin + y * cos]
}

fn log_sum_exp(terms: &[f64]) -> f64 {
    let greatest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    greatest + terms.iter().map(|t| (t - greatest).exp()).sum::<f64>().ln()
}
