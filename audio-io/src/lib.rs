//! Sound in and out of Express Audio: devices, files, tones and pushed PCM become local streams; played streams become
//! sound, recordings and taps.
//!
//! AudioDeviceActor is the control side; it is commanded by the messages of
//! [`express_messages::audio_device`] and started by [`AudioIo`]:
//!
//! ```
//! # actix::System::new().block_on(async {
//! use express_audio_io::{AudioIo, PumpDrive};
//! use express_messages::{audio_device::*, ids::LocalStreamId, testkit::Recorder};
//!
//! let (owner, events) = Recorder::<AudioDeviceEvent>::start();
//! let factory = AudioIo { drive: PumpDrive::Arbiter, ..AudioIo::without_devices() };
//! let device = factory.start(AudioDeviceOptions::default(), owner, AudioDevicePeers::default());
//!
//! let source = CaptureSource::Tone { frequency_hz: 440.0, amplitude: 0.5 };
//! let open = OpenLocalStream { id: LocalStreamId(1), source, channels: 1, mixing_delay_ms: 0 };
//! device.open.send(open).await.unwrap().unwrap();
//! device.stop.send(StopAudioDevice).await.unwrap();
//! # });
//! ```
//!
//! | look for | in |
//! |---|---|
//! | starting the role, with which devices and which clock | [`AudioIo`] |
//! | the actor | [`AudioDeviceActor`] |
//! | the pump: what happens every 10 ms | [`pump`] |
//! | devices, real and none | [`devices`] |
//! | echo, noise and gain of a microphone | [`processing`] |
//! | a WAV file as blocks | [`WavBlocks`] |
//! | how loud a stream is | [`Level`] |
//! | rings and their real-time contract | [`ring`] |
//!
//! # Threads
//! `zego-pump` moves sound, while a stream exists. `zego-devices` opens and closes devices, from the first need to the end.
//! `zego-wav-read` and `zego-wav-write`, one for each file. And those of `cpal`, in which our callbacks copy, convert, count
//! and return; on Linux they show the name of the thread that opened the device, `zego-devices`.
//!
//! # Features
//! `testkit`: `devices::scripted`, a backend whose devices are moved by a test.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod actor;
pub mod devices;
mod factory;
mod files;
mod gain;
#[cfg(test)]
mod hearing;
mod meter;
mod mixer;
pub mod processing;
pub mod pump;
mod resample;
pub mod ring;
#[cfg(test)]
mod scratch;
mod seam;
mod sinks;
mod sources;
mod state;
mod voice_activity;
mod worker;

pub use actor::AudioDeviceActor;
pub use factory::{AudioIo, PumpDrive};
pub use meter::Level;
pub use resample::ResampleError;
pub use sources::WavBlocks;
