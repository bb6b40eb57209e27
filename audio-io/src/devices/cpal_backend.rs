//! The devices of this machine, through `cpal`.
//!
//! On Linux the PulseAudio host is used where a server (PulseAudio or PipeWire) answers, else ALSA. Measured: with a default
//! buffer size PulseAudio takes 2 s at once, with [`PULSE_PERIOD`] it is 50 ms there and back without a gap; ALSA over
//! PulseAudio needs [`OTHER_PERIOD`].

mod config;
mod run;

use cpal::{
    DeviceDirection, DeviceId, ErrorKind, HostId,
    traits::{DeviceTrait, HostTrait},
};
use express_messages::types::ZegoDeviceInfo;

use super::{AudioBackend, DeviceList, InputPort, ListDevicesError, OpenDevice, OpenDeviceError, OutputPort, SCREEN};
use run::{open_input, open_output};

/// A callback on the PulseAudio host takes 20 ms.
const PULSE_PERIOD: u32 = 20;
/// A callback on any other host takes 30 ms.
const OTHER_PERIOD: u32 = 30;

/// Opens devices through `cpal`. See the module for which.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpalBackend {
    _private: (),
}

impl CpalBackend {
    /// A backend that has not yet touched any device.
    pub fn new() -> Self {
        Self::default()
    }
}

/// A connection to a host. A new one for every use: a second output on one PulseAudio connection fails, and one that
/// outlives its server is of no use.
struct Connection {
    id: HostId,
    host: cpal::Host,
}

impl Connection {
    /// The preferred host.
    fn new() -> Self {
        let host = cpal::default_host();
        Self { id: host.id(), host }
    }

    fn of(id: HostId) -> Result<Self, cpal::Error> {
        cpal::host_from_id(id).map(|host| Self { id, host })
    }

    fn is_alsa(&self) -> bool {
        self.id.to_string() == "alsa"
    }

    /// Milliseconds of one callback.
    fn period_ms(&self) -> u32 {
        if self.id.to_string() == "pulseaudio" {
            PULSE_PERIOD
        } else {
            OTHER_PERIOD
        }
    }

    /// The devices for `input` or output that a user can choose, the default one first.
    fn choices(&self, input: bool) -> Result<Vec<cpal::Device>, cpal::Error> {
        let mut devices: Vec<_> = self.host.devices()?.filter(|device| self.is_choice(device, input)).collect();
        // ALSA names a default device even where there is no card behind it.
        let default = match (self.is_alsa() && devices.is_empty(), input) {
            (true, _) => None,
            (false, true) => self.host.default_input_device(),
            (false, false) => self.host.default_output_device(),
        };
        if let Some(default) = default {
            devices.retain(|device| device.id().ok() != default.id().ok());
            devices.insert(0, default);
        }
        Ok(devices)
    }

    fn is_choice(&self, device: &cpal::Device, input: bool) -> bool {
        let Ok(id) = device.id() else { return false };
        if self.is_alsa() {
            let works = || {
                if input {
                    device.default_input_config().is_ok()
                } else {
                    device.default_output_config().is_ok()
                }
            };
            let wanted = if input {
                DeviceDirection::Input
            } else {
                DeviceDirection::Output
            };
            let fits = |direction| direction == wanted || direction == DeviceDirection::Duplex;
            // Of the many names of one card, the one that converts everything by itself; and what the user's
            // configuration calls the default, which may be no card at all (a sound server).
            return match id.id() {
                "default" => works(),
                name => name.starts_with("plughw:") && device.description().is_ok_and(|about| fits(about.direction())),
            };
        }
        // A monitor is a source of what a speaker plays: no microphone.
        let supports = if input {
            device.supports_input()
        } else {
            device.supports_output()
        };
        supports && !(input && id.id().ends_with(".monitor"))
    }

    /// The source of what the default speaker plays.
    fn screen(&self) -> Result<Option<cpal::Device>, cpal::Error> {
        let Some(speaker) = self.find(None, false)?.and_then(|speaker| speaker.id().ok()) else {
            return Ok(None);
        };
        // So PulseAudio and PipeWire name it.
        let monitor = format!("{}.monitor", speaker.id());
        let is_it = |device: &cpal::Device| device.supports_input() && device.id().is_ok_and(|id| id.id() == monitor);
        Ok(self.host.devices()?.find(is_it))
    }

    /// The device `id`, or the default one.
    fn find(&self, id: Option<&DeviceId>, input: bool) -> Result<Option<cpal::Device>, cpal::Error> {
        match id {
            Some(id) => Ok(self.host.device_by_id(id)),
            None => Ok(self.choices(input)?.into_iter().next()),
        }
    }
}

/// What `cpal` says, in our words.
fn open_error(error: &cpal::Error, name: &str) -> OpenDeviceError {
    let (name, reason) = (name.to_owned(), error.to_string());
    match error.kind() {
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => OpenDeviceError::NotFound(Some(name)),
        ErrorKind::PermissionDenied => OpenDeviceError::NotAllowed(name),
        ErrorKind::DeviceBusy => OpenDeviceError::Busy(name),
        ErrorKind::UnsupportedConfig | ErrorKind::InvalidInput | ErrorKind::UnsupportedOperation => {
            OpenDeviceError::Format { name, reason }
        }
        _ => OpenDeviceError::Failed { name, reason },
    }
}

/// The device that `id` names, with its connection.
fn choose(id: Option<&str>, input: bool) -> Result<(Connection, cpal::Device), OpenDeviceError> {
    let absent = || OpenDeviceError::NotFound(id.map(Into::into));
    let parsed = id.map(str::parse::<DeviceId>).transpose().map_err(|_| absent())?;
    let connection = match &parsed {
        Some(id) => Connection::of(id.host()).map_err(|_| absent())?,
        None => Connection::new(),
    };
    let found = connection.find(parsed.as_ref(), input);
    let device = found
        .map_err(|error| open_error(&error, id.unwrap_or("default")))?
        .ok_or_else(absent)?;
    Ok((connection, device))
}

/// The sound of the screen, with its connection.
fn choose_screen() -> Result<(Connection, cpal::Device), OpenDeviceError> {
    let connection = Connection::new();
    let found = connection.screen().map_err(|error| open_error(&error, SCREEN))?;
    Ok((connection, found.ok_or(OpenDeviceError::NoScreen)?))
}

impl AudioBackend for CpalBackend {
    fn list(&mut self) -> Result<DeviceList, ListDevicesError> {
        let connection = Connection::new();
        let list = |input| {
            let devices = connection
                .choices(input)
                .map_err(|error| ListDevicesError(error.to_string()))?;
            Ok(devices.iter().filter_map(info).collect())
        };
        Ok(DeviceList {
            inputs: list(true)?,
            outputs: list(false)?,
        })
    }

    fn open_input(&mut self, device_id: Option<&str>) -> Result<OpenDevice<InputPort>, OpenDeviceError> {
        if device_id == Some(SCREEN) {
            let (connection, device) = choose_screen()?;
            let opened = open_input(&device, connection.period_ms())?;
            let device_id = SCREEN.into();
            return Ok(OpenDevice { device_id, ..opened });
        }
        let (connection, device) = choose(device_id, true)?;
        open_input(&device, connection.period_ms())
    }

    fn open_output(&mut self, device_id: Option<&str>) -> Result<OpenDevice<OutputPort>, OpenDeviceError> {
        let (connection, device) = choose(device_id, false)?;
        open_output(&device, connection.period_ms())
    }
}

/// How a device is listed; `None` where it went away meanwhile.
fn info(device: &cpal::Device) -> Option<ZegoDeviceInfo> {
    let device_id = device.id().ok()?.to_string();
    let device_name = device
        .description()
        .map_or_else(|_| device_id.clone(), |description| description.name().to_owned());
    Some(ZegoDeviceInfo { device_name, device_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_error_has_its_documented_code() {
        for (kind, code) in [
            (ErrorKind::DeviceNotAvailable, 1103048),
            (ErrorKind::HostUnavailable, 1103048),
            (ErrorKind::PermissionDenied, 1103064),
            (ErrorKind::DeviceBusy, 1103065),
            (ErrorKind::UnsupportedConfig, 1103066),
            (ErrorKind::BackendError, 1103061),
        ] {
            assert_eq!(open_error(&kind.into(), "mic").code(), code, "{kind:?}");
        }
    }

    #[test]
    fn an_id_that_is_no_id_names_no_device() {
        for id in ["", "nonsense", "nohost:device", ":"] {
            assert_eq!(choose(Some(id), true).err().expect("refused").code(), 1103048, "{id:?}");
        }
    }
}
