//! One energy trained by every objective with the same budget of gradient evaluations, judged by
//! one true number, on one page.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Landscape, Range, RunError, pairs, pictures::samples, write_atomically, write_model};
use crate::{
    data::{Dataset, Planar},
    device::Device,
    evaluate::{Evaluation, Judge, extent},
    plot,
    train::{ObjectiveKind, SamplerKind, Settings, TrainError, Trainer},
};

/// Samples on a map.
const POINTS: usize = 1000;

/// What the objectives came to.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The data set.
    pub data: String,
    /// The device.
    pub device: String,
    /// The hidden layers of the energy.
    pub hidden: Vec<usize>,
    /// Gradient evaluations that each objective was given.
    pub budget: u64,
    /// Mean log-likelihood of the test part under the true law, in nats; null where the law is not
    /// known. No model does better but by chance.
    pub truth: Option<f64>,
    /// One entry an objective.
    pub objectives: Vec<Contender>,
}

/// What one objective came to; what is not known is null.
#[derive(Clone, Debug, Serialize)]
pub struct Contender {
    /// The objective.
    pub objective: ObjectiveKind,
    /// Updates of the parameters.
    pub updates: u64,
    /// Rows of points whose energy was differentiated, with respect to x or to the parameters.
    pub evaluations: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// log Z by quadrature.
    pub log_z: Option<f64>,
    /// Mean negative log-likelihood of the test part, in nats.
    pub nll: Option<f64>,
    /// KL from the true law, in nats.
    pub kl: Option<f64>,
    /// The model's file.
    pub model: Option<PathBuf>,
    /// Why there are no figures.
    pub problem: Option<String>,
}

/// Rows of points whose energy is differentiated in one update of an energy over `dimension`
/// dimensions, with respect to x or to the parameters.
pub fn evaluations_an_update(settings: &Settings, dimension: usize) -> u64 {
    let steps = settings.k.most() as usize;
    let a_chain = match settings.sampler {
        // Energies alone are not differentiated.
        SamplerKind::Gibbs | SamplerKind::Tempering | SamplerKind::Metropolis => 0,
        SamplerKind::Ula | SamplerKind::SgldJem => steps,
        SamplerKind::Mala => steps + 1,
        SamplerKind::Hmc => steps * settings.leapfrog as usize + 1,
    };
    let probes = settings.probes;
    let rows = match settings.objective {
        ObjectiveKind::Pcd | ObjectiveKind::Jem => {
            let moving = settings.window.min(settings.chains);
            settings.batch + moving * (a_chain + 1)
        }
        ObjectiveKind::Cd => settings.batch * (a_chain + 2),
        // x and the two points of a direction for each of them, the score, two points along it.
        ObjectiveKind::Sm => settings.batch * (3 * dimension + 3),
        ObjectiveKind::SmHutchinson | ObjectiveKind::SsmVr => settings.batch * (3 * probes + 3),
        ObjectiveKind::Ssm => settings.batch * (3 * probes + 1),
        ObjectiveKind::Dsm => settings.batch * 3,
    };
    rows as u64
}

/// The objectives that an energy over real numbers admits.
pub const OBJECTIVES: [ObjectiveKind; 7] = [
    ObjectiveKind::Pcd,
    ObjectiveKind::Cd,
    ObjectiveKind::Sm,
    ObjectiveKind::SmHutchinson,
    ObjectiveKind::Ssm,
    ObjectiveKind::SsmVr,
    ObjectiveKind::Dsm,
];

/// Trains by each objective in turn and writes compare.json, compare.png and the models to
/// `folder`, which exists. `observe` hears of every update: the objective, updates done, and of how
/// many; it answers whether to go on. What was done when it says no is written.
///
/// # Errors
/// The data are not in two dimensions, or the device or the system refuses. An objective whose
/// training fails is noted, and the others go on.
pub async fn compare(
    device: &Device,
    data: &Dataset,
    settings: &Settings,
    budget: u64,
    folder: &Path,
    observe: &mut dyn FnMut(ObjectiveKind, u64, u64) -> bool,
) -> Result<Comparison, RunError> {
    if data.train.columns != 2 {
        return Err(RunError::Train {
            source: TrainError::Data {
                name: data.name.clone(),
                problem: format!(
                    "has examples of {} values; compare draws maps of the plane and wants 2, as \
                     two-moons has",
                    data.train.columns
                ),
            },
            checkpoint: None,
        });
    }
    let mut comparison = Comparison {
        data: data.name.clone(),
        device: device.name().into(),
        hidden: settings.hidden.clone(),
        budget,
        truth: data.planar.map(|planar| mean_log_density(planar, data)),
        objectives: Vec::new(),
    };
    let mut panels = Vec::new();
    if let Some(planar) = data.planar {
        panels.push(truth_panel(planar, data, comparison.truth)?);
    }
    for objective in OBJECTIVES {
        let settings = Settings { objective, ..settings.clone() };
        match contender(device, data, settings, budget, folder, observe).await {
            Ok(Some((contender, panel))) => {
                comparison.objectives.push(contender);
                panels.push(panel);
            }
            Ok(None) => break,
            Err(RunError::Train { source, .. }) => comparison.objectives.push(Contender {
                objective,
                updates: 0,
                evaluations: 0,
                seconds: 0.0,
                log_z: None,
                nll: None,
                kl: None,
                model: None,
                problem: Some(source.to_string()),
            }),
            Err(error) => return Err(error),
        }
    }
    let path = folder.join("compare.json");
    let text = serde_json::to_string_pretty(&comparison)
        .map_err(|error| RunError::file(&path, error.to_string()))?;
    write_atomically(&path, text.as_bytes())?;
    let layers: Vec<String> = settings.hidden.iter().map(usize::to_string).collect();
    let heading = format!(
        "{}: 2-{}-1, {:.1} M gradient evaluations each",
        data.name,
        layers.join("-"),
        budget as f64 / 1e6
    );
    let page = plot::page(Some(&heading), &panels, None)?;
    write_atomically(&folder.join("compare.png"), &plot::png(&page)?)?;
    Ok(comparison)
}

/// Trains and judges one; `None` where the observer wants to stop.
async fn contender(
    device: &Device,
    data: &Dataset,
    mut settings: Settings,
    budget: u64,
    folder: &Path,
    observe: &mut dyn FnMut(ObjectiveKind, u64, u64) -> bool,
) -> Result<Option<(Contender, image::RgbImage)>, RunError> {
    let objective = settings.objective;
    let an_update = evaluations_an_update(&settings, data.train.columns).max(1);
    let a_pass = (data.train.rows / settings.batch.clamp(1, data.train.rows)).max(1) as u64;
    settings.epochs = (budget / an_update / a_pass).max(1);
    let seed = settings.seed;
    let failed = |source: TrainError| RunError::Train { source, checkpoint: None };
    let mut trainer = Trainer::new(device, data.clone(), settings).map_err(failed)?;
    let total = trainer.steps_total();
    while trainer.steps_done() < total {
        trainer.step().map_err(failed)?;
        if !observe(objective, trainer.steps_done(), total) {
            return Ok(None);
        }
    }
    trainer.check_finite().await.map_err(failed)?;
    let seconds = trainer.seconds();
    let model = trainer.averaged_model().map_err(failed)?;
    let judged = Evaluation::of(&model, trainer.data(), &Judge::default()).await;
    let evaluation = judged.map_err(|error| failed(error.into()))?;
    let path = folder.join(format!("{objective}.safetensors"));
    write_model(&path, &model, None).await?;
    let contender = Contender {
        objective,
        updates: total,
        evaluations: total * an_update,
        seconds,
        log_z: evaluation.log_z.quadrature,
        nll: evaluation.log_likelihood.test.exact.map(|likelihood| -likelihood),
        kl: evaluation.kl,
        model: Some(path),
        problem: evaluation.log_z.quadrature.is_none().then(|| "Z is not finite".into()),
    };
    let range = Range::of(&trainer.data().train);
    let points = pairs(&samples(&*model, range, POINTS, seed).await?);
    let map = Landscape::of(&*model, extent(&trainer.data().train)).await;
    let map = map.map_err(|error| failed(error.into()))?;
    let figures = figures(contender.nll, contender.kl);
    let time = format!("{total} updates, {seconds:.1} s");
    let panel = map.picture(&points, &objective.to_string(), &[&figures, &time])?;
    Ok(Some((contender, panel)))
}

/// The figures under a map.
fn figures(nll: Option<f64>, kl: Option<f64>) -> String {
    match (nll, kl) {
        (Some(nll), Some(kl)) => format!("NLL {nll:.3} nats, KL {kl:.3}"),
        (Some(nll), None) => format!("NLL {nll:.3} nats"),
        _ => "Z is not finite".into(),
    }
}

/// Mean log-density of the test part under the true law.
fn mean_log_density(planar: Planar, data: &Dataset) -> f64 {
    let rows = data.test.values.chunks_exact(2);
    let sum: f64 = rows.map(|x| planar.log_density([f64::from(x[0]), f64::from(x[1])])).sum();
    sum / data.test.rows as f64
}

/// The map of the true law with data over it.
fn truth_panel(
    planar: Planar,
    data: &Dataset,
    truth: Option<f64>,
) -> Result<image::RgbImage, RunError> {
    let map = Landscape::of_law(planar, extent(&data.train));
    let points = pairs(&data.train.values[..2 * POINTS.min(data.train.rows)]);
    let figures = format!("NLL {:.3} nats", -truth.unwrap_or(f64::NAN));
    map.picture(&points, "the data and their law", &[&figures, "exact"])
}
