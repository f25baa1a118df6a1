//! Training as a library user runs it: resuming, stopping on NaN, learning.

mod common;

use common::devices;
use ergodic::{
    data::{self, Binarize},
    device::Device,
    evaluate::{Evaluation, Judge},
    random::{HostRng, Stream},
    run::{Checkpoints, tensors_to_bytes},
    train::{
        ModelKind, ObjectiveKind, OptimizerKind, SamplerKind, Settings, TrainError, Trainer,
        Transitions,
    },
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

fn bytes(trainer: &mut Trainer) -> Vec<u8> {
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
    let whole = bytes(&mut whole);
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
        assert!(bytes(&mut second) == whole, "{what}: cut at {cut} of {total}");
    }
    let other = Settings { seed: 1, ..settings.clone() };
    let mut other = trainer(device, "digits", &other);
    finish(&mut other);
    assert!(bytes(&mut other) != whole, "another seed gives another run");
}

/// Trains by tempering with a log line, at which the ladder is spread, every 25 updates.
fn advance_logging(trainer: &mut Trainer, to: u64) {
    while trainer.steps_done() < to {
        trainer.step().unwrap();
        if trainer.steps_done().is_multiple_of(25) {
            block_on(trainer.measure(false)).unwrap();
        }
    }
}

#[test]
fn tempering_goes_on_from_a_checkpoint_byte_by_byte() {
    for device in devices() {
        let one = Transitions::Parts(vec![1]);
        for (k, cuts) in [(one, &[1, 25, 26][..]), (Transitions::Auto, &[33])] {
            let settings = Settings {
                hidden: vec![7],
                chains: 101,
                epochs: 4,
                lr: 0.5,
                sampler: SamplerKind::Tempering,
                rungs: 3,
                k,
                ..Settings::default()
            };
            let mut whole = trainer(&device, "digits", &settings);
            let total = whole.steps_total();
            assert_eq!(total, 40);
            advance_logging(&mut whole, total);
            let ladder = block_on(whole.state()).unwrap().counters.ladder.unwrap();
            assert!(ladder.betas[1] != 0.5, "the ladder was spread: {ladder:?}");
            let whole = bytes(&mut whole);
            for &cut in cuts {
                let mut first = trainer(&device, "digits", &settings);
                advance_logging(&mut first, cut);
                let folder = tempfile::tempdir().unwrap();
                let checkpoints = Checkpoints::new(folder.path().into());
                checkpoints.save(&block_on(first.state()).unwrap()).unwrap();
                let (_, state, _) = checkpoints.newest().unwrap();
                let mut second = trainer(&device, "digits", &settings);
                second.restore(&state).unwrap();
                advance_logging(&mut second, total);
                assert!(bytes(&mut second) == whole, "{}: cut at {cut}", device.name());
                let found = block_on(second.state()).unwrap().counters.ladder;
                assert_eq!(found.as_ref(), Some(&ladder), "{}: cut at {cut}", device.name());
            }
        }
    }
}

#[test]
fn a_changed_ladder_in_a_checkpoint_is_noticed_and_old_checkpoints_have_none() {
    let settings = Settings { hidden: vec![3], chains: 5, epochs: 1, ..Settings::default() };
    let tempered = Settings { sampler: SamplerKind::Tempering, rungs: 3, ..settings.clone() };
    // Changes keep the length, as a flipped bit does.
    let cases = [
        (&tempered, r#"\"rounds\":3"#, r#"\"rounds\":4"#, false),
        (&tempered, r#"\"betas\":[0.0,0.5"#, r#"\"betas\":[0.0,0.6"#, false),
        // As versions wrote it that knew no rungs.
        (&settings, r#",\"rungs\":10"#, "             ", true),
    ];
    for (settings, old, new, loads) in cases {
        let mut trained = trainer(&Device::cpu(), "digits", settings);
        advance(&mut trained, 3);
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path().into());
        let path = checkpoints.save(&block_on(trained.state()).unwrap()).unwrap();
        let mut file = std::fs::read(&path).unwrap();
        let found = file.windows(old.len()).position(|part| part == old.as_bytes());
        let place = found.unwrap_or_else(|| panic!("{old} is there"));
        file[place..place + old.len()].fill(b' ');
        file[place..place + new.len()].copy_from_slice(new.as_bytes());
        std::fs::write(&path, file).unwrap();
        match checkpoints.newest() {
            Ok((_, state, _)) => {
                assert!(loads && state.counters.ladder.is_none(), "{old}");
                trainer(&Device::cpu(), "digits", settings).restore(&state).unwrap();
            }
            Err(error) => assert!(!loads && error.to_string().contains("damaged"), "{error}"),
        }
    }
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
            bytes(&mut trainer)
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
        assert!(bytes(&mut plain) == bytes(&mut watched));
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
    let likelihood = exact(&trainer);
    assert!((-3.6..-3.4012).contains(&likelihood), "{likelihood}");
}

/// Five hundred chains in all, one sweep an update: chains of their own stay in their modes, and replicas
/// carry them across. The optimum is −3.4012 nats; seeds 0 to 7 reach −3.43 to −3.44 with replicas, and
/// −3.62 to −4.06 without, −3.83 on average with a deviation of 0.15. Which seed reaches what changes with
/// the order of rounding, so three are averaged: their bound lies three of its deviations away.
#[test]
fn replicas_cross_between_bars_and_stripes_where_chains_do_not() {
    let plain = Settings { hidden: vec![16], epochs: 20_000, chains: 500, ..Settings::default() };
    let tempered =
        Settings { sampler: SamplerKind::Tempering, rungs: 10, chains: 50, ..plain.clone() };
    let learned = |settings: &Settings, seed: u64| {
        let settings = Settings { seed, ..settings.clone() };
        let mut trainer = trainer(&Device::cpu(), "bars-and-stripes", &settings);
        while trainer.steps_done() < trainer.steps_total() {
            let next = trainer.steps_done() + 200;
            advance(&mut trainer, next);
            block_on(trainer.measure(false)).unwrap();
        }
        exact(&trainer)
    };
    let without = [0, 1, 2].map(|seed| learned(&plain, seed));
    let with = learned(&tempered, 1);
    let average = without.iter().sum::<f64>() / without.len() as f64;
    assert!((-3.5..-3.4012).contains(&with) && with > average + 0.1, "{with} {without:?}");
}

/// A short run on every device, whose figures are in their ranges. It starts from independent
/// pixels, and comes about a nat above them.
#[test]
fn tempering_learns_on_every_device() {
    for device in devices() {
        let settings = Settings {
            hidden: vec![8],
            epochs: 25,
            chains: 40,
            lr: 0.3,
            sampler: SamplerKind::Tempering,
            rungs: 4,
            ..Settings::default()
        };
        let mut trainer = trainer(&device, "digits", &settings);
        let before = exact(&trainer);
        finish(&mut trainer);
        let figures = block_on(trainer.measure(false)).unwrap().tempering.unwrap();
        let range = 0.0..=1.0;
        assert!(range.contains(&figures.swap_rate) && range.contains(&figures.swap_rate_least));
        assert!(figures.swap_rate_least <= figures.swap_rate, "{figures:?}");
        assert!(figures.round_trips > 1.0, "{figures:?}");
        let gained = exact(&trainer) - before;
        assert!(gained > 0.5, "{}: {gained} nats", device.name());
    }
}

/// The exact likelihood of training examples, with averaged parameters.
fn exact(trainer: &Trainer) -> f64 {
    let model = trainer.averaged_model().unwrap();
    let evaluation = block_on(Evaluation::of(&model, trainer.data(), &Judge::default())).unwrap();
    evaluation.log_likelihood.train.exact.unwrap()
}

/// The output bias of a net is added to every energy. Losses that see only scores, or differences of
/// energies, do not depend on it, and it keeps its bits; a penalty on energies moves it.
#[test]
fn a_constant_that_the_loss_does_not_see_stays() {
    use ObjectiveKind::{Cd, Dsm, Pcd, Sm, SmHutchinson, Ssm, SsmVr};
    let contrastive = |objective| (objective, 0.01, true);
    let alone = |objective| (objective, 0.0, false);
    let cases = [Cd, Pcd].map(contrastive).into_iter();
    let cases = cases.chain([Cd, Pcd, Sm, SmHutchinson, Ssm, SsmVr, Dsm].map(alone));
    for (objective, energy_l2, moves) in cases {
        for device in devices() {
            let settings = Settings {
                objective,
                energy_l2,
                hidden: vec![8, 7],
                batch: 33,
                chains: 33,
                window: 33,
                k: Transitions::Parts(vec![2]),
                ..Settings::of(ModelKind::Mlp)
            };
            let mut trainer = trainer(&device, "two-moons", &settings);
            let bias = |trainer: &Trainer| {
                let parameters = trainer.model().parameters();
                let (name, array) = parameters.last().unwrap();
                assert_eq!(name, "layers.2.bias");
                block_on(device.read(array)).unwrap()[0].to_bits()
            };
            let start = bias(&trainer);
            advance(&mut trainer, 50);
            let what = format!("{objective}, penalty {energy_l2}, {}", device.name());
            assert_eq!(bias(&trainer) != start, moves, "{what}");
        }
    }
}
