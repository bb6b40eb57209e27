//! Which text a publication carries.

/// The text that the server took, and the one that it was asked to take since.
#[derive(Debug)]
pub(super) struct ExtraInfo {
    taken: String,
    asked: Option<String>,
}

impl ExtraInfo {
    pub(super) fn new(text: String) -> Self {
        Self {
            taken: text,
            asked: None,
        }
    }

    /// The server is asked for `text`.
    pub(super) fn ask(&mut self, text: &str) {
        self.asked = Some(text.into());
    }

    /// What the server said to `text`; what it did not take must not come by itself with the next connection.
    pub(super) fn answered(&mut self, text: String, taken: bool) {
        self.asked.take_if(|asked| *asked == text);
        if taken {
            self.taken = text;
        }
    }

    /// What an offer says now: the newest text, for the server takes requests in their order.
    pub(super) fn current(&self) -> &str {
        self.asked.as_deref().unwrap_or(&self.taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_says_what_was_asked_for_last_and_forgets_what_was_refused() {
        let mut info = ExtraInfo::new("first".into());
        info.ask("second");
        info.ask("third");
        assert_eq!(info.current(), "third");
        info.answered("second".into(), true);
        assert_eq!(info.current(), "third");
        info.answered("third".into(), false);
        assert_eq!(info.current(), "second");
    }
}
