//! Raw Philox words, for known-answer tests.

use super::{host, host_mut};
use crate::{
    device::{Array, Result},
    random,
};

pub(super) fn philox(blocks: &Array, out: &mut Array) -> Result<()> {
    let blocks = host("philox", "blocks", blocks)?.chunks_exact(12);
    for (out, block) in host_mut("philox", "out", out)?.chunks_exact_mut(8).zip(blocks) {
        let word = |index: usize| random::join_halves([block[2 * index], block[2 * index + 1]]);
        let words = random::philox([word(0), word(1), word(2), word(3)], [word(4), word(5)]);
        for (out, word) in out.chunks_exact_mut(2).zip(words) {
            out.copy_from_slice(&random::split_halves(word));
        }
    }
    Ok(())
}
