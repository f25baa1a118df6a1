//! How many transitions the chains make at an update.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The transitions of an update, k.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transitions {
    /// Numbers that share the training in equal parts.
    Parts(Vec<u32>),
    /// As many as let the chains forget half of their energies, as each log line measures it; half
    /// or twice as many as before at most.
    Auto,
}

impl Transitions {
    /// The most that an update can make.
    pub fn most(&self) -> u32 {
        match self {
            Self::Parts(parts) => parts.iter().copied().max().unwrap_or(1),
            Self::Auto => MOST_AUTO,
        }
    }

    /// Those of update `step` of `total`, where they are given.
    pub(super) fn given(&self, step: u64, total: u64) -> Option<u32> {
        match self {
            Self::Parts(parts) => {
                let count = parts.len() as u64;
                let part = (step.saturating_mul(count) / total.max(1)).min(count - 1);
                Some(parts[part as usize])
            }
            Self::Auto => None,
        }
    }
}

/// The most transitions that are chosen for an update.
pub(super) const MOST_AUTO: u32 = 25;

impl FromStr for Transitions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "auto" {
            return Ok(Self::Auto);
        }
        let numbers = text.split(',').map(|part| part.trim().parse());
        numbers
            .collect::<Result<_, _>>()
            .map(Self::Parts)
            .map_err(|_| "wanted auto, or numbers such as 5 or 1,5,25".into())
    }
}

impl fmt::Display for Transitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parts(parts) => {
                let parts: Vec<String> = parts.iter().map(u32::to_string).collect();
                f.write_str(&parts.join(","))
            }
            Self::Auto => f.write_str("auto"),
        }
    }
}

impl Serialize for Transitions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Parts(parts) => parts.serialize(serializer),
            Self::Auto => serializer.serialize_str("auto"),
        }
    }
}

impl<'de> Deserialize<'de> for Transitions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "\"auto\", a number, or a list of them")]
        enum Written {
            One(u32),
            Many(Vec<u32>),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::One(number) => Ok(Self::Parts(vec![number])),
            Written::Many(numbers) => Ok(Self::Parts(numbers)),
            Written::Word(word) => word.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_files_say_the_same() {
        for (text, json, wanted) in [
            ("auto", "\"auto\"", Transitions::Auto),
            ("5", "5", Transitions::Parts(vec![5])),
            ("1, 5,25", "[1,5,25]", Transitions::Parts(vec![1, 5, 25])),
        ] {
            assert_eq!(text.parse(), Ok(wanted.clone()));
            assert_eq!(serde_json::from_str::<Transitions>(json).unwrap(), wanted);
            let written = serde_json::to_string(&wanted).unwrap();
            assert_eq!(serde_json::from_str::<Transitions>(&written).unwrap(), wanted);
            assert_eq!(wanted.to_string().parse(), Ok(wanted));
        }
        for text in ["", "often", "1,,2", "-1", "1.5"] {
            assert!(text.parse::<Transitions>().is_err(), "{text}");
        }
    }

    #[test]
    fn parts_share_the_training() {
        let parts = Transitions::Parts(vec![1, 5, 25]);
        let at = |step| parts.given(step, 9).unwrap();
        assert_eq!([0, 2, 3, 5, 6, 8, 9].map(at), [1, 1, 5, 5, 25, 25, 25]);
        assert_eq!((parts.most(), Transitions::Auto.most()), (25, MOST_AUTO));
        assert_eq!(Transitions::Auto.given(0, 9), None);
    }
}
