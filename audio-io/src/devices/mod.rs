//! Capture and playout devices, behind a small trait.
//!
//! | look for | in |
//! |---|---|
//! | what a backend must do | [`AudioBackend`] |
//! | the real devices | [`CpalBackend`] |
//! | no devices at all | [`NoDevices`] |
//! | what a device callback may do, and the rings behind it | [`InputCallback`], [`OutputCallback`] |

mod cpal_backend;
mod desk;
mod figures;
mod port;
#[cfg(any(test, feature = "testkit"))]
pub mod scripted;

use std::fmt;

use express_messages::{ZegoError, codes, types::ZegoDeviceInfo};

pub use cpal_backend::CpalBackend;
pub(crate) use desk::{DeviceDesk, Opened, StreamKey};
pub use figures::{DeviceReport, Measured};
pub use port::{
    DeviceFailure, DeviceFormat, DeviceHealth, InputCallback, InputPort, OutputCallback, OutputPort, input_port, output_port,
};

/// What a backend lists; the default device stands first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceList {
    /// Capture devices.
    pub inputs: Vec<ZegoDeviceInfo>,
    /// Playout devices.
    pub outputs: Vec<ZegoDeviceInfo>,
}

/// Why a device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenDeviceError {
    /// There is no such device, or no device at all. Advice: list the devices and choose another.
    #[error("no such audio device{}; list the devices and use an id from there", .0.as_ref().map_or_else(String::new, |id| format!(" as {id:?}")))]
    NotFound(Option<String>),
    /// The system does not let this process use it. Advice: give up until the user grants it.
    #[error("the system does not allow audio device {0:?}")]
    NotAllowed(String),
    /// Another process holds it. Advice: retry later.
    #[error("audio device {0:?} is in use by another process")]
    Busy(String),
    /// It knows no format that this crate can convert. Advice: choose another device.
    #[error("audio device {name:?} offers no usable format: {reason}")]
    Format {
        /// Name of the device.
        name: String,
        /// What was tried.
        reason: String,
    },
    /// Anything else. Advice: retry, or choose another device.
    #[error("audio device {name:?} cannot be opened: {reason}")]
    Failed {
        /// Name of the device.
        name: String,
        /// What the system said.
        reason: String,
    },
}

impl OpenDeviceError {
    /// The documented code: 1103048, 1103064, 1103065, 1103066 or 1103061.
    pub fn code(&self) -> i32 {
        match self {
            Self::NotFound(_) => codes::DEVICE_NOT_FOUND,
            Self::NotAllowed(_) => codes::DEVICE_NO_ALLOWED,
            Self::Busy(_) => codes::DEVICE_NO_READABLE,
            Self::Format { .. } => codes::DEVICE_OVER_CONSTRAINED,
            Self::Failed { .. } => codes::PUBLISHER_GET_USER_MEDIA_FAIL,
        }
    }
}

impl From<OpenDeviceError> for ZegoError {
    fn from(error: OpenDeviceError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// Why devices cannot be listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("audio devices cannot be listed: {0}")]
pub struct ListDevicesError(pub String);

impl From<ListDevicesError> for ZegoError {
    fn from(error: ListDevicesError) -> Self {
        Self::new(codes::ENUMERATE_DEVICES_FAIL, error.to_string())
    }
}

/// A device that runs, and the end of its ring that the pump takes.
pub struct OpenDevice<Port> {
    /// Its id, as listed.
    pub device_id: String,
    /// Its name, for people.
    pub name: String,
    /// The pump's end.
    pub port: Port,
    /// Keeps the device running; dropped, on the thread that opened it, to close it.
    pub stream: Box<dyn Send>,
}

impl<Port: fmt::Debug> fmt::Debug for OpenDevice<Port> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenDevice")
            .field("device_id", &self.device_id)
            .field("name", &self.name)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Lists and opens devices.
///
/// All calls, and the drop of every stream it made, happen on one thread of its own, so they may block. An opened device
/// runs at once. Its callback may only use the callback half of its port ([`InputCallback`], [`OutputCallback`]).
pub trait AudioBackend: Send {
    /// The devices that are there now. No devices is no error.
    ///
    /// # Errors
    /// When the system's list cannot be read.
    fn list(&mut self) -> Result<DeviceList, ListDevicesError>;

    /// Opens a capture device, `None` the default one.
    ///
    /// # Errors
    /// [`OpenDeviceError`] says why.
    fn open_input(&mut self, device_id: Option<&str>) -> Result<OpenDevice<InputPort>, OpenDeviceError>;

    /// Opens a playout device, `None` the default one.
    ///
    /// # Errors
    /// [`OpenDeviceError`] says why.
    fn open_output(&mut self, device_id: Option<&str>) -> Result<OpenDevice<OutputPort>, OpenDeviceError>;
}

/// A machine without a sound card: everything else works.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDevices;

impl AudioBackend for NoDevices {
    fn list(&mut self) -> Result<DeviceList, ListDevicesError> {
        Ok(DeviceList::default())
    }

    fn open_input(&mut self, device_id: Option<&str>) -> Result<OpenDevice<InputPort>, OpenDeviceError> {
        Err(OpenDeviceError::NotFound(device_id.map(Into::into)))
    }

    fn open_output(&mut self, device_id: Option<&str>) -> Result<OpenDevice<OutputPort>, OpenDeviceError> {
        Err(OpenDeviceError::NotFound(device_id.map(Into::into)))
    }
}
