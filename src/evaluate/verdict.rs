//! What the figures of an evaluation mean, in plain words, and what to try.

use serde::{Deserialize, Serialize};

use super::{Evaluation, Mixing};

/// Nats between the ends of a bracket that is called narrow.
const NARROW: f64 = 1.0;
/// Effective chains below which an estimate rests on a few weights.
const FEW: f64 = 10.0;
/// Nats, and share of the log-likelihood, by which the test part may be less likely than the
/// training part.
const GAP: (f64, f64) = (0.5, 0.02);

/// A judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What is judged.
    pub subject: Subject,
    /// Whether all is well.
    pub good: bool,
    /// The finding, a sentence without its full stop.
    pub finding: String,
    /// What to try, where something is not well.
    pub remedy: Option<String>,
}

/// What can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// How sure the likelihood is.
    Likelihood,
    /// Whether chains forget where they started.
    Mixing,
    /// Whether chains that start afresh come to be like those of the model.
    Equilibrium,
    /// Whether the test part is as likely as the training part.
    Overfitting,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", if self.good { "good" } else { "look out" }, self.finding)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

fn good(subject: Subject, finding: String) -> Verdict {
    Verdict { subject, good: true, finding, remedy: None }
}

fn bad(subject: Subject, finding: String, remedy: &str) -> Verdict {
    Verdict { subject, good: false, finding, remedy: Some(remedy.into()) }
}

/// The verdicts on all that an evaluation has looked at.
pub fn verdicts(evaluation: &Evaluation) -> Vec<Verdict> {
    [
        likelihood(evaluation),
        evaluation.mixing.as_ref().and_then(mixing),
        equilibrium(evaluation),
        overfitting(evaluation),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The verdict on how chains mix; none where there are too few draws to tell.
pub fn mixing(found: &Mixing) -> Option<Verdict> {
    if !found.r_hat.is_finite() {
        return None;
    }
    let figures = format!(
        "R-hat of the energy {:.3} over {} transitions, autocorrelation time {:.1}",
        found.r_hat, found.transitions, found.autocorrelation_time
    );
    let subject = Subject::Mixing;
    Some(if found.mixed() {
        good(subject, format!("the chains have mixed: {figures}"))
    } else {
        bad(
            subject,
            format!("the chains still remember where they started: {figures}"),
            "take one state of each chain, run them longer, or use --sampler tempering",
        )
    })
}

fn likelihood(evaluation: &Evaluation) -> Option<Verdict> {
    let verdict = |finding| Some(good(Subject::Likelihood, finding));
    if evaluation.log_z.exact.is_some() {
        return verdict("log Z is exact, summed over all states".into());
    }
    if evaluation.log_z.quadrature.is_some() {
        return verdict("log Z is exact, integrated on a grid".into());
    }
    let bracket = evaluation.annealing.as_ref()?;
    let (low, high) = bracket.range();
    let (up, down) = (bracket.forward, bracket.reverse);
    let width = high - low;
    let subject = Subject::Likelihood;
    // Noise makes the lower end exceed the upper one by a few standard errors at most.
    if up.value - down.value > 4.0 * up.std_error.hypot(down.std_error) {
        return Some(bad(
            subject,
            format!(
                "annealing up gives a log Z {:.2} nats above annealing down, which samples of the \
                 model cannot do: the chains that stand for them are elsewhere",
                up.value - down.value
            ),
            "give them more --burn-in, or train with a larger --k",
        ));
    }
    let ess = up.ess.min(down.ess);
    Some(match (width <= NARROW, ess < FEW) {
        (true, _) => good(subject, format!("log Z is known within {width:.2} nats")),
        (false, true) => bad(
            subject,
            format!(
                "log Z is known within {width:.1} nats only, and one of the two estimates rests on \
                 the weights of {ess:.0} chains"
            ),
            "evaluate with more --temperatures, then more --chains",
        ),
        (false, false) => bad(
            subject,
            format!("log Z is known within {width:.1} nats only"),
            "evaluate with more --temperatures",
        ),
    })
}

fn equilibrium(evaluation: &Evaluation) -> Option<Verdict> {
    let found = evaluation.equilibrium.as_ref()?;
    let subject = Subject::Equilibrium;
    Some(match found.reached() {
        Some(transitions) => good(
            subject,
            format!(
                "chains that start afresh have the energies of the model's after {transitions} \
                 transitions"
            ),
        ),
        None => {
            let (transitions, mean) = *found.fresh.last()?;
            bad(
                subject,
                format!(
                    "after {transitions} transitions chains that start afresh have energies {:.1} \
                     nats {} those of the model's chains: one of the two is out of equilibrium",
                    (mean - found.model).abs(),
                    if mean > found.model { "above" } else { "below" }
                ),
                "train longer at a small --final-lr with a larger --k, and sample from the chains \
                 of training",
            )
        }
    })
}

fn overfitting(evaluation: &Evaluation) -> Option<Verdict> {
    let gap = evaluation.free_energy_gap?;
    let likelihood = evaluation.log_likelihood.test;
    let size = likelihood.exact.or(likelihood.bennett)?.abs();
    let subject = Subject::Overfitting;
    Some(if gap > GAP.0.max(GAP.1 * size) {
        bad(
            subject,
            format!("test examples are {gap:.2} nats less likely than training examples"),
            "use fewer hidden units, an --l2, or fewer --epochs",
        )
    } else {
        good(
            subject,
            format!("test examples are about as likely as training examples ({:+.2} nats)", -gap),
        )
    })
}
