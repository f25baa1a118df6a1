//! Lines of equal density, and the levels at which they hold a share of the mass.

/// Cells whose log-densities differ by less are on the same side of a level: rounding errors must
/// not tear a plateau (a uniform density) apart.
const PLATEAU: f64 = 1e-3;

/// For each share of the mass in (0, 1): the log-density at which the cells that reach it hold at
/// least that share, so the edge of a highest-density region (Hyndman 1996). Values that are not
/// finite hold nothing. Equal levels come once.
pub(super) fn levels(values: &[f64], shares: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let Some(&most) = sorted.first() else { return Vec::new() };
    let total: f64 = sorted.iter().map(|value| (value - most).exp()).sum();
    let mut levels: Vec<f64> = Vec::new();
    for share in shares {
        let mut mass = 0.0;
        let reaches = |value: &&f64| {
            mass += (**value - most).exp();
            mass >= share * total
        };
        let level = sorted.iter().find(reaches).unwrap_or(&sorted[sorted.len() - 1]) - PLATEAU;
        if levels.iter().all(|other| (other - level).abs() > PLATEAU) {
            levels.push(level);
        }
    }
    levels
}

/// The line between cells at or above `level` and cells below (or not finite), by marching squares
/// (linear along the edges between the middles of cells): segments in cells, (0, 0) the middle of
/// the first value. `values` is `[rows, columns]`.
pub(super) fn contour(values: &[f64], columns: usize, level: f64) -> Vec<[[f64; 2]; 2]> {
    let rows = values.len() / columns.max(1);
    let value = |[column, row]: [usize; 2]| values[row * columns + column];
    let inside = |cell: [usize; 2]| value(cell) >= level;
    let crossing = |a: [usize; 2], b: [usize; 2]| {
        let share = (level - value(a)) / (value(b) - value(a));
        // Halfway to a cell without density, whose logarithm says nothing.
        let share = if value(a).is_finite() && value(b).is_finite() { share } else { 0.5 };
        let along = |axis: usize| a[axis] as f64 + share * (b[axis] as f64 - a[axis] as f64);
        [along(0), along(1)]
    };
    let mut segments = Vec::new();
    for row in 0..rows.saturating_sub(1) {
        for column in 0..columns.saturating_sub(1) {
            // Around the square, so that corner i and i + 1 share an edge.
            let corners =
                [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]];
            let edges: Vec<[f64; 2]> = (0..4)
                .map(|i| (corners[i], corners[(i + 1) % 4]))
                .filter(|&(a, b)| inside(a) != inside(b))
                .map(|(a, b)| crossing(a, b))
                .collect();
            match edges[..] {
                [a, b] => segments.push([a, b]),
                // A saddle: the mean of the corners says whether the middle is inside, and so
                // which two opposite corners are cut off.
                [a, b, c, d] => {
                    let middle = corners.into_iter().map(value).sum::<f64>() / 4.0 >= level;
                    let pairs = if middle == inside(corners[0]) {
                        [[a, b], [c, d]]
                    } else {
                        [[d, a], [b, c]]
                    };
                    segments.extend(pairs);
                }
                _ => {}
            }
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::field_points;

    const SIDE: usize = 120;

    fn normal() -> Vec<f64> {
        let points = field_points(SIDE, SIDE, (-5.0, 5.0), (-5.0, 5.0));
        points.iter().map(|[x, y]| -(x * x + y * y) / 2.0 - 7.0).collect()
    }

    #[test]
    fn levels_hold_the_stated_mass_and_are_those_of_the_normal() {
        let values = normal();
        let shares = [0.5, 0.8, 0.95, 0.99];
        let levels = levels(&values, &shares);
        let mass = |level: f64| -> f64 {
            values.iter().filter(|value| **value >= level).map(|value| value.exp()).sum()
        };
        let total = mass(f64::NEG_INFINITY);
        for (level, share) in levels.iter().zip(shares) {
            // The region of a standard normal above a level is a disc of mass 1 − level/peak. Up to
            // eight cells are equal by symmetry, each of at most 5.5e-4 at the first level.
            let disc = 1.0 - (level + 7.0).exp();
            assert!((disc - share).abs() < 8.0 * 5.5e-4 + PLATEAU, "{share}: {disc}");
            let held = mass(*level) / total;
            assert!(held >= share && held < share + 0.01, "{share}: {held}");
        }
        assert_eq!(levels.len(), 4);
    }

    #[test]
    fn a_plateau_has_one_level_and_its_contour_runs_halfway_to_what_is_empty() {
        // Two columns of four filled, with the jitter of f32.
        let values: Vec<f64> = (0..16)
            .map(|i| if i % 4 < 2 { -1.0 + 1e-7 * f64::from(i) } else { f64::NEG_INFINITY })
            .collect();
        let levels = levels(&values, &[0.5, 0.8, 0.95, 0.99]);
        assert_eq!(levels.len(), 1);
        let segments = contour(&values, 4, levels[0]);
        assert_eq!(segments.len(), 3);
        assert!(segments.iter().flatten().all(|place| place[0] == 1.5));
        let nothing = super::levels(&[f64::NAN, f64::NEG_INFINITY], &[0.5]);
        assert!(nothing.is_empty());
    }

    #[test]
    fn the_contour_of_a_normal_is_a_closed_circle() {
        let level = -7.0 - 2.0;
        let segments = contour(&normal(), SIDE, level);
        let cell = 10.0 / SIDE as f64;
        let middle = (SIDE - 1) as f64 / 2.0;
        let radius = |[x, y]: [f64; 2]| (x - middle).hypot(y - middle) * cell;
        assert!(segments.iter().flatten().all(|&place| (radius(place) - 2.0).abs() < 0.01));
        let length: f64 = segments.iter().map(|[a, b]| (a[0] - b[0]).hypot(a[1] - b[1])).sum();
        let around = std::f64::consts::TAU * 2.0;
        assert!((length * cell - around).abs() < 0.01 * around, "{}", length * cell);
    }

    #[test]
    fn saddles_keep_what_the_middle_joins() {
        // Corners high, low, high, low; the mean decides.
        let joined = contour(&[3.0, 0.0, 0.0, 3.0], 2, 1.0);
        let apart = contour(&[1.2, 0.0, 0.0, 1.2], 2, 1.0);
        let cuts = |segments: &[[[f64; 2]; 2]], corner: [f64; 2]| {
            segments.iter().any(|ends| {
                ends.iter().all(|place| (place[0] - corner[0]).hypot(place[1] - corner[1]) < 1.0)
            })
        };
        assert!(joined.len() == 2 && cuts(&joined, [1.0, 0.0]) && cuts(&joined, [0.0, 1.0]));
        assert!(apart.len() == 2 && cuts(&apart, [0.0, 0.0]) && cuts(&apart, [1.0, 1.0]));
        assert!(contour(&[1.0], 1, 0.5).is_empty() && contour(&[], 0, 0.5).is_empty());
    }
}
