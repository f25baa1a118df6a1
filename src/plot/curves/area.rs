//! The plot itself: grid, axes, lines.

use super::super::INK;
use super::super::text::{paint, primitive};
use super::axes::{XAxis, YAxis};
use super::trace::stretches;
use super::{
    DASHES, LINE, Panel, REFERENCE, SPACE, Series, TEXT, THIN, TITLE, references, series_colour,
};
use image::Rgb;
use kuva::render::render::{Primitive, Scene, TextAnchor};

const GRID: Rgb<u8> = Rgb([224, 224, 224]);
/// A series of up to this many points shows each.
const MARKED: usize = 30;

/// The area of one panel in which its lines lie.
pub(super) struct Plot<'a> {
    pub(super) x: &'a XAxis,
    pub(super) y: &'a YAxis,
    pub(super) top: u32,
    pub(super) bottom: u32,
}

impl Plot<'_> {
    fn place(&self, value: f64) -> f64 {
        let height = f64::from(self.bottom - self.top);
        f64::from(self.bottom) - self.y.range.place(value) * height
    }

    pub(super) fn draw(&self, scene: &mut Scene, panel: &Panel) {
        let (left, right) = (f64::from(self.x.left), f64::from(self.x.right));
        let (top, bottom) = (f64::from(self.top), f64::from(self.bottom));
        for (value, _) in &self.x.ticks {
            bar(scene, (self.x.place(*value).floor(), top), (1.0, bottom - top), GRID);
            bar(scene, (self.x.place(*value).floor(), bottom), (1.0, 5.0), INK);
        }
        for (value, label) in &self.y.ticks {
            let place = self.place(*value).floor();
            bar(scene, (left, place), (right - left, 1.0), GRID);
            let at = (left - f64::from(SPACE), place + f64::from(TEXT) * 0.36);
            scene.add(primitive(label, at, TextAnchor::End, TEXT, INK));
        }
        bar(scene, (left, top), (1.0, bottom - top), INK);
        bar(scene, (left, bottom), (right - left + 1.0, 1.0), INK);
        for (index, reference) in references(panel) {
            let place = self.place(reference.value).round();
            dashed(scene, (left, right), place, DASHES[index % DASHES.len()]);
        }
        for (index, guide) in panel.guides.iter().enumerate() {
            self.line(scene, guide, (THIN, false), series_colour(index));
        }
        for (index, series) in panel.series.iter().enumerate() {
            let marked = series.points.len() <= MARKED;
            self.line(scene, series, (LINE, marked), series_colour(index));
        }
        if !self.y.any {
            let middle = ((left + right) / 2.0, (top + bottom) / 2.0);
            scene.add(primitive("no finite values", middle, TextAnchor::Middle, TITLE, INK));
        }
    }

    fn line(
        &self,
        scene: &mut Scene,
        series: &Series,
        (stroke_width, marked): (f64, bool),
        colour: Rgb<u8>,
    ) {
        let screen = |x, y| (self.x.place(x), self.place(y));
        for points in stretches(&series.points, screen) {
            if marked || points.len() == 1 {
                let (cx, cy) = points.iter().copied().unzip();
                scene.add(Primitive::CircleBatch {
                    cx,
                    cy,
                    r: if marked { 3.5 } else { 2.5 },
                    fill: paint(colour),
                    fill_opacity: None,
                    stroke: None,
                    stroke_width: None,
                });
            }
            let stroke = paint(colour);
            scene.add(Primitive::PolyLine { points, stroke, stroke_width, stroke_dasharray: None });
        }
    }
}

/// A dashed flat line. The plotting crate's own dashes change with the number of samples.
pub(super) fn dashed(scene: &mut Scene, (left, right): (f64, f64), middle: f64, lengths: &[f64]) {
    let mut x = left;
    for (index, &length) in lengths.iter().cycle().enumerate() {
        if x >= right {
            return;
        }
        if index % 2 == 0 {
            let size = (length.min(right - x), LINE);
            bar(scene, (x, middle - LINE / 2.0), size, REFERENCE);
        }
        x += length;
    }
}

/// A filled rectangle with its top left corner at (`x`, `y`).
pub(super) fn bar(
    scene: &mut Scene,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
    colour: Rgb<u8>,
) {
    let fill = paint(colour);
    let (stroke, stroke_width, opacity) = (None, None, None);
    scene.add(Primitive::Rect { x, y, width, height, fill, stroke, stroke_width, opacity });
}
