//! The line above a plot: what it shows, and its legend.

use super::super::text::{Line, primitive};
use super::super::{INK, PlotError};
use super::area::{bar, dashed};
use super::trace::drawable;
use super::{
    DASHES, LINE, Panel, REFERENCE, SPACE, Series, TEXT, THIN, TITLE, references, series_colour,
};
use image::Rgb;
use kuva::render::render::{Scene, TextAnchor};

/// The sample of a line in the legend.
const SWATCH: u32 = 28;

/// What stands above a plot: the y label on the left, the legend on the right of the same line,
/// or below it where there is no room.
pub(super) struct Header<'a> {
    title: &'a str,
    rows: Vec<Vec<Entry>>,
    /// Whether the legend begins on the title's line.
    beside: bool,
    pub(super) height: u32,
}

/// An entry of a legend.
struct Entry {
    name: String,
    width: u32,
    colour: Rgb<u8>,
    stroke: Stroke,
}

/// How a line is drawn.
#[derive(Clone, Copy)]
enum Stroke {
    Thick,
    Thin,
    Dashed(&'static [f64]),
}

impl<'a> Header<'a> {
    pub(super) fn new(panel: &'a Panel, room: u32) -> Result<Self, PlotError> {
        let title = Line::new(&panel.y_label, TITLE)?.width;
        let mut rows: Vec<Vec<Entry>> = Vec::new();
        for entry in entries(panel)? {
            match rows.last_mut() {
                Some(row) if legend_width(row) + 2 * SPACE + entry.width <= room => row.push(entry),
                _ => rows.push(vec![entry]),
            }
        }
        let beside = match rows.as_slice() {
            [only] => title + legend_width(only) + 4 * SPACE <= room,
            _ => false,
        };
        let lines = 1 + rows.len() as u32 - u32::from(beside);
        Ok(Self { title: &panel.y_label, rows, beside, height: lines * Self::line() })
    }

    fn line() -> u32 {
        Line::height(TITLE) as u32
    }

    pub(super) fn draw(&self, scene: &mut Scene, left: u32, right: u32, top: u32) {
        let baseline = f64::from(top + TITLE);
        let at = (f64::from(left), baseline);
        scene.add(primitive(self.title, at, TextAnchor::Start, TITLE, INK));
        for (index, row) in self.rows.iter().enumerate() {
            let line = index as u32 + u32::from(!self.beside);
            let baseline = baseline + f64::from(line * Self::line());
            let mut x = if self.beside { right - legend_width(row) } else { left };
            for entry in row {
                let middle = (baseline - f64::from(TEXT) * 0.36).round();
                let ends = (x.into(), (x + SWATCH).into());
                match entry.stroke {
                    Stroke::Dashed(dashes) => dashed(scene, ends, middle, dashes),
                    Stroke::Thick => {
                        let size = (ends.1 - ends.0, LINE + 1.0);
                        bar(scene, (ends.0, middle - 2.0), size, entry.colour);
                    }
                    Stroke::Thin => {
                        bar(scene, (ends.0, middle - 1.0), (ends.1 - ends.0, THIN), entry.colour);
                    }
                }
                let at = (f64::from(x + SWATCH + SPACE), baseline);
                scene.add(primitive(&entry.name, at, TextAnchor::Start, TEXT, INK));
                x += entry.width + 2 * SPACE;
            }
        }
    }
}

/// The legend of a panel; none where its only line is named by the y label.
fn entries(panel: &Panel) -> Result<Vec<Entry>, PlotError> {
    let series = panel.series.iter().enumerate().map(|(index, series)| {
        let none = if series.points.iter().any(drawable) { "" } else { " (no finite values)" };
        (format!("{}{none}", series.name), series_colour(index), Stroke::Thick)
    });
    let references = references(panel).map(|(index, reference)| {
        (reference.name.clone(), REFERENCE, Stroke::Dashed(DASHES[index % DASHES.len()]))
    });
    let is_first = |(place, guide): &(usize, &Series)| {
        panel.guides[..*place].iter().all(|other| other.name != guide.name)
    };
    let guides = panel.guides.iter().enumerate().filter(is_first);
    let guides = guides.map(|(_, guide)| (guide.name.clone(), REFERENCE, Stroke::Thin));
    let all: Vec<_> =
        series.chain(guides).chain(references).filter(|(name, ..)| !name.is_empty()).collect();
    if let [(name, ..)] = all.as_slice()
        && *name == panel.y_label
    {
        return Ok(Vec::new());
    }
    all.into_iter()
        .map(|(name, colour, stroke)| {
            let width = SWATCH + SPACE + Line::new(&name, TEXT)?.width;
            Ok(Entry { name, width, colour, stroke })
        })
        .collect()
}

fn legend_width(row: &[Entry]) -> u32 {
    let between = 2 * SPACE * (row.len() as u32).saturating_sub(1);
    row.iter().map(|entry| entry.width).sum::<u32>() + between
}
