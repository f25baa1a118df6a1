//! Pictures as the bytes of a file.

use super::PlotError;
use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, DynamicImage, Frame, ImageFormat, Rgb, RgbImage};
use std::collections::HashSet;
use std::io::Cursor;

/// Colours that a GIF frame can hold.
const GIF_COLOURS: usize = 256;

/// Steps a channel is reduced to, in turn, until each frame has no more than 256 colours; the
/// last (6³ = 216 colours) always does. Black, white and equal channels stay what they are.
const STEPS: [u16; 7] = [255, 127, 85, 51, 31, 15, 5];

/// The bytes of a PNG file.
///
/// # Errors
///
/// A picture without pixels, or a failure of the encoder.
pub fn png(image: &RgbImage) -> Result<Vec<u8>, PlotError> {
    if image.width() == 0 || image.height() == 0 {
        return Err(PlotError::Empty { picture: "PNG", what: "pixels" });
    }
    let mut bytes = Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|source| PlotError::Encode { format: "PNG", source })?;
    Ok(bytes.into_inner())
}

/// The bytes of an animated GIF that shows `frames` in order, each for `delay_ms`, for ever.
///
/// GIF counts time in hundredths of a second, and viewers slow down what is shorter than two, so
/// the delay is rounded to 10 ms and held within 20 ms and 655 350 ms. Up to 256 colours a frame
/// are exact; above, all frames are reduced to the same coarser colours, so that nothing flickers.
///
/// # Errors
///
/// No frames, frames without pixels, frames of different sizes or over 65 535 pixels wide or high.
pub fn gif(frames: &[RgbImage], delay_ms: u32) -> Result<Vec<u8>, PlotError> {
    let empty = |what| PlotError::Empty { picture: "animation", what };
    let (width, height) = frames.first().ok_or_else(|| empty("frames"))?.dimensions();
    if width == 0 || height == 0 {
        return Err(empty("pixels"));
    }
    if width.max(height) > u32::from(u16::MAX) {
        let (width, height) = (width.into(), height.into());
        let limit = "GIF's 65535 pixels a side";
        return Err(PlotError::TooLarge { picture: "animation", width, height, limit });
    }
    for (index, frame) in frames.iter().enumerate() {
        let (found, wanted) = (frame.dimensions(), (width, height));
        if found != wanted {
            return Err(PlotError::FrameSize { index, found, wanted });
        }
    }
    let [finest, .., coarsest] = STEPS;
    let fits = |&steps: &u16| frames.iter().all(|frame| few_colours(frame, steps));
    let steps = STEPS.into_iter().find(fits).unwrap_or(coarsest);
    let delay = Delay::from_numer_denom_ms(rounded_delay(delay_ms), 1);
    let failed = |source| PlotError::Encode { format: "GIF", source };

    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.set_repeat(Repeat::Infinite).map_err(failed)?;
    for frame in frames {
        let mut frame = frame.clone();
        if steps != finest {
            frame.pixels_mut().for_each(|pixel| *pixel = reduce(*pixel, steps));
        }
        let frame = DynamicImage::ImageRgb8(frame).into_rgba8();
        encoder.encode_frame(Frame::from_parts(frame, 0, 0, delay)).map_err(failed)?;
    }
    drop(encoder);
    Ok(bytes)
}

/// Milliseconds in whole hundredths of a second, within what GIF and its viewers keep.
fn rounded_delay(delay_ms: u32) -> u32 {
    (delay_ms.saturating_add(5) / 10).clamp(2, u32::from(u16::MAX)) * 10
}

/// Whether a frame fits a GIF palette once its channels are reduced.
fn few_colours(frame: &RgbImage, steps: u16) -> bool {
    let mut colours = HashSet::new();
    frame.pixels().all(|&pixel| {
        colours.insert(reduce(pixel, steps));
        colours.len() <= GIF_COLOURS
    })
}

/// Each channel at the nearest of `steps + 1` even levels from 0 to 255.
fn reduce(Rgb(channels): Rgb<u8>, steps: u16) -> Rgb<u8> {
    Rgb(channels.map(|channel| {
        let level = (u16::from(channel) * steps + 127) / 255;
        ((level * 255 + steps / 2) / steps) as u8
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::gif::GifDecoder;
    use image::{AnimationDecoder, metadata::LoopCount};

    fn decoded(bytes: &[u8]) -> (Vec<Frame>, LoopCount) {
        let decoder = GifDecoder::new(Cursor::new(bytes)).unwrap();
        let loops = decoder.loop_count();
        (decoder.into_frames().collect_frames().unwrap(), loops)
    }

    fn rgb(frame: &Frame) -> RgbImage {
        DynamicImage::ImageRgba8(frame.buffer().clone()).into_rgb8()
    }

    #[test]
    fn png_comes_back_as_it_was() {
        let image = RgbImage::from_fn(37, 21, |x, y| Rgb([x as u8 * 6, y as u8 * 12, 77]));
        let bytes = png(&image).unwrap();
        let back = image::load_from_memory_with_format(&bytes, ImageFormat::Png).unwrap();
        assert!(back.into_rgb8() == image);
        assert!(matches!(png(&RgbImage::new(0, 4)), Err(PlotError::Empty { .. })));
    }

    #[test]
    fn gif_keeps_frames_order_delay_and_256_colours_and_loops() {
        let frame = |k: u8| RgbImage::from_fn(16, 16, |x, y| Rgb([(y * 16 + x) as u8 ^ k; 3]));
        let frames: Vec<_> = (0..5).map(|k| frame(k * 50)).collect();
        let (back, loops) = decoded(&gif(&frames, 120).unwrap());
        assert!(matches!(loops, LoopCount::Infinite));
        assert!(back.iter().map(rgb).eq(frames));
        assert!(back.iter().all(|frame| frame.delay().numer_denom_ms() == (120, 1)));
    }

    #[test]
    fn more_colours_are_reduced_alike_in_all_frames() {
        let rich = RgbImage::from_fn(64, 64, |x, y| Rgb([x as u8 * 4, y as u8 * 4, 200]));
        let plain = RgbImage::from_fn(64, 64, |x, _| Rgb([x as u8 * 4, 255, 0]));
        let (back, _) = decoded(&gif(&[rich.clone(), plain.clone()], 40).unwrap());
        let levels: HashSet<u8> = back.iter().flat_map(|frame| rgb(frame).into_raw()).collect();
        assert!(levels.len() <= 16, "both frames on one set of levels: {levels:?}");
        for (back, frame) in back.iter().map(rgb).zip([rich, plain]) {
            let pairs = || back.iter().zip(frame.iter());
            assert!(pairs().all(|(a, b)| a.abs_diff(*b) <= 9));
            assert!(pairs().all(|(a, b)| !matches!(b, 0 | 255) || a == b));
        }
    }

    #[test]
    fn noise_of_every_colour_can_still_be_encoded() {
        let mut state = 1u32;
        let noise = RgbImage::from_fn(99, 99, |_, _| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            Rgb([(state >> 8) as u8, (state >> 16) as u8, (state >> 24) as u8])
        });
        let (back, _) = decoded(&gif(std::slice::from_ref(&noise), 0).unwrap());
        let error = rgb(&back[0]).iter().zip(noise.iter()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(error <= Some(26), "six levels lie 51 apart: {error:?}");
        assert_eq!(back[0].delay().numer_denom_ms(), (20, 1));
    }

    #[test]
    fn delays_are_what_gif_can_hold() {
        let delays = [0, 14, 25, 120, 655_350, u32::MAX].map(rounded_delay);
        assert_eq!(delays, [20, 20, 30, 120, 655_350, 655_350]);
    }

    #[test]
    fn frames_that_make_no_animation_are_errors() {
        let image = |width, height| RgbImage::new(width, height);
        assert!(matches!(gif(&[], 100), Err(PlotError::Empty { what: "frames", .. })));
        assert!(matches!(gif(&[image(0, 3)], 100), Err(PlotError::Empty { .. })));
        let error = gif(&[image(4, 3), image(4, 3), image(3, 4)], 100).unwrap_err();
        assert!(matches!(error, PlotError::FrameSize { index: 2, .. }), "{error}");
        assert!(matches!(gif(&[image(65_536, 1)], 100), Err(PlotError::TooLarge { .. })));
    }
}
