//! Training as a library user runs it: resuming, stopping on NaN, learning.

mod common;

use common::devices;
use ergodic::{
    data::{self, Binarize},
    device::Device,
    evaluate::{Evaluation, Judge},
    random::{HostRng, Stream},
    run::tensors_to_bytes,
    train::{ModelKind, ObjectiveKind, OptimizerKind, Settings, TrainError, Trainer, Transitions},
};
use pollster::block_on;

fn trainer(device: &Device, set: &str, settings: &Settings) -> Trainer {
    let data = data::load(set, &Default::default()).unwrap();
    Trainer::new(device, data, settings.clone()).unwrap()
}

fn advance(trainer: &mut Trainer, to: u64) {
    while trainer.steps_done() < to {
        trainer.step().unwrap();
    }
}

fn finish(trainer: &mut Trainer) {
    let total = trainer.steps_total();
    advance(trainer, total);
}

fn bytes(trainer: &Trainer) -> Vec<u8> {
    let state = block_on(trainer.state()).unwrap();
    tensors_to_bytes(&state.tensors, "").unwrap()
}

#[test]
fn stopped_at_random_steps_and_resumed_every_tensor_is_byte_identical() {
    let cases = [
        Settings {
            k: Transitions::Parts(vec![1, 2]),
            momentum: 0.5,
            l2: 1e-4,
            average: 0.6,
            ..Settings::default()
        },
        Settings {
            objective: ObjectiveKind::Cd,
            optimizer: OptimizerKind::Adam,
            lr: 0.01,
            binarize: Binarize::Dynamic,
            centred: false,
            ..Settings::default()
        },
    ];
    for device in devices() {
        for case in &cases {
            let settings = Settings { hidden: vec![7], chains: 13, epochs: 5, ..case.clone() };
            resumes(&device, &settings);
        }
        for (model, objective) in [
            (ModelKind::Jem, ObjectiveKind::Jem),
            (ModelKind::Mlp, ObjectiveKind::Pcd),
            (ModelKind::Mlp, ObjectiveKind::Ssm),
        ] {
            let net = Settings { objective, epochs: 1, batch: 100, ..Settings::of(model) };
            let net = Settings {
                hidden: vec![8, 8],
                chains: 33,
                window: 16,
                k: Transitions::Parts(vec![2]),
                ..net
            };
            resumes(&device, &net);
        }
    }
}

fn resumes(device: &Device, settings: &Settings) {
    let mut whole = trainer(device, "digits", settings);
    let total = whole.steps_total();
    finish(&mut whole);
    let whole = bytes(&whole);
    let mut rng = HostRng::new(11, Stream::Evaluate, 0);
    for _ in 0..5 {
        let cut = 1 + (rng.uniform() * (total - 1) as f32) as u64;
        let mut first = trainer(device, "digits", settings);
        advance(&mut first, cut);
        let state = block_on(first.state()).unwrap();
        let mut second = trainer(device, "digits", settings);
        second.restore(&state).unwrap();
        advance(&mut second, total);
        let what = format!("{} {:?}", device.name(), settings.objective);
        assert!(bytes(&second) == whole, "{what}: cut at {cut} of {total}");
    }
    let other = Settings { seed: 1, ..settings.clone() };
    let mut other = trainer(device, "digits", &other);
    finish(&mut other);
    assert!(bytes(&other) != whole, "another seed gives another run");
}

#[test]
fn a_run_does_not_depend_on_the_number_of_threads() {
    let settings =
        Settings { hidden: vec![12], chains: 70, batch: 600, epochs: 5, ..Settings::default() };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut trainer = trainer(&Device::cpu(), "digits", &settings);
            finish(&mut trainer);
            bytes(&trainer)
        })
    };
    let one = run(1);
    for threads in [2, 3, 16] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

#[test]
fn grey_values_have_no_likelihood() {
    let settings =
        Settings { hidden: vec![4], epochs: 1, binarize: Binarize::None, ..Settings::default() };
    let mut trainer = trainer(&Device::cpu(), "digits", &settings);
    finish(&mut trainer);
    assert_eq!(block_on(trainer.measure(true)).unwrap().log_likelihood_train, None);
    let model = trainer.averaged_model().unwrap();
    let evaluation = block_on(Evaluation::of(&model, trainer.data(), &Judge::default())).unwrap();
    assert!(evaluation.log_z.exact.is_some() && evaluation.log_likelihood.test.exact.is_none());
}

#[test]
fn measuring_and_saving_do_not_change_the_run() {
    for device in devices() {
        let settings = Settings { hidden: vec![5], chains: 9, epochs: 2, ..Settings::default() };
        let mut plain = trainer(&device, "digits", &settings);
        let mut watched = trainer(&device, "digits", &settings);
        for step in 1..=plain.steps_total() {
            advance(&mut plain, step);
            advance(&mut watched, step);
            block_on(watched.measure(true)).unwrap();
            block_on(watched.state()).unwrap();
        }
        assert!(bytes(&plain) == bytes(&watched));
    }
}

#[test]
fn the_figures_of_a_log_line_are_what_they_say() {
    for device in devices() {
        let settings = Settings { hidden: vec![5], chains: 40, epochs: 3, ..Settings::default() };
        let mut trainer = trainer(&device, "digits", &settings);
        finish(&mut trainer);
        let metrics = block_on(trainer.measure(true)).unwrap();
        let log_z = metrics.log_z.unwrap();
        let held_out = metrics.log_likelihood_held_out.unwrap();
        assert_eq!(held_out, -metrics.free_energy_held_out.unwrap() - log_z);
        assert!(metrics.step == 30 && metrics.epoch == 3.0);
        // 64 units of entropy at most ln 2 each, and better than that after three passes.
        assert!((-44.4..-15.0).contains(&held_out), "{held_out}");
        let rbm = metrics.rbm.unwrap();
        assert!((0.0..0.25).contains(&rbm.reconstruction_error));
        assert!((0.0..0.5).contains(&rbm.chain_turnover) && rbm.chain_turnover > 0.0);
        assert_eq!(block_on(trainer.measure(false)).unwrap().log_z, None);
    }
}

#[test]
fn a_run_that_diverges_stops_and_says_what_to_try() {
    for device in devices() {
        let settings = Settings { lr: 1e30, l2: 1.0, hidden: vec![4], ..Settings::default() };
        let mut trainer = trainer(&device, "digits", &settings);
        advance(&mut trainer, 20);
        let error = block_on(trainer.measure(false)).unwrap_err();
        assert!(
            matches!(&error, TrainError::NonFinite { quantity, step: 20, .. } if quantity == "weights")
        );
        let text = error.to_string();
        assert!(text.contains("--lr") && text.contains("step 20"), "{text}");
    }
}

#[test]
fn data_outside_the_unit_interval_are_refused() {
    let mut data = data::load("bars-and-stripes", &Default::default()).unwrap();
    data.test.values[17] = 1.5;
    let settings = Settings { binarize: Binarize::None, ..Settings::default() };
    let error = Trainer::new(&Device::cpu(), data, settings).err().unwrap().to_string();
    assert!(error.contains("1.5") && error.contains("test example 1, column 1"), "{error}");
}

/// An independent reference reaches −19.46 nats.
#[test]
fn digits_16_hidden_units_learn_what_a_reference_learns() {
    for seed in 0..3 {
        let settings = Settings { hidden: vec![16], epochs: 300, seed, ..Settings::default() };
        let mut trainer = trainer(&Device::cpu(), "digits", &settings);
        finish(&mut trainer);
        let model = trainer.averaged_model().unwrap();
        let evaluation =
            block_on(Evaluation::of(&model, trainer.data(), &Judge::default())).unwrap();
        let test = evaluation.log_likelihood.test.exact.unwrap();
        assert!(test >= -19.8, "seed {seed}: {test}");
    }
}

/// The optimum is −ln 30 = −3.4012 nats.
#[test]
fn bars_and_stripes_are_learnt_almost_perfectly() {
    let settings = Settings {
        hidden: vec![16],
        epochs: 20_000,
        k: Transitions::Parts(vec![5]),
        chains: 200,
        ..Settings::default()
    };
    let mut trainer = trainer(&Device::cpu(), "bars-and-stripes", &settings);
    finish(&mut trainer);
    let model = trainer.averaged_model().unwrap();
    let evaluation = block_on(Evaluation::of(&model, trainer.data(), &Judge::default())).unwrap();
    let likelihood = evaluation.log_likelihood.train.exact.unwrap();
    assert!((-3.6..-3.4012).contains(&likelihood), "{likelihood}");
}
