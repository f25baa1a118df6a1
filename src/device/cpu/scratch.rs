//! Memory that calls leave to the next: new pages cost more than what is computed in them.

use std::{
    cell::RefCell,
    ops::{Deref, DerefMut},
};

use super::lanes::Lanes;

/// Blocks that a thread keeps.
const KEPT: usize = 6;

thread_local! {
    static SPARE: RefCell<Vec<Vec<Lanes>>> = const { RefCell::new(Vec::new()) };
}

/// Values that whoever asks for them sets before reading them.
pub(super) struct Scratch {
    lanes: Vec<Lanes>,
    count: usize,
}

impl Scratch {
    /// That many lanes.
    pub fn new(count: usize) -> Self {
        let mut lanes = SPARE.with_borrow_mut(|spare| {
            let fitting = spare.iter().enumerate().filter(|(_, spare)| spare.len() >= count);
            let best = fitting.min_by_key(|(_, spare)| spare.len()).map(|(index, _)| index);
            best.map(|index| spare.swap_remove(index)).unwrap_or_default()
        });
        if lanes.len() < count {
            lanes = vec![Lanes::ZERO; count];
        }
        Self { lanes, count }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let lanes = std::mem::take(&mut self.lanes);
        SPARE.with_borrow_mut(|spare| {
            spare.push(lanes);
            if spare.len() > KEPT {
                // The smallest is the cheapest to make anew.
                let smallest = spare.iter().enumerate().min_by_key(|(_, spare)| spare.len());
                let index = smallest.map_or(0, |(index, _)| index);
                spare.swap_remove(index);
            }
        });
    }
}

impl Deref for Scratch {
    type Target = [Lanes];

    fn deref(&self) -> &[Lanes] {
        &self.lanes[..self.count]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [Lanes] {
        &mut self.lanes[..self.count]
    }
}
