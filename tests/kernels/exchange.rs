//! exchange against f64: log α, decisions, what is swapped, round trips, and pairs that have failed.

use ergodic::{
    device::{Device, Draw, Exchange, LABELS, LARGEST_ENERGY, TALLY},
    random::Stream,
};

use crate::{
    common::{devices_with_checks, normals, normals_of, read, upload},
    oracle::uniform_of,
};

const DRAW: Draw = Draw { seed: 12, step: 5, stream: Stream::Exchange };
const BETAS: [f32; 2] = [0.3, 0.8];

/// The operands of a call; a list a rung.
#[derive(Clone)]
struct Case {
    n: usize,
    d: usize,
    h: usize,
    differences: [Vec<f32>; 2],
    visible: [Vec<f32>; 2],
    hidden: [Vec<f32>; 2],
    labels: [Vec<f32>; 2],
    tally: Vec<f32>,
}

impl Case {
    fn random(n: usize, d: usize, h: usize) -> Self {
        // Headings 0, 1, 2 and trips so far.
        let labels = |shift: usize| -> Vec<f32> {
            (0..n).flat_map(|row| [((row + shift) % 3) as f32, (row % 7) as f32]).collect()
        };
        Self {
            n,
            d,
            h,
            differences: [1, 2].map(|seed| normals_of(n, 3.0, seed)),
            visible: [3, 4].map(|seed| normals(n * d, seed)),
            hidden: [5, 6].map(|seed| normals(n * h, seed)),
            labels: [labels(0), labels(1)],
            tally: normals(n * TALLY, 7),
        }
    }

    fn run(&self, device: &Device, ends: [bool; 2]) -> Self {
        let Self { n, d, h, .. } = *self;
        let array = |values: &Vec<f32>| upload(device, n, values.len() / n, values);
        let differences = self.differences.each_ref().map(array);
        let mut visible = self.visible.each_ref().map(array);
        let mut hidden = self.hidden.each_ref().map(array);
        let mut labels = self.labels.each_ref().map(array);
        let mut tally = array(&self.tally);
        device
            .exchange(Exchange {
                betas: BETAS,
                differences: differences.each_ref(),
                states: &mut [visible.each_mut(), hidden.each_mut()],
                labels: labels.each_mut(),
                ends,
                tally: &mut tally,
                draw: DRAW,
            })
            .unwrap();
        let back = |arrays: [_; 2]| arrays.map(|array| read(device, &array));
        Self {
            n,
            d,
            h,
            differences: back(differences),
            visible: back(visible),
            hidden: back(hidden),
            labels: back(labels),
            tally: read(device, &tally),
        }
    }

    fn row<'a>(&self, values: &'a [f32], row: usize) -> &'a [f32] {
        let columns = values.len() / self.n;
        &values[row * columns..(row + 1) * columns]
    }
}

/// Asserts that row `row` was swapped, or not, whole, and its labels with it.
fn check_row(what: &str, before: &Case, after: &Case, row: usize, swapped: bool, ends: [bool; 2]) {
    for (old, new) in [(&before.visible, &after.visible), (&before.hidden, &after.hidden)] {
        for rung in 0..2 {
            let from = if swapped { 1 - rung } else { rung };
            let [new, old] = [&new[rung], &old[from]].map(|values| before.row(values, row));
            assert_eq!(new, old, "{what}: states of rung {rung}");
        }
    }
    for rung in 0..2 {
        let from = if swapped { 1 - rung } else { rung };
        let [heading, trips] = [0, 1].map(|at| before.labels[from][row * LABELS + at]);
        let wanted = match (rung, ends) {
            (0, [true, _]) => [1.0, trips + f32::from(u8::from(heading == 2.0))],
            (1, [_, true]) if heading == 1.0 => [2.0, trips],
            _ => [heading, trips],
        };
        assert_eq!(before.row(&after.labels[rung], row), wanted, "{what}: labels of rung {rung}");
    }
}

#[test]
fn pairs_are_judged_as_in_f64() {
    for (label, device) in devices_with_checks() {
        for (n, d, h) in [(1, 1, 1), (5, 3, 2), (700, 2, 1), (64, 17, 33), (33, 784, 500)] {
            for ends in [[false, false], [true, false], [false, true], [true, true]] {
                let case = Case::random(n, d, h);
                let found = case.run(&device, ends);
                let mut swaps = 0;
                for row in 0..n {
                    let what = format!("{label}, row {row} of {n} x {d} x {h}, ends {ends:?}");
                    let [a, b] = [0, 1].map(|rung| f64::from(case.differences[rung][row]));
                    let wanted = (f64::from(BETAS[0]) - f64::from(BETAS[1])) * (a - b);
                    let bound = 1e-6 * (a.abs() + b.abs() + 1.0);
                    let (old, new) = (case.row(&case.tally, row), case.row(&found.tally, row));
                    assert!((f64::from(new[3]) - wanted).abs() <= bound, "{what}: log α");
                    let swapped = found.visible[0][row * d] != case.visible[0][row * d];
                    let log_u = uniform_of(DRAW, row, 0, 1).ln();
                    if (log_u - wanted).abs() > bound + 1e-5 {
                        assert_eq!(swapped, log_u < wanted, "{what}: log u {log_u}, {wanted}");
                    }
                    check_row(&what, &case, &found, row, swapped, ends);
                    assert_eq!(new[0], old[0] + f32::from(u8::from(swapped)), "{what}: swaps");
                    assert_eq!(new[1], old[1], "{what}: failed");
                    let added = f64::from(new[2]) - f64::from(old[2]);
                    assert!(
                        (added - wanted.min(0.0).exp()).abs() <= bound + 1e-6,
                        "{what}: {added}"
                    );
                    swaps += usize::from(swapped);
                }
                // Both outcomes were seen.
                assert!(
                    n < 30 || (swaps > n / 20 && n - swaps > n / 20),
                    "{label}: {swaps} of {n}"
                );
            }
        }
    }
}

/// NaN, infinities and values beyond the range, in either rung, never swap, and are counted.
#[test]
fn failed_pairs_stay() {
    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.1e30, -2e30, f32::MAX];
    let (n, ends) = (40, [true, true]);
    let mut case = Case::random(n, 3, 2);
    for (i, value) in bad.iter().enumerate() {
        case.differences[0][2 * i] = *value;
        case.differences[1][2 * i + 13] = *value;
        // Both bad in one row.
        case.differences[0][30] = *value;
        case.differences[1][30] = *value;
    }
    let failed = |row: usize| {
        (row < 12 && row.is_multiple_of(2))
            || (row % 2 == 1 && (13..25).contains(&row))
            || row == 30
    };
    for (label, device) in devices_with_checks() {
        let found = case.run(&device, ends);
        for row in (0..n).filter(|row| failed(*row)) {
            let what = format!("{label}, row {row}");
            check_row(&what, &case, &found, row, false, ends);
            let old = case.row(&case.tally, row);
            let wanted = [old[0], old[1] + 1.0, old[2], -LARGEST_ENERGY];
            assert_eq!(case.row(&found.tally, row), wanted, "{what}");
        }
        let others = (0..n).filter(|row| !failed(*row));
        let swapped = others.filter(|row| found.visible[0][3 * row] != case.visible[0][3 * row]);
        assert!(swapped.count() > 5, "{label}");
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    for (label, device) in devices_with_checks() {
        let zeros = |rows, columns| device.zeros(rows, columns).unwrap();
        // The differences, the second state, the labels, the tally.
        for (wrong, wanted) in ["difference", "second state", "labels", "tally"].iter().enumerate()
        {
            let shape = |at: usize, rows, columns| {
                if at == wrong { zeros(rows, columns + 1) } else { zeros(rows, columns) }
            };
            let differences = [zeros(4, 1), shape(0, 4, 1)];
            let (mut first, mut second) = (zeros(4, 3), shape(1, 4, 3));
            let mut labels = [zeros(4, LABELS), shape(2, 4, LABELS)];
            let mut tally = shape(3, 4, TALLY);
            let error = device.exchange(Exchange {
                betas: BETAS,
                differences: differences.each_ref(),
                states: &mut [[&mut first, &mut second]],
                labels: labels.each_mut(),
                ends: [true, true],
                tally: &mut tally,
                draw: DRAW,
            });
            let message = error.unwrap_err().to_string();
            assert!(message.contains(&format!("exchange: {wanted}")), "{label}: {message}");
        }
    }
}
