//! Ctrl-C: the first asks the run to stop after the update at hand, the second leaves at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::failure::INTERRUPTED;

/// Whether the user has asked to stop.
#[derive(Clone)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on.
    pub fn listen() -> anyhow::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let flag = asked.clone();
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                note!("left at once; --resume goes on from the newest checkpoint");
                std::process::exit(i32::from(INTERRUPTED));
            }
            note!("\nstopping after this update; once more to leave at once");
        })?;
        Ok(Self(asked))
    }

    pub fn asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
