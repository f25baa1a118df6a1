//! Learning curves from the metrics of a run.

use crate::{
    plot::{self, Panel, Series},
    run::{Folder, RunError},
    train::Metrics,
};

/// Draws curves.png from metrics.jsonl; `held_out` names the part that is held out.
///
/// # Errors
/// The system refuses.
pub(super) fn draw(folder: &Folder, held_out: &str) -> Result<(), RunError> {
    let metrics = folder.metrics().read()?;
    let series = |name: &str, value: &dyn Fn(&Metrics) -> Option<f64>| Series {
        name: name.into(),
        points: metrics.iter().filter_map(|m| Some((m.epoch, value(m)?))).collect(),
    };
    let panels = [
        (
            "log-likelihood (nats)",
            vec![
                series("training", &|m| m.log_likelihood_train),
                series(held_out, &|m| m.log_likelihood_held_out),
                series("training, annealed", &|m| Some(m.annealed?.log_likelihood_train_bennett)),
                series(&format!("{held_out}, annealed"), &|m| {
                    m.annealed?.log_likelihood_held_out_bennett
                }),
                series(&format!("{held_out}, lower end"), &|m| {
                    m.annealed?.log_likelihood_held_out_lower
                }),
            ],
        ),
        (
            "free-energy gap (nats)",
            vec![
                series(&format!("{held_out} − training"), &|m| m.free_energy_gap),
                series("data − chains", &|m| m.rbm.map(|_| m.loss)),
            ],
        ),
        ("loss", vec![series("of a batch", &|m| m.rbm.is_none().then_some(m.loss))]),
        ("KL from the true law (nats)", vec![series("by quadrature", &|m| m.kl)]),
        (
            "accuracy",
            vec![
                series("training", &|m| m.accuracy_train),
                series(held_out, &|m| m.accuracy_held_out),
            ],
        ),
        (
            "share of proposals",
            vec![series("accepted", &|m| m.chains.map(|chains| chains.acceptance))],
        ),
        (
            "squared error a pixel",
            vec![series("reconstruction", &|m| Some(m.rbm?.reconstruction_error))],
        ),
        (
            "share of units",
            vec![
                series("flipped by a sweep", &|m| Some(m.rbm?.chain_turnover)),
                series("dead hidden", &|m| Some(m.rbm?.dead_hidden)),
                series("saturated hidden", &|m| Some(m.rbm?.saturated_hidden)),
            ],
        ),
    ];
    let panels: Vec<Panel> = panels
        .into_iter()
        .map(|(label, series)| {
            (label, series.into_iter().filter(|series| !series.points.is_empty()).collect())
        })
        .filter(|(_, series): &(_, Vec<Series>)| !series.is_empty())
        .map(|(label, series)| Panel { y_label: label.into(), series, ..Panel::default() })
        .collect();
    folder.write("curves.png", &plot::png(&plot::curves("epoch", &panels)?)?)
}
