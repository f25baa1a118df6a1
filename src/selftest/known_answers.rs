//! The published known answers of the random number generator, computed on the device.

use serde::Serialize;

use crate::device::{Device, Result};

/// One Philox block against its published words.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct KnownAnswer {
    /// The counter.
    pub counter: [u32; 4],
    /// The key.
    pub key: [u32; 2],
    /// The published words.
    pub wanted: [u32; 4],
    /// The device's words.
    pub found: [u32; 4],
    /// Whether they are equal.
    pub passed: bool,
}

/// (counter, key, words): Random123, `tests/kat_vectors`, rows `philox4x32 10`.
const VECTORS: [([u32; 4], [u32; 2], [u32; 4]); 3] = [
    ([0; 4], [0; 2], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]),
    ([u32::MAX; 4], [u32::MAX; 2], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]),
    (
        [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
        [0xa4093822, 0x299f31d0],
        [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ),
];

pub(super) async fn known_answers(device: &Device) -> Result<Vec<KnownAnswer>> {
    let words = device.philox(&VECTORS.map(|(counter, key, _)| (counter, key))).await?;
    let answer = |((counter, key, wanted), found)| KnownAnswer {
        counter,
        key,
        wanted,
        found,
        passed: found == wanted,
    };
    Ok(VECTORS.into_iter().zip(words).map(answer).collect())
}
