//! A thousand optimizer steps in f32 against the same steps in f64.

use ergodic::device::Optimize;

use crate::common::{assert_within, devices_with_checks, normals, read, upload, wide};

const ROWS: usize = 3;
const COLUMNS: usize = 100;
const COUNT: usize = ROWS * COLUMNS;
const STEPS: usize = 1000;
/// Gradients that the steps go through in turn.
const GRADIENTS: usize = 7;

/// The state of one parameter value: p, m, v.
type Value = [f64; 3];

/// Runs `STEPS` steps on every device and in f64; parameters and moments agree to 1e-5 of the
/// larger of their own size and the standard deviation of the start, which is 1.
fn compare(
    moments: usize,
    call: impl Fn(usize) -> Optimize,
    step: impl Fn(Optimize, f64, &mut Value),
) {
    let start = normals(COUNT, 1);
    let gradients: Vec<Vec<f32>> = (0..GRADIENTS).map(|g| normals(COUNT, 10 + g as u64)).collect();
    let mut wanted: Vec<Value> = wide(&start).iter().map(|p| [*p, 0.0, 0.0]).collect();
    for t in 1..=STEPS {
        for (value, g) in wanted.iter_mut().zip(&gradients[t % GRADIENTS]) {
            step(call(t), f64::from(*g), value);
        }
    }
    for (label, device) in devices_with_checks() {
        let gradients: Vec<_> =
            gradients.iter().map(|g| upload(&device, ROWS, COLUMNS, g)).collect();
        let mut parameter = upload(&device, ROWS, COLUMNS, &start);
        let mut held: Vec<_> = (0..moments).map(|_| device.zeros(ROWS, COLUMNS).unwrap()).collect();
        for t in 1..=STEPS {
            device.optimize(call(t), &gradients[t % GRADIENTS], &mut parameter, &mut held).unwrap();
        }
        let found = std::iter::once(&parameter).chain(&held).map(|array| read(&device, array));
        for (index, found) in found.enumerate() {
            let wanted: Vec<f64> = wanted.iter().map(|value| value[index]).collect();
            let bounds: Vec<f64> = wanted.iter().map(|x| 1e-5 * x.abs().max(1.0)).collect();
            assert_within(
                &format!("{label}: {}", ["p", "m", "v"][index]),
                &found,
                &wanted,
                &bounds,
            );
        }
    }
}

#[test]
fn sgd_with_momentum_and_decay() {
    // A rate that changes, as schedules do.
    let call = |t: usize| Optimize::Sgd { rate: 0.01 / t as f32, momentum: 0.9, decay: 0.02 };
    compare(1, call, |call, g, [p, m, _]| {
        let Optimize::Sgd { rate, momentum, decay } = call else { unreachable!() };
        *m = f64::from(momentum) * *m + g;
        *p -= f64::from(rate) * (*m + f64::from(decay) * *p);
    });
}

/// The moment is left alone.
#[test]
fn sgd_without_momentum() {
    let call = |t: usize| Optimize::Sgd { rate: 0.01 / t as f32, momentum: 0.0, decay: 0.02 };
    compare(1, call, |call, g, [p, _, _]| {
        let Optimize::Sgd { rate, decay, .. } = call else { unreachable!() };
        *p -= f64::from(rate) * (g + f64::from(decay) * *p);
    });
}

#[test]
fn adam_with_decoupled_decay() {
    let call = |t: usize| {
        let correction = (1.0 - 0.999f64.powi(t as i32)).sqrt() / (1.0 - 0.9f64.powi(t as i32));
        Optimize::Adam {
            rate: (1e-3 * correction) as f32,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            decay: 1e-5,
        }
    };
    compare(2, call, |call, g, [p, m, v]| {
        let Optimize::Adam { rate, beta1, beta2, epsilon, decay } = call else { unreachable!() };
        *m += (1.0 - f64::from(beta1)) * (g - *m);
        *v += (1.0 - f64::from(beta2)) * (g * g - *v);
        let root = v.sqrt() + f64::from(epsilon);
        *p -= f64::from(rate) * *m / root + f64::from(decay) * *p;
    });
}
