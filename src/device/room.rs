//! What a device has room for.

use serde::{Deserialize, Serialize};

/// The limits of a device's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Bytes that one array may have.
    pub array: u64,
    /// Bytes of memory: of a GPU all that is its own, of a CPU what is free; `None` where the
    /// system does not tell.
    pub memory: Option<u64>,
    /// Whether it is the host's own memory, where data need no upload.
    #[serde(default)]
    pub is_host: bool,
}

impl Room {
    /// Bytes that an array takes: products read in fours, so its buffer ends on one.
    pub fn size(rows: usize, columns: usize) -> u64 {
        let bytes = (rows as u64).saturating_mul(columns as u64).saturating_mul(4);
        bytes.max(1).checked_next_multiple_of(16).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_end_on_a_four_and_absurd_ones_do_not_overflow() {
        assert_eq!(
            [(0, 5), (1, 4), (1, 5), (3, 3)].map(|(n, m)| Room::size(n, m)),
            [16, 16, 32, 48]
        );
        assert_eq!(Room::size(usize::MAX, usize::MAX), u64::MAX);
    }
}
