//! Visible units that keep their data.

use crate::{cli::failure::Usage, data::ImageShape};

/// `[D]`, 1 where a unit keeps its data.
pub(super) fn clamp_mask(text: &str, shape: ImageShape) -> Result<Vec<f32>, Usage> {
    let ImageShape { height, width } = shape;
    let units = height * width;
    let half: Option<Box<dyn Fn(usize, usize) -> bool>> = match text {
        "top" => Some(Box::new(|row, _| row < height / 2)),
        "bottom" => Some(Box::new(|row, _| row >= height.div_ceil(2))),
        "left" => Some(Box::new(|_, column| column < width / 2)),
        "right" => Some(Box::new(|_, column| column >= width.div_ceil(2))),
        _ => None,
    };
    if let Some(half) = half {
        let side = if text == "top" || text == "bottom" { height } else { width };
        if side < 2 {
            return Err(Usage(format!(
                "--clamp {text}: the examples are {height} x {width} and have no such half; give \
                 unit numbers, such as 0-{}",
                units / 2
            )));
        }
        return Ok((0..units).map(|u| f32::from(half(u / width, u % width))).collect());
    }
    let mut mask = vec![0.0; units];
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (first.trim().parse::<usize>(), last.trim().parse::<usize>()) {
            (Ok(first), Ok(last)) if first <= last && last < units => {
                mask[first..=last].fill(1.0);
            }
            _ => {
                return Err(Usage(format!(
                    "--clamp: '{range}' is not top, bottom, left, right or a range of unit \
                     numbers below {units}, such as 0-31"
                )));
            }
        }
    }
    Ok(mask)
}
