//! Energies along a path, its differences and its base, against f64.

use ergodic::{
    device::{Array, Device, Draw, Nonlinearity},
    energy::{Analytic, Architecture, Base, Component, Domain, Energy, Mlp, Path, Rbm},
    random::Stream,
    sampler::{Chains, Mala, Sampler},
};

use crate::common::{
    assert_within, bits, devices, devices_with_checks, normals, normals_of, read, sigmoid,
    softplus, upload, wide,
};

const N: usize = 37;
const D: usize = 11;
const H: usize = 6;
const BETAS: [f32; 4] = [0.0, 0.13, 0.7, 1.0];

struct Parameters {
    weights: Vec<f32>,
    visible_bias: Vec<f32>,
    hidden_bias: Vec<f32>,
    log_odds: Vec<f32>,
}

impl Parameters {
    fn new() -> Self {
        Self {
            weights: normals(D * H, 1),
            visible_bias: normals(D, 2),
            hidden_bias: normals(H, 3),
            log_odds: normals(D, 4),
        }
    }

    fn rbm(&self, device: &Device) -> Rbm {
        Rbm::new(device, &self.weights, &self.visible_bias, &self.hidden_bias).unwrap()
    }

    fn base(&self) -> Base {
        Base::Bernoulli { log_odds: self.log_odds.clone() }
    }

    /// c + Wᵀv.
    fn fields(&self, v: &[f32]) -> Vec<f64> {
        (0..H)
            .map(|j| {
                let sum: f64 =
                    (0..D).map(|i| f64::from(v[i]) * f64::from(self.weights[i * H + j])).sum();
                sum + f64::from(self.hidden_bias[j])
            })
            .collect()
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn energies(energy: &dyn Energy, x: &Array) -> Vec<f32> {
    let mut out = energy.device().zeros(x.rows(), 1).unwrap();
    energy.energy(x, &mut out).unwrap();
    read(energy.device(), &out)
}

#[test]
fn binary_energies_and_differences_are_those_of_f64() {
    let p = Parameters::new();
    let (v, h) = (bits(N * D, 5), bits(N * H, 6));
    for (label, device) in devices_with_checks() {
        let rbm = p.rbm(&device);
        let path = Path::new(&rbm, p.base()).unwrap();
        let (visible, hidden) = (upload(&device, N, D, &v), upload(&device, N, H, &h));
        for beta in BETAS {
            let found = energies(&*path.at(beta).unwrap(), &visible);
            let b = f64::from(beta);
            let wanted: Vec<f64> = v
                .chunks_exact(D)
                .map(|v| {
                    let bias = (1.0 - b) * dot(v, &p.log_odds) + b * dot(v, &p.visible_bias);
                    -bias - p.fields(v).iter().map(|x| softplus(b * x)).sum::<f64>()
                })
                .collect();
            assert_within(&format!("{label}, β = {beta}"), &found, &wanted, &[3e-5; N]);
        }
        let mut out = device.zeros(N, 1).unwrap();
        // Twice: the second call works in the arrays of the first.
        for _ in 0..2 {
            path.difference(&visible, &hidden, &mut out).unwrap();
        }
        let wanted: Vec<f64> = v
            .chunks_exact(D)
            .zip(h.chunks_exact(H))
            .map(|(v, h)| {
                let joint: f64 = p.fields(v).iter().zip(h).map(|(x, h)| x * f64::from(*h)).sum();
                -joint - dot(v, &p.visible_bias) + dot(v, &p.log_odds)
            })
            .collect();
        assert_within(&format!("{label}: D"), &read(&device, &out), &wanted, &[3e-5; N]);
    }
}

/// A mixture, whose energy and score are its own concern: at β they are the target's and the base's
/// in f64.
#[test]
fn real_energies_scores_and_differences_are_those_of_f64() {
    let d = 2;
    let part = |weight, mean: [f64; 2]| Component {
        weight,
        mean: mean.to_vec(),
        covariance: vec![1.0, 0.3, 0.3, 0.5],
    };
    let parts = [part(0.3, [-2.0, 0.0]), part(0.7, [1.0, 1.0])];
    let (mean, deviation) = ([0.5f32, -1.5], [2.0f32, 0.25]);
    let x = normals_of(N * d, 2.0, 7);
    for (label, device) in devices_with_checks() {
        let target = Analytic::mixture(&device, &parts).unwrap();
        let base = Base::Gaussian { mean: mean.to_vec(), deviation: deviation.to_vec() };
        let path = Path::new(&target, base).unwrap();
        let states = upload(&device, N, d, &x);
        let z =
            |at: usize| (f64::from(x[at]) - f64::from(mean[at % d])) / f64::from(deviation[at % d]);
        let easy: Vec<f64> =
            (0..N).map(|n| 0.5 * (0..d).map(|i| z(n * d + i).powi(2)).sum::<f64>()).collect();
        let mut score = device.zeros(N, d).unwrap();
        target.score(&states, &mut score).unwrap();
        let (hard, pull) = (wide(&energies(&target, &states)), wide(&read(&device, &score)));
        for beta in BETAS {
            let b = f64::from(beta);
            let what = format!("{label}, β = {beta}");
            let energy = path.at(beta).unwrap();
            let wanted: Vec<f64> =
                easy.iter().zip(&hard).map(|(easy, hard)| (1.0 - b) * easy + b * hard).collect();
            let bounds: Vec<f64> =
                easy.iter().zip(&hard).map(|(a, b)| 1e-6 * (a + b.abs() + 1.0)).collect();
            assert_within(&what, &energies(&*energy, &states), &wanted, &bounds);
            let pushes: Vec<f64> = pull
                .iter()
                .enumerate()
                .map(|(at, s)| b * s - (1.0 - b) * z(at) / f64::from(deviation[at % d]))
                .collect();
            let room: Vec<f64> = (0..N * d)
                .map(|at| {
                    1e-6 * (pull[at].abs() + z(at).abs() / f64::from(deviation[at % d]) + 1.0)
                })
                .collect();
            let mut both = device.zeros(N, 1).unwrap();
            energy.score(&states, &mut score).unwrap();
            assert_within(&what, &read(&device, &score), &pushes, &room);
            energy.energy_and_score(&states, &mut both, &mut score).unwrap();
            assert_within(&what, &read(&device, &score), &pushes, &room);
            assert_within(&what, &read(&device, &both), &wanted, &bounds);
        }
        let mut out = device.zeros(N, 1).unwrap();
        path.difference(&states, &device.zeros(N, 1).unwrap(), &mut out).unwrap();
        let wanted: Vec<f64> = hard.iter().zip(&easy).map(|(hard, easy)| hard - easy).collect();
        let bounds: Vec<f64> =
            easy.iter().zip(&hard).map(|(a, b)| 1e-6 * (a + b.abs() + 1.0)).collect();
        assert_within(&format!("{label}: D"), &read(&device, &out), &wanted, &bounds);
    }
}

/// An energy without its net, so that its Langevin steps are taken one kernel at a time.
struct General<'a>(&'a dyn Energy);

impl Energy for General<'_> {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }
    fn device(&self) -> &Device {
        self.0.device()
    }
    fn dimension(&self) -> usize {
        self.0.dimension()
    }
    fn domain(&self) -> Domain {
        self.0.domain()
    }
    fn energy(&self, x: &Array, out: &mut Array) -> ergodic::device::Result<()> {
        self.0.energy(x, out)
    }
    fn score(&self, x: &Array, out: &mut Array) -> ergodic::device::Result<()> {
        self.0.score(x, out)
    }
}

/// The net at β is the energy at β: MALA steps with the one and with the other end at the same states.
#[test]
fn a_net_on_the_path_is_its_energy() {
    let shape = Architecture {
        inputs: 3,
        hidden: vec![16, 8],
        outputs: 1,
        nonlinearity: Nonlinearity::Silu,
        base_precision: 0.5,
    };
    for device in devices() {
        let mlp = Mlp::initial(&device, &shape, 9).unwrap();
        let path = Path::new(&mlp, Base::isotropic(3, 1.7)).unwrap();
        for beta in BETAS {
            let energy = path.at(beta).unwrap();
            assert!(energy.net().is_some(), "β = {beta}");
            let ends = [&*energy, &General(&*energy)].map(|energy: &dyn Energy| {
                let mut chains = Chains::new(energy, N, 3).unwrap();
                chains.start_from_base(&path).unwrap();
                Mala::new(0.02).advance(energy, &mut chains, 5).unwrap();
                read(&device, &chains.visible)
            });
            let what = format!("{}, β = {beta}", device.name());
            assert_within(&what, &ends[0], &wide(&ends[1]), &[2e-5; 3 * N]);
        }
        // Elsewhere there is none.
        let off = Base::Gaussian { mean: vec![0.1; 3], deviation: vec![1.0; 3] };
        let path = Path::new(&mlp, off).unwrap();
        assert!(path.at(0.5).unwrap().net().is_none());
        assert!(path.at(1.0).unwrap().net().is_some());
    }
}

/// Means and variances of the draws lie within 5 standard errors: a false alarm in 6e-7 each, and a
/// mean that is off by a tenth of a deviation lies 14 away.
#[test]
fn starts_follow_the_base() {
    let n = 20_000;
    let z = |mean: f64, wanted: f64, deviation: f64| {
        (mean - wanted).abs() / (deviation / (n as f64).sqrt())
    };
    let column = |values: &[f32], columns: usize, i: usize, power: i32| -> f64 {
        let rows = values.chunks_exact(columns);
        rows.map(|row| f64::from(row[i]).powi(power)).sum::<f64>() / n as f64
    };
    let p = Parameters::new();
    for device in devices() {
        let rbm = p.rbm(&device);
        let path = Path::new(&rbm, p.base()).unwrap();
        let mut chains = Chains::new(&rbm, n, 21).unwrap();
        chains.start_from_base(&path).unwrap();
        let (v, h) = (read(&device, &chains.visible), read(&device, &chains.hidden));
        for (values, columns) in [(&v, D), (&h, H)] {
            assert!(values.iter().all(|x| *x == 0.0 || *x == 1.0));
            for i in 0..columns {
                let p = if columns == D { sigmoid(f64::from(p.log_odds[i])) } else { 0.5 };
                let off = z(column(values, columns, i, 1), p, (p * (1.0 - p)).sqrt());
                assert!(off < 5.0, "{device:?}: unit {i} of {columns}: {off}");
            }
        }
        // Two units are independent: their draws agree as often as their means say.
        let pairs = v.chunks_exact(D).map(|row| f64::from(row[0] * row[1])).sum::<f64>() / n as f64;
        let both = sigmoid(f64::from(p.log_odds[0])) * sigmoid(f64::from(p.log_odds[1]));
        assert!(z(pairs, both, (both * (1.0 - both)).sqrt()) < 5.0, "{device:?}: {pairs}");

        let (mean, deviation) = (vec![1.0f32, -3.0], vec![0.5f32, 4.0]);
        let target = Analytic::double_well(&device, 2, 2.0, 1.0).unwrap();
        let base = Base::Gaussian { mean: mean.clone(), deviation: deviation.clone() };
        let path = Path::new(&target, base).unwrap();
        let mut chains = Chains::new(&target, n, 22).unwrap();
        chains.start_from_base(&path).unwrap();
        let x = read(&device, &chains.visible);
        for i in 0..2 {
            let (m, s) = (f64::from(mean[i]), f64::from(deviation[i]));
            let first = column(&x, 2, i, 1);
            assert!(z(first, m, s) < 5.0, "{device:?}: mean {first}");
            let centred: Vec<f32> = x.iter().map(|x| x - mean[i]).collect();
            let second = column(&centred, 2, i, 2);
            assert!(z(second, s * s, s * s * 2f64.sqrt()) < 5.0, "{device:?}: variance {second}");
        }
    }
}

/// log Z of the base: by the sum over all states, and by the density at the mean.
#[test]
fn the_partition_function_of_the_base() {
    let device = Device::cpu();
    let p = Parameters::new();
    let rbm = p.rbm(&device);
    let path = Path::new(&rbm, p.base()).unwrap();
    let sum: f64 = (0..1u32 << D)
        .map(|state| {
            let on = (0..D).filter(|i| state >> i & 1 == 1);
            on.map(|i| f64::from(p.log_odds[i])).sum::<f64>().exp()
        })
        .sum();
    let wanted = sum.ln() + H as f64 * 2f64.ln();
    assert!((path.base_log_z() - wanted).abs() < 1e-9);
    let well = Analytic::double_well(&device, 2, 2.0, 1.0).unwrap();
    let base = Base::Gaussian { mean: vec![0.0; 2], deviation: vec![0.5, 3.0] };
    let path = Path::new(&well, base).unwrap();
    assert!((path.base_log_z() - (std::f64::consts::TAU * 1.5).ln()).abs() < 1e-12);
}

#[test]
fn bases_of_data() {
    let rows = [1.0, 0.0, 3.0, 0.0, 1.0, 0.0, 3.0, 0.0];
    let base = Base::of_rows(Domain::Real, &rows, 2);
    assert_eq!(base, Base::Gaussian { mean: vec![2.0, 0.0], deviation: vec![1.0, 1e-3] });
    let Base::Bernoulli { log_odds } = Base::of_rows(Domain::Binary, &[1.0, 0.0, 0.0, 0.0], 2)
    else {
        panic!("binary")
    };
    assert!(log_odds[0].abs() < 1e-6 && (log_odds[1] + 999f32.ln()).abs() < 1e-3, "{log_odds:?}");
}

#[test]
fn bases_that_do_not_fit_are_refused() {
    let device = Device::cpu();
    let rbm = Parameters::new().rbm(&device);
    let well = Analytic::double_well(&device, 2, 2.0, 1.0).unwrap();
    let gaussian = |mean: Vec<f32>, deviation: Vec<f32>| Base::Gaussian { mean, deviation };
    let cases: [(&dyn Energy, Base, &str); 7] = [
        (&rbm, Base::isotropic(D, 1.0), "wanted a Bernoulli base"),
        (&well, Base::of_means(&[0.5; 2]), "wanted a Gaussian base"),
        (&rbm, Base::of_means(&[0.5; 3]), "3 log-odds, wanted 11"),
        (&rbm, Base::Bernoulli { log_odds: vec![f32::NAN; D] }, "log-odds of unit 0 is NaN"),
        (&well, gaussian(vec![0.0; 2], vec![1.0; 3]), "3 deviations, wanted 2"),
        (&well, gaussian(vec![0.0; 2], vec![1.0, 0.0]), "deviation of unit 1 is 0"),
        (&well, gaussian(vec![0.0, f32::INFINITY], vec![1.0; 2]), "mean of unit 1 is inf"),
    ];
    for (target, base, wanted) in cases {
        let message = Path::new(target, base).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}, wanted {wanted}");
    }
    let path = Path::new(&well, Base::isotropic(2, 1.0)).unwrap();
    for beta in [-0.1, 1.1, f32::NAN] {
        assert!(path.at(beta).is_err(), "β = {beta}");
    }
    let draw = |step| Draw { seed: 0, step, stream: Stream::ChainStart };
    let mut wrong = device.zeros(4, 3).unwrap();
    let mut none = device.zeros(4, 1).unwrap();
    assert!(path.draw_base(&mut wrong, &mut none, [draw(0), draw(1)]).is_err());
}
