//! The devices of this machine, through `cpal`.
//!
//! On Linux the PulseAudio host is used where a server (PulseAudio or PipeWire) answers, else ALSA. Measured: with a default
//! buffer size PulseAudio takes 2 s at once, with [`PULSE_PERIOD`] it is 50 ms there and back without a gap; ALSA over
//! PulseAudio needs [`OTHER_PERIOD`].

mod config;
#[cfg(test)]
mod fake;
mod run;
#[cfg(test)]
mod tests;

use std::fmt;

use cpal::{
    DeviceDirection, DeviceId, ErrorKind, HostId,
    traits::{DeviceTrait, HostTrait},
};
use express_messages::types::ZegoDeviceInfo;

use super::{AudioBackend, DeviceList, InputPort, ListDevicesError, OpenDevice, OpenDeviceError, OutputPort};
use run::{open_input, open_output};

/// A callback on the PulseAudio host takes 20 ms.
const PULSE_PERIOD: u32 = 20;
/// A callback on any other host takes 30 ms.
const OTHER_PERIOD: u32 = 30;

/// Reaches a sound system: the one that is named, or the preferred one.
type Connect = dyn Fn(Option<HostId>) -> Result<cpal::Host, cpal::Error> + Send + Sync;

/// Opens devices through `cpal`. See the module for which.
pub struct CpalBackend {
    connect: Box<Connect>,
    /// The connection over which the list is read. It is kept: nothing wakes the reader of a PulseAudio connection that is
    /// dropped (pulseaudio 0.3), so one for each look would stay open, and after 64 of them nobody can connect any more.
    listing: Option<Connection>,
}

impl fmt::Debug for CpalBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CpalBackend").finish_non_exhaustive()
    }
}

impl Default for CpalBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl CpalBackend {
    /// A backend for the sound systems of this machine, that has not yet touched any device.
    pub fn new() -> Self {
        Self::reaching(|id| id.map_or_else(|| Ok(cpal::default_host()), cpal::host_from_id))
    }

    /// A backend for the sound systems that `connect` reaches.
    fn reaching(connect: impl Fn(Option<HostId>) -> Result<cpal::Host, cpal::Error> + Send + Sync + 'static) -> Self {
        Self {
            connect: Box::new(connect),
            listing: None,
        }
    }

    /// Looks at what is there, over the connection that is kept. One whose server is gone is given up: the next look connects
    /// anew.
    fn look<T>(&mut self, at: impl FnOnce(&Connection) -> Result<T, cpal::Error>) -> Result<T, cpal::Error> {
        let connection = match self.listing.take() {
            Some(connection) => connection,
            None => Connection::new((self.connect)(None)?),
        };
        let seen = at(&connection)?;
        // ALSA has no server, and one that comes later is to be found.
        self.listing = Some(connection).filter(|connection| !connection.is_alsa());
        Ok(seen)
    }

    /// The device that `id` names, with a connection of its own: a second output on one PulseAudio connection fails.
    fn choose(&mut self, id: Option<&str>, input: bool) -> Result<(Connection, cpal::Device), OpenDeviceError> {
        let absent = || OpenDeviceError::NotFound(id.map(Into::into));
        let failed = |error: cpal::Error| open_error(&error, id.unwrap_or("default"));
        let parsed = id.map(str::parse::<DeviceId>).transpose().map_err(|_| absent())?;
        let parsed = parsed.as_ref();
        // Looked for before that connection is made, as it would stay open without a stream.
        let is_there = |connection: &Connection| match parsed {
            Some(id) if id.host() != connection.id => Ok(true),
            _ => Ok(connection.find(parsed, input)?.is_some()),
        };
        if !self.look(is_there).map_err(failed)? {
            return Err(absent());
        }
        let connection = Connection::new((self.connect)(parsed.map(DeviceId::host)).map_err(|_| absent())?);
        let device = connection.find(parsed, input).map_err(failed)?.ok_or_else(absent)?;
        Ok((connection, device))
    }
}

/// A connection to a host.
struct Connection {
    id: HostId,
    host: cpal::Host,
}

impl Connection {
    fn new(host: cpal::Host) -> Self {
        Self { id: host.id(), host }
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
        // A server without a microphone calls the monitor of a speaker its default one.
        if let Some(default) = default.filter(|device| self.is_choice(device, input)) {
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

impl AudioBackend for CpalBackend {
    fn list(&mut self) -> Result<DeviceList, ListDevicesError> {
        let list = |connection: &Connection| {
            Ok(DeviceList {
                inputs: connection.choices(true)?.iter().filter_map(info).collect(),
                outputs: connection.choices(false)?.iter().filter_map(info).collect(),
            })
        };
        self.look(list).map_err(|error| ListDevicesError(error.to_string()))
    }

    fn open_input(&mut self, device_id: Option<&str>) -> Result<OpenDevice<InputPort>, OpenDeviceError> {
        let (connection, device) = self.choose(device_id, true)?;
        open_input(&device, connection.period_ms())
    }

    fn open_output(&mut self, device_id: Option<&str>) -> Result<OpenDevice<OutputPort>, OpenDeviceError> {
        let (connection, device) = self.choose(device_id, false)?;
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
