//! Sound files of every format come out as they were written.

use ergodic::data::{DataError, ImageShape, Options, Scale, load};
use tempfile::tempdir;
use zip::CompressionMethod::{Deflated, Stored};

use crate::support::*;

const BYTES: Scale = Scale { min: 0.0, max: 255.0 };

fn scaled(bytes: &[u8]) -> Vec<f32> {
    bytes.iter().map(|&b| f32::from(b) / 255.0).collect()
}

/// Every naming in use, packed and plain, with labels and the other parts beside.
#[test]
fn idx_files_bring_labels_and_parts_along() {
    for (train, labels, test, valid, packed) in [
        (
            "train-images-idx3-ubyte",
            "train-labels-idx1-ubyte",
            "t10k-images-idx3-ubyte",
            "valid-images-idx3-ubyte",
            false,
        ),
        (
            "train-images-idx3-ubyte.gz",
            "train-labels-idx1-ubyte.gz",
            "t10k-images-idx3-ubyte.gz",
            "val-images-idx3-ubyte.gz",
            true,
        ),
        (
            "m_train.idx3-ubyte.gz",
            "m_train.idx1-ubyte.gz",
            "m_test.idx3-ubyte.gz",
            "m_valid.idx3-ubyte.gz",
            true,
        ),
        ("train-images.idx", "train-labels.idx", "test-images.idx", "validation-images.idx", false),
    ] {
        let folder = tempdir().unwrap();
        let put = |name: &str, bytes: Vec<u8>| {
            write(folder.path(), name, if packed { gz(&bytes) } else { bytes })
        };
        let train_bytes: Vec<u8> = (0..18).map(|i| i * 15).collect();
        let path = put(train, idx(&[3, 2, 3], &train_bytes));
        put(labels, idx(&[3], &[7, 0, 255]));
        put(test, idx(&[2, 2, 3], &[255; 12]));
        put(valid, idx(&[1, 2, 3], &[51; 6]));
        let by_folder = read(folder.path()).unwrap();
        for set in [read(&path).unwrap(), by_folder] {
            assert_eq!((set.train.rows, set.train.columns), (3, 6), "{train}");
            assert_eq!(set.train.values, scaled(&train_bytes));
            assert_eq!(set.train.labels.as_deref(), Some(&[7, 0, 255][..]));
            assert_eq!((set.test.rows, set.test.values), (2, vec![1.0; 12]));
            assert_eq!((set.validation.rows, set.validation.values), (1, vec![0.2; 6]));
            assert_eq!(set.test.labels, None);
            assert_eq!(set.image, Some(ImageShape { height: 2, width: 3 }));
            assert_eq!((set.scale, set.clamped), (BYTES, 0));
        }
    }
}

#[test]
fn bytes_that_are_bits_stay_bits() {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), "bits_train.idx", idx(&[2, 4], &[0, 1, 1, 0, 1, 1, 1, 1]));
    let set = read(&path).unwrap();
    assert_eq!(set.train.values, [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!((set.scale, set.image), (Scale::default(), None));
    // One grey value in another part, and all parts are grey.
    write(folder.path(), "bits_test.idx", idx(&[1, 4], &[0, 1, 2, 0]));
    assert_eq!(read(&path).unwrap().scale, BYTES);
}

#[test]
fn npy_reads_every_type_order_and_endianness() {
    let folder = tempdir().unwrap();
    let bits = [0_u8, 1, 1, 0, 1, 0];
    let bytes = |convert: &dyn Fn(u8) -> Vec<u8>| bits.iter().flat_map(|&b| convert(b)).collect();
    let cases: [(&str, Vec<u8>); 14] = [
        ("'<f4'", bytes(&|b| f32::from(b).to_le_bytes().into())),
        ("'>f4'", bytes(&|b| f32::from(b).to_be_bytes().into())),
        ("'<f8'", bytes(&|b| f64::from(b).to_le_bytes().into())),
        ("'>f8'", bytes(&|b| f64::from(b).to_be_bytes().into())),
        ("'|u1'", bytes(&|b| vec![b])),
        ("'|i1'", bytes(&|b| vec![b])),
        ("'|b1'", bytes(&|b| vec![b])),
        ("'<u2'", bytes(&|b| u16::from(b).to_le_bytes().into())),
        ("'>i2'", bytes(&|b| i16::from(b).to_be_bytes().into())),
        ("'<i4'", bytes(&|b| i32::from(b).to_le_bytes().into())),
        ("'>u4'", bytes(&|b| u32::from(b).to_be_bytes().into())),
        ("'<i8'", bytes(&|b| i64::from(b).to_le_bytes().into())),
        ("'>i8'", bytes(&|b| i64::from(b).to_be_bytes().into())),
        ("'<u8'", bytes(&|b| u64::from(b).to_le_bytes().into())),
    ];
    for (descr, data) in cases {
        let path = write(folder.path(), "x.npy", npy(descr, false, "(2, 3)", &data));
        let set = read(&path).unwrap();
        assert_eq!((set.train.rows, set.train.columns), (2, 3), "{descr}");
        assert_eq!(set.train.values, [0.0, 1.0, 1.0, 0.0, 1.0, 0.0], "{descr}");
        let path = write(folder.path(), "x.npy", npy(descr, true, "(2, 3)", &data));
        assert_eq!(read(&path).unwrap().train.values, [0.0, 1.0, 1.0, 1.0, 0.0, 0.0], "{descr}");
    }
}

/// numpy: np.arange(12).reshape(2, 3, 2) saved in Fortran order stores a.ravel(order='F') =
/// 0 6 2 8 4 10 1 7 3 9 5 11.
#[test]
fn npy_of_rank_three_is_pictures_in_either_order() {
    let folder = tempdir().unwrap();
    let stored = [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11].map(|v| v as f32 / 16.0);
    let bytes = npy("'<f4'", true, "(2, 3, 2)", &f32s(&stored));
    let set = read(&write(folder.path(), "x.npy", bytes)).unwrap();
    let wanted: Vec<f32> = (0..12).map(|v| v as f32 / 16.0).collect();
    assert_eq!(set.train.values, wanted);
    assert_eq!(set.image, Some(ImageShape { height: 3, width: 2 }));
    assert_eq!(set.scale, Scale::default());
}

#[test]
fn other_numbers_are_scaled_by_the_training_part() {
    let folder = tempdir().unwrap();
    let train = npy("'<f4'", false, "(2, 2)", &f32s(&[-2.0, 0.0, 1.0, 6.0]));
    let test = npy("'<f8'", false, "(1, 2)", &[8.0_f64, -2.0].map(f64::to_le_bytes).concat());
    let path = write(folder.path(), "train.npy", train);
    write(folder.path(), "test.npy", test);
    let set = read(&path).unwrap();
    assert_eq!(set.scale, Scale { min: -2.0, max: 6.0 });
    assert_eq!(set.train.values, [0.0, 0.25, 0.375, 1.0]);
    assert_eq!((set.test.values, set.clamped), (vec![1.0, 0.0], 1));

    let constant = npy("'<f4'", false, "(2, 1)", &f32s(&[5.0, 5.0]));
    let set = read(&write(folder.path(), "constant.npy", constant)).unwrap();
    assert_eq!(set.train.values, [0.0, 0.0]);
    let wide = npy("'<f4'", false, "(3, 1)", &f32s(&[f32::MIN, 0.0, f32::MAX]));
    let set = read(&write(folder.path(), "wide.npy", wide)).unwrap();
    assert_eq!(set.train.values, [0.0, 0.5, 1.0]);
}

#[test]
fn npz_finds_its_arrays_by_name_or_takes_the_only_one() {
    let folder = tempdir().unwrap();
    let matrix = |rows: usize, value: f32| {
        npy("'<f4'", false, &format!("({rows}, 2)"), &f32s(&vec![value; rows * 2]))
    };
    let labels = |labels: &[i64]| {
        let data: Vec<u8> = labels.iter().flat_map(|l| l.to_le_bytes()).collect();
        npy("'<i8'", false, &format!("({},)", labels.len()), &data)
    };
    for method in [Stored, Deflated] {
        let keras = zip(
            method,
            &[
                ("x_test.npy", matrix(1, 0.25)),
                ("X_train.npy", matrix(3, 0.5)),
                ("y_train.npy", labels(&[2, 0, 1])),
                ("y_test.npy", labels(&[1])),
                ("val.npy", matrix(2, 1.0)),
                ("notes.txt", b"not an array".to_vec()),
            ],
        );
        let set = read(&write(folder.path(), "keras.npz", keras)).unwrap();
        assert_eq!((set.train.rows, set.test.rows, set.validation.rows), (3, 1, 2));
        assert_eq!((&set.train.values[..], &set.test.values[..]), (&[0.5; 6][..], &[0.25; 2][..]));
        assert_eq!(set.train.labels, Some(vec![2, 0, 1]));
        assert_eq!(set.test.labels, Some(vec![1]));
        assert_eq!(set.classes(), Some(3));

        let single = zip(method, &[("a.npy", labels(&[1, 2])), ("pixels.npy", matrix(2, 0.5))]);
        let set = read(&write(folder.path(), "single.npz", single)).unwrap();
        assert_eq!((set.train.rows, set.train.columns), (2, 2));

        let two = zip(method, &[("a.npy", matrix(2, 0.5)), ("b.npy", matrix(2, 0.5))]);
        let error = read(&write(folder.path(), "two.npz", two)).unwrap_err().to_string();
        assert!(error.contains("a, b"), "{error}");
    }
}

#[test]
fn csv_finds_header_and_label_column() {
    let folder = tempdir().unwrap();
    let named = "sepal,\"petal\",species\n0.5, 1,setosa\n0,0.25,virginica\r\n\n1,1,setosa\n";
    let plain = "3,0.5,1\n0,0,0.25\n3,1,1\n";
    let cases = [
        (named, Some("species"), vec![0, 1, 0], Some(vec!["setosa", "virginica"])),
        (named, Some("-1"), vec![0, 1, 0], Some(vec!["setosa", "virginica"])),
        (named, Some("2"), vec![0, 1, 0], Some(vec!["setosa", "virginica"])),
        (plain, Some("0"), vec![3, 0, 3], None),
        (plain, Some("-3"), vec![3, 0, 3], None),
    ];
    for (text, label, labels, names) in cases {
        for bytes in [text.as_bytes().to_vec(), gz(text.as_bytes())] {
            let path = write(folder.path(), "table.csv", bytes);
            let options = Options { label: label.map(String::from), ..whole() };
            let set = load(path.to_str().unwrap(), &options).unwrap();
            assert_eq!(set.train.values, [0.5, 1.0, 0.0, 0.25, 1.0, 1.0], "{label:?}");
            assert_eq!(set.train.labels.as_ref(), Some(&labels), "{label:?}");
            let names = names.clone().map(|names| names.into_iter().map(String::from).collect());
            assert_eq!(set.class_names, names);
        }
    }
    let bom = write(folder.path(), "bom.csv", "\u{feff}0,1\n1,0\n");
    assert_eq!(read(&bom).unwrap().train.values, [0.0, 1.0, 1.0, 0.0]);
    let last_line_open = write(folder.path(), "open.csv", "a,b\n0,1");
    assert_eq!(read(&last_line_open).unwrap().train.values, [0.0, 1.0]);
}

/// Names are numbered over all parts, whatever order each meets them in.
#[test]
fn csv_parts_share_their_classes() {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), "train.csv", "x,y\n1,dog\n0,cat\n");
    write(folder.path(), "test.csv", "x,y\n0,ant\n0,dog\n");
    let options = Options { label: Some("y".into()), ..whole() };
    let set = load(path.to_str().unwrap(), &options).unwrap();
    assert_eq!(set.class_names.as_deref().unwrap(), ["ant", "cat", "dog"]);
    assert_eq!(set.train.labels, Some(vec![2, 1]));
    assert_eq!(set.test.labels, Some(vec![0, 2]));
}

#[test]
fn csv_errors_name_line_and_column() {
    let folder = tempdir().unwrap();
    let message = |text: &str, label: Option<&str>| {
        let path = write(folder.path(), "bad.csv", text);
        let options = Options { label: label.map(String::from), ..whole() };
        load(path.to_str().unwrap(), &options).unwrap_err().to_string()
    };
    for (text, label, parts) in [
        ("a,b\n1,2\n3,four\n", None, ["line 3, column 1", "'b'", "'four'"]),
        ("1,2\n3,\n", None, ["line 2, column 1", "found ''", "finite number"]),
        ("1,2\n\n3,nan\n", None, ["line 3, column 1", "'nan'", "finite"]),
        ("1,2\n1e39,0\n", None, ["line 2, column 0", "'1e39'", "finite"]),
        ("1,2\n3,4,5\n", None, ["cells in line 2", "is 3", "wanted 2"]),
        ("a,class\n1,0.5\n", Some("class"), ["line 2, column 1", "'0.5'", "whole number"]),
        ("a,class\n1,70000\n", Some("class"), ["line 2", "'70000'", "65535"]),
        ("a,class\n1,\n", Some("class"), ["line 2", "found ''", "a class"]),
        ("a,class\n1,2\n", Some("clas"), ["no column 'clas'", "mean 'class'", "a, class"]),
        ("1,2\n3,4\n", Some("2"), ["no column '2'", "no header", "from 0 to 1"]),
        ("1,2\n3,4\n", Some("-3"), ["no column '-3'", "no header", "from 0 to 1"]),
        ("label\n3\n", Some("label"), ["no data", "no column beside", "labels"]),
        ("a,b\n", None, ["no data", "header", "no line after"]),
        ("\n\n\n", None, ["no data", "blank", "at least one"]),
    ] {
        let error = message(text, label);
        for part in parts {
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}

#[test]
fn png_folders_are_pictures_and_sub_folders_classes() {
    let folder = tempdir().unwrap();
    write(folder.path(), "cats/2.png", png(3, 2, &[0, 51, 102, 153, 204, 255]));
    write(folder.path(), "ants/10.PNG", png(3, 2, &[255; 6]));
    write(folder.path(), "cats/1.png", png(3, 2, &[0; 6]));
    write(folder.path(), "cats/readme.txt", "no picture");
    write(folder.path(), ".hidden/1.png", png(1, 1, &[0]));
    let set = read(folder.path()).unwrap();
    assert_eq!((set.train.rows, set.train.columns), (3, 6));
    assert_eq!(set.image, Some(ImageShape { height: 2, width: 3 }));
    assert_eq!(set.train.labels, Some(vec![0, 1, 1]));
    assert_eq!(set.class_names.as_deref().unwrap(), ["ants", "cats"]);
    assert_eq!(set.train.row(0), [1.0; 6]);
    assert_eq!(set.train.row(2), scaled(&[0, 51, 102, 153, 204, 255]));

    let cats = read(&folder.path().join("cats")).unwrap();
    assert_eq!((cats.train.rows, cats.train.labels), (2, None));

    // Colour becomes grey; numbers as names are the classes.
    let digits = tempdir().unwrap();
    std::fs::create_dir(digits.path().join("7")).unwrap();
    let white = image::RgbaImage::from_pixel(1, 1, image::Rgba([255, 255, 255, 255]));
    white.save(digits.path().join("7/a.png")).unwrap();
    let set = read(digits.path()).unwrap();
    assert_eq!(
        (set.train.values, set.train.labels, set.class_names),
        (vec![1.0], Some(vec![7]), None)
    );

    write(folder.path(), "cats/3.png", png(2, 3, &[0; 6]));
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("3.png has 2 x 3 pixels") && error.contains("3 x 2"), "{error}");
    write(folder.path(), "1.png", png(3, 2, &[0; 6]));
    assert!(matches!(read(folder.path()), Err(DataError::Malformed { .. })));
}

#[test]
fn without_a_test_part_a_share_is_held_out() {
    let folder = tempdir().unwrap();
    let text: String = (0..200).map(|i| format!("{},{i}\n", f64::from(i) / 199.0)).collect();
    let path = write(folder.path(), "all.csv", text);
    let split = |holdout, seed| {
        let options = Options { label: Some("1".into()), holdout, seed, ..Options::default() };
        load(path.to_str().unwrap(), &options).unwrap()
    };
    let set = split(0.1, 1);
    assert_eq!((set.train.rows, set.validation.rows, set.test.rows), (180, 0, 20));
    let (train, test) = (set.train.labels.unwrap(), set.test.labels.unwrap());
    assert!(train.is_sorted() && test.is_sorted(), "parts keep their order");
    let mut all = [train, test.clone()].concat();
    all.sort_unstable();
    assert_eq!(all, (0..200).collect::<Vec<u32>>());
    for (label, value) in test.iter().zip(&set.test.values) {
        assert!((value * 199.0 - *label as f32).abs() < 1e-3, "labels stay with their rows");
    }
    assert_eq!(split(0.1, 1).test.labels, Some(test.clone()));
    assert_ne!(split(0.1, 2).test.labels, Some(test));
    assert_eq!(split(0.999, 1).train.rows, 1, "one example is always left to train on");
    assert!(split(0.0, 1).test.is_empty());
    for holdout in [1.0, -0.1, f64::NAN] {
        assert!(load("digits", &Options { holdout, ..Options::default() }).is_err());
    }
}

#[test]
fn square_rows_are_taken_for_pictures() {
    let folder = tempdir().unwrap();
    for (columns, side) in [(4, None), (9, None), (16, Some(4)), (17, None), (784, Some(28))] {
        let path = write(folder.path(), "x.csv", vec!["1"; columns].join(","));
        let image = side.map(|side| ImageShape { height: side, width: side });
        assert_eq!(read(&path).unwrap().image, image, "{columns}");
    }
}

#[test]
fn formats_are_told_by_content_where_the_name_is_silent() {
    let folder = tempdir().unwrap();
    let array = npy("'<f4'", false, "(1, 2)", &f32s(&[0.0, 1.0]));
    for bytes in [
        idx(&[1, 2], &[0, 1]),
        gz(&idx(&[1, 2], &[0, 1])),
        array.clone(),
        zip(Stored, &[("x.npy", array)]),
    ] {
        let set = read(&write(folder.path(), "nameless", bytes)).unwrap();
        assert_eq!(set.train.values, [0.0, 1.0]);
    }
}

#[test]
fn built_in_names_load_and_unknown_ones_are_explained() {
    for name in ergodic::data::BUILTIN {
        let set = load(name, &Options::default()).unwrap();
        assert_eq!(set.name, *name);
        assert!(set.image.is_some() != set.natural && !set.train.is_empty());
        assert_eq!(set.natural, set.planar.is_some());
    }
    let error = load("digit", &Options::default()).unwrap_err().to_string();
    assert!(error.contains("did you mean 'digits'?"), "{error}");
    assert!(error.contains("bars-and-stripes"), "{error}");
    let error = load("/no/such/file.npy", &Options::default()).unwrap_err().to_string();
    assert!(!error.contains("did you mean"), "{error}");
}
