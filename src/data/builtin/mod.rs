//! The data sets that come with the program.

use std::io::Read;

use flate2::read::GzDecoder;

use super::{DataError, Dataset, Examples, ImageShape, Planar, Scale};

/// Names that [`load`](super::load) knows without a file. `bars-and-stripes:N` gives the N × N
/// version, N from 2 to 8; the plain name means 4 × 4. The rest are those of [`Planar`].
pub const BUILTIN: &[&str] = &[
    "digits",
    "bars-and-stripes",
    "two-moons",
    "eight-gaussians",
    "pinwheel",
    "checkerboard",
    "two-spirals",
    "circles",
    "swiss-roll",
];

/// Source and licence: `digits.txt` beside the file.
const DIGITS: &[u8] = include_bytes!("digits.bin.gz");
const DIGIT_ROWS: usize = 1797;
const DIGIT_PIXELS: usize = 64;

/// The built-in set of that name; `None` where there is none. The seed draws the sets of
/// [`Planar`]; the others are fixed.
pub(super) fn load(name: &str, seed: u64) -> Option<Result<Dataset, DataError>> {
    match name.split_once(':') {
        None if name == "digits" => Some(Ok(digits())),
        None if name == "bars-and-stripes" => Some(Ok(bars_and_stripes(name, 4))),
        Some(("bars-and-stripes", size)) => Some(match size.parse() {
            Ok(size @ 2..=8) => Ok(bars_and_stripes(name, size)),
            _ => Err(DataError::Option {
                option: "bars-and-stripes:N".into(),
                found: super::error::clean(size),
                wanted: "a whole number from 2 to 8".into(),
            }),
        }),
        _ => Planar::from_name(name).map(|set| Ok(set.dataset(seed))),
    }
}

/// The UCI digits: 1,797 pictures of 8 × 8 pixels in the source's order, rows 0 to 999 for
/// training, 1000 to 1349 for validation, 1350 to 1796 for test. Grey values 0 to 16 become v/16.
fn digits() -> Dataset {
    let mut bytes = Vec::with_capacity(DIGIT_ROWS * (DIGIT_PIXELS + 1));
    GzDecoder::new(DIGITS).read_to_end(&mut bytes).expect("the embedded digits unpack");
    let part = |first: usize, last: usize| {
        let records = &bytes[first * (DIGIT_PIXELS + 1)..last * (DIGIT_PIXELS + 1)];
        let mut values = Vec::with_capacity((last - first) * DIGIT_PIXELS);
        let mut labels = Vec::with_capacity(last - first);
        for record in records.chunks_exact(DIGIT_PIXELS + 1) {
            values.extend(record[..DIGIT_PIXELS].iter().map(|&v| f32::from(v) / 16.0));
            labels.push(u32::from(record[DIGIT_PIXELS]));
        }
        Examples { rows: last - first, columns: DIGIT_PIXELS, values, labels: Some(labels) }
    };
    Dataset {
        name: "digits".into(),
        train: part(0, 1000),
        validation: part(1000, 1350),
        test: part(1350, DIGIT_ROWS),
        image: Some(ImageShape { height: 8, width: 8 }),
        scale: Scale { min: 0.0, max: 16.0 },
        ..Dataset::default()
    }
}

/// Bars and stripes: every binary picture of `n` × `n` pixels in which all rows are equal or all
/// columns are equal, 2·2ⁿ − 2 of them (30 for n = 4), each once. The training part is the whole
/// law, so the test part is the same patterns again and the validation part is empty.
///
/// Source: MacKay, Information Theory, Inference, and Learning Algorithms, §43.
fn bars_and_stripes(name: &str, n: usize) -> Dataset {
    let train = patterns(n);
    Dataset {
        name: name.into(),
        test: train.clone(),
        train,
        image: Some(ImageShape { height: n, width: n }),
        ..Dataset::default()
    }
}

/// Bars and stripes of 4 × 4 cells, each `cell` × `cell` pixels.
pub(crate) fn bars_and_stripes_of(cell: ImageShape) -> Examples {
    const SIDE: usize = 4;
    let small = patterns(SIDE);
    let ImageShape { height, width } = cell;
    let columns = SIDE * SIDE * height * width;
    let mut values = Vec::with_capacity(small.rows * columns);
    for pattern in 0..small.rows {
        for y in 0..SIDE * height {
            let row = &small.row(pattern)[y / height * SIDE..][..SIDE];
            values.extend((0..SIDE * width).map(|x| row[x / width]));
        }
    }
    Examples { rows: small.rows, columns, values, labels: None }
}

/// Every pattern of bars or of stripes once.
fn patterns(n: usize) -> Examples {
    let on = |bits: usize, position: usize| (bits >> position & 1) as f32;
    let mut values = Vec::new();
    for bits in 0..1 << n {
        values.extend((0..n * n).map(|pixel| on(bits, pixel / n)));
    }
    // The empty and the full picture are among the above already.
    for bits in 1..(1 << n) - 1 {
        values.extend((0..n * n).map(|pixel| on(bits, pixel % n)));
    }
    Examples { rows: values.len() / (n * n), columns: n * n, values, labels: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(labels: &[u32]) -> Vec<usize> {
        (0..10).map(|class| labels.iter().filter(|&&l| l == class).count()).collect()
    }

    /// Rows, sums and class counts were taken from the UCI text with another program.
    #[test]
    fn digits_are_the_uci_digits() {
        let set = digits();
        let facts = [
            (&set.train, 1000, 314_334.0, vec![99, 102, 100, 104, 98, 100, 101, 99, 98, 99]),
            (&set.validation, 350, 108_404.0, vec![36, 34, 34, 34, 35, 37, 33, 36, 35, 36]),
            (&set.test, 447, 138_980.0, vec![43, 46, 43, 45, 48, 45, 47, 44, 41, 45]),
        ];
        for (part, rows, sum, classes) in facts {
            assert_eq!((part.rows, part.columns, part.values.len()), (rows, 64, rows * 64));
            let total: f64 = part.values.iter().map(|&v| f64::from(v) * 16.0).sum();
            assert_eq!(total, sum);
            assert_eq!(counts(part.labels.as_deref().unwrap()), classes);
            assert!(part.values.iter().all(|v| (0.0..=1.0).contains(v)));
        }
        let first: Vec<f32> = set.train.row(0)[..8].iter().map(|v| v * 16.0).collect();
        assert_eq!(first, [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
        let last: Vec<f32> = set.test.row(446)[56..].iter().map(|v| v * 16.0).collect();
        assert_eq!(last, [0.0, 1.0, 8.0, 12.0, 14.0, 12.0, 1.0, 0.0]);
    }

    #[test]
    fn bars_and_stripes_has_every_pattern_once() {
        for (n, rows) in [(2, 6), (3, 14), (4, 30), (8, 510)] {
            let set = load(&format!("bars-and-stripes:{n}"), 0).unwrap().unwrap();
            assert_eq!((set.train.rows, set.train.columns), (rows, n * n));
            assert_eq!(set.train, set.test);
            assert!(set.validation.is_empty());
            let mut patterns: Vec<Vec<u8>> = (0..rows)
                .map(|row| set.train.row(row).iter().map(|&v| v as u8).collect())
                .collect();
            for p in &patterns {
                let stripes = (0..n * n).all(|i| p[i] == p[i / n * n]);
                let bars = (0..n * n).all(|i| p[i] == p[i % n]);
                assert!(stripes || bars);
            }
            patterns.sort();
            patterns.dedup();
            assert_eq!(patterns.len(), rows);
        }
        for bad in ["1", "9", "", "-3", "four"] {
            assert!(load(&format!("bars-and-stripes:{bad}"), 0).unwrap().is_err(), "{bad}");
        }
        assert!(load("digitz", 0).is_none());
    }
}
