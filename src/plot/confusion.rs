//! What a classifier takes for what: the confusion matrix.

use super::colours::{self, SHARE};
use super::text::Line;
use super::tiling::{check_size, fill};
use super::{INK, PAPER, PlotError};
use image::{Rgb, RgbImage};

/// Between the cells.
const GAPS: Rgb<u8> = Rgb([214; 3]);

const MARGIN: u32 = 16;
const TITLE: u32 = 20;
const TEXT: u32 = 15;
/// The least letters of a count.
const LEAST: u32 = 9;
const SPACE: u32 = 8;
/// Widest a class name may be.
const NAME_WIDTH: u32 = 160;

/// Draws the confusion matrix of a classifier: `counts` is `[true class, predicted class]`,
/// row-major. A cell is the darker the greater its share of the row; cells of 0 are empty. The
/// title gives the share on the diagonal. Classes are called `names`, or 0, 1, 2, …
///
/// # Errors
///
/// Fewer than two classes, another number of counts than classes² or of names than classes, no
/// count above 0, or a picture of more than 100 million pixels.
pub fn confusion(
    counts: &[u64],
    classes: usize,
    names: Option<&[String]>,
) -> Result<RgbImage, PlotError> {
    check(counts, classes, names)?;
    let numbers: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
    let names = names.unwrap_or(&numbers);
    let largest = counts.iter().max().map(u64::to_string).unwrap_or_default();
    // Wide enough for every count in the least letters.
    let room = u64::from(Line::new(&largest, LEAST)?.width) + 6;
    let cell = (520 / classes as u64).clamp(26, 72).max(room) as u32;
    let size = (cell * 36 / 100).clamp(LEAST, 20);
    let (_, size) = Line::fitted(&largest, size, LEAST, cell - 6)?;

    let text = Line::height(TEXT) as u32;
    let name_size = (cell * 6 / 10).clamp(10, TEXT);
    let lines = names
        .iter()
        .map(|name| Ok(Line::fitted(name, name_size, name_size, NAME_WIDTH)?.0))
        .collect::<Result<Vec<_>, PlotError>>()?;
    let widest = lines.iter().map(|line| line.width).max().unwrap_or(0);
    // Names that are wider than a column are turned.
    let turned = widest + 2 > cell;
    let name_height = Line::height(name_size) as u32;
    let head = if turned { widest } else { name_height };
    let accuracy = Line::new(&title(counts, classes), TITLE)?;

    let left = MARGIN + text + SPACE + widest + SPACE;
    let top = MARGIN + Line::height(TITLE) as u32 + SPACE;
    let block = u64::from(cell + 1) * classes as u64 + 1;
    let title_end = MARGIN + accuracy.width;
    let (width, height) = check_size(
        "confusion matrix",
        (u64::from(left) + block).max(title_end.into()) + u64::from(MARGIN),
        u64::from(top + SPACE + head + text + SPACE + MARGIN) + block,
    )?;
    let block = block as u32;
    let mut image = RgbImage::from_pixel(width, height, PAPER);
    let title_left = if left + accuracy.width + MARGIN <= width { left } else { MARGIN };
    accuracy.draw(&mut image, (title_left, MARGIN), INK);

    fill(&mut image, (left, top), (block, block), GAPS);
    for (row, line) in counts.chunks_exact(classes).enumerate() {
        let total: u128 = line.iter().map(|&count| u128::from(count)).sum();
        for (column, &count) in line.iter().enumerate() {
            let corner = (left + 1 + column as u32 * (cell + 1), top + 1 + row as u32 * (cell + 1));
            let share = if total > 0 { count as f64 / total as f64 } else { 0.0 };
            let colour = colours::at(&SHARE, share);
            fill(&mut image, corner, (cell, cell), colour);
            if count > 0 {
                let ink = if colours::lightness(colour) < 0.55 { PAPER } else { INK };
                let number = Line::new(&count.to_string(), size)?;
                let place = (
                    corner.0 + (cell.saturating_sub(number.width)) / 2,
                    middle(corner.1, cell, size),
                );
                number.draw(&mut image, place, ink);
            }
        }
    }
    for (class, line) in lines.iter().enumerate() {
        let along = 1 + class as u32 * (cell + 1);
        let start = (left - SPACE - line.width, middle(top + along, cell, name_size));
        line.draw(&mut image, start, INK);
        let below = top + block + SPACE / 2;
        if turned {
            let start = (left + along + cell.saturating_sub(name_height) / 2, below + SPACE / 2);
            line.draw_turned(&mut image, start, INK);
        } else {
            line.draw(&mut image, (left + along + (cell - line.width) / 2, below), INK);
        }
    }
    let name = Line::new("true", TEXT)?;
    let start = top + block.saturating_sub(name.width) / 2;
    name.draw_turned(&mut image, (MARGIN, start), INK);
    let name = Line::new("predicted", TEXT)?;
    let start = left + block.saturating_sub(name.width) / 2;
    name.draw(&mut image, (start, top + block + SPACE + head + SPACE / 2), INK);
    Ok(image)
}

fn check(counts: &[u64], classes: usize, names: Option<&[String]>) -> Result<(), PlotError> {
    if classes < 2 {
        let what = "classes of a confusion matrix";
        return Err(PlotError::Count { what, found: classes, wanted: "at least 2" });
    }
    let found = counts.len();
    if Some(found) != classes.checked_mul(classes) {
        let wanted = format!("{classes} x {classes} (true x predicted classes)");
        return Err(PlotError::Length { what: "counts of a confusion matrix", found, wanted });
    }
    if let Some(names) = names
        && names.len() != classes
    {
        let wanted = format!("{classes} (one for each class)");
        return Err(PlotError::Length { what: "class names", found: names.len(), wanted });
    }
    if counts.iter().all(|&count| count == 0) {
        return Err(PlotError::Empty { picture: "confusion matrix", what: "counts above 0" });
    }
    Ok(())
}

/// How many are right, as a share and in numbers.
fn title(counts: &[u64], classes: usize) -> String {
    let sum = |counts: &mut dyn Iterator<Item = &u64>| counts.map(|&c| u128::from(c)).sum::<u128>();
    let all = sum(&mut counts.iter());
    let right = sum(&mut counts.iter().step_by(classes + 1));
    let share = 100.0 * right as f64 / all as f64;
    format!("accuracy {share:.1} % ({right} of {all})")
}

/// The top of a line of letters whose middle is that of a cell.
fn middle(top: u32, cell: u32, size: u32) -> u32 {
    (top + cell / 2).saturating_sub(size * 64 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_counts_the_diagonal() {
        assert_eq!(title(&[8, 2, 1, 9], 2), "accuracy 85.0 % (17 of 20)");
        let right = u128::from(u64::MAX) * 2;
        assert_eq!(
            title(&[u64::MAX, 0, 0, u64::MAX], 2),
            format!("accuracy 100.0 % ({right} of {right})")
        );
    }

    #[test]
    fn cells_are_coloured_by_their_share_of_the_true_class() {
        // Cells of 72 pixels; the corner of a cell shows its colour beside the number.
        let image = confusion(&[30, 10, 0, 5], 2, None).unwrap();
        let cell = |share: f64| colours::at(&SHARE, share);
        // The first row of pixels of the gaps, not a grey on the edge of a letter.
        let gaps = |x, y| (x..image.width().min(x + 147)).all(|x| *image.get_pixel(x, y) == GAPS);
        let mut places = image.enumerate_pixels().map(|(x, y, _)| (x, y));
        let first = places.find(|&(x, y)| x + 147 <= image.width() && gaps(x, y)).unwrap();
        let at = |row: u32, column: u32, inset: u32| {
            let along = |cell: u32| 1 + cell * 73 + inset;
            *image.get_pixel(first.0 + along(column), first.1 + along(row))
        };
        assert_eq!([at(0, 0, 2), at(0, 1, 2)], [cell(0.75), cell(0.25)]);
        assert_eq!([at(1, 0, 2), at(1, 1, 2)], [cell(0.0), cell(1.0)]);
        // A number is white on dark and dark on light; an empty cell has none.
        let inks = |row: u32, column: u32| {
            let shown: Vec<_> = (0..72 * 72)
                .map(|i| {
                    let (x, y) = (1 + column * 73 + i % 72, 1 + row * 73 + i / 72);
                    *image.get_pixel(first.0 + x, first.1 + y)
                })
                .collect();
            (shown.contains(&PAPER), shown.contains(&INK))
        };
        assert_eq!(inks(1, 1), (true, false));
        assert_eq!(inks(0, 1), (false, true));
        assert_eq!(inks(1, 0), (true, false));
    }

    #[test]
    fn any_number_of_classes_and_any_count_can_be_drawn() {
        for classes in [2, 10, 30, 60] {
            let counts: Vec<u64> = (0..classes * classes).map(|i| (i % 7) as u64).collect();
            assert!(confusion(&counts, classes, None).unwrap().width() > 150, "{classes}");
        }
        let names = ["a very long name of a class".repeat(9), String::new()];
        assert!(confusion(&[u64::MAX; 4], 2, Some(&names)).is_ok());
    }

    #[test]
    fn wrong_sizes_are_errors() {
        assert!(matches!(confusion(&[3], 1, None), Err(PlotError::Count { found: 1, .. })));
        assert!(matches!(confusion(&[], 0, None), Err(PlotError::Count { found: 0, .. })));
        assert!(matches!(confusion(&[1; 5], 2, None), Err(PlotError::Length { found: 5, .. })));
        assert!(matches!(confusion(&[1; 4], usize::MAX, None), Err(PlotError::Length { .. })));
        assert!(matches!(confusion(&[0; 4], 2, None), Err(PlotError::Empty { .. })));
        let names = ["one".to_owned()];
        let error = confusion(&[1; 4], 2, Some(&names));
        assert!(matches!(error, Err(PlotError::Length { found: 1, .. })));
    }
}
