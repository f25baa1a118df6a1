//! Every hostile file is a typed error, at once, in little memory.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ergodic::data::{DataError, Options, load};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::tempdir;
use zip::CompressionMethod::{Deflated, Stored};

use crate::support::*;

/// Expects an error in under a second whose message names the file, holds `part`, and is short and
/// free of control characters. The catalogue's cases take milliseconds.
fn refused(path: &Path, part: &str) {
    let start = Instant::now();
    let error = match read(path) {
        Ok(_) => panic!("{} was accepted", path.display()),
        Err(error) => error.to_string(),
    };
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}: {error}", start.elapsed());
    assert!(error.contains(part), "wanted '{part}' in: {error}");
    let name = path.file_name().unwrap().to_string_lossy();
    assert!(error.contains(&*name), "wanted '{name}' in: {error}");
    assert!(error.chars().count() < 1000, "{error}");
    assert!(!error.chars().any(char::is_control), "{error:?}");
    if let Some(peak) = peak_memory() {
        assert!(peak < 256 << 20, "{peak} bytes of memory after {name}");
    }
}

/// The most memory that this process ever had, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

#[test]
fn tiny_files_of_every_name() {
    let folder = tempdir().unwrap();
    for name in ["a.idx", "a-ubyte.gz", "a.npy", "a.npz", "a.csv", "a.csv.gz", "a.png", "a.bin"] {
        refused(
            &write(folder.path(), name, b""),
            if name == "a.png" { "folder" } else { "0 bytes" },
        );
    }
    for name in ["b.idx", "b-ubyte.gz", "b.npy", "b.npz", "b.png", "b.bin"] {
        refused(&write(folder.path(), name, b"\x93"), name);
    }
    refused(&write(folder.path(), "b.csv", b"x"), "no line after");
}

#[test]
fn folders_without_data() {
    let folder = tempdir().unwrap();
    refused(folder.path(), "no PNG");
    write(folder.path(), "notes.txt", "nothing");
    write(folder.path(), "empty/notes.txt", "nothing");
    refused(folder.path(), "no PNG");
    write(folder.path(), "a-train.idx", b"");
    write(folder.path(), "b-train.idx", b"");
    refused(folder.path(), "a-train.idx, b-train.idx");
}

#[cfg(unix)]
#[test]
fn devices_pipes_and_loops() {
    let folder = tempdir().unwrap();
    refused(Path::new("/dev/zero"), "device");
    let fifo = |name: &str| {
        let path = folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    };
    for name in ["pipe", "pipe.csv", "pipe.npy", "pipe.npz", "pipe.idx"] {
        refused(&fifo(name), "pipe");
    }
    // A pipe in the place of the labels.
    let path = write(folder.path(), "images.idx", idx(&[1, 2], &[0, 1]));
    fifo("labels.idx");
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("labels.idx is a device, pipe"), "{error}");
    let link = folder.path().join("loop.npy");
    std::os::unix::fs::symlink(&link, &link).unwrap();
    refused(&link, "cannot read");
}

#[test]
fn idx_headers_that_lie() {
    let folder = tempdir().unwrap();
    let sound = idx(&[2, 2, 2], &[0, 50, 100, 150, 200, 250, 3, 4]);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"\x00\x00\x0d\x03aaaaaaaaaaaa".to_vec(), "magic number"),
        (b"PK\x03\x04aaaaaaaaaaaa".to_vec(), "magic number"),
        (b"\x00\x00\x08\x04aaaaaaaaaaaaaaaaaaa".to_vec(), "rank is 4"),
        (b"\x00\x00\x08\xffaaaaaaaaaaaaaaaaaaa".to_vec(), "rank is 255"),
        (idx(&[3], &[1, 2, 3]), "rank is 1"),
        (idx(&[0, 2, 2], &[]), "0 rows"),
        (idx(&[2, 0, 2], &[]), "0 values"),
        (sound[..9].to_vec(), "sizes"),
        (sound[..sound.len() - 1].to_vec(), "length is 23 bytes"),
        ([&sound[..], b"\0"].concat(), "length is 25 bytes"),
        (idx(&[1 << 31, 28, 28], &[0; 784]), "length"),
        (idx(&[u32::MAX; 3], &[0; 784]), "length"),
        (idx(&[u32::MAX, 1], &[0; 784]), "length"),
    ];
    for (bytes, part) in cases {
        refused(&write(folder.path(), "x.idx", &bytes), part);
    }
    let packed: Vec<(Vec<u8>, &str)> = vec![
        (gz(&sound)[..20].to_vec(), "cannot read"),
        (gz(&sound[..sound.len() - 1]), "number of values is 7, wanted 8"),
        (gz(&[&sound[..], b"\0"].concat()), "over 8"),
        (gz(&idx(&[u32::MAX; 3], &[0; 784])), "packed length"),
        (gz(&idx(&[1 << 31, 1], &[0; 784])), "packed length"),
        ([&gz(&sound)[..], b"garbage after the end"].concat(), "cannot read"),
        ([&gz(&sound)[..10], &[0xff; 100]].concat(), "cannot read"),
        ([&gz(&sound)[..gz(&sound).len() - 8], &[0; 8]].concat(), "cannot read"),
    ];
    for (bytes, part) in packed {
        refused(&write(folder.path(), "x-ubyte.gz", &bytes), part);
    }
}

#[test]
fn labels_that_do_not_fit() {
    let folder = tempdir().unwrap();
    let images = write(folder.path(), "train-images.idx", idx(&[2, 2], &[0, 1, 1, 0]));
    let labels = |bytes| {
        write(folder.path(), "train-labels.idx", bytes);
        read(&images).unwrap_err().to_string()
    };
    let error = labels(idx(&[3], &[0, 1, 2]));
    assert!(error.contains("3 labels") && error.contains("2 examples"), "{error}");
    let error = labels(idx(&[1, 2], &[0, 1]));
    assert!(error.contains("train-labels.idx") && error.contains("rank is 2, wanted 1"), "{error}");
    write(folder.path(), "train-labels.idx", idx(&[2], &[0, 1]));
    write(folder.path(), "test-images.idx", idx(&[1, 3], &[0, 1, 1]));
    let error = read(&images).unwrap_err().to_string();
    assert!(error.contains("3 values") && error.contains("2 values"), "{error}");
    write(folder.path(), "test-images.idx", idx(&[1, 1, 2], &[0, 1]));
    assert!(read(&images).is_ok(), "a matrix and pictures of the same width fit");
}

/// A packed file made of `piece` over and over, written without holding it in memory.
fn bomb(path: &Path, head: &[u8], piece: &[u8], times: usize) -> PathBuf {
    let file = std::fs::File::create(path).unwrap();
    let mut packed = GzEncoder::new(file, Compression::best());
    packed.write_all(head).unwrap();
    for _ in 0..times {
        packed.write_all(piece).unwrap();
    }
    packed.finish().unwrap();
    path.into()
}

/// 100 to 200 MiB in 100 to 200 KB. The guard stops at 16 MiB.
#[test]
fn gzip_bombs_and_endless_lines() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mib = vec![0; 1 << 20];
    refused(&bomb(&at("z.idx"), &idx(&[100 << 20, 1], &[]), &mib, 100), "200 times");
    refused(&bomb(&at("z.csv.gz"), b"", &b"0,0\n".repeat(1 << 18), 200), "200 times");
    // A small header in front of a large stream is refused after one byte too many.
    refused(&bomb(&at("tail.idx"), &idx(&[1, 1], &[0]), &mib, 200), "over 1");
    let long = |name: &str, head: &[u8], piece: &[u8]| {
        let mut file = std::fs::File::create(at(name)).unwrap();
        file.write_all(head).unwrap();
        (0..20).for_each(|_| file.write_all(piece).unwrap());
        at(name)
    };
    refused(&long("line.csv", b"", &[b'1'; 1 << 20]), "16 MiB");
    refused(&long("quote.csv", b"\"", &b"1,2\n".repeat(1 << 18)), "16 MiB");
}

#[test]
fn npy_headers_that_lie() {
    let folder = tempdir().unwrap();
    let four = f32s(&[0.0, 1.0, 0.5, 0.25]);
    let shape = |shape: &str| npy("'<f4'", false, shape, &four);
    let sound = shape("(2, 2)");
    let mut long = b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec();
    long.extend([b' '; 100]);
    let mut version = sound.clone();
    version[6] = 9;
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"\x93NUMPX\x01\x00aaaaaaaaaaaaaaaa".to_vec(), "magic number"),
        (sound[..9].to_vec(), "magic number"),
        (sound[..40].to_vec(), "header is cut off"),
        (sound[..sound.len() - 1].to_vec(), "length"),
        ([&sound[..], b"\0"].concat(), "length"),
        (version, "header"),
        (long, "header's length is 4294967295"),
        (npy("'|O'", false, "(2, 2)", &four), "element type"),
        (npy("'<U1'", false, "(2, 2)", &four), "element type"),
        (npy("'<f2'", false, "(2, 2)", &four[..8]), "element type"),
        (npy("'<c8'", false, "(2, 1)", &four), "element type"),
        (npy("'<M8[ns]'", false, "(2, 1)", &four), "element type"),
        (npy("[('a', '<f4')]", false, "(4,)", &four), "element type"),
        (npy("'<f4' * 9", false, "(2, 2)", &four), "header"),
        (npy("'<f4", false, "(2, 2)", &four), "header"),
        (npy("'<\u{e9}\u{e9}'", false, "(2, 2)", &four), "element type"),
        (npy("'|f4'", false, "(2, 2)", &four), "element type"),
        (npy("'<f9'", false, "(2, 2)", &four), "element type"),
        (npy("'<f44'", false, "(2, 2)", &four), "element type"),
        (npy("'<i3'", false, "(2, 2)", &four[..12]), "element type"),
        (npy("", false, "(2, 2)", &four), "element type"),
        (shape("(2, 2) + (1,)"), "more than a value for 'shape'"),
        (
            npy_with("{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 1)}", &four[..4]),
            "True or False",
        ),
        (
            npy_with("{'descr': '<f4', 'fortran_order': Falsehood, 'shape': (1, 1)}", &four[..4]),
            "more than a value",
        ),
        (npy_with("{'fortran_order': False, 'shape': (1, 1)}", &four[..4]), "exactly one 'descr'"),
        (npy_with("{'descr': '<f4', 'shape': (1, 1)}", &four[..4]), "exactly one 'fortran_order'"),
        (shape("(4,)"), "shape is [4]"),
        (shape("()"), "shape"),
        (shape("(2, 2, 1, 1)"), "shape"),
        (shape("(-2, -2)"), "shape"),
        (shape("(2.0, 2)"), "shape"),
        (shape("('2', 2)"), "shape"),
        (shape("[2, 2]"), "shape"),
        (shape("(0, 2)"), "length"),
        (npy("'<f4'", false, "(0, 2)", &[]), "0 rows"),
        (npy("'<f4'", false, "(2, 0)", &[]), "0 values"),
        (shape("(65536, 65536)"), "length"),
        (shape("(4294967296, 4294967296)"), "2^64"),
        (shape("(18446744073709551615, 1)"), "2^64"),
        (shape("(9223372036854775808, 2)"), "2^64"),
        (shape("(18446744073709551616, 1)"), "shape"),
        (shape(&"(".repeat(5000)), "brackets"),
        (shape("(2, 2), 'shape': (4, 1)"), "'shape'"),
        (npy("'<f4'", false, "(2, 2)", &f32s(&[0.0, 1.0, f32::NAN, 0.0])), "row 1, column 0"),
        (npy("'<f4'", true, "(2, 2)", &f32s(&[0.0, f32::NAN, 0.0, 0.0])), "row 1, column 0"),
        (npy("'<f4'", false, "(1, 4)", &f32s(&[0.0, 1.0, 0.0, f32::INFINITY])), "column 3"),
        (npy("'<f8'", false, "(1, 1)", &1e300_f64.to_le_bytes()), "found inf"),
        (npy_with("\u{1b}[31m{'shape': \u{7}}", &[]), "shape is missing"),
        (npy_with(&"x".repeat(9000), &[]), "'shape'"),
        (npy("'|b1'", false, "(1, 2)", &[1, 7]), "cannot read"),
    ];
    for (bytes, part) in cases {
        refused(&write(folder.path(), "x.npy", &bytes), part);
    }
}

#[test]
fn npz_archives_that_lie() {
    let folder = tempdir().unwrap();
    let array = npy("'<f4'", false, "(2, 2)", &f32s(&[0.0, 1.0, 0.5, 0.25]));
    let sound = zip(Deflated, &[("x.npy", array.clone())]);
    let end = sound.len() - 22;
    let edit = |at: usize, bytes: &[u8]| {
        let mut file = sound.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let central = sound.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let names: Vec<String> = (0..65).map(|i| format!("a{i}.npy")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), array.clone())).collect();
    let short = npy("'<f4'", false, "(2, 2)", &[0; 12]);
    // The writer refuses one name twice.
    let mut same = zip(Stored, &[("x.npy", array.clone()), ("y.npy", array.clone())]);
    while let Some(at) = same.windows(5).position(|name| name == b"y.npy") {
        same[at] = b'x';
    }
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"PK\x03\x04 and no more".to_vec(), "directory is missing"),
        (sound[..end].to_vec(), "directory is missing"),
        ([&sound[..], b"tail"].concat(), "followed by other bytes"),
        (edit(end + 8, &[0xff; 4]), "65535 entries"),
        (edit(end + 12, &[0xff; 8]), "cannot read"),
        (edit(end + 16, &[0xff, 0xff, 0, 0]), "cannot read"),
        (edit(central + 8, &[1, 0]), "cannot read"),
        (edit(central + 10, &[98, 0]), "compression"),
        (edit(central + 16, &[1, 2, 3, 4]), "cannot read"),
        (edit(central + 20, &[0xff, 0xff, 0xff, 0x7f]), "unpacked size"),
        (edit(central + 24, &[0xff, 0xff, 0xff, 0x7f]), "unpacked size"),
        (edit(central + 42, &[0xff, 0xff, 0xff, 0x7f]), "cannot read"),
        (zip(Stored, &many), "65 entries"),
        // The number of bzip2.
        (edit(central + 10, &[12, 0]), "compression is"),
        (zip(Stored, &[("x.npy", array.clone()), ("X.npy", array.clone())]), "twice"),
        (same, "twice"),
        (zip(Stored, &[("x.npy", short)]), "length"),
        (zip(Stored, &[("x.npy", b"not an array".to_vec())]), "magic number"),
        // 2 GiB out of 100 bytes, with the sizes that a true one would have.
        (edit(central + 24, &[0, 0, 0, 0x7f]), "unpacked size"),
        (zip(Stored, &[("notes.txt", b"text".to_vec())]), "list of arrays"),
        (zip(Stored, &[]), "list of arrays"),
    ];
    for (bytes, part) in cases {
        refused(&write(folder.path(), "x.npz", &bytes), part);
    }
}

#[test]
fn text_that_is_not_csv() {
    let folder = tempdir().unwrap();
    let utf16: Vec<u8> = "\u{feff}1,2\n3,4\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (utf16, "UTF-16"),
        (b"1,2\n\x1b[31m,\x07\n".to_vec(), "'[31m'"),
        (b"1,2\n\xff\xfe\x00,3\n".to_vec(), "line 2, column 0"),
        (b"1;2\n3;4\n".to_vec(), "'3;4'"),
        ([b"1,2\n3,".to_vec(), vec![b'x'; 100_000]].concat(), "xxx…"),
        (gz(b"1,2\n3,4\n")[..15].to_vec(), "cannot read"),
    ];
    for (bytes, part) in cases {
        refused(&write(folder.path(), "x.csv", &bytes), part);
    }
}

#[test]
fn pictures_that_lie() {
    let folder = tempdir().unwrap();
    let sound = png(2, 2, &[0, 50, 100, 255]);
    let resize = |width: u32, height: u32| {
        let mut file = sound.clone();
        file[16..20].copy_from_slice(&width.to_be_bytes());
        file[20..24].copy_from_slice(&height.to_be_bytes());
        let crc = crc32(&file[12..29]);
        file[29..33].copy_from_slice(&crc.to_be_bytes());
        file
    };
    let cases: Vec<Vec<u8>> = vec![
        b"no picture".to_vec(),
        sound[..20].to_vec(),
        sound[..sound.len() - 20].to_vec(),
        resize(30_000, 30_000),
        resize(4096, 4096),
        resize(4097, 1),
        resize(0, 2),
        resize(u32::MAX, u32::MAX),
    ];
    for (index, bytes) in cases.iter().enumerate() {
        let name = format!("{index}.png");
        let inside = PathBuf::from(format!("{index}"));
        write(folder.path(), inside.join(&name).to_str().unwrap(), bytes);
        let start = Instant::now();
        let error = read(&folder.path().join(inside)).unwrap_err().to_string();
        assert!(start.elapsed() < Duration::from_secs(1));
        assert!(error.contains(&name), "{error}");
    }
    refused(&write(folder.path(), "one.png", sound), "folder");
    if let Some(peak) = peak_memory() {
        assert!(peak < 256 << 20, "{peak} bytes of memory");
    }
}

/// CRC-32 as PNG has it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[test]
fn the_memory_cap_holds_for_every_format() {
    let folder = tempdir().unwrap();
    let options = Options { max_bytes: 1000, ..whole() };
    let array = npy("'|u1'", false, "(251, 1)", &[0; 251]);
    write(folder.path(), "pictures/a.png", png(16, 16, &[0; 256]));
    for path in [
        write(folder.path(), "a.idx", idx(&[251, 1], &[0; 251])),
        write(folder.path(), "a.npz", zip(Stored, &[("x.npy", array.clone())])),
        write(folder.path(), "a.npy", array),
        write(folder.path(), "a.csv", "0\n".repeat(251)),
        folder.path().join("pictures"),
    ] {
        let loaded = load(path.to_str().unwrap(), &options);
        assert!(matches!(loaded, Err(DataError::TooLarge { .. })), "{}", path.display());
    }
    let fits = write(folder.path(), "b.csv", "0\n".repeat(250));
    assert!(load(fits.to_str().unwrap(), &options).is_ok());
}

#[test]
fn hostile_names() {
    for name in [
        "",
        "\0",
        "a\0b",
        "..",
        "/",
        &"x".repeat(100_000),
        "\u{1b}[31m",
        "bars-and-stripes:99999999999999999999",
    ] {
        let Err(error) = load(name, &Options::default()) else {
            assert!(matches!(name, ".." | "/"), "{name:?} was accepted");
            continue;
        };
        let error = error.to_string();
        assert!(error.chars().count() < 1000 && !error.chars().any(char::is_control), "{error:?}");
    }
}
