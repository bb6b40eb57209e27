//! Keys of entries: any texts, in a shape that every broker takes.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::BusError;

/// Bytes of an encoded key.
pub const MAX_KEY: usize = 2_048;
/// Stands for an empty part, which no broker takes and base64 never makes.
const EMPTY: &str = "=";

/// The key of an entry: parts of any text, such as `["stream", "1", "alice-mic"]`. Keys are ordered by their parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<String>);

impl Key {
    /// A key of these parts. Whether it can be used is seen when it is: it needs a part, and [`MAX_KEY`] holds.
    pub fn new<P: Into<String>>(parts: impl IntoIterator<Item = P>) -> Self {
        Self(parts.into_iter().map(Into::into).collect())
    }

    /// Its parts.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// As it is named at the broker: each part in base64 for URLs, joined by dots.
    ///
    /// # Errors
    /// [`BusError::TooLarge`], and [`BusError::Other`] for a key without parts.
    pub(super) fn encode(&self) -> Result<String, BusError> {
        if self.0.is_empty() {
            return Err(BusError::Other("a key without parts".into()));
        }
        let encode = |part: &String| match part.as_str() {
            "" => EMPTY.to_owned(),
            text => URL_SAFE_NO_PAD.encode(text),
        };
        let encoded = self.0.iter().map(encode).collect::<Vec<_>>().join(".");
        if encoded.len() > MAX_KEY {
            return Err(BusError::TooLarge {
                what: "key",
                bytes: encoded.len(),
                limit: MAX_KEY,
            });
        }
        Ok(encoded)
    }

    /// The key that is named so at the broker; `None` where no node wrote it.
    pub(super) fn decode(encoded: &str) -> Option<Self> {
        if encoded.len() > MAX_KEY {
            return None;
        }
        let decode = |part: &str| match part {
            EMPTY => Some(String::new()),
            "" => None,
            text => String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok(),
        };
        encoded.split('.').map(decode).collect::<Option<_>>().map(Self)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_texts_come_back_and_need_nothing_but_what_brokers_take(parts in prop::collection::vec(".{0,40}", 1..5)) {
            let key = Key::new(parts);
            let encoded = key.encode().unwrap();
            prop_assert!(encoded.split('.').all(|part| !part.is_empty()), "{}", encoded);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=.".contains(&byte)), "{}", encoded);
            prop_assert_eq!(Key::decode(&encoded), Some(key));
        }
    }

    #[test]
    fn keys_that_differ_are_named_differently() {
        let keys = [
            vec!["a", "b"],
            vec!["a.b"],
            vec!["a", "", "b"],
            vec!["ab"],
            vec!["A", "b"],
            vec!["*"],
            vec![">"],
        ];
        let mut names: Vec<_> = keys
            .iter()
            .map(|parts| Key::new(parts.iter().copied()).encode().unwrap())
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), keys.len());
    }

    #[test]
    fn what_no_node_wrote_is_no_key_and_what_is_too_long_is_refused() {
        for strange in ["", ".", "YQ..YQ", "YQ.", "!", "YQ==", "_-8", &"YWFh".repeat(600)] {
            assert_eq!(Key::decode(strange), None, "{strange:?}");
        }
        assert!(matches!(
            Key::new(["x".repeat(2_000)]).encode(),
            Err(BusError::TooLarge { what: "key", .. })
        ));
        assert!(Key::new(Vec::<String>::new()).encode().is_err());
    }
}
