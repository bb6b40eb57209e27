//! Devices that come and go.

use express_messages::types::{ZegoAudioDeviceType, ZegoDeviceInfo, ZegoUpdateType};

use super::*;

pub(super) fn changed(update_type: ZegoUpdateType, device_type: ZegoAudioDeviceType, id: &str) -> AudioDeviceEvent {
    AudioDeviceEvent::DeviceChanged {
        update_type,
        device_type,
        info: ZegoDeviceInfo {
            device_name: id.into(),
            device_id: id.into(),
        },
    }
}

#[actix::test]
async fn whoever_listens_hears_within_300_ms_of_each_device_that_comes_or_goes_and_of_none_that_was_there() {
    let devices = ScriptedDevices::new()
        .with_microphone("mic", format(48_000, 1))
        .with_speaker("spk", format(48_000, 2));
    let (link, events) = start(&devices);
    link.watch.send(WatchDevices(true)).await.unwrap();
    pass(1_000).await;
    assert!(events.is_empty());
    devices.unplug("mic", None);
    pass(300).await;
    use {ZegoAudioDeviceType::*, ZegoUpdateType::*};
    assert_eq!(events.take(), [changed(Delete, Input, "mic")]);
    devices.unplug("spk", None);
    devices.plug("mic");
    pass(300).await;
    assert_eq!(events.take(), [changed(Add, Input, "mic"), changed(Delete, Output, "spk")]);
    link.watch.send(WatchDevices(false)).await.unwrap();
    devices.plug("spk");
    pass(1_000).await;
    assert!(events.is_empty(), "nobody listens, and no device is open");
}

#[actix::test]
async fn while_a_device_is_open_changes_are_told_too() {
    let devices = ScriptedDevices::new()
        .with_microphone("mic", format(48_000, 1))
        .with_microphone("other", format(48_000, 1));
    let (link, events) = start(&devices);
    let source = CaptureSource::Microphone { device_id: None };
    link.open.send(open(source)).await.unwrap().unwrap();
    pass(300).await;
    devices.unplug("other", None);
    pass(300).await;
    let gone = changed(ZegoUpdateType::Delete, ZegoAudioDeviceType::Input, "other");
    assert_eq!(events.take(), [gone]);
}
