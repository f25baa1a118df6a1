//! What an evaluation looked at: the weights of annealing along the path, the energies of fresh
//! chains beside those of the model's, and how long the model's chains remember.

use crate::{
    evaluate::{Equilibrium, Evaluation, Mixing, Waypoint},
    plot::{self, Panel, PlotError, Reference, Series},
    run::{Folder, RunError},
};

/// Draws evaluation.png, where there is something to show.
///
/// # Errors
/// The system refuses.
pub(in crate::run) fn draw(folder: &Folder, evaluation: &Evaluation) -> Result<(), RunError> {
    let mut charts = Vec::new();
    if let Some(bracket) = &evaluation.annealing {
        charts.push(weights(&bracket.up, &bracket.down)?);
    }
    if let Some(equilibrium) = &evaluation.equilibrium {
        charts.push(energies(equilibrium)?);
    }
    if let Some(mixing) = evaluation.mixing.as_ref().filter(|mixing| mixing.r_hat.is_finite()) {
        charts.push(memory(mixing)?);
    }
    if charts.is_empty() {
        return Ok(());
    }
    let heading = format!("{} on {}", evaluation.model, short(&evaluation.data));
    folder.write("evaluation.png", &plot::png(&plot::page(Some(&heading), &charts, Some(1))?)?)
}

fn weights(up: &[Waypoint], down: &[Waypoint]) -> Result<image::RgbImage, PlotError> {
    let series = |value: &dyn Fn(&Waypoint) -> f64| {
        [("from the base up", up), ("from the model down", down)]
            .map(|(name, curve)| Series {
                name: name.into(),
                points: curve.iter().map(|point| (point.beta, value(point))).collect(),
            })
            .to_vec()
    };
    let panel = |label: &str, series| Panel { y_label: label.into(), series, ..Panel::default() };
    plot::curves(
        "inverse temperature",
        &[
            panel("log weights, std. dev. (nats)", series(&|point| point.deviation)),
            panel("effective share of the chains", series(&|point| point.ess_share)),
        ],
    )
}

fn energies(equilibrium: &Equilibrium) -> Result<image::RgbImage, PlotError> {
    let points = equilibrium.fresh.iter().map(|(n, mean)| (f64::from(*n).log10(), *mean)).collect();
    let series = vec![Series { name: "fresh chains".into(), points }];
    let references =
        vec![Reference { name: "the model's chains".into(), value: equilibrium.model }];
    let panel =
        Panel { y_label: "mean energy (nats)".into(), series, references, ..Panel::default() };
    plot::curves("log10 of transitions", &[panel])
}

fn memory(mixing: &Mixing) -> Result<image::RgbImage, PlotError> {
    let points = mixing.autocorrelation.iter().map(|(lag, x)| (f64::from(*lag), *x)).collect();
    let name = format!("{} chains, R-hat {:.3}", mixing.chains, mixing.r_hat);
    let panel = Panel {
        y_label: "autocorrelation of the energy".into(),
        series: vec![Series { name, points }],
        references: vec![Reference { name: "none".into(), value: 0.0 }],
        ..Panel::default()
    };
    plot::curves("transitions apart", &[panel])
}

/// The last part of a path.
fn short(name: &str) -> &str {
    name.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(name)
}
