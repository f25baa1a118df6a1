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

/// About `target` round values of a logarithmic axis from 10^`low` to 10^`high`: their decimal
/// logarithms and labels. Where `whole`, powers of two, as sizes mostly are; else 1, 2 and 5 times,
/// or 1 and 3 times, or just powers of ten.
pub(super) fn log_ticks(low: f64, high: f64, target: usize, whole: bool) -> Vec<(f64, String)> {
    let slack = 1e-9;
    // Beyond these, powers are no f64.
    let (low, high) = (low.clamp(-300.0, 300.0), high.clamp(-300.0, 300.0));
    let between = |values: Vec<f64>| -> Vec<f64> {
        let inside = |value: &f64| (low - slack..=high + slack).contains(&value.log10());
        values.into_iter().filter(inside).collect()
    };
    let powers = |base: f64, multiples: &[f64]| {
        let exponents = (low / base.log10()).floor() as i32..=(high / base.log10()).ceil() as i32;
        let all = exponents.flat_map(|e| multiples.iter().map(move |m| m * base.powi(e)));
        between(all.collect())
    };
    let forms: Vec<Vec<f64>> = if whole {
        [2.0, 4.0, 16.0, 256.0].map(|base| powers(base, &[1.0])).into()
    } else {
        let multiples: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        let wider = [1e2, 1e5, 1e20, 1e100].map(|base| powers(base, &[1.0]));
        multiples.map(|multiples| powers(10.0, multiples)).into_iter().chain(wider).collect()
    };
    let fits = |values: &&Vec<f64>| values.len() <= target.max(2);
    let values = forms.iter().find(fits).or(forms.last()).cloned().unwrap_or_default();
    if values.len() < 2 {
        // Less than a factor of two: ticks as on a linear axis.
        let linear = ticks(10f64.powf(low), 10f64.powf(high), target, whole);
        let mut labels: Vec<String> = linear.iter().map(|tick| significant(tick.0)).collect();
        labels.dedup();
        let short = labels.len() == linear.len();
        let label = |(value, label): (f64, String)| {
            (value.log10(), if short { significant(value) } else { label })
        };
        return linear.into_iter().map(label).collect();
    }
    values.into_iter().map(|value| (value.log10(), significant_whole(value))).collect()
}

/// A tick of a logarithmic axis: whole numbers in full up to a million.
fn significant_whole(value: f64) -> String {
    let whole = (1.0..FIXED_BELOW).contains(&value) && (value - value.round()).abs() < 1e-9 * value;
    if whole { format!("{value:.0}") } else { significant(value) }
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
    fn logarithmic_ticks_are_round_and_inside_the_range() {
        let written = |low: f64, high: f64, whole| -> Vec<String> {
            let ticks = log_ticks(low.log10(), high.log10(), 8, whole);
            ticks.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(written(64.0, 65536.0, true), ["64", "256", "1024", "4096", "16384", "65536"]);
        assert_eq!(written(0.4, 120.0, false), ["0.5", "1", "2", "5", "10", "20", "50", "100"]);
        assert_eq!(written(0.02, 120.0, false).first().unwrap(), "0.03");
        assert_eq!(written(1e-4, 1e5, false).len(), 5);
        assert!(written(3.0, 3.3, false).len() >= 2, "closer than any power");
        assert_eq!(written(0.99e6, 1.51e6, false).last().unwrap(), "1.5e6");
        for (low, high) in [(-300.0, 300.0), (-400.0, 2.0), (0.0, 1e-9), (299.0, 300.0)] {
            let ticks = log_ticks(low, high, 8, false);
            assert!(ticks.len() <= 20 && ticks.iter().all(|tick| tick.0.is_finite()), "{low}");
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
