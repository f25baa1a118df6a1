//! normalize against f64.

use crate::common::{assert_within, devices_with_checks, normals, raw, read, upload, wide};

/// Factors of rows: their squares under- and overflow f32.
const FACTORS: [f32; 8] = [1.0, 1e25, 1e-25, 1e4, 1e30, 1e-30, 0.0, 1e-3];

#[test]
fn rows_of_every_length_and_size() {
    for (rows, columns) in
        [(1, 1), (16, 1), (257, 2), (9, 3), (65, 15), (17, 16), (63, 17), (40, 63), (8, 257)]
    {
        let x: Vec<f32> = normals(rows * columns, 1)
            .iter()
            .enumerate()
            .map(|(i, x)| x * FACTORS[i / columns % FACTORS.len()])
            .collect();
        let norms: Vec<f64> = wide(&x)
            .chunks(columns)
            .map(|row| row.iter().map(|x| x * x).sum::<f64>().sqrt())
            .collect();
        let divided = |(i, x): (usize, f64)| match norms[i / columns] {
            0.0 => 0.0,
            norm => x / norm,
        };
        let wanted: Vec<f64> = wide(&x).into_iter().enumerate().map(divided).collect();
        let bound =
            |values: &[f64]| -> Vec<f64> { values.iter().map(|x| 1e-6 * x.abs()).collect() };
        for (label, device) in devices_with_checks() {
            let mut out = upload(&device, rows, columns, &x);
            let mut found = upload(&device, rows, 1, &vec![f32::NAN; rows]);
            device.normalize(&mut out, &mut found).unwrap();
            let what = format!("{label}: {rows} x {columns}");
            assert_within(&format!("{what}, rows"), &read(&device, &out), &wanted, &bound(&wanted));
            let found = read(&device, &found);
            assert_within(&format!("{what}, norms"), &found, &norms, &bound(&norms));
        }
    }
}

/// Rows do not depend on each other, nor on how many there are.
#[test]
fn a_row_has_the_same_bits_alone() {
    let (rows, columns) = (70, 21);
    let x = normals(rows * columns, 1);
    for (label, device) in devices_with_checks() {
        let run = |x: &[f32]| {
            let rows = x.len() / columns;
            let mut out = upload(&device, rows, columns, x);
            device.normalize(&mut out, &mut device.zeros(rows, 1).unwrap()).unwrap();
            read(&device, &out)
        };
        let all = run(&x);
        for row in [0, 15, 16, 69] {
            let range = row * columns..(row + 1) * columns;
            assert_eq!(raw(&run(&x[range.clone()])), raw(&all[range]), "{label}: row {row}");
        }
    }
}
