//! Philox words on every device: the published known answers, and the host's words.

mod common;
use common::devices_with_checks;

use ergodic::random::{HostRng, Stream, philox};
use rand::Rng;

/// Random123, `tests/kat_vectors`, rows `philox4x32 10`.
#[test]
fn every_device_gives_the_published_known_answers() {
    let f = u32::MAX;
    let blocks = [
        ([0; 4], [0; 2]),
        ([f; 4], [f; 2]),
        ([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    ];
    for (label, device) in devices_with_checks() {
        let words = pollster::block_on(device.philox(&blocks)).unwrap();
        assert_eq!(words[0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8], "{label}");
        assert_eq!(words[1], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd], "{label}");
        assert_eq!(words[2], [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1], "{label}");
    }
}

#[test]
fn every_device_draws_the_words_of_the_host() {
    let mut rng = HostRng::new(1, Stream::Evaluate, 0);
    let mut word = || rng.next_u32();
    let blocks: Vec<_> =
        (0..1 << 16).map(|_| (std::array::from_fn(|_| word()), [word(), word()])).collect();
    for (label, device) in devices_with_checks() {
        let words = pollster::block_on(device.philox(&blocks)).unwrap();
        assert_eq!(words.len(), blocks.len());
        for ((counter, key), words) in blocks.iter().zip(words) {
            assert_eq!(
                words,
                philox(*counter, *key),
                "{label}: counter {counter:x?}, key {key:x?}"
            );
        }
    }
}

#[test]
fn no_blocks_give_no_words() {
    for (label, device) in devices_with_checks() {
        assert!(pollster::block_on(device.philox(&[])).unwrap().is_empty(), "{label}");
    }
}
