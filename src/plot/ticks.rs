//! Numbers on axes: where ticks lie and how they are written.

use kuva::render::render_utils::generate_ticks;

/// Fixed notation is used below this, and scientific from here on.
const FIXED_BELOW: f64 = 1e6;
/// Most decimals in fixed notation.
const MAX_DECIMALS: usize = 5;

/// About `target` round values within [`low`, `high`] with their labels. Where `whole`, only
/// whole numbers, if there are any.
pub(super) fn ticks(low: f64, high: f64, target: usize, whole: bool) -> Vec<(f64, String)> {
    let mut values = generate_ticks(low, high, target);
    if whole && values.iter().any(|value| value.fract() == 0.0) {
        values.retain(|value| value.fract() == 0.0);
    }
    let step = values.windows(2).map(|pair| pair[1] - pair[0]).fold(high - low, f64::min);
    let labels = labels(&values, step);
    values.into_iter().zip(labels).collect()
}

/// A positive value to three significant digits, without idle zeros.
pub(super) fn significant(value: f64) -> String {
    let text = format!("{value:.2e}");
    let rounded: f64 = text.parse().unwrap_or(value);
    if (1e-3..FIXED_BELOW).contains(&rounded) {
        return typeset(&format!("{rounded}"));
    }
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let digits = digits.trim_end_matches('0').trim_end_matches('.');
            typeset(&format!("{digits}e{exponent}"))
        }
        None => typeset(&text),
    }
}

/// Labels of one form for all values, as short as tells values a `step` apart.
fn labels(values: &[f64], step: f64) -> Vec<String> {
    let exact = |text: &String, value: f64| {
        text.parse::<f64>().is_ok_and(|read| (read - value).abs() <= step * 1e-3)
    };
    let written = |form: &dyn Fn(f64) -> String| -> Option<Vec<String>> {
        let texts: Vec<String> = values.iter().map(|&value| form(value)).collect();
        texts.iter().zip(values).all(|(text, &value)| exact(text, value)).then_some(texts)
    };
    let fixed = || {
        let large = values.iter().any(|value| value.abs() >= FIXED_BELOW);
        let forms = if large { 0..0 } else { 0..MAX_DECIMALS + 1 };
        forms.into_iter().find_map(|digits| written(&|value| format!("{value:.digits$}")))
    };
    let scientific = || {
        // One exponent for all: that of the largest or one less, whichever is shorter.
        let largest = values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        let largest = largest.log10().floor() as i32;
        let form = |value: f64, exponent: i32, digits: usize| match value * 10f64.powi(-exponent) {
            0.0 => "0".into(),
            mantissa => format!("{mantissa:.digits$}e{exponent}"),
        };
        let shortest = |exponent: i32| {
            (0..17).find_map(|digits| written(&|value| form(value, exponent, digits)))
        };
        let length = |texts: &Vec<String>| texts.iter().map(String::len).sum::<usize>();
        (0..2).filter_map(|less| shortest(largest - less)).min_by_key(length)
    };
    let texts = fixed().or_else(scientific);
    let texts = texts.unwrap_or_else(|| values.iter().map(|value| format!("{value:e}")).collect());
    texts.iter().map(|text| typeset(text)).collect()
}

/// With a true minus sign, and none before zero.
fn typeset(text: &str) -> String {
    let text = if text.parse() == Ok(0.0) { text.trim_start_matches('-') } else { text };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(low: f64, high: f64, whole: bool) -> Vec<String> {
        ticks(low, high, 5, whole).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn labels_are_short_uniform_and_tell_the_ticks_apart() {
        assert_eq!(written(0.0, 100.0, false), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(written(-1.0, 1.0, false), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(written(0.0, 1e-5, false)[1], "2e−6");
        assert_eq!(written(0.0, 4e9, false)[1], "1e9");
        assert_eq!(written(9.2e-5, 1.1e-4, false)[..2], ["9.5e−5", "10.0e−5"]);
        assert_eq!(written(1.0, 2.0, true), ["1", "2"]);
        assert_eq!(written(0.1, 0.9, true).len(), 4, "no whole number: ticks all the same");
    }

    #[test]
    fn any_range_has_distinct_ticks_inside_it() {
        let ranges = [(1e6, 1e6 + 1e-3), (-1e300, 1e300), (3.0, 3.0 + 1e-11), (1e-299, 2e-299)];
        for (low, high) in ranges {
            let ticks = ticks(low, high, 5, false);
            assert!(ticks.len() >= 2 && ticks.len() < 20, "{low} {high}: {ticks:?}");
            assert!(ticks.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1));
            assert!(ticks.iter().all(|tick| (low..=high).contains(&tick.0)));
        }
    }

    #[test]
    fn three_digits_say_the_size_of_a_range() {
        assert_eq!(significant(1.0), "1");
        assert_eq!(significant(0.83456), "0.835");
        assert_eq!(significant(12345.0), "12300");
        assert_eq!(significant(9.999e-4), "0.001");
        assert_eq!(significant(2.5e-7), "2.5e−7");
        assert_eq!(significant(3.0e38), "3e38");
    }
}
