//! token04: what a user shows to get into a room.
//!
//! A business server shares a 32-character secret with the cloud. It seals a few claims (AppID, userID, life, and
//! perhaps what the user may do) with that secret; the cloud opens them again when the user logs in. This crate does
//! both halves. It does no I/O and has no clock: the time, and where it matters the randomness, are arguments.
//!
//! ```
//! use express_token::{Cipher, Grant, Policy, Privileges, Secret, issue_random, verify};
//!
//! let secret = Secret::new("0123456789abcdef0123456789abcdef")?;
//! let now = 1_700_000_000; // unix seconds
//!
//! // The business server: alice may log in to `lobby` and publish `alice-mic`, for an hour.
//! let grant = Grant {
//!     app_id: 1,
//!     user_id: "alice".into(),
//!     ttl_s: 3600,
//!     privileges: Some(Privileges {
//!         room_id: "lobby".into(),
//!         login: true,
//!         publish: true,
//!         streams: Some(vec!["alice-mic".into()]),
//!     }),
//! };
//! let token = issue_random(&grant, &secret, Cipher::Gcm, now)?;
//!
//! // The cloud, when she logs in a minute later.
//! let verified = verify(&token, &secret, &Policy::new(1), "alice", now + 60)?;
//! assert!(verified.may_login("lobby").is_ok());
//! assert!(verified.may_publish("somebody-else").is_err());
//! assert_eq!(verified.expires_at(), now + 3600);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | start at |
//! |---|---|
//! | mint a token in a business server | [`issue_random`], or [`issue`] with all randomness as arguments |
//! | judge a token a user shows | [`verify`], then [`Verified::may_login`] and [`Verified::may_publish`] |
//! | judge a token whose bearer says nothing else of himself | [`verify_bearer`], then the same |
//! | tell an operator why one was refused | [`Refusal::reason`], [`inspect`] |
//! | make a secret for a new AppID | [`Secret::random`] |
//!
//! # What a refused client learns
//! One of two things: [`TOKEN_ERROR`] for every token that is malformed, forged or meant for somebody else, always with
//! the same text and after the same steps, or [`TOKEN_EXPIRED`] for a token that was right in all respects and is
//! merely old. token04 in AES-CBC has no MAC, so a server that told bad padding from bad content, by words or by time,
//! would decrypt and forge tokens for whoever asks often enough. [`verify`] describes how that is avoided.
//!
//! # Source
//! The documented token04 layout and the fields, checks and key orders of the published generators.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cipher;
mod claims;
mod issue;
mod layout;
mod policy;
mod refusal;
mod secret;
mod verify;
mod wire;
#[cfg(test)]
mod work;

pub use cipher::{Cipher, Ciphers, Iv};
pub use claims::{Claims, MAX_ROOM_ID_CHARS, MAX_STREAM_ID_CHARS, MAX_USER_ID_CHARS, Privileges};
pub use issue::{Grant, IssueError, issue, issue_random};
pub use layout::MAX_TOKEN_CHARS;
pub use policy::Policy;
pub use refusal::{Reason, Refusal, TOKEN_ERROR, TOKEN_EXPIRED};
pub use secret::{RandomError, SECRET_LEN, Secret, SecretError};
pub use verify::{Inspection, Verified, inspect, verify, verify_bearer};
