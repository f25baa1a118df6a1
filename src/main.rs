//! The program: parse, call, print the error, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Mesa's device-select layer prints errors where there is no desktop; this program selects
    // devices by itself.
    // SAFETY: this is the first thing the program does, so no other thread reads the environment.
    unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    ergodic::cli::main()
}
