//! Colour scales: even steps, mixed linearly in between.

use image::Rgb;

/// Dark indigo over teal to light yellow, for densities. The lightness of OKLab (Ottosson 2020)
/// rises evenly from 0.19 to 0.95 while its hue turns from 292° to 104°, so that equal steps look
/// equal, also in grey and to colour-blind viewers.
pub(super) const DENSITY: [[u8; 3]; 17] = [
    [23, 4, 57],
    [28, 17, 76],
    [29, 32, 96],
    [22, 48, 115],
    [1, 66, 127],
    [2, 84, 130],
    [3, 101, 136],
    [3, 118, 142],
    [2, 135, 149],
    [2, 153, 153],
    [1, 171, 154],
    [40, 188, 149],
    [100, 201, 144],
    [143, 212, 142],
    [182, 223, 144],
    [217, 232, 153],
    [248, 242, 168],
];

/// White to dark blue, for shares on paper: ColorBrewer's Blues.
pub(super) const SHARE: [[u8; 3]; 9] = [
    [255, 255, 255],
    [222, 235, 247],
    [198, 219, 239],
    [158, 202, 225],
    [107, 174, 214],
    [66, 146, 198],
    [33, 113, 181],
    [8, 81, 156],
    [8, 48, 107],
];

/// The colour at a place on a scale, 0 its first and 1 its last colour; what lies outside is
/// held at the ends, and NaN is drawn as 0.
pub(super) fn at(scale: &[[u8; 3]], place: f64) -> Rgb<u8> {
    let steps = scale.len() - 1;
    let share = if place > 0.0 { place.min(1.0) } else { 0.0 };
    let place = share * steps as f64;
    let below = (place as usize).min(steps.saturating_sub(1));
    mix(Rgb(scale[below]), Rgb(scale[(below + 1).min(steps)]), place - below as f64)
}

/// `from` with a share of `to` over it.
pub(super) fn mix(from: Rgb<u8>, to: Rgb<u8>, share: f64) -> Rgb<u8> {
    let channel = |c: usize| {
        let (from, to) = (f64::from(from.0[c]), f64::from(to.0[c]));
        (from + share * (to - from)).round() as u8
    };
    Rgb([channel(0), channel(1), channel(2)])
}

/// How light a colour looks, 0 to 1 (Rec. 709 weights on the encoded channels).
pub(super) fn lightness(Rgb([red, green, blue]): Rgb<u8>) -> f64 {
    (0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_exact_at_their_steps_and_monotonic_in_lightness() {
        for (scale, sign) in [(&DENSITY[..], 1.0), (&SHARE[..], -1.0)] {
            let steps = scale.len() - 1;
            for (step, colour) in scale.iter().enumerate() {
                assert_eq!(at(scale, step as f64 / steps as f64).0, *colour);
            }
            let shades: Vec<_> =
                (0..=100).map(|i| sign * lightness(at(scale, f64::from(i) / 100.0))).collect();
            assert!(shades.windows(2).all(|pair| pair[0] <= pair[1]), "{shades:?}");
            assert_eq!(at(scale, -3.0).0, scale[0]);
            assert_eq!(at(scale, f64::NAN).0, scale[0]);
            assert_eq!(at(scale, f64::INFINITY).0, scale[steps]);
        }
    }
}
