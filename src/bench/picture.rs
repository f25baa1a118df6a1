//! Reports as pictures: throughput against chains on logarithmic axes.

use image::RgbImage;

use super::{BenchError, Report, table::names};
use crate::plot::{Panel, Reference, Series, log_curves};

/// What the panels of a report show: a label and the beginnings of the names of cases.
const PANELS: [(&str, &[&str]); 3] = [
    ("binary units: multiply-adds a nanosecond", &["gibbs", "anneal", "pcd"]),
    ("Langevin steps on nets: multiply-adds a nanosecond", &["ula", "mala"]),
    ("evaluation: multiply-adds a nanosecond", &["energy", "score", "free-energy"]),
];

/// One report: multiply-adds a nanosecond, a line a case, with the rate of the best product.
///
/// # Errors
/// The picture cannot be drawn; there may be nothing to draw.
pub fn picture(report: &Report) -> Result<RgbImage, BenchError> {
    let references = vec![Reference {
        name: format!("roofline, {:.0} GFLOP/s", report.roofline.gflops),
        value: report.roofline.gflops / 2.0,
    }];
    let panels: Vec<Panel> = PANELS
        .iter()
        .map(|(label, starts)| {
            let shown = |case: &&str| starts.iter().any(|start| case.starts_with(start));
            let cases = case_names(std::slice::from_ref(report));
            let series = cases.into_iter().filter(shown).map(|case| Series {
                name: case.into(),
                points: points(report, case, |row| row.macs_per_ns),
            });
            let (y_label, references) = (label.to_string(), references.clone());
            Panel { y_label, series: series.collect(), references, ..Panel::default() }
        })
        .filter(|panel| !panel.series.is_empty())
        .collect();
    Ok(log_curves(&format!("chains, on {}", report.device), &panels)?)
}

/// Several reports: chain steps a second, a panel a case and a line a device.
///
/// # Errors
/// The picture cannot be drawn; there may be nothing to draw.
pub fn merged_picture(reports: &[Report]) -> Result<RgbImage, BenchError> {
    let names = names(reports);
    let panels: Vec<Panel> = case_names(reports)
        .into_iter()
        .map(|case| {
            let each = reports.iter().zip(&names).map(|(report, name)| Series {
                name: name.clone(),
                points: points(report, case, |row| row.steps_per_second),
            });
            let mut series: Vec<Series> = each.collect();
            // One that comes before another stays, or devices would change their colours.
            while series.last().is_some_and(|series| series.points.is_empty()) {
                series.pop();
            }
            Panel { y_label: format!("{case}: chain steps/s"), series, ..Panel::default() }
        })
        .collect();
    Ok(log_curves("chains", &panels)?)
}

/// The names of cases with rates, in the order of the first report that has them.
fn case_names(reports: &[Report]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for row in reports.iter().flat_map(|report| &report.cases) {
        if row.steps_per_second.is_some() && !names.contains(&&*row.case) {
            names.push(&row.case);
        }
    }
    names
}

/// A figure of a case against its chains.
fn points(
    report: &Report,
    case: &str,
    figure: impl Fn(&super::Row) -> Option<f64>,
) -> Vec<(f64, f64)> {
    let rows = report.cases.iter().filter(|row| row.case == case);
    let mut points: Vec<(f64, f64)> =
        rows.filter_map(|row| Some((row.chains as f64, figure(row)?))).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}
