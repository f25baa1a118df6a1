//! Chain diagnostics against ArviZ on stored arrays, and against what is known of AR(1) chains.

use std::{fs, path::Path};

use ergodic::{
    evaluate::{
        Draws, Summary, autocorrelation, autocorrelation_time, ess_bulk, ess_mean, ess_tail,
        mcse_mean, mcse_sd, r_hat,
    },
    random::{HostRng, Stream},
};
use serde_json::Value;

/// Largest relative error against ArviZ.
const TOLERANCE: f64 = 1e-8;

/// A number of arviz.json: null is NaN, a string an infinity.
fn number(value: &Value) -> f64 {
    match value {
        Value::Null => f64::NAN,
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn close(found: f64, want: f64, floor: f64) -> bool {
    found == want
        || (found.is_nan() && want.is_nan())
        || (found - want).abs() <= TOLERANCE * want.abs() + floor
}

fn cases() -> Vec<Value> {
    // Written by tests/data/from_arviz.py with ArviZ 0.23.4 and NumPy 2.4.6.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/arviz.json");
    let stored: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    stored["cases"].as_array().unwrap().clone()
}

fn draws_of(case: &Value) -> Draws {
    let chains = case["chains"].as_u64().unwrap() as usize;
    Draws::new(numbers(&case["values"]), chains).unwrap()
}

#[test]
fn figures_equal_those_of_arviz() {
    let cases = cases();
    assert_eq!(cases.len(), 51);
    let mut wrong = Vec::new();
    for case in &cases {
        let draws = draws_of(case);
        let summary = Summary::of(&draws);
        let found = [
            ("mean", summary.mean),
            ("sd", summary.sd),
            ("mcse_mean", summary.mcse_mean),
            ("mcse_mean", mcse_mean(&draws)),
            ("mcse_sd", summary.mcse_sd),
            ("mcse_sd", mcse_sd(&draws)),
            ("ess_bulk", summary.ess_bulk),
            ("ess_bulk", ess_bulk(&draws)),
            ("ess_tail", summary.ess_tail),
            ("ess_tail", ess_tail(&draws)),
            ("ess_mean", ess_mean(&draws)),
            ("r_hat", summary.r_hat),
            ("r_hat", r_hat(&draws)),
            ("autocorrelation_time", summary.autocorrelation_time),
            ("autocorrelation_time", autocorrelation_time(&draws)),
        ];
        for (key, found) in found {
            let want = number(&case["want"][key]);
            if !close(found, want, 0.0) {
                wrong.push(format!("{} {key}: {found}, ArviZ {want}", case["name"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn autocorrelations_of_one_chain_equal_those_of_arviz() {
    let mut compared = 0;
    for case in cases() {
        let Some(want) = case.get("autocorrelation") else { continue };
        let found = autocorrelation(&draws_of(&case));
        let want = numbers(want);
        assert_eq!(found.len(), want.len());
        for (lag, (found, want)) in found.iter().zip(&want).enumerate() {
            // The absolute part is for correlations that are zero but for rounding.
            assert!(close(*found, *want, 1e-14), "{} lag {lag}: {found}, {want}", case["name"]);
        }
        compared += want.len();
    }
    assert!(compared > 200);
}

/// Stationary AR(1) chains of unit variance around `mean(chain)`.
fn ar1(
    seed: u64,
    chains: usize,
    draws: usize,
    rho: f64,
    mean: impl Fn(usize) -> f64,
) -> Vec<Vec<f64>> {
    (0..chains)
        .map(|chain| {
            let mut rng = HostRng::new(seed, Stream::Noise, chain as u64);
            let mut x = f64::from(rng.normal());
            let mut next = || {
                let now = x;
                x = rho * x + (1.0 - rho * rho).sqrt() * f64::from(rng.normal());
                now + mean(chain)
            };
            (0..draws).map(|_| next()).collect()
        })
        .collect()
}

fn draws(chains: Vec<Vec<f64>>) -> Draws {
    let count = chains.len();
    Draws::new(chains.concat(), count).unwrap()
}

/// The estimate has a relative standard deviation of about √((4M + 2) / N) where M lags of N draws
/// are summed (Sokal 1997); M is 5 τ here, so that 10 % are at least 4 standard deviations.
#[test]
fn autocorrelation_times_of_ar1_chains_are_found() {
    for (seed, rho) in [(1, 0.0), (2, 0.5), (3, 0.9), (4, 0.95), (5, -0.5)] {
        let found = autocorrelation_time(&draws(ar1(seed, 512, 4000, rho, |_| 0.0)));
        let want = (1.0 + rho) / (1.0 - rho);
        assert!((found / want - 1.0).abs() < 0.1, "rho {rho}: {found}, {want}");
    }
}

/// Each lag's estimate over a million draws of time 19 has a standard deviation below
/// √(19 / 10⁶) = 0.0044, so that 0.025 are more than 5 of them.
#[test]
fn autocorrelations_of_ar1_chains_are_powers() {
    let found = autocorrelation(&draws(ar1(6, 256, 4000, 0.9, |_| 0.0)));
    for (lag, found) in found.iter().enumerate().take(60) {
        let want = 0.9f64.powi(lag as i32);
        assert!((found - want).abs() < 0.025, "lag {lag}: {found}, {want}");
    }
    let apart = autocorrelation(&draws(ar1(7, 256, 400, 0.5, |chain| 3.0 * (chain % 2) as f64)));
    // Variance 2.25 between chains, 1 within.
    assert!((apart[40] - 0.9 * 2.25 / 3.25).abs() < 0.05, "{}", apart[40]);
}

/// The standard error must be that of the mean over repetitions: 400 means of 4 chains. Their
/// variance has a relative standard deviation of √(2 / 400) = 7 %, so the ratio of 3.5 %; the bound
/// is 4 of them, and a bias of 2 % from short chains.
#[test]
fn standard_errors_are_those_of_repetitions() {
    let repetitions: Vec<Summary> =
        (0..400).map(|seed| Summary::of(&draws(ar1(1000 + seed, 4, 500, 0.8, |_| 0.0)))).collect();
    let spread = |figure: fn(&Summary) -> f64| -> f64 {
        let values: Vec<f64> = repetitions.iter().map(figure).collect();
        let mean = values.iter().sum::<f64>() / 400.0;
        (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 399.0).sqrt()
    };
    let average = |figure: fn(&Summary) -> f64| -> f64 {
        repetitions.iter().map(figure).sum::<f64>() / 400.0
    };
    let mean = average(|s| s.mcse_mean) / spread(|s| s.mean);
    let sd = average(|s| s.mcse_sd) / spread(|s| s.sd);
    assert!((mean - 1.0).abs() < 0.16, "mean: {mean}");
    assert!((sd - 1.0).abs() < 0.16, "sd: {sd}");
}

/// For independent draws, n (R̂² − 1) + 1 is an F of 7 and about 4,000 degrees of freedom, for the
/// draws and for their distances to the median: 1.01 is exceeded with a probability below 1e-12. One
/// chain of four that is 2 standard deviations off makes the variance of the halves' means 6/7 of
/// that within, so R̂ about √(13/7) = 1.36, and ranks lower it a little.
#[test]
fn r_hat_tells_chains_that_differ() {
    for seed in 0..100 {
        let mixed = r_hat(&draws(ar1(seed, 4, 1000, 0.0, |_| 0.0)));
        assert!(mixed < 1.01, "{seed}: {mixed}");
        let apart = r_hat(&draws(ar1(seed, 4, 1000, 0.0, |chain| 2.0 * f64::from(chain == 0))));
        assert!(apart > 1.1, "{seed}: {apart}");
        let mut chains = ar1(seed, 4, 1000, 0.0, |_| 0.0);
        chains[3].iter_mut().for_each(|x| *x *= 4.0);
        let wide = r_hat(&draws(chains));
        assert!(wide > 1.1, "{seed}: {wide}");
    }
}

#[test]
fn a_trace_of_a_device_gives_the_same_figures() {
    let chains = ar1(8, 50, 101, 0.7, |_| 0.0);
    let rounded: Vec<Vec<f64>> =
        chains.iter().map(|c| c.iter().map(|x| f64::from(*x as f32)).collect()).collect();
    let trace: Vec<f32> = (0..101).flat_map(|t| chains.iter().map(move |c| c[t] as f32)).collect();
    let traced = Draws::from_trace(&trace, 50).unwrap();
    assert_eq!(Summary::of(&traced), Summary::of(&draws(rounded)));
}

#[test]
fn figures_do_not_depend_on_the_number_of_threads() {
    let chains = draws(ar1(9, 300, 99, 0.7, |_| 0.0));
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Summary::of(&chains))
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn figures_that_are_not_defined_are_null_in_json() {
    let summary = Summary::of(&Draws::new(vec![1.0, 2.0, 4.0], 1).unwrap());
    let json = serde_json::to_value(summary).unwrap();
    assert!(json["r_hat"].is_null() && json["ess_bulk"].is_null());
    assert!((json["mean"].as_f64().unwrap() - 7.0 / 3.0).abs() < 1e-15);
}
