//! What came of what was asked of the engine.

use express_engine::{ZegoDeviceInfo, ZegoDeviceInfos, ZegoError};
use serde_json::{Value, json};

/// What came of one intent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fact {
    /// What was asked for, in words of the command line: `login`, `say`, `devices`, ...
    pub(crate) what: &'static str,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// What speaks for us from now on.
    Source(String),
    /// Where everybody is heard from now on.
    Speaker(String),
    /// The devices there are.
    Devices(ZegoDeviceInfos),
    /// A line went to everybody.
    Said(String),
    /// It did not work.
    Failed(ZegoError),
    /// Nothing more to tell.
    Done,
}

impl Fact {
    pub(crate) fn new(what: &'static str, result: Result<Outcome, ZegoError>) -> Self {
        let outcome = result.unwrap_or_else(Outcome::Failed);
        Self { what, outcome }
    }

    /// As a script reads it: `call` says what was asked for.
    pub(crate) fn to_json(&self) -> Value {
        match &self.outcome {
            Outcome::Source(source) => json!({"call": self.what, "source": source}),
            Outcome::Speaker(speaker) => json!({"call": self.what, "speaker": speaker}),
            Outcome::Said(text) => json!({"call": self.what, "text": text}),
            Outcome::Failed(error) => json!({"call": self.what, "errorCode": error.code, "message": error.message}),
            Outcome::Done => json!({"call": self.what}),
            Outcome::Devices(devices) => json!({
                "call": self.what,
                "microphones": named(&devices.microphones),
                "speakers": named(&devices.speakers),
            }),
        }
    }
}

/// By their documented names.
fn named(devices: &[ZegoDeviceInfo]) -> Vec<Value> {
    let one = |device: &ZegoDeviceInfo| json!({"deviceName": device.device_name, "deviceID": device.device_id});
    devices.iter().map(one).collect()
}
