//! The program: parse, call, print the error, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Mesa's device-select layer prints errors where there is no desktop; this program selects
    // devices by itself.
    // SAFETY: this is the first thing the program does, so no other thread reads the environment.
    unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    // This thread works with the others: to hand over and wait costs more than many a kernel. It fails
    // only where there is a pool already, and then that one serves.
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
    ergodic::cli::main()
}
