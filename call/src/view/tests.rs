use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use express_engine::{RoomStateChangedReason, ZegoDeviceInfo, ZegoDeviceInfos};
use ratatui::{Terminal, backend::TestBackend, style::Color};

use super::*;
use crate::{
    fact::{Fact, Outcome},
    model::tests::{call_of_three, speaks},
};

fn shown(model: &Model, look: Look, width: u16, height: u16) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model, look)).unwrap();
    terminal.backend().clone()
}

fn text(model: &Model, width: u16, height: u16) -> String {
    shown(model, Look::Plain, width, height).to_string()
}

fn press(model: &mut Model, code: KeyCode) {
    model.key(KeyEvent::new(code, KeyModifiers::NONE), Duration::ZERO);
}

fn with_devices() -> Model {
    let mut model = call_of_three();
    let device = |name: &str| ZegoDeviceInfo {
        device_name: name.into(),
        device_id: name.into(),
    };
    let devices = ZegoDeviceInfos {
        microphones: vec![device("Built-in"), device("Headset")],
        speakers: vec![device("Loudspeaker")],
        cameras: Vec::new(),
    };
    for outcome in [Outcome::Devices(devices), Outcome::Source("Headset".into())] {
        model.fact(&Fact { what: "test", outcome });
    }
    model
}

#[test]
fn a_call_of_three_fits_80_by_24() {
    let mut model = with_devices();
    speaks(&mut model, "b", 50.0);
    let text = text(&model, 80, 24);
    let lines: Vec<&str> = text.lines().map(|line| line.trim_matches('"')).collect();
    assert_eq!(lines.len(), 24);
    for (line, parts) in [
        (0, ["room demo connected", "3 here", "ws://localhost:8080"]),
        (2, ["who", "level", "quality   volume"]),
        (3, ["alice (you)", "quiet", "[            ]"]),
        (4, ["> bob", "speaking", "[######      ]"]),
        (5, ["carol", "quiet", "[            ]"]),
        (7, ["microphone: Headset", "", ""]),
        (8, ["speaker:    Loudspeaker", "", ""]),
        (11, ["speaking: Headset", "", ""]),
        (23, ["m mute", "? help", "q quit"]),
    ] {
        assert!(
            parts.iter().all(|part| lines[line].contains(part)),
            "line {line}: {}",
            lines[line]
        );
    }
    assert!(lines[4].contains("100 %"), "the volume is not cut off: {}", lines[4]);
}

#[test]
fn every_size_can_be_drawn_and_every_mode() {
    for code in [
        KeyCode::Esc,
        KeyCode::Char('d'),
        KeyCode::Char('s'),
        KeyCode::Char('?'),
        KeyCode::Enter,
    ] {
        let mut model = with_devices();
        press(&mut model, code);
        for (width, height) in [(1, 1), (10, 3), (40, 10), (80, 24), (300, 100)] {
            shown(&model, Look::Colours, width, height);
        }
    }
}

#[test]
fn nothing_is_told_by_colour_alone_and_no_colour_is_used_where_none_is_wanted() {
    let mut model = with_devices();
    speaks(&mut model, "b", 50.0);
    let (plain, coloured) = (shown(&model, Look::Plain, 80, 24), shown(&model, Look::Colours, 80, 24));
    assert_eq!(plain.to_string(), coloured.to_string());
    let coloured_cells = |shown: &TestBackend| shown.buffer().content.iter().filter(|cell| cell.fg != Color::Reset).count();
    assert_eq!(coloured_cells(&plain), 0);
    assert!(coloured_cells(&coloured) > 0);
}

#[test]
fn a_lost_connection_is_in_the_heading() {
    let mut model = call_of_three();
    model.room = Some(RoomStateChangedReason::Reconnecting);
    assert!(text(&model, 80, 24).contains("RECONNECTING"));
}

#[test]
fn a_line_that_is_typed_is_seen_at_its_end() {
    let mut model = call_of_three();
    press(&mut model, KeyCode::Enter);
    for letter in "abc".repeat(40).chars().chain("the end".chars()) {
        press(&mut model, KeyCode::Char(letter));
    }
    assert!(text(&model, 80, 24).contains("the end_"));
}

#[test]
fn devices_statistics_and_help_lie_over_the_call() {
    for (key, parts) in [
        ('d', ["> Headset", "Built-in (default)"]),
        ('s', ["bob", "no figures yet"]),
        ('?', ["push to talk", "Any key closes this."]),
    ] {
        let mut model = with_devices();
        press(&mut model, KeyCode::Char(key));
        let text = text(&model, 80, 24);
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
}

#[test]
fn more_people_than_rows_keep_the_chosen_one_in_sight_and_the_events_too() {
    let mut model = call_of_three();
    crate::model::tests::crowd(&mut model, 60);
    press(&mut model, KeyCode::Up);
    let text = text(&model, 80, 24);
    assert!(text.contains("> guest59") && text.contains("what happened"), "{text}");
}

#[test]
fn control_characters_of_others_do_not_reach_the_terminal() {
    let mut model = call_of_three();
    model.line("bob: \u{1b}[2Jgone".into());
    assert!(!text(&model, 80, 24).contains('\u{1b}'));
}
