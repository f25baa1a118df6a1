//! Energies by formula, a row at a time.

use rayon::prelude::*;

use super::{
    activation::{exp, ln},
    host, host_mut,
    normalize::scale_of,
};
use crate::device::{Formula, Potential, Result};

/// Rows of a task.
const ROWS: usize = 256;

pub(super) fn potential(call: Potential<'_>) -> Result<()> {
    let d = call.x.columns();
    let x = host("potential", "x", call.x)?;
    let p = host("potential", "parameters", call.parameters)?;
    let components = call.parameters.rows();
    let formula = call.formula;
    let evaluate = move |x: &[f32], score: Option<&mut [f32]>| match formula {
        Formula::Mixture => mixture(x, p, components, score),
        Formula::DoubleWell => double_well(x, p[0], p[1], score),
        Formula::Ring => ring(x, p[0], p[1], score),
        Formula::Banana => banana(x, p[0], p[1], score),
    };
    let energy = call.energy.map(|energy| host_mut("potential", "energy", energy)).transpose()?;
    let score = call.score.map(|score| host_mut("potential", "score", score)).transpose()?;
    match (energy, score) {
        (Some(energy), Some(score)) => {
            let tasks = energy.par_chunks_mut(ROWS).zip(score.par_chunks_mut(ROWS * d));
            tasks.zip(x.par_chunks(ROWS * d)).for_each(|((energy, score), x)| {
                let rows = energy.iter_mut().zip(score.chunks_exact_mut(d));
                for ((energy, score), x) in rows.zip(x.chunks_exact(d)) {
                    *energy = evaluate(x, Some(score));
                }
            });
        }
        (Some(energy), None) => {
            energy.par_chunks_mut(ROWS).zip(x.par_chunks(ROWS * d)).for_each(|(energy, x)| {
                for (energy, x) in energy.iter_mut().zip(x.chunks_exact(d)) {
                    *energy = evaluate(x, None);
                }
            });
        }
        (None, Some(score)) => {
            score.par_chunks_mut(ROWS * d).zip(x.par_chunks(ROWS * d)).for_each(|(score, x)| {
                for (score, x) in score.chunks_exact_mut(d).zip(x.chunks_exact(d)) {
                    evaluate(x, Some(score));
                }
            });
        }
        (None, None) => {}
    }
    Ok(())
}

/// (Λ (x − μ))ᵢ for a component c, μ, Λ.
fn pull(x: &[f32], component: &[f32], i: usize) -> f32 {
    let (mean, precision) = component[1..].split_at(x.len());
    let row = &precision[i * x.len()..(i + 1) * x.len()];
    row.iter().zip(x).zip(mean).map(|((p, x), mean)| p * (x - mean)).sum()
}

/// c − ½ (x − μ)ᵀ Λ (x − μ).
fn log_density(x: &[f32], component: &[f32]) -> f32 {
    let distance: f32 =
        (0..x.len()).map(|i| (x[i] - component[1 + i]) * pull(x, component, i)).sum();
    component[0] - 0.5 * distance
}

fn mixture(x: &[f32], parameters: &[f32], components: usize, score: Option<&mut [f32]>) -> f32 {
    let each = || parameters.chunks_exact(parameters.len() / components);
    // A running log-sum-exp.
    let (mut largest, mut sum) = (f32::MIN, 0.0f32);
    for component in each() {
        let log = log_density(x, component);
        let above = log.max(largest);
        sum = sum * exp(largest - above) + exp(log - above);
        largest = above;
    }
    let total = largest + ln(sum);
    if let Some(score) = score {
        score.fill(0.0);
        for component in each() {
            let share = exp(log_density(x, component) - total);
            for (i, score) in score.iter_mut().enumerate() {
                *score -= share * pull(x, component, i);
            }
        }
    }
    -total
}

fn double_well(x: &[f32], height: f32, place: f32, score: Option<&mut [f32]>) -> f32 {
    let scaled = x[0] / place;
    let well = scaled * scaled - 1.0;
    let rest: f32 = x[1..].iter().map(|x| x * x).sum();
    if let Some(score) = score {
        score[0] = -4.0 * height * well * scaled / place;
        for (score, x) in score[1..].iter_mut().zip(&x[1..]) {
            *score = -x;
        }
    }
    height * well * well + 0.5 * rest
}

fn ring(x: &[f32], radius: f32, width: f32, score: Option<&mut [f32]>) -> f32 {
    // By a power of two near the largest value first: no square is lost, which the score would be with.
    let (unit, inverse) = scale_of(x);
    let root = x.iter().map(|x| (x * inverse) * (x * inverse)).sum::<f32>().sqrt();
    let offset = (unit * root - radius) / width;
    if let Some(score) = score {
        let factor = if root > 0.0 { -offset / (width * root) } else { 0.0 };
        for (score, x) in score.iter_mut().zip(x) {
            *score = factor * (x * inverse);
        }
    }
    0.5 * offset * offset
}

fn banana(x: &[f32], deviation: f32, bend: f32, score: Option<&mut [f32]>) -> f32 {
    let scaled = x[0] / deviation;
    let across = x[1] - bend * (x[0] * x[0] - deviation * deviation);
    let rest: f32 = x[2..].iter().map(|x| x * x).sum();
    if let Some(score) = score {
        score[0] = 2.0 * bend * x[0] * across - scaled / deviation;
        score[1] = -across;
        for (score, x) in score[2..].iter_mut().zip(&x[2..]) {
            *score = -x;
        }
    }
    0.5 * (scaled * scaled + across * across + rest)
}
