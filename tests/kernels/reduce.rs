//! reduce against sums in f64.

use ergodic::device::{Reduce, RowWeights};

use crate::common::{assert_within, devices_with_checks, normals, read, upload, wide};

/// Relative to the sum of the absolute terms.
const TOLERANCE: f64 = 1e-5;

#[test]
fn column_sums() {
    for (rows, columns) in [(1, 1), (3, 255), (130, 256), (65, 257), (1000, 3), (4097, 17)] {
        let x = normals(rows * columns, 1);
        let each = normals(rows, 2);
        let start = normals(columns, 3);
        for (label, device) in devices_with_checks() {
            let on_device = upload(&device, rows, columns, &x);
            // As a column or as a row.
            let (n, m) = if columns % 2 == 0 { (1, rows) } else { (rows, 1) };
            let weights = upload(&device, n, m, &each);
            for (uniform, accumulate) in
                [(true, false), (true, true), (false, false), (false, true)]
            {
                let mut out = upload(&device, 1, columns, &start);
                let by_row =
                    if uniform { RowWeights::Uniform(-0.3) } else { RowWeights::Each(&weights) };
                let call = Reduce::ColumnSum { weights: by_row, accumulate };
                device.reduce(call, &on_device, &mut out).unwrap();
                let mut wanted = if accumulate { wide(&start) } else { vec![0.0; columns] };
                let mut scale: Vec<f64> = wanted.iter().map(|x| x.abs()).collect();
                for (index, x) in x.iter().enumerate() {
                    let weight = if uniform { -0.3 } else { each[index / columns] };
                    let term = f64::from(weight) * f64::from(*x);
                    wanted[index % columns] += term;
                    scale[index % columns] += term.abs();
                }
                let bounds: Vec<f64> = scale.iter().map(|scale| TOLERANCE * scale).collect();
                let what = format!("{label}: {rows} x {columns}, {uniform}, {accumulate}");
                assert_within(&what, &read(&device, &out), &wanted, &bounds);
            }
        }
    }
}

#[test]
fn sums_of_squares_and_squared_distances() {
    for (rows, columns) in
        [(1, 1), (3, 5), (1, 255), (16, 16), (257, 1), (130, 300), (1, 65_536), (409, 481)]
    {
        let (x, y) = (normals(rows * columns, 1), normals(rows * columns, 2));
        let squares: f64 = wide(&x).iter().map(|x| x * x).sum();
        let distance: f64 = wide(&x).iter().zip(wide(&y)).map(|(x, y)| (x - y).powi(2)).sum();
        for (label, device) in devices_with_checks() {
            let (x, y) = (upload(&device, rows, columns, &x), upload(&device, rows, columns, &y));
            // What `out` held does not count.
            let mut out = upload(&device, 1, 1, &[7.0]);
            let what = format!("{label}: {rows} x {columns}");
            device.reduce(Reduce::SumOfSquares, &x, &mut out).unwrap();
            assert_within(&what, &read(&device, &out), &[squares], &[TOLERANCE * squares]);
            device.reduce(Reduce::SquaredDistance(&y), &x, &mut out).unwrap();
            assert_within(&what, &read(&device, &out), &[distance], &[TOLERANCE * distance]);
        }
    }
}

#[test]
fn dot_products_of_rows() {
    let shapes =
        [(1, 1), (3, 5), (257, 1), (17, 15), (16, 16), (63, 17), (65, 63), (2, 65), (33, 257)];
    // The other has a row for each, or one for all and the result lies in a row.
    for ((rows, columns), one) in
        shapes.into_iter().flat_map(|shape| [(shape, false), (shape, true)])
    {
        let x = normals(rows * columns, 1);
        let of_other = if one { 1 } else { rows };
        let y = normals(of_other * columns, 2);
        let all = wide(&y).repeat(rows / of_other);
        let terms: Vec<f64> = wide(&x).iter().zip(&all).map(|(x, y)| x * y).collect();
        let by_row = |f: fn(f64) -> f64| -> Vec<f64> {
            terms.chunks(columns).map(|row| row.iter().copied().map(f).sum()).collect()
        };
        let (wanted, sizes) = (by_row(|term| term), by_row(f64::abs));
        let bounds: Vec<f64> = sizes.iter().map(|size| 1e-6 * size).collect();
        for (label, device) in devices_with_checks() {
            let x = upload(&device, rows, columns, &x);
            let y = upload(&device, of_other, columns, &y);
            let shape = if one { (1, rows) } else { (rows, 1) };
            let mut out = upload(&device, shape.0, shape.1, &vec![f32::NAN; rows]);
            device.reduce(Reduce::RowDot(&y), &x, &mut out).unwrap();
            let what = format!("{label}: {rows} x {columns}, one row: {one}");
            assert_within(&what, &read(&device, &out), &wanted, &bounds);
        }
    }
}

#[test]
fn values_that_are_not_finite_are_counted() {
    let mut values = normals(41 * 50, 1);
    values[0] = f32::NAN;
    values[7] = f32::INFINITY;
    values[255] = f32::NEG_INFINITY;
    values[1000] = -f32::NAN;
    values[2048] = f32::from_bits(0x7f80_0001);
    values[2049] = f32::from_bits(0xffff_ffff);
    values[3] = f32::MAX;
    values[4] = f32::MIN;
    values[5] = f32::from_bits(1);
    for (label, device) in devices_with_checks() {
        let x = upload(&device, 41, 50, &values);
        let mut out = device.zeros(1, 1).unwrap();
        device.reduce(Reduce::NonFinite, &x, &mut out).unwrap();
        assert_eq!(read(&device, &out), [6.0], "{label}");
        let clean = upload(&device, 41, 50, &normals(41 * 50, 1));
        device.reduce(Reduce::NonFinite, &clean, &mut out).unwrap();
        assert_eq!(read(&device, &out), [0.0], "{label}");
    }
}
