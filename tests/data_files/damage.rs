//! Random damage to sound files: whatever comes of it, never a panic.

use proptest::prelude::*;
use tempfile::tempdir;
use zip::CompressionMethod::{Deflated, Stored};

use crate::support::*;

/// A sound file of each format.
fn sound() -> Vec<(&'static str, Vec<u8>)> {
    let pictures = idx(&[3, 4, 4], &[77; 48]);
    let array = npy("'<f4'", false, "(3, 4)", &f32s(&[0.5; 12]));
    let fortran =
        npy("'>i2'", true, "(2, 2, 2)", &[0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
    let entries = [("x_train.npy", array.clone()), ("x_test.npy", array.clone())];
    vec![
        ("a.idx", pictures.clone()),
        ("a-ubyte.gz", gz(&pictures)),
        ("a.npy", array),
        ("b.npy", fortran),
        ("a.npz", zip(Stored, &entries)),
        ("b.npz", zip(Deflated, &entries)),
        ("a.csv", b"a,\"b\",c\n1,2,3\n4.5,5e-1,-6\n".to_vec()),
        ("a.csv.gz", gz(b"1,2,3\n4,5,6\n")),
        ("pictures/a.png", png(4, 4, &[9; 16])),
    ]
}

/// Loads the bytes; a set that comes out must be whole.
fn survives(name: &str, bytes: &[u8]) {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), name, bytes);
    let path = if name.ends_with(".png") { path.parent().unwrap() } else { &path };
    match read(path) {
        Err(error) => {
            let text = error.to_string();
            assert!(text.chars().count() < 1000 && !text.chars().any(char::is_control), "{text:?}");
        }
        Ok(set) => {
            for part in [&set.train, &set.validation, &set.test] {
                assert_eq!(part.values.len(), part.rows * part.columns);
                assert!(part.values.iter().all(|value| (0.0..=1.0).contains(value)));
            }
            assert!(!set.train.is_empty());
        }
    }
}

#[test]
fn every_prefix() {
    for (name, bytes) in sound() {
        for length in 0..bytes.len() {
            survives(name, &bytes[..length]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes(
        file in 0_usize..9,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let (name, mut bytes) = sound().swap_remove(file);
        for (place, byte) in flips {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        survives(name, &bytes);
    }

    /// Extreme numbers at any place: sizes, offsets and counts.
    #[test]
    fn extreme_fields(
        file in 0_usize..9,
        place in any::<prop::sample::Index>(),
        width in 1_usize..9,
        byte in prop::sample::select(vec![0x00, 0x7f, 0x80, 0xff]),
    ) {
        let (name, mut bytes) = sound().swap_remove(file);
        let start = place.index(bytes.len());
        let end = (start + width).min(bytes.len());
        bytes[start..end].fill(byte);
        survives(name, &bytes);
    }

    #[test]
    fn inserted_and_removed_bytes(
        file in 0_usize..9,
        place in any::<prop::sample::Index>(),
        removed in 0_usize..20,
        inserted in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let (name, mut bytes) = sound().swap_remove(file);
        let start = place.index(bytes.len());
        let end = (start + removed).min(bytes.len());
        bytes.splice(start..end, inserted);
        survives(name, &bytes);
    }

    #[test]
    fn noise(file in 0_usize..9, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        survives(sound()[file].0, &bytes);
    }
}
