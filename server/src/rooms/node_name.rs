//! Names of nodes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Longest name, bytes.
const MAX_NAME: usize = 32;
/// Letters and digits of a random name.
const RANDOM_LENGTH: usize = 8;

/// The name of a node: 1 to 32 of `a-z`, `0-9` and `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(Arc<str>);

/// A text that is no name of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a node has 1 to 32 of a-z, 0-9 and -")]
pub struct BadNodeName;

impl NodeName {
    /// Checks a name.
    ///
    /// # Errors
    /// It is none.
    pub fn new(name: &str) -> Result<Self, BadNodeName> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(allowed) {
            return Ok(Self(name.into()));
        }
        Err(BadNodeName)
    }

    /// `n-` and eight letters and digits: for a node that nobody named.
    pub fn random(rng: &mut impl RngExt) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let letters = (0..RANDOM_LENGTH).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]));
        Self(format!("n-{}", letters.collect::<String>()).into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NodeName {
    type Err = BadNodeName;

    fn from_str(name: &str) -> Result<Self, BadNodeName> {
        Self::new(name)
    }
}

impl TryFrom<String> for NodeName {
    type Error = BadNodeName;

    fn try_from(name: String) -> Result<Self, BadNodeName> {
        Self::new(&name)
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.0.as_ref().into()
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn only_what_every_broker_takes_in_a_subject_is_a_name() {
        for good in ["a", "n-3xk9", "rack-7-node-12", &"x".repeat(32)] {
            assert_eq!(NodeName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "A", "a.b", "a*", ">", "a b", "ä", "a_b", &"x".repeat(33)] {
            assert_eq!(NodeName::new(bad), Err(BadNodeName), "{bad:?}");
        }
        assert!(serde_json::from_str::<NodeName>("\"a.b\"").is_err());
    }

    #[test]
    fn random_names_are_names_and_differ() {
        let mut rng = StdRng::seed_from_u64(1);
        let names = [(); 2].map(|()| NodeName::random(&mut rng));
        assert!(
            names
                .iter()
                .all(|name| NodeName::new(name.as_str()).is_ok() && name.as_str().starts_with("n-"))
        );
        assert_eq!(names[0].as_str().len(), 10);
        assert_ne!(names[0], names[1]);
    }
}
