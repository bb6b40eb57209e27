//! Frames: what one WebSocket text message holds.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Notice, Request, SequencedEvent};

/// A frame that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Not the JSON object that was expected.
    #[error("the frame is no message of this protocol: {0}")]
    Json(#[from] serde_json::Error),
    /// A request without a usable id cannot be answered.
    #[error("the request has no id; give an integer from 0 to 2^53 - 1")]
    NoId,
    /// A request with an id whose rest is wrong; it can be answered.
    #[error("request {id} cannot be read: {source}")]
    Request {
        /// Its id.
        id: u64,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// What a client sends: a request and the id that its reply will carry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientFrame {
    /// Chosen by the client, not reused while the reply is out; below 2^53.
    pub id: u64,
    /// The request; its `type` and fields stand beside `id`.
    #[serde(flatten)]
    pub request: Request,
}

impl ClientFrame {
    /// Parses what a client sent. Unknown types and fields are refused.
    ///
    /// # Errors
    /// [`FrameError::Request`] can be answered under its id; the others cannot be answered.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        let mut fields: serde_json::Map<String, Value> = serde_json::from_str(text)?;
        let id = fields.remove("id").and_then(|id| id.as_u64()).filter(|id| *id < 1 << 53);
        let id = id.ok_or(FrameError::NoId)?;
        let request = Request::deserialize(Value::Object(fields)).map_err(|source| FrameError::Request { id, source })?;
        Ok(Self { id, request })
    }

    /// The frame as JSON text.
    pub fn to_text(&self) -> String {
        to_text(self)
    }
}

/// A refusal on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireError {
    /// The documented code.
    pub code: i32,
    /// For people: what was wrong and what to do.
    pub message: String,
    /// Whether and when the same request may be made again; `null`: never.
    pub retry: Option<Retry>,
    /// On login and resume: the base URL of the node of the same cloud that the request is to be made at, now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

impl WireError {
    /// A refusal for good.
    pub fn fatal(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry: None,
            node: None,
        }
    }

    /// The same refusal, with the node at which the request is to be made instead, now.
    #[must_use]
    pub fn at_node(mut self, url: impl Into<String>) -> Self {
        self.node = Some(url.into());
        self
    }

    /// A refusal for now: the request may be made again after `after`.
    pub fn retry(code: i32, message: impl Into<String>, after: Duration) -> Self {
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        Self {
            code,
            message: message.into(),
            retry: Some(Retry { after_ms }),
            node: None,
        }
    }
}

/// When to repeat a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Not sooner than after so many milliseconds.
    pub after_ms: u64,
}

/// What a server sends.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ServerFrame {
    /// Something happened.
    Event(SequencedEvent),
    /// Something that is worth nothing a moment later.
    Notice(Notice),
    /// A request was carried out.
    Ok {
        /// The request's id.
        id: u64,
        /// The result; its shape belongs to the request's type.
        ok: Value,
    },
    /// A request was refused.
    Error {
        /// The request's id.
        id: u64,
        /// Why.
        error: WireError,
    },
}

impl ServerFrame {
    /// The reply that request `id` was carried out with `result`.
    pub fn ok(id: u64, result: &impl Serialize) -> Self {
        // A type of this module always has a JSON form; were it not so, the client would refuse the null.
        let ok = serde_json::to_value(result).unwrap_or(Value::Null);
        Self::Ok { id, ok }
    }

    /// The reply that request `id` was refused.
    pub fn error(id: u64, error: WireError) -> Self {
        Self::Error { id, error }
    }

    /// Parses what a server sent. Unknown fields are ignored; an unknown event parses as `Event::Unknown`, an
    /// unknown notice as `Notice::Unknown`.
    ///
    /// # Errors
    /// [`FrameError::Json`] when it is neither reply, event nor notice.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        #[derive(Deserialize)]
        struct Reply {
            id: u64,
            ok: Option<Value>,
            error: Option<WireError>,
        }
        let value: Value = serde_json::from_str(text)?;
        if value.get("event").is_some() {
            return Ok(Self::Event(from_value(value)?));
        }
        if value.get("notice").is_some() {
            return Ok(Self::Notice(from_value(value)?));
        }
        let Reply { id, ok, error } = from_value(value)?;
        Ok(match error {
            Some(error) => Self::Error { id, error },
            None => Self::Ok {
                id,
                ok: ok.unwrap_or(Value::Null),
            },
        })
    }

    /// The frame as JSON text.
    pub fn to_text(&self) -> String {
        to_text(self)
    }
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, FrameError> {
    serde_json::from_value(value).map_err(FrameError::Json)
}

/// Types of this module have string keys and finite numbers alone, so writing them cannot fail.
fn to_text(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use express_messages::ids::StreamId;

    use super::{super::*, *};

    #[test]
    fn a_request_reads_back_as_it_was_written() {
        let frame = ClientFrame {
            id: 7,
            request: Request::StopPlay(StopPlay {
                stream_id: StreamId::new("s1").unwrap(),
            }),
        };
        assert_eq!(frame.to_text(), r#"{"id":7,"type":"stopPlay","stream_id":"s1"}"#);
        assert_eq!(ClientFrame::parse(&frame.to_text()).unwrap(), frame);
    }

    #[test]
    fn unknown_fields_and_types_from_a_client_are_refused_under_their_id() {
        for text in [
            r#"{"id":7,"type":"stopPlay","stream_id":"s1","x":1}"#,
            r#"{"id":7,"type":"heartbeat","x":1}"#,
            r#"{"id":7,"type":"fly"}"#,
            r#"{"id":7,"type":"stopPlay","stream_id":"a/b"}"#,
            r#"{"id":7}"#,
        ] {
            assert!(
                matches!(ClientFrame::parse(text), Err(FrameError::Request { id: 7, .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_frame_without_an_id_cannot_be_answered() {
        for text in [
            r#"{"type":"heartbeat"}"#,
            r#"{"id":-1,"type":"heartbeat"}"#,
            r#"{"id":9007199254740992,"type":"heartbeat"}"#,
        ] {
            assert!(matches!(ClientFrame::parse(text), Err(FrameError::NoId)), "{text}");
        }
        assert!(matches!(ClientFrame::parse("[]"), Err(FrameError::Json(_))));
    }

    #[test]
    fn a_client_ignores_what_a_newer_server_adds() {
        let frame = ServerFrame::parse(r#"{"seq":3,"event":"moonRise","x":1}"#).unwrap();
        assert!(matches!(
            frame,
            ServerFrame::Event(SequencedEvent {
                seq: 3,
                event: Event::Unknown
            })
        ));
        let frame =
            ServerFrame::parse(r#"{"id":1,"error":{"code":5,"message":"m","retry":{"after_ms":9},"x":1},"y":2}"#).unwrap();
        assert_eq!(
            frame,
            ServerFrame::error(1, WireError::retry(5, "m", Duration::from_millis(9)))
        );
    }

    #[test]
    fn an_event_reads_back_as_it_was_written() {
        let text = r#"{"seq":1,"event":"streamEnded","stream_id":"s","role":"play","code":1004020,"message":"gone"}"#;
        assert_eq!(ServerFrame::parse(text).unwrap().to_text(), text);
    }
}
