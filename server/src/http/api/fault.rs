//! The documented return codes.

use crate::rooms::admin::AdminFault;

/// All is done.
pub(super) const OK: u32 = 0;

/// Why a call failed: the documented code, and a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiFault {
    /// The code.
    pub(super) code: u32,
    /// What was wrong and what to do.
    pub(super) message: String,
}

impl ApiFault {
    pub(super) const APP_ID: u32 = 100_000_001;
    pub(super) const NO_TIMESTAMP: u32 = 100_000_002;
    pub(super) const TIMESTAMP: u32 = 100_000_003;
    pub(super) const SIGNATURE_EXPIRED: u32 = 100_000_004;
    pub(super) const SIGNATURE: u32 = 100_000_005;
    pub(super) const NO_ACTION: u32 = 100_000_006;
    pub(super) const ACTION: u32 = 100_000_007;
    pub(super) const NONCE: u32 = 100_000_008;
    pub(super) const NO_SIGNATURE: u32 = 100_000_009;
    pub(super) const NO_SECRET: u32 = 100_000_010;
    pub(super) const NO_SIGNATURE_VERSION: u32 = 100_000_013;
    pub(super) const SIGNATURE_VERSION: u32 = 100_000_014;
    pub(super) const FAILED: u32 = 1;
    pub(super) const PARAM: u32 = 2;
    pub(super) const TOO_LONG: u32 = 3;
    pub(super) const DECODE: u32 = 8;
    pub(super) const NO_ROOM: u32 = 104;
    pub(super) const NO_STREAM: u32 = 138;
    pub(super) const APP_TOO_OFTEN: u32 = 206;
    pub(super) const ROOM_TOO_OFTEN: u32 = 207;
    pub(super) const EMPTY: u32 = 1008;
    pub(super) const NO_ROOM_TO_CLOSE: u32 = 5024;
    pub(super) const USER_OFFLINE: u32 = 50_003;
    pub(super) const TOO_MANY_USERS: u32 = 50_011;
    pub(super) const MESSAGE_TOO_LONG: u32 = 50_012;
    pub(super) const TOO_MANY_RULES: u32 = 50_123;
    pub(super) const NO_RULE: u32 = 50_124;

    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// A parameter that cannot be used.
    pub(super) fn param(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::new(Self::PARAM, format!("{name}: {problem}"))
    }
}

impl From<AdminFault> for ApiFault {
    fn from(fault: AdminFault) -> Self {
        let code = match fault {
            AdminFault::NoRoom => Self::NO_ROOM,
            AdminFault::NobodyThere => Self::USER_OFFLINE,
            AdminFault::NoStream => Self::NO_STREAM,
            AdminFault::OldSequence => Self::PARAM,
            AdminFault::TooManyRules => Self::TOO_MANY_RULES,
            AdminFault::NoRule => Self::NO_RULE,
            AdminFault::NotTaken => Self::FAILED,
        };
        Self::new(code, fault.to_string())
    }
}
