//! How much of each pixel of an area is covered by dots and lines, with smooth edges.

use super::colours::mix;
use image::{Rgb, RgbImage};

/// Shares covered, 0 to 1, row by row from the top. What lies outside is cut.
#[derive(Clone)]
pub(super) struct Mask {
    width: u32,
    height: u32,
    cover: Vec<f32>,
}

impl Mask {
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        Self { width, height, cover: vec![0.0; width as usize * height as usize] }
    }

    pub(super) fn shares(&self) -> &[f32] {
        &self.cover
    }

    /// Lays a disc of a strength in (0, 1] over what is there; overlaps grow stronger.
    pub(super) fn dot(&mut self, centre: [f64; 2], radius: f64, strength: f64) {
        self.each(centre, centre, radius, |old, cover| old + (1.0 - old) * cover * strength as f32);
    }

    /// Draws a line with round ends; it never makes anything stronger than `strength`, so that
    /// joints do not show.
    pub(super) fn line(&mut self, from: [f64; 2], to: [f64; 2], width: f64, strength: f64) {
        self.each(from, to, width / 2.0, |old, cover| old.max(cover * strength as f32));
    }

    /// Paints the covered pixels of an area at (`left`, `top`) in a colour.
    pub(super) fn paint(
        &self,
        image: &mut RgbImage,
        (left, top): (u32, u32),
        colour: Rgb<u8>,
        strength: f64,
    ) {
        for (index, &cover) in self.cover.iter().enumerate().filter(|(_, cover)| **cover > 0.0) {
            let (x, y) = (index as u32 % self.width, index as u32 / self.width);
            if let Some(pixel) = image.get_pixel_mut_checked(left + x, top + y) {
                *pixel = mix(*pixel, colour, f64::from(cover) * strength);
            }
        }
    }

    /// Calls `change` for the pixels within `radius` of a segment. Places are in pixels, (0, 0)
    /// the top left corner of the first. A stroke thinner than a pixel is a pixel wide and fainter.
    fn each(
        &mut self,
        from: [f64; 2],
        to: [f64; 2],
        radius: f64,
        change: impl Fn(f32, f32) -> f32,
    ) {
        if ![from, to].concat().iter().all(|place| place.is_finite()) {
            return;
        }
        let faint = (2.0 * radius).min(1.0);
        let reach = radius.max(0.5) + 0.5;
        let span = |axis: usize, size: u32| {
            let low = from[axis].min(to[axis]) - reach;
            let high = from[axis].max(to[axis]) + reach;
            // Casts of floats saturate.
            (low.floor().max(0.0) as u32).min(size)..(high.ceil().max(0.0) as u32).min(size)
        };
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let length = dx * dx + dy * dy;
        for y in span(1, self.height) {
            for x in span(0, self.width) {
                let (px, py) = (f64::from(x) + 0.5 - from[0], f64::from(y) + 0.5 - from[1]);
                let along =
                    if length > 0.0 { ((px * dx + py * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
                let distance = (px - along * dx).hypot(py - along * dy);
                let cover = (reach - distance).clamp(0.0, 1.0) * faint;
                if cover > 0.0 {
                    let place = y as usize * self.width as usize + x as usize;
                    self.cover[place] = change(self.cover[place], cover as f32);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discs_and_lines_cover_their_area_and_nothing_outside_breaks() {
        let total = |mask: &Mask| mask.shares().iter().map(|&c| f64::from(c)).sum::<f64>();
        for radius in [1.0, 2.5, 6.0] {
            let mut mask = Mask::new((20, 20));
            mask.dot([9.3, 10.6], radius, 1.0);
            let area = std::f64::consts::PI * radius * radius;
            assert!((total(&mask) - area).abs() < 0.1 * area + 0.3, "{radius}: {}", total(&mask));
        }
        let mut mask = Mask::new((20, 20));
        mask.line([0.0, 10.0], [20.0, 10.0], 1.0, 0.5);
        assert!((total(&mask) - 10.0).abs() < 0.5, "{}", total(&mask));
        mask.line([0.0, 10.0], [20.0, 10.0], 1.0, 0.5);
        assert!((total(&mask) - 10.0).abs() < 0.5, "twice the same line is that line");
        let before = total(&mask);
        mask.dot([f64::NAN, 3.0], 2.0, 1.0);
        mask.dot([1e300, -1e300], 2.0, 1.0);
        mask.dot([-50.0, 5.0], 2.0, 1.0);
        assert_eq!(total(&mask), before);
    }

    #[test]
    fn overlapping_dots_grow_stronger_but_stay_below_full() {
        let mut mask = Mask::new((9, 9));
        let mut last = 0.0;
        for _ in 0..5 {
            mask.dot([4.5, 4.5], 2.0, 0.4);
            let middle = mask.shares()[4 * 9 + 4];
            assert!(middle > last && middle < 1.0);
            last = middle;
        }
        let mut image = RgbImage::new(9, 9);
        mask.paint(&mut image, (0, 0), Rgb([255; 3]), 1.0);
        assert_eq!(image.get_pixel(4, 4).0, [(last * 255.0).round() as u8; 3]);
    }
}
