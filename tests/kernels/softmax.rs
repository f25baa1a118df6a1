//! softmax and log-sum-exp against f64.

use crate::common::{assert_within, devices_with_checks, normals_of, read, upload, wide};

fn check(rows: usize, columns: usize, x: &[f32]) {
    let mut wanted = (Vec::new(), Vec::new());
    let mut bounds = (Vec::new(), Vec::new());
    for row in wide(x).chunks(columns) {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = row.iter().map(|x| (x - largest).exp()).sum();
        let log_sum = largest + total.ln();
        for x in row {
            let p = (x - largest).exp() / total;
            wanted.0.push(p);
            // The difference from the largest is rounded to 24 bits.
            bounds.0.push(p * (2e-6 + 1e-7 * (x - largest).abs()) + 2e-38);
        }
        wanted.1.push(log_sum);
        bounds.1.push(1e-6 * (1.0 + log_sum.abs()));
    }
    for (label, device) in devices_with_checks() {
        let on_device = upload(&device, rows, columns, x);
        let mut p = upload(&device, rows, columns, &vec![f32::NAN; x.len()]);
        let mut log_sum = upload(&device, rows, 1, &vec![f32::NAN; rows]);
        device.softmax(&on_device, &mut p, &mut log_sum).unwrap();
        let what = format!("{label}: {rows} x {columns}");
        assert_within(&format!("{what}, p"), &read(&device, &p), &wanted.0, &bounds.0);
        let log_sum = read(&device, &log_sum);
        assert_within(&format!("{what}, log-sum-exp"), &log_sum, &wanted.1, &bounds.1);
    }
}

#[test]
fn rows_of_every_length() {
    let shapes =
        [(1, 1), (3, 5), (257, 1), (65, 2), (64, 10), (130, 16), (63, 63), (5, 65), (64, 257)];
    for (rows, columns) in shapes.into_iter().chain([(2, 5000)]) {
        check(rows, columns, &normals_of(rows * columns, 3.0, 1));
    }
}

#[test]
fn rows_far_from_zero_and_far_apart() {
    let rows = [
        [1e4f32, 1e4 - 1.0, 1e4 - 20.0],
        [-1e4, -1e4 - 2.0, -2e4],
        [1e30, -1e30, 0.0],
        [-1e30, -1e30, -1e30],
        [f32::MAX, f32::MIN, f32::MAX],
        [0.0, -86.0, -200.0],
        [-0.0, 0.0, 1e-30],
    ];
    check(rows.len(), 3, &rows.concat());
}
