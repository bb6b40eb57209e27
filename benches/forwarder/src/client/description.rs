//! The offer of a light client, and what it takes from an answer. RFC 8866, RFC 9725.

use std::io::Cursor;
use std::net::SocketAddr;

use rtc_sdp::{MediaDescription, SessionDescription};

use super::ice::Credentials;
use super::{AUDIO_LEVEL, OPUS, Role};

/// What an answer lacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is not SDP.
    #[error("the answer is not SDP: {0}")]
    NotSdp(String),
    /// The media line is missing or was rejected.
    #[error("the answer does not accept the audio")]
    Rejected,
    /// Ufrag or password is missing.
    #[error("the answer has no ICE credentials")]
    Credentials,
    /// There is nowhere to send to.
    #[error("the answer has no candidate for UDP with an IP address of the family that the clients use (IPv4)")]
    Candidate,
}

/// What is taken from an answer.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) credentials: Credentials,
    /// The first one for UDP over IPv4.
    pub(super) candidate: SocketAddr,
    pub(super) ssrc: Option<u32>,
}

pub(super) fn offer(role: Role, local: &Credentials, fingerprint: &str) -> String {
    let direction = match role {
        Role::Publisher => "sendonly",
        Role::Listener => "recvonly",
    };
    let lines = [
        "v=0".to_owned(),
        "o=- 1 1 IN IP4 127.0.0.1".to_owned(),
        "s=-".to_owned(),
        "t=0 0".to_owned(),
        "a=group:BUNDLE 0".to_owned(),
        format!("m=audio 9 UDP/TLS/RTP/SAVPF {OPUS}"),
        "c=IN IP4 0.0.0.0".to_owned(),
        format!("a=ice-ufrag:{}", local.ufrag),
        format!("a=ice-pwd:{}", local.password),
        format!("a=fingerprint:sha-256 {fingerprint}"),
        "a=setup:actpass".to_owned(),
        "a=mid:0".to_owned(),
        format!("a={direction}"),
        "a=rtcp-mux".to_owned(),
        format!("a=rtpmap:{OPUS} opus/48000/2"),
        format!("a=fmtp:{OPUS} minptime=10;useinbandfec=1"),
        format!("a=extmap:{AUDIO_LEVEL} urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
        String::new(),
    ];
    lines.join("\r\n")
}

pub(super) fn read_answer(answer: &str) -> Result<Taken, AnswerError> {
    let session = SessionDescription::unmarshal(&mut Cursor::new(answer.as_bytes()))
        .map_err(|error| AnswerError::NotSdp(error.to_string()))?;
    let line = session.media_descriptions.first().ok_or(AnswerError::Rejected)?;
    if line.media_name.port.value == 0 {
        return Err(AnswerError::Rejected);
    }
    let value = |key: &str| {
        let of_line = line.attribute(key).flatten().map(str::to_owned);
        of_line.or_else(|| session.attribute(key).cloned())
    };
    let credentials = Credentials {
        ufrag: value("ice-ufrag").ok_or(AnswerError::Credentials)?,
        password: value("ice-pwd").ok_or(AnswerError::Credentials)?,
    };
    let ssrc = value("ssrc").and_then(|ssrc| ssrc.split(' ').next()?.parse().ok());
    Ok(Taken {
        credentials,
        candidate: candidates(line).find(SocketAddr::is_ipv4).ok_or(AnswerError::Candidate)?,
        ssrc,
    })
}

/// `foundation component transport priority address port typ host ...`: RFC 8839 §5.1.
fn candidates(line: &MediaDescription) -> impl Iterator<Item = SocketAddr> + '_ {
    let all = line.attributes.iter().filter(|attribute| attribute.key == "candidate");
    all.filter_map(|attribute| {
        let words: Vec<&str> = attribute.value.as_deref()?.split_whitespace().collect();
        let [_, _, transport, _, address, port, ..] = words.as_slice() else {
            return None;
        };
        let is_udp = transport.eq_ignore_ascii_case("udp");
        let address = SocketAddr::new(address.parse().ok()?, port.parse().ok()?);
        is_udp.then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n\
        m=audio 7000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 127.0.0.1\r\n\
        a=candidate:1 1 tcp 9 127.0.0.1 7000 typ host tcptype passive\r\n\
        a=candidate:2 1 UDP 8 ::1 7000 typ host\r\na=candidate:3 1 udp 7 127.0.0.1 7001 typ host\r\na=ssrc:5 cname:x\r\n";

    #[test]
    fn an_answer_gives_credentials_of_either_level_and_the_first_udp_candidate_over_ipv4() {
        let taken = read_answer(ANSWER).unwrap();
        assert_eq!((taken.credentials.ufrag.as_str(), taken.ssrc), ("u", Some(5)));
        assert_eq!(taken.candidate, "127.0.0.1:7001".parse().unwrap());
    }

    #[test]
    fn an_answer_that_cannot_be_used_says_what_it_lacks() {
        let lacking = |what: &str, instead: &str| read_answer(&ANSWER.replace(what, instead)).unwrap_err();
        assert_eq!(lacking("m=audio 7000", "m=audio 0"), AnswerError::Rejected);
        assert_eq!(lacking("a=ice-pwd:p\r\n", ""), AnswerError::Credentials);
        assert_eq!(lacking("udp 7 127", "tcp 7 127"), AnswerError::Candidate);
        assert!(matches!(read_answer("nonsense"), Err(AnswerError::NotSdp(_))));
    }
}
