//! A function over a box of the plane, known on a grid.

use super::PlotError;

/// Values of a log-density (or of −energy: a constant added to all changes nothing) in the
/// middles of `columns` × `rows` equal cells that tile a box, row by row, the row of the lowest y
/// first: where [`field_points`] says. NaN and −∞ mean no density.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// `[rows, columns]`, row-major.
    pub values: &'a [f64],
    /// Cells from left to right.
    pub columns: usize,
    /// Cells from bottom to top.
    pub rows: usize,
    /// Left and right edge of the box.
    pub x: (f64, f64),
    /// Lower and upper edge of the box.
    pub y: (f64, f64),
}

/// The points (x, y) at which a [`Field`] wants its values, in its order: the middles of the
/// cells, so that a mean over them is the midpoint rule.
pub fn field_points(columns: usize, rows: usize, x: (f64, f64), y: (f64, f64)) -> Vec<[f64; 2]> {
    let middle = |(low, high): (f64, f64), cell: usize, cells: usize| {
        low + (high - low) * (cell as f64 + 0.5) / cells as f64
    };
    (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (column, row)))
        .map(|(column, row)| [middle(x, column, columns), middle(y, row, rows)])
        .collect()
}

impl Field<'_> {
    /// Refuses what cannot be drawn.
    pub(super) fn check(&self) -> Result<(), PlotError> {
        if self.columns == 0 || self.rows == 0 {
            return Err(PlotError::Empty { picture: "density map", what: "cells" });
        }
        if Some(self.values.len()) != self.columns.checked_mul(self.rows) {
            let wanted = format!("{} x {} (columns x rows)", self.columns, self.rows);
            let found = self.values.len();
            return Err(PlotError::Length { what: "values of a density map", found, wanted });
        }
        for (what, (low, high)) in [("x", self.x), ("y", self.y)] {
            if !(low < high && (high - low).is_finite()) {
                return Err(PlotError::Range { what, low, high });
            }
        }
        if let Some(index) = self.values.iter().position(|&value| value == f64::INFINITY) {
            let wanted = "a log-density: finite, −inf or NaN";
            let what = "value of a density map";
            return Err(PlotError::Value { what, index, found: f64::INFINITY, wanted });
        }
        if !self.values.iter().any(|value| value.is_finite()) {
            return Err(PlotError::NoDensity { cells: self.values.len() });
        }
        Ok(())
    }

    /// The density in each cell over the largest: 0 to 1.
    pub(super) fn relative(&self) -> Vec<f64> {
        let finite = self.values.iter().copied().filter(|value| value.is_finite());
        let most = finite.fold(f64::NEG_INFINITY, f64::max);
        let relative = |&value: &f64| if value.is_finite() { (value - most).exp() } else { 0.0 };
        self.values.iter().map(relative).collect()
    }

    /// Where a point of the plane lies in cells, (0, 0) the middle of the first: the coordinates of
    /// [`contour`](super::contours::contour).
    pub(super) fn cell(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let place = |v: f64, (low, high): (f64, f64), cells: usize| {
            (v - low) / (high - low) * cells as f64 - 0.5
        };
        [place(x, self.x, self.columns), place(y, self.y, self.rows)]
    }

    /// `cells` (one number a cell) at a place in cells, linear in between, level beyond the
    /// outermost middles.
    pub(super) fn interpolate(&self, cells: &[f64], [column, row]: [f64; 2]) -> f64 {
        let split = |place: f64, count: usize| {
            let place = place.clamp(0.0, (count - 1) as f64);
            let below = place.floor() as usize;
            (below, (below + 1).min(count - 1), place - place.floor())
        };
        let (left, right, u) = split(column, self.columns);
        let (low, high, v) = split(row, self.rows);
        let at = |column: usize, row: usize| cells[row * self.columns + column];
        let lower = at(left, low) * (1.0 - u) + at(right, low) * u;
        let upper = at(left, high) * (1.0 - u) + at(right, high) * u;
        lower * (1.0 - v) + upper * v
    }
}
