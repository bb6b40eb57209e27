//! The backend over a sound system that a test makes: what becomes of a device that cannot be used, or no longer.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use cpal::{BufferSize, ErrorKind, SampleFormat, platform::CustomHost};

use super::{
    CpalBackend, OTHER_PERIOD,
    fake::{FakeDevice, FakeHost, Step, format},
};
use crate::devices::{AudioBackend, DeviceFailure, DeviceFormat, OpenDeviceError};

fn backend(devices: &[FakeDevice]) -> CpalBackend {
    let host = FakeHost::new(devices.to_vec());
    CpalBackend::reaching(move |_| Ok(CustomHost::from_host(host.clone()).into()))
}

/// What opening `device` answers: its format, or the documented code.
fn open(device: &FakeDevice, is_microphone: bool) -> Result<DeviceFormat, OpenDeviceError> {
    let mut backend = backend(std::slice::from_ref(device));
    if is_microphone {
        backend.open_input(None).map(|opened| opened.port.format)
    } else {
        backend.open_output(None).map(|opened| opened.port.format)
    }
}

#[test]
fn a_device_that_cannot_be_used_is_told_by_its_documented_code_and_its_name() {
    for (kind, code) in [
        (ErrorKind::DeviceNotAvailable, 1103048),
        (ErrorKind::HostUnavailable, 1103048),
        (ErrorKind::PermissionDenied, 1103064),
        (ErrorKind::DeviceBusy, 1103065),
        (ErrorKind::UnsupportedConfig, 1103066),
        (ErrorKind::InvalidInput, 1103066),
        (ErrorKind::BackendError, 1103061),
    ] {
        for step in [Step::Formats, Step::Build, Step::Play] {
            for (device, is_microphone) in [(FakeDevice::microphone("mic"), true), (FakeDevice::speaker("box"), false)] {
                let device = device.refusing(step, kind);
                let error = open(&device, is_microphone).unwrap_err();
                assert_eq!(error.code(), code, "{kind:?} at {step:?}");
                let name = if is_microphone { "the mic" } else { "the box" };
                assert!(error.to_string().contains(name), "{error}");
                assert!(!device.runs(), "{kind:?} at {step:?}: nothing is left open");
            }
        }
    }
}

#[test]
fn an_id_that_names_nothing_and_a_machine_without_devices_are_1103048() {
    let (mic, speaker) = (FakeDevice::microphone("mic"), FakeDevice::speaker("box"));
    let mut both = backend(&[mic.clone(), speaker.clone()]);
    for id in ["", "nonsense", "nohost:device", ":", "custom:gone"] {
        assert_eq!(both.open_input(Some(id)).unwrap_err().code(), 1103048, "{id:?}");
        assert_eq!(both.open_output(Some(id)).unwrap_err().code(), 1103048, "{id:?}");
    }
    assert_eq!(backend(&[speaker]).open_input(None).unwrap_err().code(), 1103048);
    assert_eq!(backend(&[mic]).open_output(None).unwrap_err().code(), 1103048);
    let mut unreachable = CpalBackend::reaching(|_| Err(ErrorKind::HostUnavailable.into()));
    assert_eq!(unreachable.open_input(None).unwrap_err().code(), 1103048);
    assert!(unreachable.list().is_err());
}

#[test]
fn a_device_without_a_format_that_we_convert_is_1103066() {
    let device = FakeDevice::microphone("mic").with_formats(vec![format(48_000, 2, SampleFormat::F64)]);
    let error = open(&device, true).unwrap_err();
    assert_eq!(error.code(), 1103066);
    assert_eq!(device.asked(), None, "it was not even tried");
}

#[test]
fn a_device_is_opened_by_its_id_in_its_best_format_with_a_fixed_period() {
    let first = FakeDevice::microphone("first");
    let wanted = FakeDevice::microphone("wanted").with_formats(vec![
        format(44_100, 2, SampleFormat::F32),
        format(48_000, 1, SampleFormat::I16),
        format(48_000, 1, SampleFormat::F64),
    ]);
    let opened = backend(&[first.clone(), wanted.clone()])
        .open_input(Some(&wanted.id_text()))
        .unwrap();
    let period = 48 * OTHER_PERIOD;
    let (config, format) = wanted.asked().unwrap();
    assert_eq!((config.sample_rate, config.channels, format), (48_000, 1, SampleFormat::I16));
    assert_eq!(config.buffer_size, BufferSize::Fixed(period));
    assert_eq!((opened.device_id, opened.name.as_str()), (wanted.id_text(), "the wanted"));
    assert_eq!(opened.port.format.period_frames, period as usize);
    assert_eq!(first.asked(), None);
    assert!(wanted.runs());
    drop(opened.stream);
    assert!(!wanted.runs());
}

#[test]
fn a_device_that_gives_other_periods_than_asked_for_is_believed_where_they_are_longer() {
    for (gives, period) in [(4_096, 4_096), (64, 48 * OTHER_PERIOD as usize)] {
        for (device, is_microphone) in [(FakeDevice::microphone("mic"), true), (FakeDevice::speaker("box"), false)] {
            assert_eq!(open(&device.giving(gives), is_microphone).unwrap().period_frames, period);
        }
    }
}

#[test]
fn the_list_begins_with_the_default_devices_and_leaves_monitors_out() {
    let devices = [
        FakeDevice::speaker("a"),
        FakeDevice::microphone("a.monitor"),
        FakeDevice::microphone("b"),
        FakeDevice::microphone("c"),
    ];
    let mut backend = backend(&devices);
    let list = backend.list().unwrap();
    let ids = |infos: &[express_messages::types::ZegoDeviceInfo]| -> Vec<String> {
        infos.iter().map(|info| info.device_id.clone()).collect()
    };
    assert_eq!(ids(&list.inputs), ["custom:b", "custom:c"]);
    assert_eq!(ids(&list.outputs), ["custom:a"]);
    assert_eq!(list.outputs[0].device_name, "the a");
    // The monitor is the default one here, as it is where the last microphone was pulled out.
    assert_eq!(backend.open_input(None).unwrap().device_id, "custom:b");
}

#[test]
fn the_list_is_read_over_one_connection_and_what_is_not_there_costs_none() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let host = FakeHost::new(vec![FakeDevice::microphone("mic")]);
    let mut backend = CpalBackend::reaching(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(CustomHost::from_host(host.clone()).into())
    });
    for _ in 0..100 {
        assert_eq!(backend.list().unwrap().inputs.len(), 1);
        assert!(backend.open_output(None).is_err());
        assert!(backend.open_input(Some("custom:gone")).is_err());
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    let opened = backend.open_input(None).unwrap();
    assert_eq!(connections.load(Ordering::Relaxed), 2, "a device has one of its own");
    drop(opened);
}

#[test]
fn a_sound_system_that_went_away_is_connected_to_anew() {
    let broken = FakeHost::new(vec![FakeDevice::microphone("mic")]).going_away_after(2);
    let mut backend = CpalBackend::reaching(move |_| Ok(CustomHost::from_host(broken.clone()).into()));
    assert!(backend.list().is_ok());
    assert!(backend.list().is_err());
    assert!(backend.list().is_ok());
}

#[test]
fn an_open_device_that_is_gone_fails_one_that_changes_is_told_and_one_that_stumbles_goes_on() {
    for (kind, failure, xruns) in [
        (ErrorKind::Xrun, None, 1),
        (ErrorKind::RealtimeDenied, None, 0),
        (ErrorKind::BackendError, None, 0),
        (ErrorKind::DeviceNotAvailable, Some(DeviceFailure::Unplugged), 0),
        (ErrorKind::StreamInvalidated, Some(DeviceFailure::Changed), 0),
        (ErrorKind::DeviceChanged, Some(DeviceFailure::Changed), 0),
        (ErrorKind::HostUnavailable, Some(DeviceFailure::Unplugged), 0),
    ] {
        let (mic, speaker) = (FakeDevice::microphone("mic"), FakeDevice::speaker("box"));
        let mut backend = backend(&[mic.clone(), speaker.clone()]);
        let input = backend.open_input(None).unwrap();
        let output = backend.open_output(None).unwrap();
        for (device, health) in [(mic, &input.port.health), (speaker, &output.port.health)] {
            device.fail(kind);
            assert_eq!((health.failure(), health.xruns()), (failure, xruns), "{kind:?}");
        }
    }
}

#[test]
fn a_device_that_does_nothing_but_report_errors_fails_after_a_hundred_of_them() {
    let speaker = FakeDevice::speaker("box");
    let opened = backend(std::slice::from_ref(&speaker)).open_output(None).unwrap();
    (0..100).for_each(|_| speaker.fail(ErrorKind::BackendError));
    assert_eq!(opened.port.health.failure(), None);
    speaker.fail(ErrorKind::BackendError);
    assert_eq!(opened.port.health.failure(), Some(DeviceFailure::Failed));
}
