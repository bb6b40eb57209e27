//! `application/trickle-ice-sdpfrag`: ICE credentials and candidates. RFC 8840 §9.

use std::io::Cursor;

use rtc_sdp::SessionDescription;
use rtc_sdp::description::common::Attribute;

use crate::forwarder::Credentials;

/// Candidates of one fragment; a machine with many interfaces has 20.
const MAX_CANDIDATES: usize = 100;
/// What makes a whole session description of a fragment.
const HEAD: &str = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

/// Reads a fragment: the client's credentials, if it holds any.
///
/// Candidates are read and not used: the forwarder learns addresses from packets, and never sends where an SDP points.
/// What it does not know of a candidate (a transport, a host name) is no fault: RFC 9725 §4.3.2.
///
/// # Errors
/// What is wrong with it, for people.
pub(super) fn parse(text: &str) -> Result<Option<Credentials>, String> {
    if !text.starts_with("a=") && !text.starts_with("m=") {
        return Err("an SDP fragment begins with a= or m= (RFC 8840 section 9)".into());
    }
    let lines: String = text.lines().flat_map(|line| [line, "\r\n"]).collect();
    let whole = SessionDescription::unmarshal(&mut Cursor::new(format!("{HEAD}{lines}").as_bytes()))
        .map_err(|error| format!("the fragment is not SDP: {error}"))?;
    let of_lines = whole.media_descriptions.iter().flat_map(|line| &line.attributes);
    let attributes: Vec<&Attribute> = whole.attributes.iter().chain(of_lines).collect();
    check_candidates(&attributes)?;
    let value = |key: &str| {
        let found = attributes.iter().find(|attribute| attribute.key == key);
        found.and_then(|attribute| attribute.value.as_deref())
    };
    match (value("ice-ufrag"), value("ice-pwd")) {
        (None, None) => Ok(None),
        (Some(ufrag), Some(password)) => {
            let credentials = Credentials::new(ufrag, password);
            let problem = "the fragment has no usable ice-ufrag and ice-pwd (RFC 8839 section 5.4)";
            credentials.map(Some).map_err(|_| problem.into())
        }
        _ => Err("ice-ufrag and ice-pwd come together (RFC 8840 section 9)".into()),
    }
}

fn check_candidates(attributes: &[&Attribute]) -> Result<(), String> {
    let candidates = attributes.iter().filter(|attribute| attribute.key == "candidate");
    for (index, candidate) in candidates.enumerate() {
        if index >= MAX_CANDIDATES {
            return Err(format!("a fragment may have {MAX_CANDIDATES} candidates"));
        }
        let value = candidate.value.as_deref().unwrap_or_default();
        if !is_candidate(value) {
            return Err(format!("{value:?} is no candidate (RFC 8839 section 5.1)"));
        }
    }
    Ok(())
}

/// `foundation component transport priority address port typ type ...`
fn is_candidate(value: &str) -> bool {
    let words: Vec<&str> = value.split_whitespace().collect();
    let [_, component, _, priority, _, port, typ, _, ..] = words.as_slice() else {
        return false;
    };
    component.parse::<u16>().is_ok() && priority.parse::<u32>().is_ok() && port.parse::<u16>().is_ok() && *typ == "typ"
}

/// The fragment that tells a client our side of a new ICE session. The candidates are those of the answer.
pub(super) fn write(local: &Credentials) -> String {
    format!("a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", local.ufrag(), local.password())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BROWSERS: &str = concat!(
        "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n",
        "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n",
        "a=candidate:473322822 1 tcp 1518280447 6f3f.local 9 typ host tcptype active\r\na=end-of-candidates\r\n"
    );

    #[test]
    fn a_fragment_of_candidates_gives_the_credentials_that_it_is_for() {
        let credentials = Credentials::new("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1").unwrap();
        assert_eq!(parse(BROWSERS), Ok(Some(credentials.clone())));
        assert_eq!(parse(&BROWSERS.replace("\r\n", "\n")), Ok(Some(credentials.clone())));
        assert_eq!(parse(&write(&credentials)), Ok(Some(credentials)));
        assert_eq!(parse("m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates"), Ok(None));
    }

    #[test]
    fn what_is_wrong_with_a_fragment_is_said() {
        let many = format!(
            "m=audio 9 RTP/AVP 0\r\n{}",
            "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n".repeat(101)
        );
        let table = [
            ("", "begins with"),
            ("v=0\r\n", "begins with"),
            ("a=x\r\nnonsense\r\n", "not SDP"),
            ("a=ice-ufrag:EsAw\r\n", "come together"),
            ("a=ice-ufrag:E\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n", "no usable"),
            ("a=candidate:1 1 udp 1 192.0.2.1 70000 typ host\r\n", "is no candidate"),
            (many.as_str(), "100 candidates"),
        ];
        for (text, problem) in table {
            let said = parse(text).unwrap_err();
            assert!(said.contains(problem), "{text:?}: {said}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "(a=|m=)(?s).{0,300}") {
            let _ = parse(&text);
        }
    }
}
