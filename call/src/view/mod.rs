//! What is drawn, from the model alone. Nothing is told by colour only.

mod over;
mod people;
#[cfg(test)]
mod tests;

use express_engine::RoomStateChangedReason;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Paragraph},
};

use crate::model::{Mode, Model};

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// They are.
    Colours,
    /// They are not: NO_COLOR is set.
    Plain,
}

impl Look {
    /// As the convention of no-color.org has it: NO_COLOR with any text in it.
    pub(crate) fn of_environment() -> Self {
        match std::env::var_os("NO_COLOR").is_some_and(|text| !text.is_empty()) {
            true => Self::Plain,
            false => Self::Colours,
        }
    }

    fn colour(self, colour: Color) -> Style {
        match self {
            Self::Colours => Style::new().fg(colour),
            Self::Plain => Style::new(),
        }
    }
}

/// Rows around the people: border and heading.
const AROUND_PEOPLE: u16 = 3;
/// Events keep at least so many rows, their border included.
const LEAST_EVENTS: u16 = 5;

/// Draws the whole screen.
pub(crate) fn draw(frame: &mut Frame, model: &Model, look: Look) {
    // Ourselves and everybody else.
    let rows = u16::try_from(model.people.len() + 1).unwrap_or(u16::MAX);
    let [heading, people, devices, events, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Max(rows.saturating_add(AROUND_PEOPLE)),
        Constraint::Length(2),
        Constraint::Min(LEAST_EVENTS),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_heading(frame, heading, model, look);
    people::draw(frame, people, model, look);
    draw_devices(frame, devices, model);
    draw_events(frame, events, model);
    draw_footer(frame, footer, model);
    over::draw(frame, model);
}

fn draw_heading(frame: &mut Frame, area: Rect, model: &Model, look: Look) {
    let identity = &model.identity;
    let colour = match model.room {
        Some(RoomStateChangedReason::Logined | RoomStateChangedReason::Reconnected) => Color::Green,
        _ => Color::Yellow,
    };
    let state = Span::styled(room_word(model.room), look.colour(colour).add_modifier(Modifier::BOLD));
    let line = Line::from(vec![
        Span::styled(format!(" room {} ", identity.room), Modifier::BOLD),
        state,
        Span::raw(format!("  {} here  {}", model.here(), identity.server)),
    ]);
    frame.render_widget(Paragraph::new(line), area);
}

/// For people, what the room's state means.
fn room_word(reason: Option<RoomStateChangedReason>) -> &'static str {
    match reason {
        Some(RoomStateChangedReason::Logined | RoomStateChangedReason::Reconnected) => "connected",
        Some(RoomStateChangedReason::Reconnecting) => "RECONNECTING ...",
        None | Some(RoomStateChangedReason::Logining) => "logging in ...",
        Some(other) => other.as_str(),
    }
}

fn draw_devices(frame: &mut Frame, area: Rect, model: &Model) {
    // Devices come with the default one first.
    let default = model.devices.speakers.first().map(|device| device.device_name.as_str());
    let speaker = default.map(|default| model.speaker.as_deref().unwrap_or(default));
    let speaker = speaker.unwrap_or("none: nothing is heard here");
    let lines = vec![
        Line::raw(format!(" microphone: {}", model.source)),
        Line::raw(format!(" speaker:    {speaker}")),
    ];
    frame.render_widget(Paragraph::new(lines), area);
}

/// The newest lines, as many as there is room for.
fn draw_events(frame: &mut Frame, area: Rect, model: &Model) {
    let block = Block::bordered().title(" what happened ");
    let room = usize::from(block.inner(area).height);
    let skipped = model.lines.len().saturating_sub(room);
    let lines: Vec<Line> = model
        .lines
        .iter()
        .skip(skipped)
        .map(|line| Line::raw(line.as_str()))
        .collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn draw_footer(frame: &mut Frame, area: Rect, model: &Model) {
    let text = match &model.mode {
        Mode::Typing(line) => {
            // The end of a long line is what is being typed.
            let room = usize::from(area.width).saturating_sub(8);
            let hidden = line.chars().count().saturating_sub(room);
            format!(" say: {}_", line.chars().skip(hidden).collect::<String>())
        }
        _ if model.push_to_talk => " push to talk: hold SPACE to speak  p open microphone  ? help  q quit".into(),
        _ => " m mute  d devices  Tab who  +/- volume  Enter say  s figures  ? help  q quit".into(),
    };
    frame.render_widget(Paragraph::new(text).style(Modifier::REVERSED), area);
}
