//! With threads of their own: the pump, files and devices in real time. Nothing here sleeps; it waits for what must come.

use std::sync::mpsc;

use super::*;
use crate::devices::{AudioBackend, DeviceList, InputPort, ListDevicesError, OpenDevice, OutputPort};

/// Tells when it was called and when it was dropped.
struct Reporter {
    calls: tokio::sync::mpsc::UnboundedSender<std::thread::ThreadId>,
}

impl CaptureSink for Reporter {
    fn on_block(&mut self, _: &AudioBlock, _: Instant) {
        // The test may have seen enough.
        let _ = self.calls.send(std::thread::current().id());
    }
}

#[actix::test]
async fn with_a_thread_of_its_own_the_pump_runs_beside_the_actor_and_ends_with_it() {
    let (owner, _events) = Recorder::start();
    let link = AudioIo::without_devices().start(AudioDeviceOptions::default(), owner, AudioDevicePeers::default());
    link.open.send(open(tone())).await.unwrap().unwrap();
    let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
    let sink = AttachSink {
        local_stream: LOCAL,
        sink: Box::new(Reporter { calls }),
    };
    link.attach_sink.send(sink).await.unwrap().unwrap();
    for _ in 0..10 {
        let thread = called.recv().await.expect("the sink lives");
        assert_ne!(thread, std::thread::current().id());
    }
    link.stop.send(StopAudioDevice).await.unwrap();
    while called.recv().await.is_some() {}
}

#[actix::test]
async fn with_threads_a_recording_has_every_block_in_order() {
    let dir = ScratchDir::new();
    let path = dir.file("out.wav");
    let (owner, _events) = Recorder::start();
    let link = AudioIo::without_devices().start(AudioDeviceOptions::default(), owner, AudioDevicePeers::default());
    let record = RecordPlayout {
        stream_id: stream("s"),
        path: path.clone(),
        channels: 1,
    };
    let recording = link.record_playout.send(record).await.unwrap().unwrap();
    let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
    let tap = TapPlayout {
        stream_id: stream("s"),
        tap: Box::new(Reporter { calls }),
    };
    link.tap_playout.send(tap).await.unwrap();
    let source = AttachSource {
        stream_id: stream("s"),
        source: Box::new(Counting(0)),
    };
    link.attach_source.send(source).await.unwrap();
    for _ in 0..30 {
        called.recv().await.expect("the tap lives");
    }
    link.detach_sink.send(DetachSink(recording)).await.unwrap();
    let samples = read_wav(&path);
    let numbers: Vec<i32> = samples
        .chunks_exact(480)
        .map(|b| (f64::from(b[0]) / 32.768).round() as i32)
        .collect();
    let sound: Vec<i32> = numbers.iter().copied().skip_while(|n| *n == 0).collect();
    assert!(sound.len() >= 20 && sound[0] == 1, "{numbers:?}");
    assert!(sound.windows(2).all(|w| w[1] == w[0] + 1), "{numbers:?}");
    link.stop.send(StopAudioDevice).await.unwrap();
}

/// Scripted devices behind a sound server that answers nothing until the gate is opened (its sender is dropped).
struct Hanging {
    gate: mpsc::Receiver<()>,
    devices: ScriptedDevices,
}

impl Hanging {
    fn wait(&self) {
        // An error is the open gate.
        let _ = self.gate.recv();
    }
}

impl AudioBackend for Hanging {
    fn list(&mut self) -> Result<DeviceList, ListDevicesError> {
        self.wait();
        self.devices.list()
    }

    fn open_input(&mut self, device_id: Option<&str>) -> Result<OpenDevice<InputPort>, OpenDeviceError> {
        self.wait();
        self.devices.open_input(device_id)
    }

    fn open_output(&mut self, device_id: Option<&str>) -> Result<OpenDevice<OutputPort>, OpenDeviceError> {
        self.wait();
        self.devices.open_output(device_id)
    }
}

#[actix::test]
async fn a_sound_server_that_hangs_costs_five_seconds_and_what_it_opens_too_late_is_closed() {
    // The actor's clock is virtual; only the devices' thread is real, and it hangs.
    tokio::time::pause();
    let devices = ScriptedDevices::new().with_microphone("mic", format(48_000, 1));
    let (gate_open, gate) = mpsc::channel::<()>();
    let backend = Hanging {
        gate,
        devices: devices.clone(),
    };
    let (owner, _events) = Recorder::start();
    let actor = AudioDeviceActor::new(Box::new(backend), PumpDrive::Thread, owner).start();
    let link = AudioDeviceLink::from(actor);
    let begin = tokio::time::Instant::now();
    let microphone = microphone(None);
    assert_eq!(link.open.send(open(microphone)).await.unwrap().unwrap_err().code, 1103061);
    assert_eq!(link.list_devices.send(ListDevices).await.unwrap().unwrap_err().code, 1103011);
    assert!(begin.elapsed() < Duration::from_millis(10_100), "{:?}", begin.elapsed());
    drop(gate_open);
    tokio::time::resume();
    // Served in order: when this one is answered the late open is over, and undone.
    assert_eq!(
        link.list_devices.send(ListDevices).await.unwrap().unwrap().microphones.len(),
        1
    );
    assert_eq!((devices.times_opened("mic"), devices.is_open("mic")), (1, false));
    link.stop.send(StopAudioDevice).await.unwrap();
}

#[actix::test]
async fn a_sound_server_that_hangs_does_not_hold_up_the_end() {
    tokio::time::pause();
    let (gate_open, gate) = mpsc::channel::<()>();
    let backend = Hanging {
        gate,
        devices: ScriptedDevices::new(),
    };
    let (owner, events) = Recorder::start();
    let actor = AudioDeviceActor::new(Box::new(backend), PumpDrive::Thread, owner).start();
    let link = AudioDeviceLink::from(actor);
    link.list_devices.do_send(ListDevices);
    let begin = tokio::time::Instant::now();
    link.stop.send(StopAudioDevice).await.unwrap();
    assert!(begin.elapsed() <= Duration::from_secs(1));
    pass(1).await;
    assert_eq!(events.take(), [AudioDeviceEvent::Exited { panicked: false }]);
    drop(gate_open);
}
