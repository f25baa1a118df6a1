//! The self-test passes on every device, in the library and in the program.

mod common;
mod program;

use common::every_device;
use ergodic::selftest;
use program::ergodic;

#[test]
fn every_device_passes() {
    for device in every_device() {
        let report = pollster::block_on(selftest::run(&device)).unwrap();
        println!("{report}");
        assert!(report.passed(), "{report}");
        assert_eq!(report.known_answers.len(), 3);
        let kernels: Vec<&str> = report.wide.iter().map(|check| check.kernel).collect();
        assert!(kernels.starts_with(&["gibbs", "statistics"]), "{kernels:?}");
        assert_eq!(report.accuracy.len(), 6);
        let sweeps: Vec<u32> = report.invariance.iter().map(|check| check.sweeps).collect();
        assert_eq!(sweeps, [1, 2, 8]);
        assert!(report.invariance.iter().all(|check| check.chains >= 1 << 12));
    }
}

#[test]
fn the_program_prints_a_table_or_json() {
    let run = |arguments: &[&str]| {
        let outcome = ergodic(&[&["selftest", "--device", "cpu"], arguments].concat());
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        outcome.stdout
    };
    let table = run(&[]);
    assert!(table.contains("All checks passed on CPU"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&run(&["--json"])).unwrap();
    assert_eq!(json["passed"], true);
    assert!(json["invariance"][0]["joint"]["p"].as_f64().unwrap() > selftest::LEVEL);
    assert_eq!(json["accuracy"][5]["function"], "normal");
}
