//! `callback_url` of `[[apps]]`: where a business server is told what happens in rooms.

use std::fmt;

use serde::Deserialize;
use ureq::http::Uri;

/// The one address that callbacks of an AppID go to: `http` or `https`, without a user or a password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CallbackUrl(Uri);

impl CallbackUrl {
    /// For the one place that calls it.
    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }
}

impl fmt::Debug for CallbackUrl {
    /// Without path and query, which may hold what only the operator knows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        write!(f, "{scheme}://{}/..", self.0.host().unwrap_or_default())
    }
}

impl TryFrom<String> for CallbackUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // The text is not repeated: it may hold a password.
        let refuse = |why: &str| {
            let example = "https://business.example.com/callbacks";
            Err(format!("apps.callback_url {why}; write for example {example}"))
        };
        let Ok(uri) = text.parse::<Uri>() else {
            return refuse("is no URL");
        };
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return refuse("must begin with https:// or http://");
        }
        match uri.authority() {
            Some(authority) if authority.as_str().contains('@') => {
                refuse("must not hold a user or a password: callbacks are signed with apps.callback_secret")
            }
            Some(authority) if !authority.host().is_empty() => Ok(Self(uri)),
            _ => refuse("names no host"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_and_https_without_a_user_are_taken_and_secrets_in_it_are_not_shown() {
        let read = |text: &str| CallbackUrl::try_from(text.to_owned());
        for good in [
            "http://127.0.0.1:8090/hook?key=k",
            "https://business.example.com",
            "http://[::1]:8/x",
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "/hook",
            "business.example.com/hook",
            "file:///etc/passwd",
            "gopher://x/",
            "ftp://x/",
            "http://",
            "http:///hook",
            "https://user:hidden@x/",
            "http://hidden@x/",
            "http://x y/",
            "http://x/\r\nHost: y",
        ];
        for text in bad {
            let problem = read(text).unwrap_err();
            assert!(
                problem.starts_with("apps.callback_url") && !problem.contains("hidden"),
                "{text}: {problem}"
            );
        }
        let shown = format!("{:?}", read("https://x.example/secret?key=hidden").unwrap());
        assert_eq!(shown, "https://x.example/..");
    }
}
