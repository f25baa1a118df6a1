//! From the parts of a source to a data set: checks, classes, the split, the scale.

use rand::seq::SliceRandom;

use super::error::{DataError, show};
use super::part::{Labels, Part, Parts, label_from_text};
use super::{Dataset, Examples, ImageShape, Options, Scale, substream};
use crate::random::{HostRng, Stream};

/// Widths below this are rather tables than pictures.
const SMALLEST_PICTURE: usize = 16;

/// Puts the parts together.
pub(super) fn dataset(
    name: &str,
    mut parts: Parts,
    options: &Options,
) -> Result<Dataset, DataError> {
    for part in [&parts.validation, &parts.test].into_iter().flatten() {
        check_fit(&parts.train, part)?;
    }
    let class_names = name_classes(&mut parts);
    if parts.test.is_none() {
        parts.test = hold_out(&mut parts.train, options);
    }
    let (scale, clamped) = scale(&mut parts);
    let image = parts.train.image.or_else(|| square(parts.train.columns));
    Ok(Dataset {
        name: super::error::clean(name),
        train: examples(parts.train),
        validation: parts.validation.map(examples).unwrap_or_default(),
        test: parts.test.map(examples).unwrap_or_default(),
        image,
        scale,
        clamped,
        class_names,
        ..Dataset::default()
    })
}

fn examples(part: Part) -> Examples {
    let Part { rows, columns, values, labels, .. } = part;
    Examples { rows, columns, values, labels: labels.map(|labels| labels.ids) }
}

fn check_fit(train: &Part, other: &Part) -> Result<(), DataError> {
    let mismatch = |found: String, wanted: String| {
        Err(DataError::Mismatch {
            file: show(&other.file),
            found,
            other: show(&train.file),
            wanted,
        })
    };
    if other.columns != train.columns {
        let values = |part: &Part| format!("{} values an example", part.columns);
        return mismatch(values(other), values(train));
    }
    if let (Some(found), Some(wanted)) = (other.image, train.image)
        && found != wanted
    {
        let pixels = |image: ImageShape| format!("{} x {} pixels", image.height, image.width);
        return mismatch(pixels(found), pixels(wanted));
    }
    if other.bytes != train.bytes {
        let kind = |part: &Part| if part.bytes { "unsigned bytes" } else { "other numbers" };
        return mismatch(kind(other).into(), kind(train).into());
    }
    Ok(())
}

/// Gives text labels their numbers: their own if all are numbers, else their place in the sorted
/// list of all names, which is returned.
fn name_classes(parts: &mut Parts) -> Option<Vec<String>> {
    let mut labels: Vec<&mut Labels> = [Some(&mut parts.train)]
        .into_iter()
        .chain([parts.validation.as_mut(), parts.test.as_mut()])
        .filter_map(|part| part?.labels.as_mut())
        .collect();
    let mut names: Vec<String> =
        labels.iter().filter_map(|labels| labels.names.clone()).flatten().collect();
    names.sort();
    names.dedup();
    let numbers = names.iter().all(|name| label_from_text(name).is_some());
    let number = |name: &String| match label_from_text(name) {
        Some(label) if numbers => label,
        _ => names.partition_point(|other| other < name) as u32,
    };
    for labels in &mut labels {
        if let Some(own) = labels.names.take() {
            let map: Vec<u32> = own.iter().map(number).collect();
            labels.ids.iter_mut().for_each(|id| *id = map[*id as usize]);
        }
    }
    (!numbers).then_some(names)
}

/// Sets a random share of the training examples aside; both parts keep their order.
fn hold_out(train: &mut Part, options: &Options) -> Option<Part> {
    let share = (train.rows as f64 * options.holdout).round() as usize;
    let share = share.min(train.rows - 1);
    if share == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..train.rows).collect();
    let mut rng = HostRng::new(options.seed, Stream::Data, substream::HOLDOUT);
    let (chosen, _) = order.partial_shuffle(&mut rng, share);
    let mut held = vec![false; train.rows];
    chosen.iter().for_each(|&row| held[row] = true);

    let columns = train.columns;
    let mut values = Vec::with_capacity(share * columns);
    let mut kept = 0;
    for (row, &held) in held.iter().enumerate() {
        let range = row * columns..(row + 1) * columns;
        if held {
            values.extend_from_slice(&train.values[range]);
        } else {
            train.values.copy_within(range, kept * columns);
            kept += 1;
        }
    }
    train.values.truncate(kept * columns);
    train.rows = kept;
    let labels = train.labels.as_mut().map(|labels| {
        let pick = |wanted: bool| {
            let both = labels.ids.iter().zip(&held);
            both.filter(|&(_, &held)| held == wanted).map(|(&id, _)| id).collect::<Vec<u32>>()
        };
        let (ids, rest) = (pick(true), pick(false));
        labels.ids = rest;
        Labels { ids, names: None }
    });
    Some(Part {
        file: train.file.clone(),
        rows: share,
        columns,
        values,
        bytes: train.bytes,
        image: train.image,
        labels,
    })
}

/// Brings all values into [0, 1]; [`load`](super::load) has the rule. Returns it, and how many
/// held-out values were clamped.
fn scale(parts: &mut Parts) -> (Scale, usize) {
    let held_out = [parts.validation.as_mut(), parts.test.as_mut()];
    let mut held_out: Vec<&mut Part> = held_out.into_iter().flatten().collect();
    let train = &mut parts.train;
    let scale = if train.bytes {
        let bits = |part: &Part| part.values.iter().all(|&value| value <= 1.0);
        let all_bits = bits(train) && held_out.iter().all(|part| bits(part));
        Scale { min: 0.0, max: if all_bits { 1.0 } else { 255.0 } }
    } else {
        let (min, max) = train
            .values
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
        if min >= 0.0 && max <= 1.0 { Scale::default() } else { Scale { min, max } }
    };
    let mut clamped = 0;
    if scale != Scale::default() {
        train.values.iter_mut().for_each(|value| *value = scaled(scale, *value));
    }
    for value in held_out.iter_mut().flat_map(|part| part.values.iter_mut()) {
        clamped += usize::from(!(scale.min..=scale.max).contains(value));
        *value = scaled(scale, *value);
    }
    (scale, clamped)
}

/// In f64, where max − min cannot overflow.
fn scaled(scale: Scale, value: f32) -> f32 {
    let (min, max) = (f64::from(scale.min), f64::from(scale.max));
    if max == min {
        return 0.0;
    }
    (((f64::from(value) - min) / (max - min)) as f32).clamp(0.0, 1.0)
}

fn square(columns: usize) -> Option<ImageShape> {
    let side = columns.isqrt();
    (side * side == columns && columns >= SMALLEST_PICTURE)
        .then_some(ImageShape { height: side, width: side })
}
