//! upload, write, gather, read, duplicate and copy_rows move bits and touch nothing else.

use crate::common::{devices_with_checks, normals, raw, read, upload};

#[test]
fn what_is_uploaded_is_read_back() {
    for (label, device) in devices_with_checks() {
        for (rows, columns) in [(1, 1), (3, 5), (65, 7), (1, 1025)] {
            let mut values = normals(rows * columns, 1);
            values[0] = -0.0;
            let array = upload(&device, rows, columns, &values);
            assert_eq!(array.shape(), (rows, columns));
            assert_eq!(raw(&read(&device, &array)), raw(&values), "{label}");
            let copy = device.duplicate(&array).unwrap();
            assert_eq!(raw(&read(&device, &copy)), raw(&values), "{label}: duplicate");
        }
        let specials = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX, f32::MIN_POSITIVE];
        let array = upload(&device, 1, 5, &specials);
        assert_eq!(raw(&read(&device, &array)), raw(&specials), "{label}: special values");
    }
}

#[test]
fn a_new_array_is_zero() {
    for (label, device) in devices_with_checks() {
        // Soil memory first, so that a backend that does not clear would show it.
        drop(upload(&device, 300, 7, &normals(2100, 2)));
        let array = device.zeros(300, 7).unwrap();
        assert_eq!(raw(&read(&device, &array)), vec![0; 2100], "{label}");
    }
}

#[test]
fn write_and_copy_change_their_rows_only() {
    let (a, b) = (normals(6 * 3, 3), normals(4 * 3, 4));
    for (label, device) in devices_with_checks() {
        let mut target = upload(&device, 6, 3, &a);
        device.write(&mut target, 1, &b[..6]).unwrap();
        let mut wanted = a.clone();
        wanted[3..9].copy_from_slice(&b[..6]);
        assert_eq!(read(&device, &target), wanted, "{label}: write");

        let source = upload(&device, 4, 3, &b);
        device.copy_rows(&source, 2, &mut target, 4, 2).unwrap();
        wanted[12..18].copy_from_slice(&b[6..12]);
        assert_eq!(read(&device, &target), wanted, "{label}: copy_rows");
    }
}

#[test]
fn rows_are_gathered_in_the_order_of_their_numbers() {
    // Few, and so many that threads share them.
    for (held, columns, rows) in [(4, 3, vec![3, 0, 0]), (90, 700, (0..90).rev().collect())] {
        let source = normals(held * columns, 5);
        let wanted: Vec<f32> =
            rows.iter().flat_map(|row| &source[row * columns..][..columns]).copied().collect();
        for (label, device) in devices_with_checks() {
            let mut target = upload(&device, rows.len(), columns, &vec![7.0; wanted.len()]);
            device.gather(&mut target, &source, &rows).unwrap();
            assert_eq!(raw(&read(&device, &target)), raw(&wanted), "{label}: {held} x {columns}");
        }
    }
}

/// A write comes after the work that was queued before it, and before the work queued later.
#[test]
fn writes_keep_their_place_among_queued_work() {
    for (label, device) in devices_with_checks() {
        let mut x = upload(&device, 2, 2, &[1.0, 2.0, 3.0, 4.0]);
        let mut old = device.zeros(2, 2).unwrap();
        let mut new = device.zeros(2, 2).unwrap();
        device.copy_rows(&x, 0, &mut old, 0, 2).unwrap();
        device.write(&mut x, 1, &[5.0, 6.0]).unwrap();
        device.copy_rows(&x, 0, &mut new, 0, 2).unwrap();
        assert_eq!(read(&device, &old), [1.0, 2.0, 3.0, 4.0], "{label}");
        assert_eq!(read(&device, &new), [1.0, 2.0, 5.0, 6.0], "{label}");
    }
}
