//! Chains that flow over an energy landscape: frames for an animation.

use super::colours::{self, DENSITY, mix};
use super::density::{contour_lines, shades};
use super::field::Field;
use super::frame::{Area, Labels, frame};
use super::mask::Mask;
use super::{PAPER, PlotError};
use image::{Rgb, RgbImage};

/// A GIF frame holds 256 colours, so a frame is made of no more: steps of the map …
const SHADES: f64 = 55.0;
/// … each under up to this many steps of white (the last is white itself) …
const COVERS: f32 = 4.0;
/// … and greys a multiple of this apart around it. 56 · 4 + 1 + 16 = 241.
const GREYS: u8 = 17;

/// The map stops short of its bright end, so that white chains show everywhere.
const BRIGHTEST: f64 = 0.62;

/// Contour lines: less than 3/8, so that the steps of white make them a quarter white throughout.
const CONTOUR: f32 = 0.37;

/// Frames of chains that move over a map of a density: each shows the map, a bright dot for each
/// chain, and where it was in the frames before as a fading line. A frame has at most 256 colours,
/// all frames the same ones, so that [`gif`](super::gif) keeps them exactly.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    field: Field<'a>,
    frames: &'a [Vec<[f32; 2]>],
    title: Option<&'a str>,
    labels: &'a [String],
    side: u32,
    trail: usize,
}

impl<'a> Flow<'a> {
    /// `frames[t][n]` is where chain n is (x, y) in frame t. Chains outside the box, or not finite,
    /// are not drawn.
    pub fn new(field: Field<'a>, frames: &'a [Vec<[f32; 2]>]) -> Self {
        Self { field, frames, title: None, labels: &[], side: 400, trail: 4 }
    }

    /// A line above the map, the same in all frames.
    pub fn title(self, title: &'a str) -> Self {
        Self { title: Some(title), ..self }
    }

    /// What is written beside the title, one for each frame: `step 120`.
    pub fn labels(self, labels: &'a [String]) -> Self {
        Self { labels, ..self }
    }

    /// Pixels of the longer side of the map, 1 to 4096; 400 unless told.
    pub fn side(self, side: u32) -> Self {
        Self { side, ..self }
    }

    /// How many frames back a chain's line reaches; 4 unless told, 0 for none.
    pub fn trail(self, trail: usize) -> Self {
        Self { trail, ..self }
    }

    /// Draws the frames, all of one size.
    ///
    /// # Errors
    ///
    /// Those of [`DensityMap::draw`](super::DensityMap::draw), no frames, frames with different
    /// numbers of chains, or another number of labels than frames.
    pub fn draw(&self) -> Result<Vec<RgbImage>, PlotError> {
        self.check()?;
        let mut map = None;
        let frame = |now: usize| {
            let aside = self.labels.get(now).map(String::as_str);
            let labels = Labels { title: self.title, aside, ..Labels::default() };
            let (x, y) = (self.field.x, self.field.y);
            let (mut image, area) = frame("animation", x, y, self.side, &labels)?;
            image.iter_mut().for_each(|channel| *channel = *channel / GREYS * GREYS);
            let (shades, contours) = map.get_or_insert_with(|| self.map(&area));
            let chains = self.chains(now, &area);
            let covers = chains.shares().iter().zip(contours.shares());
            for (index, (shade, (chain, contour))) in shades.iter().zip(covers).enumerate() {
                let (x, y) = (index as u32 % area.width, index as u32 / area.width);
                let cover = (chain.max(contour * CONTOUR) * COVERS).round() / COVERS;
                let colour = mix(*shade, PAPER, f64::from(cover));
                image.put_pixel(area.left + x, area.top + y, colour);
            }
            Ok(image)
        };
        (0..self.frames.len()).map(frame).collect()
    }

    fn check(&self) -> Result<(), PlotError> {
        self.field.check()?;
        let Some(first) = self.frames.first() else {
            return Err(PlotError::Empty { picture: "animation", what: "frames" });
        };
        if let Some(frame) = self.frames.iter().find(|frame| frame.len() != first.len()) {
            let wanted = format!("{} (as in frame 0)", first.len());
            return Err(PlotError::Length {
                what: "chains of a frame",
                found: frame.len(),
                wanted,
            });
        }
        if !self.labels.is_empty() && self.labels.len() != self.frames.len() {
            let wanted = format!("{} (one for each frame)", self.frames.len());
            let found = self.labels.len();
            return Err(PlotError::Length { what: "frame labels", found, wanted });
        }
        Ok(())
    }

    /// What all frames share: the colours of the map, in even steps, and its contour lines.
    fn map(&self, area: &Area) -> (Vec<Rgb<u8>>, Mask) {
        let colour =
            |shade: f64| colours::at(&DENSITY, (shade * SHADES).round() / SHADES * BRIGHTEST);
        let colours = shades(&self.field, area).into_iter().map(colour).collect();
        (colours, contour_lines(&self.field, area))
    }

    /// Dots and trails of one frame.
    fn chains(&self, now: usize, area: &Area) -> Mask {
        let mut mask = Mask::new(area.size());
        let radius = (f64::from(self.side) / 180.0).clamp(1.0, 4.0);
        let place =
            |frame: usize, chain: usize| area.pixel(self.frames[frame][chain].map(f64::from));
        for chain in 0..self.frames[now].len() {
            for frame in now.saturating_sub(self.trail)..now {
                let age = (now - frame) as f64 / (self.trail + 1) as f64;
                mask.line(place(frame, chain), place(frame + 1, chain), radius, 0.65 * (1.0 - age));
            }
            mask.dot(place(now, chain), radius, 1.0);
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::{field_points, gif};
    use std::collections::HashSet;

    fn values() -> Vec<f64> {
        let points = field_points(50, 50, (-1.0, 1.0), (-1.0, 1.0));
        points.iter().map(|[x, y]| -4.0 * (x * x + y * y)).collect()
    }

    fn field(values: &[f64]) -> Field<'_> {
        Field { values, columns: 50, rows: 50, x: (-1.0, 1.0), y: (-1.0, 1.0) }
    }

    #[test]
    fn frames_show_the_chains_on_one_map_and_fit_a_gif() {
        let values = values();
        // Two chains to the right, one above the other; a third is nowhere.
        let at = |t: u8| {
            let x = -0.8 + 0.2 * f32::from(t);
            vec![[x, 0.5], [x, -0.5], [f32::NAN, 0.0]]
        };
        let frames: Vec<_> = (0..8).map(at).collect();
        let labels: Vec<_> = (0..8).map(|t| format!("step {}", t * 10)).collect();
        let flow = Flow::new(field(&values), &frames).title("chains").labels(&labels).side(360);
        let images = flow.draw().unwrap();
        assert_eq!(images.len(), 8);
        let nowhere = [vec![[f32::NAN; 2]; 3]];
        let empty = Flow::new(field(&values), &nowhere).title("chains").side(360).draw().unwrap();
        let empty = &empty[0];
        for image in &images {
            let colours: HashSet<_> = image.pixels().collect();
            assert!(colours.len() <= 256, "{}", colours.len());
        }
        let labels = Labels { title: Some("chains"), ..Labels::default() };
        let (_, area) = frame("animation", (-1.0, 1.0), (-1.0, 1.0), 360, &labels).unwrap();
        let pixel = |image: &RgbImage, point| {
            let [x, y] = area.pixel(point);
            *image.get_pixel(area.left + x as u32, area.top + y as u32)
        };
        for (t, image) in images.iter().enumerate() {
            let x = -0.8 + 0.2 * t as f64;
            assert_eq!([pixel(image, [x, 0.5]), pixel(image, [x, -0.5])], [PAPER; 2], "frame {t}");
            // How much of the way from the map's colour to white.
            let white = |point| {
                let (shown, map) = (pixel(image, point), pixel(empty, point));
                let (shown, map) = (colours::lightness(shown), colours::lightness(map));
                (shown - map) / (1.0 - map)
            };
            let ahead = [x + 0.2, 0.5];
            if t + 1 < images.len() {
                assert_eq!(pixel(image, ahead), pixel(empty, ahead), "no chain yet");
            }
            if t >= 3 {
                let (near, far) = (white([x - 0.12, 0.5]), white([x - 0.52, 0.5]));
                assert!(near > far + 0.1 && far > 0.1, "the trail fades: {near} {far}");
            }
        }
        assert!(gif(&images, 80).is_ok());
    }

    #[test]
    fn uneven_frames_and_labels_are_errors() {
        let values = values();
        let even = [vec![[0.0; 2]; 3], vec![[0.0; 2]; 3]];
        let uneven = [vec![[0.0; 2]; 3], vec![[0.0; 2]; 2]];
        let labels = ["step 0".to_owned()];
        let none = Flow::new(field(&values), &[]).draw();
        assert!(matches!(none, Err(PlotError::Empty { what: "frames", .. })));
        let chains = Flow::new(field(&values), &uneven).draw();
        assert!(matches!(chains, Err(PlotError::Length { found: 2, .. })));
        let labels = Flow::new(field(&values), &even).labels(&labels).draw();
        assert!(matches!(labels, Err(PlotError::Length { found: 1, .. })));
        let short = Flow::new(field(&values[1..2]), &even).draw();
        assert!(matches!(short, Err(PlotError::Length { found: 1, .. })));
        let still = Flow::new(field(&values), &even).side(60).trail(0).draw().unwrap();
        assert!(still[0] == still[1]);
    }
}
