//! What the CPU draws and learns is the same bit by bit on every processor and system: states of
//! Gibbs chains and the parameters of a trained RBM against checksums that are stored here. Nets,
//! whose terms not every processor fuses, are the same but for rounding. `scripts/platforms` runs this
//! where the project's own machines are of another kind; here it runs on every instruction set that
//! the processor has.
//!
//! A change of the checksums is a change of what a seed gives, and is told in the release notes.

mod common;

use common::{cpus, read};
use ergodic::{
    data,
    device::{Device, Gibbs},
    random::{HostRng, Stream},
    train::{ModelKind, ObjectiveKind, OptimizerKind, Settings, Trainer, Transitions},
};

/// A folder for the parameters of the nets, so that two platforms can be compared.
const OUT: &str = "ERGODIC_PLATFORM_OUT";

/// FNV-1a of the values' bits. Source: Fowler, Noll and Vo.
fn checksum<'a>(values: impl IntoIterator<Item = &'a f32>) -> u64 {
    let bytes = values.into_iter().flat_map(|value| value.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Parameters with the scatter of 0.3 N(0, 1). Sums of uniform numbers, for a logarithm may differ
/// in its last bit from one system's library to another's.
fn parameters(count: usize, rng: &mut HostRng) -> Vec<f32> {
    let mut normal = || (0..12).map(|_| rng.uniform()).sum::<f32>() - 6.0;
    (0..count).map(|_| 0.3 * normal()).collect()
}

/// The states of both layers after some sweeps of an RBM.
fn states(
    device: &Device,
    visible: usize,
    hidden: usize,
    chains: usize,
    sweeps: u32,
) -> [Vec<f32>; 2] {
    let mut rng = HostRng::new(4, Stream::Evaluate, 0);
    let upload = |rows: usize, values: &[f32]| device.upload(rows, values.len() / rows, values);
    let weights = upload(visible, &parameters(visible * hidden, &mut rng)).unwrap();
    let visible_bias = upload(1, &parameters(visible, &mut rng)).unwrap();
    let hidden_bias = upload(1, &parameters(hidden, &mut rng)).unwrap();
    let start: Vec<f32> =
        (0..chains * visible).map(|_| f32::from(u8::from(rng.uniform() < 0.5))).collect();
    let mut visible = upload(chains, &start).unwrap();
    let mut hidden_means = device.zeros(chains, hidden).unwrap();
    let mut hidden = device.zeros(chains, hidden).unwrap();
    device
        .gibbs(Gibbs {
            weights: &weights,
            visible_bias: &visible_bias,
            hidden_bias: &hidden_bias,
            visible: &mut visible,
            hidden: &mut hidden,
            hidden_means: &mut hidden_means,
            clamp: None,
            beta: 1.0,
            sweeps,
            seed: 4,
            first_step: 0,
        })
        .unwrap();
    [read(device, &visible), read(device, &hidden)]
}

/// Sizes on both sides of every panel of columns, and chains on both sides of every block of rows.
#[test]
fn chains_have_the_same_states_everywhere() {
    let cases = [
        ([70, 40, 300], 20, 0xf776_249f_22bc_6608),
        ([1, 1, 3], 9, 0xc18b_6d72_16b6_dc65),
        ([5, 9, 31], 9, 0x761d_bb90_062d_44a8),
        ([17, 15, 33], 9, 0x6af0_fbbd_04ea_0ad8),
        ([33, 31, 65], 9, 0xf50d_4f49_0f4b_8318),
        ([65, 100, 7], 9, 0x1d8a_afd9_2655_b075),
        ([129, 63, 1], 9, 0x9b82_bd39_c6a0_df18),
        ([300, 7, 20], 9, 0x87f4_516b_ee96_1798),
    ];
    let wanted = cases.map(|(.., wanted)| wanted);
    for (_, device) in cpus() {
        let found = cases.map(|([visible, hidden, chains], sweeps, _): ([usize; 3], u32, u64)| {
            let layers = states(&device, visible, hidden, chains, sweeps);
            checksum(layers.iter().flatten())
        });
        assert!(found == wanted, "{}: {found:#018x?}, wanted {wanted:#018x?}", device.name());
    }
}

/// Whether a bit more or less in a state changes the checksum.
#[test]
fn the_checksum_sees_one_bit() {
    let layers = states(&Device::cpu(), 70, 40, 300, 1);
    let sum = checksum(layers.iter().flatten());
    let mut changed = layers.clone();
    changed[1][40 * 300 - 1] = 1.0 - changed[1][40 * 300 - 1];
    assert!(checksum(changed.iter().flatten()) != sum);
    assert!(checksum(&[0.0]) != checksum(&[-0.0]));
    // By another program.
    let bytes = b"foobar\0\0".as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
    let values: Vec<f32> = bytes.collect();
    assert_eq!(checksum(&values), 0x74c8_e7eb_4f24_5c28);
}

fn all_parameters(trainer: &Trainer, device: &Device) -> Vec<f32> {
    let parameters = trainer.model().parameters();
    parameters.iter().flat_map(|(_, array)| read(device, array)).collect()
}

/// Parameters before and after some updates.
fn trained(device: &Device, set: &str, settings: Settings, updates: u64) -> [Vec<f32>; 2] {
    let data = data::load(set, &Default::default()).unwrap();
    let mut trainer = Trainer::new(device, data, settings).unwrap();
    let before = all_parameters(&trainer, device);
    while trainer.steps_done() < updates {
        trainer.step().unwrap();
    }
    let after = all_parameters(&trainer, device);
    assert!(after.iter().all(|value| value.is_finite()));
    [before, after]
}

#[test]
fn a_trained_rbm_has_the_same_parameters_everywhere() {
    let base = Settings { hidden: vec![37], chains: 50, batch: 100, ..Settings::default() };
    let adam = Settings {
        objective: ObjectiveKind::Cd,
        optimizer: OptimizerKind::Adam,
        centred: false,
        ..base.clone()
    };
    let wanted = [0xe1e6_25cb_f783_081b, 0x0c6e_729b_6035_22d9];
    for (_, device) in cpus() {
        let trained = |settings| checksum(&trained(&device, "digits", settings, 20)[1]);
        let found = [base.clone(), adam.clone()].map(trained);
        assert!(found == wanted, "{}: {found:#018x?}, wanted {wanted:#018x?}", device.name());
    }
}

/// Plain gradient steps, for Adam divides by the size of gradients and so makes a step of what is
/// but rounding.
#[test]
fn nets_learn_the_same_everywhere_but_for_rounding() {
    let device = Device::cpu();
    // The rate, and how far three updates move the parameters, by AVX-512: far enough for the
    // rounding of the parameters themselves to be some 1e-4 of it.
    let cases = [
        (ModelKind::Mlp, ObjectiveKind::Pcd, 0.01, 0.019627),
        (ModelKind::Mlp, ObjectiveKind::Cd, 0.3, 0.023856),
        (ModelKind::Mlp, ObjectiveKind::Sm, 0.1, 0.069921),
        (ModelKind::Mlp, ObjectiveKind::SmHutchinson, 0.1, 0.070561),
        (ModelKind::Mlp, ObjectiveKind::Ssm, 0.1, 0.069958),
        (ModelKind::Mlp, ObjectiveKind::SsmVr, 0.1, 0.070464),
        (ModelKind::Mlp, ObjectiveKind::Dsm, 3.0, 0.033724),
        (ModelKind::Jem, ObjectiveKind::Jem, 0.1, 0.079385),
    ];
    let mut wrong = Vec::new();
    for (model, objective, lr, wanted) in cases {
        let set = if model == ModelKind::Jem { "digits" } else { "two-moons" };
        let settings = Settings {
            objective,
            hidden: vec![33, 18],
            batch: 65,
            chains: 31,
            window: 8,
            k: Transitions::Parts(vec![2]),
            optimizer: OptimizerKind::Sgd,
            lr,
            ..Settings::of(model)
        };
        let [before, after] = trained(&device, set, settings, 3);
        let moved = before.iter().zip(&after).map(|(before, after)| f64::from(after - before));
        let moved = moved.map(|by| by * by).sum::<f64>().sqrt();
        // Sums of some hundred products in f32 are right to 1e-6, and score matching takes
        // differences of them, which lose two digits.
        if (moved - wanted).abs() > 1e-3 * wanted {
            wrong.push(format!("{objective}: moved by {moved}, wanted {wanted}"));
        }
        if let Ok(folder) = std::env::var(OUT) {
            let bytes: Vec<u8> = after.iter().flat_map(|value| value.to_le_bytes()).collect();
            std::fs::write(format!("{folder}/{objective}.f32"), bytes).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{}: {wrong:#?}", device.name());
}
