//! The curves as a picture: a plot for each size, measured and on paper.

use image::RgbImage;

use super::{Against, Curve, Scaling};
use crate::{
    bench::BenchError,
    plot::{Panel, Series, log_curves, page},
};

/// Seconds against chains, units and steps, on logarithmic axes, one plot below the other since each
/// has its own axis. Lines with dots are measured, thin ones are on paper.
///
/// # Errors
/// The picture cannot be drawn; there may be nothing to draw.
pub fn picture(report: &Scaling) -> Result<RgbImage, BenchError> {
    let plots = Against::ALL.into_iter().filter_map(|against| {
        let curves = || report.curves.iter().filter(move |curve| curve.against == against);
        curves().next()?;
        let panel = Panel {
            y_label: y_label(against).into(),
            series: curves().map(measured).collect(),
            guides: curves().map(on_paper).collect(),
            ..Panel::default()
        };
        Some(log_curves(&x_label(against, &report.device), &[panel]))
    });
    Ok(page(None, &plots.collect::<Result<Vec<_>, _>>()?, Some(1))?)
}

fn y_label(against: Against) -> &'static str {
    match against {
        Against::Chains | Against::Units => "seconds a sweep or step of all chains",
        Against::Steps => "seconds a call",
    }
}

fn x_label(against: Against, device: &str) -> String {
    let what = match against {
        Against::Chains => "chains",
        Against::Units => "units of a layer",
        Against::Steps => "sweeps or steps a call",
    };
    format!("{what}, on {device}")
}

fn measured(curve: &Curve) -> Series {
    Series { name: curve.name(), points: curve.seconds() }
}

fn on_paper(curve: &Curve) -> Series {
    let place = |point: &super::Point| (point.at(curve.against) as f64, point.paper_seconds);
    Series { name: "on paper".into(), points: curve.points.iter().map(place).collect() }
}
