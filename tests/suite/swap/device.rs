//! A stranger in the audio device role.

use std::sync::{Arc, Mutex};

use actix::{Actor, ActorContext, Context, Handler, MessageResult, Recipient};
use express_engine::{ZegoDeviceInfo, ZegoDeviceInfos, ZegoError, ZegoStreamOptions};
use express_messages::{ExitGuard, audio_device::*};
use express_tests::simulation::{Simulation, settle, sleep};

type Notes = Arc<Mutex<Vec<String>>>;

/// Has no sound at all; notes what it is told.
struct Stenographer {
    _owner: ExitGuard<AudioDeviceEvent>,
    notes: Notes,
}

impl Actor for Stenographer {
    type Context = Context<Self>;
}

macro_rules! note {
    ($($message:ty => $result:ty = $answer:expr,)*) => {
        $(impl Handler<$message> for Stenographer {
            type Result = $result;
            fn handle(&mut self, message: $message, _: &mut Self::Context) -> Self::Result {
                self.notes.lock().unwrap().push(format!("{message:?}"));
                $answer
            }
        })*
    };
}

fn one_microphone() -> ZegoDeviceInfos {
    let microphone = ZegoDeviceInfo {
        device_id: "m".into(),
        device_name: "Pencil".into(),
    };
    ZegoDeviceInfos {
        microphones: vec![microphone],
        ..Default::default()
    }
}

note! {
    ListDevices => Result<ZegoDeviceInfos, ZegoError> = Ok(one_microphone()),
    OpenLocalStream => Result<(), ZegoError> = Ok(()),
    ReplaceCapture => Result<(), ZegoError> = Ok(()),
    SendCaptured => () = (),
    StopCapture => () = (),
    StartMixing => Result<(), ZegoError> = Ok(()),
    StopMixing => () = (),
    SetMixingVolume => () = (),
    MonitorCapture => () = (),
    GetCaptureDevice => Option<String> = None,
    TapCapture => Result<SinkId, ZegoError> = Ok(SinkId(10)),
    CloseLocalStream => () = (),
    SetCaptureVolume => () = (),
    MuteLocalStream => () = (),
    MuteMicrophone => () = (),
    MonitorLocalStream => () = (),
    AttachSink => Result<SinkId, ZegoError> = Ok(SinkId(7)),
    DetachSink => () = (),
    AttachSource => () = (),
    DetachSource => () = (),
    SetPlayout => () = (),
    TapPlayout => MessageResult<TapPlayout> = MessageResult(SinkId(8)),
    RecordPlayout => Result<SinkId, ZegoError> = Ok(SinkId(9)),
    ForgetPlayout => () = (),
    GetSoundLevels => SoundLevels = SoundLevels::default(),
    WatchDevices => () = (),
    SetCaptureDevice => Result<(), ZegoError> = Ok(()),
    SetAutoSwitch => () = (),
    SetOutputDevice => Result<(), ZegoError> = Ok(()),
    SetVoice => () = (),
    GetVoiceStatistics => MessageResult<GetVoiceStatistics> = MessageResult(None),
}

impl Handler<StopAudioDevice> for Stenographer {
    type Result = ();
    fn handle(&mut self, _: StopAudioDevice, context: &mut Self::Context) {
        self.notes.lock().unwrap().push("StopAudioDevice".into());
        context.stop();
    }
}

struct Stenographers(Notes);

impl AudioDeviceFactory for Stenographers {
    fn start(&self, _: AudioDeviceOptions, events: Recipient<AudioDeviceEvent>, _: AudioDevicePeers) -> AudioDeviceLink {
        let _owner = ExitGuard::new(events, |panicked| AudioDeviceEvent::Exited { panicked });
        let notes = Arc::clone(&self.0);
        Stenographer { _owner, notes }.start().into()
    }
}

#[actix::test]
async fn a_stranger_as_audio_device_is_told_all_that_the_user_and_the_real_parts_want() {
    let simulation = Simulation::start();
    let bob = simulation.member("bob");
    bob.login("room", 60).await;
    bob.publish_tone("b", 620.0).await;
    settle().await;

    let notes = Notes::default();
    let told = |expected: &[&str]| {
        let seen = std::mem::take(&mut *notes.lock().unwrap());
        assert_eq!(seen, expected);
    };
    let devices = Stenographers(Arc::clone(&notes));
    let alice = simulation.member_with("alice", |builder| builder.audio_device(devices));
    assert_eq!(alice.zg.get_microphones().await.unwrap()[0].device_name, "Pencil");
    alice.login("room", 60).await;
    let local = alice.zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let id = local.id();
    told(&[
        "ListDevices",
        &format!("OpenLocalStream {{ id: {id:?}, source: Microphone {{ device_id: None }}, channels: 1, mixing_delay_ms: 0 }}"),
    ]);

    alice.zg.start_publishing_stream("a", &local, Default::default()).unwrap();
    settle().await;
    told(&[&format!("AttachSink({id:?})")]);
    alice.zg.set_capture_volume(&local, 150).await.unwrap();
    alice.zg.mute_publish_stream_audio(&local, true).unwrap();
    alice.zg.mute_microphone(true).unwrap();
    local.play_audio();
    settle().await;
    told(&[
        &format!("SetCaptureVolume {{ id: {id:?}, percent: 150 }}"),
        &format!("MuteLocalStream {{ id: {id:?}, muted: true }}"),
        "MuteMicrophone(true)",
        &format!("MonitorLocalStream {{ id: {id:?}, audible: true, percent: 100 }}"),
    ]);

    let remote = alice.zg.start_playing_stream("b", Default::default()).await.unwrap();
    remote.play_audio();
    remote.set_volume(50).unwrap();
    alice.zg.use_audio_output_device(&remote, "headset").await.unwrap();
    let _frames = remote.frames();
    settle().await;
    told(&[
        "AttachSource(b)",
        "SetPlayout { stream_id: StreamId(\"b\"), audible: true, percent: 100 }",
        "SetPlayout { stream_id: StreamId(\"b\"), audible: true, percent: 50 }",
        "SetOutputDevice { stream: Played(StreamId(\"b\")), device_id: Some(\"headset\") }",
        "TapPlayout(b)",
    ]);

    alice.zg.stop_publishing_stream("a").unwrap();
    alice.zg.stop_playing_stream("b").unwrap();
    settle().await;
    told(&[
        "ForgetPlayout(StreamId(\"b\"))",
        "DetachSink(SinkId(7))",
        "DetachSource(StreamId(\"b\"))",
    ]);
    alice.zg.destroy_stream(local).unwrap();
    let remains = alice.destroy();
    sleep(2.0).await;
    told(&[&format!("CloseLocalStream({id:?})"), "StopAudioDevice"]);
    remains.assert_gone();
}
