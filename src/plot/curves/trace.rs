//! From the points of a series to lines on the screen: gaps, thinning.

/// Values beyond this are not drawn, so that no difference of two overflows.
const LARGEST: f64 = 1e300;

/// Whether a point has a place in a plot; one that has none leaves a gap.
pub(super) fn drawable(&(x, y): &(f64, f64)) -> bool {
    x.abs() <= LARGEST && y.abs() <= LARGEST
}

/// The unbroken stretches of a series on the screen; a stretch may be a single point.
///
/// Points that share a column of pixels are thinned to the first, lowest, highest and last of
/// them, which looks the same and keeps a series of 10⁵ points quick.
pub(super) fn stretches(
    points: &[(f64, f64)],
    screen: impl Fn(f64, f64) -> (f64, f64),
) -> Vec<Vec<(f64, f64)>> {
    points
        .split(|point| !drawable(point))
        .filter(|stretch| !stretch.is_empty())
        .map(|stretch| {
            let placed: Vec<_> = stretch.iter().map(|&(x, y)| screen(x, y)).collect();
            placed.chunk_by(|a, b| a.0.floor() == b.0.floor()).flat_map(thin).collect()
        })
        .collect()
}

/// First, lowest, highest and last of the points of one column, in their order.
fn thin(column: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if column.len() <= 4 {
        return column.to_vec();
    }
    let by_height = |&a: &usize, &b: &usize| column[a].1.total_cmp(&column[b].1);
    let low = (0..column.len()).min_by(by_height).unwrap_or(0);
    let high = (0..column.len()).max_by(by_height).unwrap_or(0);
    let mut keep = vec![0, low, high, column.len() - 1];
    keep.sort_unstable();
    keep.dedup();
    keep.into_iter().map(|index| column[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_parts_the_line() {
        let nan = f64::NAN;
        let points =
            [(0.0, 1.0), (1.0, nan), (2.0, 3.0), (3.0, 4.0), (nan, 5.0), (4.0, f64::INFINITY)];
        let lines = stretches(&points, |x, y| (x, y));
        assert_eq!(lines, [vec![(0.0, 1.0)], vec![(2.0, 3.0), (3.0, 4.0)]]);
        assert!(stretches(&[], |x, y| (x, y)).is_empty());
    }

    #[test]
    fn thinning_keeps_the_extremes_of_every_column() {
        let value = |i: usize| ((i * 7919) % 1009) as f64;
        let points: Vec<_> = (0..100_000).map(|i| (i as f64, value(i))).collect();
        let lines = stretches(&points, |x, y| (x / 1000.0, y));
        assert_eq!(lines.len(), 1);
        assert!(lines[0].len() <= 4 * 100);
        assert_eq!(lines[0][0], (0.0, 0.0));
        for column in 0..100 {
            let all = || (column * 1000..(column + 1) * 1000).map(value);
            let kept = || lines[0].iter().filter(|p| p.0.floor() == column as f64).map(|p| p.1);
            assert_eq!(kept().fold(0.0, f64::max), all().fold(0.0, f64::max));
            assert_eq!(kept().fold(2e3, f64::min), all().fold(2e3, f64::min));
        }
    }
}
