//! Ctrl-C: the first asks to stop after the work at hand, the second leaves at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::failure::INTERRUPTED;

/// Whether the user has asked to stop.
#[derive(Clone)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on, to stop a training.
    pub fn listen() -> anyhow::Result<Self> {
        Self::listen_to(
            "stopping after this update",
            "left at once; --resume goes on from the newest checkpoint",
        )
    }

    /// Listens from now on. `stopping` says what the first Ctrl-C does, `left` what the second did.
    pub fn listen_to(stopping: &'static str, left: &'static str) -> anyhow::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let flag = asked.clone();
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                note!("{left}");
                std::process::exit(i32::from(INTERRUPTED));
            }
            note!("\n{stopping}; once more to leave at once");
        })?;
        Ok(Self(asked))
    }

    pub fn asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
