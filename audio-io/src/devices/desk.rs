//! Where devices are opened and closed: a thread of its own, as both may block, and as a stream is dropped by the thread that
//! made it.

use std::{collections::HashMap, fmt, sync::mpsc};

use tokio::sync::oneshot;

use super::{AudioBackend, DeviceList, InputPort, ListDevicesError, OpenDevice, OpenDeviceError, OutputPort};
use crate::worker::Worker;

/// Names one stream of a device while it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StreamKey(pub(crate) u64);

/// A device that runs; its stream stays at the desk.
#[derive(Debug)]
pub(crate) struct Opened<Port> {
    pub(crate) device_id: String,
    pub(crate) name: String,
    pub(crate) port: Port,
}

type Answer<T, E> = oneshot::Sender<Result<T, E>>;
/// What an open call will answer. A dropped sender means that the desk is gone.
pub(crate) type Opening<Port> = oneshot::Receiver<Result<Opened<Port>, OpenDeviceError>>;

enum Request {
    List(Answer<DeviceList, ListDevicesError>),
    OpenInput(StreamKey, Option<String>, Answer<Opened<InputPort>, OpenDeviceError>),
    OpenOutput(StreamKey, Option<String>, Answer<Opened<OutputPort>, OpenDeviceError>),
    Close(StreamKey),
}

/// Opens, holds and closes devices.
pub(crate) struct DeviceDesk(Place);

enum Place {
    /// No request has come yet.
    Idle {
        open: OpenDevices,
        own_thread: bool,
    },
    Inline(OpenDevices),
    Thread {
        requests: mpsc::Sender<Request>,
        worker: Worker<()>,
    },
    /// Between two of the others, and after the end.
    Gone,
}

impl fmt::Debug for DeviceDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Place::Idle { .. } => "DeviceDesk(idle)",
            Place::Inline(_) => "DeviceDesk(inline)",
            Place::Thread { .. } => "DeviceDesk(thread)",
            Place::Gone => "DeviceDesk(gone)",
        })
    }
}

impl DeviceDesk {
    /// A desk for `backend`. With `own_thread` it works on thread `zego-devices`, started by the first request; else in the
    /// caller's, for virtual time.
    pub(crate) fn new(backend: Box<dyn AudioBackend>, own_thread: bool) -> Self {
        Self(Place::Idle {
            open: OpenDevices {
                backend,
                streams: HashMap::new(),
            },
            own_thread,
        })
    }

    /// Lists the devices.
    pub(crate) fn list(&mut self) -> oneshot::Receiver<Result<DeviceList, ListDevicesError>> {
        let (tell, answer) = oneshot::channel();
        self.request(Request::List(tell));
        answer
    }

    /// Opens a capture device as `key`.
    pub(crate) fn open_input(&mut self, key: StreamKey, device_id: Option<String>) -> Opening<InputPort> {
        let (tell, answer) = oneshot::channel();
        self.request(Request::OpenInput(key, device_id, tell));
        answer
    }

    /// Opens a playout device as `key`.
    pub(crate) fn open_output(&mut self, key: StreamKey, device_id: Option<String>) -> Opening<OutputPort> {
        let (tell, answer) = oneshot::channel();
        self.request(Request::OpenOutput(key, device_id, tell));
        answer
    }

    /// Closes what was opened, or is being opened, as `key`.
    pub(crate) fn close(&mut self, key: StreamKey) {
        self.request(Request::Close(key));
    }

    /// Closes everything. The thread, if there is one, ends when that is done.
    pub(crate) fn shut(&mut self) -> Option<Worker<()>> {
        match std::mem::replace(&mut self.0, Place::Gone) {
            Place::Thread { worker, .. } => Some(worker),
            Place::Idle { .. } | Place::Inline(_) | Place::Gone => None,
        }
    }

    fn request(&mut self, request: Request) {
        self.0 = match std::mem::replace(&mut self.0, Place::Gone) {
            Place::Idle { open, own_thread } if own_thread => start(open),
            Place::Idle { open, .. } => Place::Inline(open),
            other => other,
        };
        match &mut self.0 {
            Place::Inline(open) => open.serve(request),
            // A thread that is gone drops the request, and with it the answer's sender: the caller sees that.
            Place::Thread { requests, .. } => drop(requests.send(request)),
            Place::Idle { .. } | Place::Gone => {}
        }
    }
}

fn start(mut open: OpenDevices) -> Place {
    let (requests, inbox) = mpsc::channel::<Request>();
    let work = move || {
        while let Ok(request) = inbox.recv() {
            open.serve(request);
        }
    };
    match Worker::spawn("zego-devices", work) {
        Ok(worker) => Place::Thread { requests, worker },
        Err(error) => {
            tracing::error!(%error, "no thread for audio devices");
            Place::Gone
        }
    }
}

/// The backend and what it opened.
struct OpenDevices {
    backend: Box<dyn AudioBackend>,
    streams: HashMap<StreamKey, Box<dyn Send>>,
}

impl OpenDevices {
    fn serve(&mut self, request: Request) {
        match request {
            // Here and below: who asked may be gone, and then needs no answer.
            Request::List(tell) => drop(tell.send(self.backend.list())),
            Request::OpenInput(key, device_id, tell) => {
                let opened = self.backend.open_input(device_id.as_deref());
                let answer = self.keep(key, opened);
                self.answer(key, tell, answer);
            }
            Request::OpenOutput(key, device_id, tell) => {
                let opened = self.backend.open_output(device_id.as_deref());
                let answer = self.keep(key, opened);
                self.answer(key, tell, answer);
            }
            Request::Close(key) => drop(self.streams.remove(&key)),
        }
    }

    fn keep<Port>(
        &mut self,
        key: StreamKey,
        opened: Result<OpenDevice<Port>, OpenDeviceError>,
    ) -> Result<Opened<Port>, OpenDeviceError> {
        let device = opened?;
        tracing::debug!(name = device.name, id = device.device_id, "audio device opened");
        self.streams.insert(key, device.stream);
        Ok(Opened {
            device_id: device.device_id,
            name: device.name,
            port: device.port,
        })
    }

    fn answer<Port>(
        &mut self,
        key: StreamKey,
        tell: Answer<Opened<Port>, OpenDeviceError>,
        answer: Result<Opened<Port>, OpenDeviceError>,
    ) {
        if tell.send(answer).is_err() {
            self.streams.remove(&key);
        }
    }
}
