//! From grey values in [0, 1] to bits.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::{Dataset, Examples, substream};
use crate::random::{HostRng, Stream};

/// How grey values become bits. Likelihoods under different choices cannot be compared, so a
/// figure always names its choice. The last three are the usual readings of "binarized MNIST"
/// (Salakhutdinov and Murray, ICML 2008; Burda, Grosse and Salakhutdinov, ICLR 2016).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Binarize {
    /// A value above ½ becomes 1, any other 0.
    Threshold,
    /// One draw for each pixel with the value as its probability, made once.
    Static,
    /// A fresh draw each time a training example is used; validation and test are drawn once.
    Dynamic,
    /// Values stay as they are.
    None,
}

impl fmt::Display for Binarize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Threshold => "threshold",
            Self::Static => "static",
            Self::Dynamic => "dynamic",
            Self::None => "none",
        })
    }
}

impl FromStr for Binarize {
    type Err = super::DataError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ValueEnum::from_str(text, false).map_err(|_| super::DataError::Option {
            option: "binarize".into(),
            found: format!("'{}'", super::error::clean(text)),
            wanted: "threshold, static, dynamic or none".into(),
        })
    }
}

impl Binarize {
    /// What a judgement of a model uses: where training draws afresh, one fixed draw.
    pub fn fixed(self) -> Self {
        if self == Self::Dynamic { Self::Static } else { self }
    }
}

impl Dataset {
    /// Binarises all parts, and notes it in [`Dataset::binarized`].
    ///
    /// Static draws come from [`Stream::Data`] under `seed`, a substream for each part, so they
    /// repeat. Under [`Binarize::Dynamic`] the training part keeps its probabilities; whoever uses
    /// a minibatch draws it.
    pub fn binarize(&mut self, how: Binarize, seed: u64) {
        match how {
            Binarize::Threshold => {
                for part in [&mut self.train, &mut self.validation, &mut self.test] {
                    part.values.iter_mut().for_each(|v| *v = if *v > 0.5 { 1.0 } else { 0.0 });
                }
            }
            Binarize::Static => {
                draw(&mut self.train, seed, substream::BINARIZE_TRAIN);
                self.draw_held_out(seed);
            }
            Binarize::Dynamic => self.draw_held_out(seed),
            Binarize::None => {}
        }
        self.binarized = how;
    }

    fn draw_held_out(&mut self, seed: u64) {
        draw(&mut self.validation, seed, substream::BINARIZE_VALIDATION);
        draw(&mut self.test, seed, substream::BINARIZE_TEST);
    }
}

/// Replaces each value p by 1 with probability p, else by 0.
fn draw(part: &mut Examples, seed: u64, substream: u64) {
    let mut rng = HostRng::new(seed, Stream::Data, substream);
    for value in &mut part.values {
        *value = if rng.uniform() < *value { 1.0 } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: [f32; 8] = [0.0, 0.02, 0.1, 0.3, 0.5, 0.8, 0.99, 1.0];
    const ROWS: usize = 100_000;

    fn grey() -> Dataset {
        let values: Vec<f32> = LEVELS.iter().copied().cycle().take(ROWS * LEVELS.len()).collect();
        let part = Examples { rows: ROWS, columns: LEVELS.len(), values, labels: None };
        Dataset { train: part.clone(), validation: part.clone(), test: part, ..Dataset::default() }
    }

    fn column(part: &Examples, column: usize) -> impl Iterator<Item = f64> {
        (0..part.rows).map(move |row| f64::from(part.row(row)[column]))
    }

    /// 18 proportions at |z| < 5: a sound draw fails with probability 1e-5. A bias of 0.01 at
    /// p = 0.3 is 6.9 standard errors, so it is caught with probability 0.97.
    #[test]
    fn the_static_draw_has_the_right_proportions() {
        let mut set = grey();
        set.binarize(Binarize::Static, 11);
        for part in [&set.train, &set.validation, &set.test] {
            assert!(part.values.iter().all(|&v| v == 0.0 || v == 1.0));
            for (index, &p) in LEVELS.iter().enumerate() {
                let (p, n) = (f64::from(p), ROWS as f64);
                let mean = column(part, index).sum::<f64>() / n;
                let error = (p * (1.0 - p) / n).sqrt();
                assert!((mean - p).abs() <= 5.0 * error, "p = {p}: {mean}");
            }
        }
    }

    /// The draws of neighbouring pixels, and those of one pixel in two parts, are independent:
    /// |r|·√n < 5. A correlation of 0.02 is 6.3 standard errors and is caught with probability 0.9.
    #[test]
    fn static_draws_are_independent() {
        let mut set = grey();
        set.binarize(Binarize::Static, 12);
        let correlation = |a: Vec<f64>, b: Vec<f64>| {
            let n = a.len() as f64;
            let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
            let covariance = a.iter().zip(&b).map(|(x, y)| (x - ma) * (y - mb)).sum::<f64>() / n;
            covariance / (ma * (1.0 - ma) * mb * (1.0 - mb)).sqrt()
        };
        let pick = |part, index| column(part, index).collect::<Vec<_>>();
        for r in [
            correlation(pick(&set.train, 3), pick(&set.train, 4)),
            correlation(pick(&set.train, 4), pick(&set.validation, 4)),
            correlation(pick(&set.train, 4), pick(&set.test, 4)),
            correlation(pick(&set.validation, 4), pick(&set.test, 4)),
        ] {
            assert!(r.abs() * (ROWS as f64).sqrt() < 5.0, "{r}");
        }
    }

    #[test]
    fn draws_repeat_and_depend_on_the_seed() {
        let drawn = |how, seed| {
            let mut set = grey();
            set.binarize(how, seed);
            assert_eq!(set.binarized, how);
            set
        };
        let (first, again, other) =
            (drawn(Binarize::Static, 1), drawn(Binarize::Static, 1), drawn(Binarize::Static, 2));
        assert_eq!(first.train, again.train);
        assert_ne!(first.train, other.train);
        let dynamic = drawn(Binarize::Dynamic, 1);
        assert_eq!(dynamic.train, grey().train);
        assert_eq!((&dynamic.validation, &dynamic.test), (&first.validation, &first.test));
        assert_eq!(drawn(Binarize::None, 1).test, grey().test);
        let threshold = drawn(Binarize::Threshold, 1);
        assert_eq!(threshold.test.row(9), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn names_are_the_same_everywhere() {
        for how in Binarize::value_variants() {
            let name = how.to_string();
            assert_eq!(name.parse::<Binarize>().unwrap(), *how);
            assert_eq!(serde_json::to_string(how).unwrap(), format!("\"{name}\""));
            assert_eq!(how.to_possible_value().unwrap().get_name(), name);
        }
        let error = "treshold".parse::<Binarize>().unwrap_err().to_string();
        assert_eq!(error, "binarize is 'treshold', wanted threshold, static, dynamic or none");
    }
}
