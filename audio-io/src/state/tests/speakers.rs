//! Which speaker a stream is heard on.

use express_messages::{audio_device::HeardStream, types::ZegoDeviceInfo};

use super::*;

fn list(outputs: &[&str]) -> Option<DeviceList> {
    let info = |id: &&str| ZegoDeviceInfo {
        device_name: (*id).into(),
        device_id: (*id).into(),
    };
    Some(DeviceList {
        inputs: Vec::new(),
        outputs: outputs.iter().map(info).collect(),
    })
}

/// A machine, and what it has to open.
struct Machine {
    state: DeviceState,
    now: Instant,
    outputs: Vec<&'static str>,
}

impl Machine {
    /// With an audible stream, and these devices; nobody has looked at them yet.
    fn new(outputs: &[&'static str]) -> Self {
        let mut state = DeviceState::default();
        state.playout(&stream("a"));
        state.start_pump();
        state.set_playout(&stream("a"), true, 100);
        Self {
            state,
            now: Instant::now(),
            outputs: outputs.to_vec(),
        }
    }

    /// One whose stream is heard on `device`.
    fn heard_on(device: &'static str, outputs: &[&'static str]) -> (Self, OutputId) {
        let mut machine = Self::new(outputs);
        let id = machine.opens(device);
        machine.look();
        machine.settle(&[]);
        (machine, id)
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    /// What is to be done now.
    fn settle(&mut self, expected: &[&str]) {
        assert_eq!(names(&self.state.reconcile(self.now)), expected);
    }

    fn look(&mut self) -> Vec<String> {
        names(&self.state.devices_listed(list(&self.outputs), self.now))
    }

    /// What is to be opened opens, as `device`, and begins to take sound.
    fn opens(&mut self, device: &str) -> OutputId {
        let (id, wanted) = self.opening();
        assert!(self.opened(id, wanted, device));
        self.begins(id);
        id
    }

    fn opening(&mut self) -> (OutputId, Option<String>) {
        let effects = self.state.reconcile(self.now);
        let opening = effects.iter().find_map(|effect| match effect {
            Effect::OpenSpeaker(id, device) => Some((*id, device.clone())),
            _ => None,
        });
        opening.unwrap_or_else(|| panic!("no speaker is opened: {effects:?}"))
    }

    fn opened(&mut self, id: OutputId, wanted: Option<String>, device: &str) -> bool {
        self.state.speaker_opened(id, wanted, device.into(), device.into(), self.now)
    }

    fn begins(&mut self, id: OutputId) {
        assert!(self.observe(id, 960, None).is_empty());
        let heard = names(&self.state.reconcile(self.now));
        assert_eq!(heard, [format!("hear on {}", id.0)]);
    }

    fn observe(&mut self, id: OutputId, frames: u64, failure: Option<DeviceFailure>) -> Vec<String> {
        names(&self.state.observe(StreamKey(id.0), seen(frames, failure), self.now))
    }

    fn loses(&mut self, id: OutputId) -> Vec<String> {
        self.observe(id, 960, Some(DeviceFailure::Unplugged))
    }

    /// The stream's user chooses a device that opens.
    fn chooses(&mut self, device: &str) -> OutputId {
        let stream = HeardStream::Played(stream("a"));
        let (choice, needs) = self.state.begin_choice(&stream, Some(device)).unwrap();
        assert_eq!(needs, ChoiceNeeds::Open);
        let id = self.state.new_output();
        assert!(self.opened(id, Some(device.into()), device));
        self.state.end_choice(&stream, Some(device.into()), choice).unwrap();
        id
    }
}

#[test]
fn a_speaker_is_open_while_something_is_audible_and_200_ms_longer() {
    let mut machine = Machine::new(&["builtin"]);
    machine.state.set_playout(&stream("a"), false, 100);
    machine.settle(&[]);
    machine.state.set_playout(&stream("a"), true, 100);
    machine.opens("builtin");
    machine.state.begin_open(LOCAL, 1).unwrap();
    machine.state.opened(LOCAL, None, LocalLevels::default());
    assert!(machine.state.monitor(LOCAL, true, 100).is_some());
    machine.settle(&["hear on 2"]);
    machine.state.set_playout(&stream("a"), false, 100);
    machine.settle(&[]);
    machine.state.monitor(LOCAL, false, 100);
    machine.settle(&[]);
    machine.pass(199);
    machine.settle(&[]);
    machine.pass(1);
    machine.settle(&["remove speaker", "close"]);
}

#[test]
fn a_speaker_that_opens_too_late_is_not_wanted() {
    let mut machine = Machine::new(&["builtin"]);
    let (id, wanted) = machine.opening();
    machine.settle(&[]);
    machine.state.set_playout(&stream("a"), false, 100);
    assert!(!machine.opened(id, wanted, "builtin"));
}

#[test]
fn without_any_speaker_the_list_is_what_brings_one() {
    let mut machine = Machine::new(&[]);
    let (id, _) = machine.opening();
    assert!(machine.state.speaker_not_opened(id, machine.now).is_empty());
    machine.look();
    machine.pass(3_600_000);
    machine.settle(&[]);
    machine.outputs = vec!["usb"];
    assert_eq!(machine.look().len(), 1, "the change is told");
    machine.opens("usb");
}

#[test]
fn a_lost_default_speaker_is_told_once_and_the_next_default_one_takes_over() {
    let (mut machine, id) = Machine::heard_on("usb", &["usb", "builtin"]);
    assert_eq!(machine.loses(id), ["remove speaker", "close", "error 1006006", "look"]);
    assert!(machine.loses(id).is_empty(), "once");
    machine.settle(&[]);
    machine.pass(5);
    machine.outputs = vec!["builtin"];
    assert_eq!(machine.look().len(), 1, "only the change");
    machine.opens("builtin");
}

#[test]
fn a_speaker_that_is_gone_from_the_list_is_lost_without_any_error_of_its_own() {
    let (mut machine, _) = Machine::heard_on("usb", &["usb", "builtin"]);
    machine.outputs = vec!["builtin"];
    let told = machine.look();
    assert_eq!(told[1..], ["remove speaker", "close", "error 1006006", "look"]);
    machine.opens("builtin");
}

#[test]
fn the_default_speaker_is_followed_and_the_former_is_heard_until_the_other_takes_sound() {
    let (mut machine, _) = Machine::heard_on("builtin", &["builtin", "usb"]);
    machine.outputs = vec!["usb", "builtin"];
    machine.look();
    let (id, wanted) = machine.opening();
    assert_eq!(wanted.as_deref(), Some("usb"));
    assert!(machine.opened(id, wanted, "usb"));
    machine.pass(1_000);
    machine.settle(&[]);
    machine.begins(id);
    machine.pass(200);
    machine.settle(&["remove speaker", "close"]);
}

#[test]
fn while_a_chosen_speaker_is_gone_the_default_one_is_heard_and_then_the_chosen_one_again() {
    let (mut machine, builtin) = Machine::heard_on("builtin", &["builtin", "usb"]);
    let usb = machine.chooses("usb");
    machine.settle(&[]);
    machine.begins(usb);
    machine.pass(100);
    assert_eq!(machine.loses(usb), ["remove speaker", "close", "error 1006006", "look"]);
    machine.settle(&[&format!("hear on {}", builtin.0)]);
    machine.outputs = vec!["builtin"];
    machine.look();
    machine.pass(60_000);
    machine.settle(&[]);
    machine.outputs = vec!["builtin", "usb"];
    machine.look();
    machine.opens("usb");
    machine.pass(200);
    machine.settle(&["remove speaker", "close"]);
}

#[test]
fn a_chosen_speaker_stays_when_the_default_one_changes_and_the_last_choice_counts() {
    let (mut machine, _) = Machine::heard_on("builtin", &["builtin", "usb", "tv"]);
    let heard = HeardStream::Played(stream("a"));
    let (early, _) = machine.state.begin_choice(&heard, Some("tv")).unwrap();
    let usb = machine.chooses("usb");
    machine.state.end_choice(&heard, Some("tv".into()), early).unwrap();
    machine.begins(usb);
    machine.pass(200);
    machine.settle(&["remove speaker", "close"]);
    machine.outputs = vec!["tv", "builtin", "usb"];
    machine.look();
    machine.settle(&[]);
    let (choice, needs) = machine.state.begin_choice(&heard, None).unwrap();
    assert_eq!(needs, ChoiceNeeds::Nothing);
    machine.state.end_choice(&heard, None, choice).unwrap();
    machine.opens("tv");
}

#[test]
fn another_format_is_opened_at_once_and_told_only_where_that_fails() {
    let (mut machine, id) = Machine::heard_on("usb", &["usb"]);
    machine.pass(10_000);
    let changed = |machine: &mut Machine, id| machine.observe(id, 960, Some(DeviceFailure::Changed));
    assert_eq!(changed(&mut machine, id), ["remove speaker", "close"]);
    let id = machine.opens("usb");
    assert_eq!(changed(&mut machine, id), ["remove speaker", "close"]);
    let (id, _) = machine.opening();
    assert_eq!(names(&machine.state.speaker_not_opened(id, machine.now)), ["error 1006006"]);
    assert!(machine.state.speaker_not_opened(id, machine.now).is_empty(), "once");
}

#[test]
fn what_is_chosen_for_a_stream_that_is_not_there_is_refused() {
    let mut state = DeviceState::default();
    let code = |stream: HeardStream, state: &mut DeviceState| state.begin_choice(&stream, None).unwrap_err().code;
    assert_eq!(code(HeardStream::Played(stream("a")), &mut state), 1104044);
    assert_eq!(code(HeardStream::Local(LOCAL), &mut state), 1000018);
    state.playout(&stream("a"));
    let needs = state.begin_choice(&HeardStream::Played(stream("a")), Some("usb")).unwrap().1;
    assert_eq!(needs, ChoiceNeeds::List, "nothing is heard of it yet");
}
