//! What lies over the call: devices, statistics, help.

use ratatui::{
    Frame,
    layout::Constraint,
    text::Line,
    widgets::{Block, Clear, Paragraph},
};

use crate::model::{Mode, Model, grade_word};

const HELP: [&str; 12] = [
    "m            mute or open your microphone",
    "p            push to talk: muted but while SPACE is held",
    "d            choose another microphone or speaker",
    "Tab, arrows  choose somebody",
    "+ and -      make whom you chose louder or quieter",
    "Enter        type a message to everybody, Enter sends it",
    "s            figures of whom you chose",
    "q, Ctrl-C    leave",
    "",
    "The level is that of the sound; over 10 of 100 is speech.",
    "Delay is from their microphone to your speaker, without devices.",
    "Any key closes this.",
];

pub(super) fn draw(frame: &mut Frame, model: &Model) {
    let (title, lines) = match &model.mode {
        Mode::Call | Mode::Typing(_) => return,
        Mode::Help => (" keys ".into(), HELP.map(str::to_owned).to_vec()),
        Mode::Devices(chosen) => (
            " devices: Enter takes it, Esc changes nothing ".into(),
            devices(model, *chosen),
        ),
        Mode::Statistics => statistics(model),
    };
    let widest = lines
        .iter()
        .map(|line| Line::raw(line.as_str()).width())
        .max()
        .unwrap_or(0)
        .max(52);
    let width = u16::try_from(widest + 4).unwrap_or(u16::MAX);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let area = frame.area().centered(Constraint::Max(width), Constraint::Max(height));
    let text: Vec<Line> = lines.into_iter().map(|line| Line::raw(format!(" {line}"))).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(text).block(Block::bordered().title(title)), area);
}

/// The microphones, then the speakers, each kind with the default one first.
fn devices(model: &Model, chosen: usize) -> Vec<String> {
    let microphones = &model.devices.microphones;
    let kinds = [
        ("microphones", "microphone", microphones, 0),
        ("speakers", "speaker", &model.devices.speakers, microphones.len()),
    ];
    let mut lines = Vec::new();
    for (heading, kind, devices, first) in kinds {
        lines.push(heading.to_owned());
        for (index, device) in devices.iter().enumerate() {
            let mark = if first + index == chosen { ">" } else { " " };
            let default = if index == 0 { " (default)" } else { "" };
            lines.push(format!("{mark} {}{default}", device.device_name));
        }
        if devices.is_empty() {
            lines.push(format!("  no {kind} is there; plug one in, it is listed at once"));
        }
    }
    lines
}

fn statistics(model: &Model) -> (String, Vec<String>) {
    let chosen = model.people.get(model.chosen);
    let stats = chosen.and_then(|person| person.voice.as_ref()?.stats.as_ref());
    let title = chosen.map_or_else(|| " nobody is chosen ".into(), |person| format!(" {} ", person.name));
    let mut lines = match stats {
        None => vec!["no figures yet: they come every 3 s while something is played".into()],
        Some(stats) => {
            let audio = &stats.audio;
            let concealed = 100.0 * audio.concealed_samples as f64 / audio.total_samples_received.max(1) as f64;
            let delay = stats
                .peer_to_peer_delay
                .map_or_else(|| "-".into(), |ms| format!("{ms:.0} ms"));
            vec![
                format!("quality     {}", grade_word(audio.audio_quality)),
                format!("bitrate     {:.1} kbit/s {}", audio.audio_bitrate, audio.audio_codec),
                format!("delay       {delay} from microphone to speaker"),
                format!(
                    "buffer      {:.0} ms, aims at {:.0} ms; jitter {:.1} ms",
                    audio.jitter_buffer_delay_ms, audio.jitter_buffer_target_ms, audio.audio_jitter
                ),
                format!(
                    "lost        {} of {} packets, {:.1} % lately",
                    audio.audio_packets_lost,
                    audio.packets_received,
                    100.0 * audio.audio_packets_lost_rate
                ),
                format!("repaired    {} frames; concealed {concealed:.1} %", audio.recovered_frames),
                format!("breaks      {:.0} ms in all", audio.audio_cumulative_break_time),
            ]
        }
    };
    if let Some(own) = &model.own_stats {
        let (audio, rtt) = (&own.audio, own.audio.round_trip_time_ms);
        lines.push(String::new());
        lines.push(format!(
            "you send    {:.1} kbit/s, {:.1} % lost, round trip {}",
            audio.audio_bitrate,
            100.0 * audio.audio_packets_lost_rate,
            rtt.map_or_else(|| "-".into(), |ms| format!("{ms:.0} ms"))
        ));
    }
    (title, lines)
}
