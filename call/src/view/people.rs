//! Who is here: one row each, ourselves first.

use express_engine::PublisherState;
use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    style::{Color, Modifier},
    widgets::{Block, Cell, Row, Table, TableState},
};

use super::Look;
use crate::model::{Model, Person, grade_word};

/// Cells of a level meter.
const METER: usize = 12;

pub(super) fn draw(frame: &mut Frame, area: Rect, model: &Model, look: Look) {
    let widths = [
        Constraint::Length(1),
        Constraint::Min(10),
        Constraint::Length(10),
        Constraint::Length(METER as u16 + 2),
        Constraint::Length(7),
        Constraint::Length(6),
        Constraint::Length(9),
        Constraint::Length(6),
    ];
    let heading = Row::new(["", "who", "", "level", "delay", "loss", "quality", "volume"]).style(Modifier::UNDERLINED);
    let mut rows = vec![own_row(model, look)];
    rows.extend(
        model
            .people
            .iter()
            .enumerate()
            .map(|(index, person)| row(model, index, person, look)),
    );
    let table = Table::new(rows, widths)
        .header(heading)
        .block(Block::bordered().title(" who is here "));
    // More people than rows: the chosen one stays in sight.
    let mut state = TableState::new().with_selected(Some(if model.people.is_empty() { 0 } else { model.chosen + 1 }));
    frame.render_stateful_widget(table, area, &mut state);
}

/// Of ourselves: the round trip to the server stands where others have their delay.
fn own_row(model: &Model, look: Look) -> Row<'static> {
    let audio = model.own_stats.as_ref().map(|stats| &stats.audio);
    let mark = match model.publishing {
        _ if model.muted => "muted",
        Some(PublisherState::Publishing) if model.speaks() => "speaking",
        Some(PublisherState::Publishing) => "quiet",
        Some(PublisherState::PublishRequesting) => "connecting",
        _ => "not sent",
    };
    let level = if model.muted { 0.0 } else { model.own_level };
    let rtt = audio.and_then(|audio| audio.round_trip_time_ms);
    Row::new(vec![
        Cell::new(""),
        Cell::new(format!("{} (you)", model.identity.user)),
        marked(mark, look),
        meter(level, look),
        Cell::new(rtt.map_or_else(dash, |ms| format!("rtt {ms:.0}"))),
        Cell::new(audio.map_or_else(dash, |audio| percent(audio.audio_packets_lost_rate))),
        Cell::new(audio.map_or("-", |audio| grade_word(audio.audio_quality))),
        Cell::new(""),
    ])
}

fn row(model: &Model, index: usize, person: &Person, look: Look) -> Row<'static> {
    let chosen = if index == model.chosen { ">" } else { "" };
    let voice = person.voice.as_ref();
    let stats = voice.and_then(|voice| voice.stats.as_ref());
    let delay = stats.map(|stats| stats.peer_to_peer_delay.unwrap_or(stats.audio.jitter_buffer_delay_ms));
    Row::new(vec![
        Cell::new(chosen),
        Cell::new(person.name.clone()),
        marked(person.mark(model.now), look),
        voice.map_or_else(|| Cell::new(""), |voice| meter(voice.level, look)),
        Cell::new(delay.map_or_else(dash, |ms| format!("{ms:.0} ms"))),
        Cell::new(stats.map_or_else(dash, |stats| percent(stats.audio.audio_packets_lost_rate))),
        Cell::new(stats.map_or("-", |stats| grade_word(stats.audio.audio_quality))),
        Cell::new(voice.map_or_else(String::new, |voice| format!("{} %", voice.volume))),
    ])
}

fn marked(mark: &'static str, look: Look) -> Cell<'static> {
    let style = match mark {
        "speaking" => look.colour(Color::Green).add_modifier(Modifier::BOLD),
        "muted" => look.colour(Color::Red),
        _ => look.colour(Color::Reset),
    };
    Cell::new(mark).style(style)
}

fn meter(level: f64, look: Look) -> Cell<'static> {
    let full = (level.clamp(0.0, 100.0) / 100.0 * METER as f64).round() as usize;
    Cell::new(format!("[{:<METER$}]", "#".repeat(full))).style(look.colour(Color::Cyan))
}

fn percent(rate: f64) -> String {
    format!("{:.1} %", 100.0 * rate)
}

fn dash() -> String {
    "-".into()
}
