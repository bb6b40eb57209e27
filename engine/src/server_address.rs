//! The `server` argument: what is accepted, and what the room part gets.

use express_messages::{ZegoError, codes};
use url::Url;

/// One server address or several, tried in order: `&str`, `String`, or a `Vec`, array or slice of them.
pub trait ServerAddresses {
    /// The addresses as they were given.
    fn addresses(self) -> Vec<String>;
}

impl ServerAddresses for &str {
    fn addresses(self) -> Vec<String> {
        vec![self.into()]
    }
}

impl ServerAddresses for String {
    fn addresses(self) -> Vec<String> {
        vec![self]
    }
}

impl ServerAddresses for &String {
    fn addresses(self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl<S: Into<String>> ServerAddresses for Vec<S> {
    fn addresses(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<S: Into<String> + Clone> ServerAddresses for &Vec<S> {
    fn addresses(self) -> Vec<String> {
        self.as_slice().addresses()
    }
}

impl<S: Into<String> + Clone> ServerAddresses for &[S] {
    fn addresses(self) -> Vec<String> {
        self.iter().cloned().map(Into::into).collect()
    }
}

impl<S: Into<String>, const N: usize> ServerAddresses for [S; N] {
    fn addresses(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<S: Into<String> + Clone, const N: usize> ServerAddresses for &[S; N] {
    fn addresses(self) -> Vec<String> {
        self.as_slice().addresses()
    }
}

/// Makes WebSocket URLs: `http` becomes `ws`, `https` becomes `wss`, and `host:port` alone becomes `ws://host:port`.
///
/// # Errors
/// 1100001 where there is none, or one that cannot be used.
pub(crate) fn normalise(addresses: &[String]) -> Result<Vec<String>, ZegoError> {
    if addresses.is_empty() {
        return Err(refused("no server address", ""));
    }
    addresses.iter().map(|address| normalise_one(address.trim())).collect()
}

fn normalise_one(address: &str) -> Result<String, ZegoError> {
    let (scheme, rest) = match address.split_once("://") {
        None => ("ws", address),
        Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => ("ws", rest),
            "wss" | "https" => ("wss", rest),
            _ => return Err(refused("unknown scheme in", address)),
        },
    };
    let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|error| refused(&error.to_string(), address))?;
    if url.host_str().is_none_or(str::is_empty) || !url.username().is_empty() || url.password().is_some() {
        return Err(refused("no host, or a user name, in", address));
    }
    Ok(url.as_str().trim_end_matches('/').into())
}

fn refused(why: &str, address: &str) -> ZegoError {
    let text = format!("{why} {address:?}: the server is ws://host:port, wss://host:port, http(s)://host:port or host:port");
    ZegoError::new(codes::INPUT_PARAM, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_websocket_urls() {
        for (given, expected) in [
            ("ws://127.0.0.1:8080", "ws://127.0.0.1:8080"),
            ("wss://voice.example.com", "wss://voice.example.com"),
            ("http://127.0.0.1:8080/", "ws://127.0.0.1:8080"),
            ("HTTPS://Voice.Example.com/base", "wss://voice.example.com/base"),
            ("localhost:8080", "ws://localhost:8080"),
            ("[::1]:8080", "ws://[::1]:8080"),
            (" 10.0.0.1 ", "ws://10.0.0.1"),
        ] {
            assert_eq!(normalise(&[given.into()]).unwrap(), [expected], "{given}");
        }
    }

    #[test]
    fn addresses_that_cannot_be_used_are_refused_with_1100001() {
        for bad in ["", "ws://", "ftp://host", "host:99999", "ws://u:p@host", "two words", "[::1"] {
            assert_eq!(normalise(&[bad.into()]).unwrap_err().code, 1100001, "{bad:?}");
        }
        assert_eq!(normalise(&[]).unwrap_err().code, 1100001);
        assert!(
            normalise(&["a:1".into(), "ftp://b".into()]).is_err(),
            "one bad address of several"
        );
    }

    #[test]
    fn one_address_or_several_are_taken_in_any_common_shape() {
        assert_eq!("a".addresses(), ["a"]);
        assert_eq!(String::from("a").addresses(), ["a"]);
        assert_eq!(vec!["a", "b"].addresses(), ["a", "b"]);
        assert_eq!(["a", "b"].addresses(), ["a", "b"]);
        assert_eq!([String::from("a")].as_slice().addresses(), ["a"]);
        assert_eq!((&vec![String::from("a")]).addresses(), ["a"]);
    }
}
