//! Panels side by side on one page.

use super::text::Line;
use super::tiling::{best_columns, check_size};
use super::{INK, PAPER, PlotError};
use crate::data::ImageShape;
use image::{RgbImage, imageops};

/// Width over height of a page.
const ASPECT: f64 = 4.0 / 3.0;

/// Lays pictures out row by row under an optional heading, each in the middle of its column and at
/// the top of its row, with margins on white paper. Without `columns` the page is about 4:3.
///
/// # Errors
///
/// No panels, panels without pixels, no columns, or a page of more than 100 million pixels.
pub fn page(
    heading: Option<&str>,
    panels: &[RgbImage],
    columns: Option<usize>,
) -> Result<RgbImage, PlotError> {
    let empty = |what| PlotError::Empty { picture: "page", what };
    if panels.is_empty() {
        return Err(empty("panels"));
    }
    if panels.iter().any(|panel| panel.width() == 0 || panel.height() == 0) {
        return Err(empty("pixels in a panel"));
    }
    let width = panels.iter().map(RgbImage::width).max().unwrap_or(0);
    let height = panels.iter().map(RgbImage::height).max().unwrap_or(0);
    let shape = ImageShape { height: height as usize, width: width as usize };
    let columns = match columns {
        Some(0) => return Err(empty("columns")),
        Some(columns) => columns.min(panels.len()),
        None => best_columns(shape, panels.len(), ASPECT),
    };
    // A row is as high as its highest panel.
    let heights: Vec<u32> = panels
        .chunks(columns)
        .map(|row| row.iter().map(RgbImage::height).max().unwrap_or(0))
        .collect();

    let margin = (width.min(height) / 24).clamp(6, 24);
    let size = (width / 14).clamp(16, 40);
    let head = if heading.is_some() { Line::height(size) as u32 + margin } else { 0 };
    let spaces = |count: usize| u64::from(margin) * (count as u64 + 1);
    let (page_width, page_height) = check_size(
        "page",
        u64::from(width) * columns as u64 + spaces(columns),
        heights.iter().map(|&height| u64::from(height)).sum::<u64>()
            + spaces(heights.len())
            + u64::from(head),
    )?;
    let mut page = RgbImage::from_pixel(page_width, page_height, PAPER);
    if let Some(heading) = heading {
        let (line, fitted) = Line::fitted(heading, size, 9, page_width - 2 * margin)?;
        let left = (page_width - line.width.min(page_width)) / 2;
        line.draw(&mut page, (left, margin + size - fitted), INK);
    }
    let mut top = margin + head;
    for (row, height) in panels.chunks(columns).zip(heights) {
        for (column, panel) in row.iter().enumerate() {
            let left = margin + column as u32 * (width + margin) + (width - panel.width()) / 2;
            imageops::replace(&mut page, panel, left.into(), top.into());
        }
        top += height + margin;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn panels_keep_their_pixels_and_their_order() {
        let panel = |k: u8, width, height| RgbImage::from_pixel(width, height, Rgb([k, 0, 0]));
        let panels: Vec<_> = (0..7).map(|k| panel(k * 30, 100 + u32::from(k), 120)).collect();
        let page = page(Some("two-moons"), &panels, None).unwrap();
        let aspect = f64::from(page.width()) / f64::from(page.height());
        assert!((1.0..1.8).contains(&aspect), "{aspect}");
        let mut places = Vec::new();
        for (k, panel) in panels.iter().enumerate() {
            let of = |pixel: &Rgb<u8>| *pixel == Rgb([k as u8 * 30, 0, 0]);
            let count = page.pixels().filter(|pixel| of(pixel)).count() as u32;
            assert_eq!(count, panel.width() * panel.height(), "panel {k}");
            let first = page.enumerate_pixels().find(|(_, _, pixel)| of(pixel)).unwrap();
            places.push((first.1, first.0));
        }
        assert!(places.is_sorted(), "row by row: {places:?}");
        let ink = (0..places[0].0).any(|y| (0..page.width()).any(|x| *page.get_pixel(x, y) == INK));
        assert!(ink, "a heading above the first panel");
    }

    #[test]
    fn six_or_eight_panels_make_full_rows() {
        for (count, columns) in [(1, 1), (6, 3), (8, 4)] {
            let panels = vec![RgbImage::new(300, 340); count];
            let auto = page(None, &panels, None).unwrap();
            assert_eq!(auto, page(None, &panels, Some(columns)).unwrap(), "{count}");
        }
    }

    #[test]
    fn pages_of_nothing_are_errors() {
        let panel = RgbImage::new(10, 10);
        assert!(matches!(page(None, &[], None), Err(PlotError::Empty { .. })));
        let panels = [panel.clone(), RgbImage::new(0, 3)];
        assert!(matches!(page(None, &panels, None), Err(PlotError::Empty { .. })));
        let none = page(None, std::slice::from_ref(&panel), Some(0));
        assert!(matches!(none, Err(PlotError::Empty { .. })));
        let long = "x".repeat(500);
        assert!(page(Some(&long), &[RgbImage::new(1, 1)], None).is_ok());
    }
}
