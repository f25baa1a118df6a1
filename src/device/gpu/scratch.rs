//! Buffers that kernels share, one a purpose and size. What has not been used for the longest goes when
//! there are many, so that a process that works at ever new sizes does not fill the device; the GPU
//! keeps what it still needs.

/// Buffers that are kept.
const MOST: usize = 64;
/// Bytes that are kept, beside the buffer that was asked for last.
const MOST_BYTES: u64 = 1 << 30;

/// Buffers by purpose and number of values, those used last at the end.
pub(super) struct Scratch<T> {
    kept: Vec<(Key, T)>,
}

type Key = (&'static str, u64);

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self { kept: Vec::new() }
    }
}

impl<T: Clone> Scratch<T> {
    /// What is kept for a purpose and size.
    pub fn get(&mut self, key: Key) -> Option<T> {
        let place = self.kept.iter().position(|(kept, _)| *kept == key)?;
        self.kept[place..].rotate_left(1);
        self.kept.last().map(|(_, buffer)| buffer.clone())
    }

    /// Keeps a new one.
    pub fn put(&mut self, key: Key, buffer: T) {
        self.kept.push((key, buffer));
        let bytes = |(_, count): Key| 4 * count;
        let mut total: u64 = self.kept.iter().map(|(key, _)| bytes(*key)).sum();
        let mut gone = 0;
        while gone + 1 < self.kept.len()
            && (self.kept.len() - gone > MOST || total - bytes(key) > MOST_BYTES)
        {
            total -= bytes(self.kept[gone].0);
            gone += 1;
        }
        self.kept.drain(..gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_is_kept() {
        let mut scratch = Scratch::default();
        for size in 0..1000_u64 {
            scratch.put(("many", size), size);
            assert_eq!(scratch.get(("many", 0)), Some(0), "it is used all the time");
        }
        assert_eq!(scratch.kept.len(), MOST);
        assert_eq!(scratch.get(("many", 999)), Some(999));
        assert_eq!(scratch.get(("other", 999)), None);
        assert_eq!(scratch.get(("many", 900)), None);
    }

    #[test]
    fn few_large_ones_are_kept() {
        let mut scratch = Scratch::default();
        let values = MOST_BYTES / 4 / 4;
        for index in 0..9 {
            scratch.put(("large", values + index), index);
        }
        // Three of a bit over a quarter each, and the last.
        let kept: Vec<u64> = scratch.kept.iter().map(|(_, index)| *index).collect();
        assert_eq!(kept, [5, 6, 7, 8]);
        scratch.put(("larger than all", 100 * values), 9);
        assert_eq!(scratch.get(("larger than all", 100 * values)), Some(9));
        assert_eq!(scratch.kept.len(), 4);
    }
}
