//! Which devices are there: two looks at the list, and what changed between them.

use express_messages::{
    audio_device::AudioDeviceEvent,
    types::{ZegoAudioDeviceType, ZegoDeviceInfo, ZegoUpdateType},
};

use crate::devices::DeviceList;

/// The devices of the last look; nothing before the first one.
#[derive(Debug, Default)]
pub(super) struct Inventory(Option<DeviceList>);

impl Inventory {
    /// Takes a look's list; answers what changed. The first look is what later ones are compared with, and changes nothing.
    pub(super) fn update(&mut self, list: DeviceList) -> Vec<AudioDeviceEvent> {
        let Some(old) = self.0.replace(list.clone()) else {
            return Vec::new();
        };
        let mut changes = Vec::new();
        for (device_type, old, new) in [
            (ZegoAudioDeviceType::Input, &old.inputs, &list.inputs),
            (ZegoAudioDeviceType::Output, &old.outputs, &list.outputs),
        ] {
            let change = |update_type| {
                move |info: &ZegoDeviceInfo| AudioDeviceEvent::DeviceChanged {
                    update_type,
                    device_type,
                    info: info.clone(),
                }
            };
            changes.extend(missing_in(new, old).map(change(ZegoUpdateType::Delete)));
            changes.extend(missing_in(old, new).map(change(ZegoUpdateType::Add)));
        }
        changes
    }

    /// The default device of one direction, if one is known.
    pub(super) fn default_device(&self, device_type: ZegoAudioDeviceType) -> Option<&str> {
        let list = self.0.as_ref()?;
        of(list, device_type).first().map(|device| &*device.device_id)
    }

    /// Whether there was a look that showed no device of that id.
    pub(super) fn lacks(&self, device_type: ZegoAudioDeviceType, device_id: &str) -> bool {
        self.shows(device_type, device_id) == Some(false)
    }

    /// Whether there was a look.
    pub(super) fn is_known(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the last look showed a microphone of that id.
    pub(super) fn lists(&self, device_id: &str) -> bool {
        self.shows(ZegoAudioDeviceType::Input, device_id) == Some(true)
    }

    /// Whether the last look showed a device of that id; `None` before the first one.
    fn shows(&self, device_type: ZegoAudioDeviceType, device_id: &str) -> Option<bool> {
        let list = self.0.as_ref()?;
        Some(of(list, device_type).iter().any(|device| device.device_id == device_id))
    }

    /// Nobody looks any more: what is known grows old.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

fn of(list: &DeviceList, device_type: ZegoAudioDeviceType) -> &[ZegoDeviceInfo] {
    match device_type {
        ZegoAudioDeviceType::Input => &list.inputs,
        _ => &list.outputs,
    }
}

/// The device that `change` tells to be gone.
pub(super) fn gone_device(change: &AudioDeviceEvent) -> Option<(ZegoAudioDeviceType, &str)> {
    match change {
        AudioDeviceEvent::DeviceChanged {
            update_type: ZegoUpdateType::Delete,
            device_type,
            info,
        } => Some((*device_type, &info.device_id)),
        _ => None,
    }
}

/// Those of `devices` that are not in `list`. A device is its id: another name alone is no other device.
fn missing_in<'a>(list: &'a [ZegoDeviceInfo], devices: &'a [ZegoDeviceInfo]) -> impl Iterator<Item = &'a ZegoDeviceInfo> {
    let is_listed = |id: &str| list.iter().any(|device| device.device_id == id);
    devices.iter().filter(move |device| !is_listed(&device.device_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(ids: &[&str]) -> Vec<ZegoDeviceInfo> {
        let info = |id: &&str| ZegoDeviceInfo {
            device_name: "Headset".into(),
            device_id: (*id).into(),
        };
        ids.iter().map(info).collect()
    }

    fn list(inputs: &[&str], outputs: &[&str]) -> DeviceList {
        DeviceList {
            inputs: devices(inputs),
            outputs: devices(outputs),
        }
    }

    fn words(changes: &[AudioDeviceEvent]) -> Vec<String> {
        let word = |change: &AudioDeviceEvent| match change {
            AudioDeviceEvent::DeviceChanged {
                update_type,
                device_type,
                info,
            } => format!("{update_type} {device_type} {}", info.device_id),
            other => panic!("{other:?} is no change of devices"),
        };
        changes.iter().map(word).collect()
    }

    #[test]
    fn each_device_that_comes_or_goes_is_one_change_and_the_first_look_is_none() {
        let mut inventory = Inventory::default();
        assert!(inventory.update(list(&["a", "b"], &["x"])).is_empty());
        assert!(inventory.update(list(&["a", "b"], &["x"])).is_empty());
        let changes = inventory.update(list(&["b", "c"], &["x", "y"]));
        assert_eq!(words(&changes), ["DELETE Input a", "ADD Input c", "ADD Output y"]);
        let changes = inventory.update(DeviceList::default());
        assert_eq!(
            words(&changes),
            ["DELETE Input b", "DELETE Input c", "DELETE Output x", "DELETE Output y"]
        );
    }

    #[test]
    fn another_order_which_is_another_default_device_is_no_change_of_devices() {
        let mut inventory = Inventory::default();
        inventory.update(list(&["a", "b"], &[]));
        assert!(inventory.update(list(&["b", "a"], &[])).is_empty());
    }

    #[test]
    fn two_devices_of_one_name_are_two_devices() {
        let mut inventory = Inventory::default();
        inventory.update(list(&["a", "b"], &[]));
        assert_eq!(words(&inventory.update(list(&["a"], &[]))), ["DELETE Input b"]);
    }

    #[test]
    fn after_a_pause_the_next_look_is_a_first_one_again() {
        let mut inventory = Inventory::default();
        inventory.update(list(&["a"], &[]));
        inventory.forget();
        assert!(inventory.update(list(&["b"], &[])).is_empty());
    }
}
