//! `--check`: what works here, and what to do about the rest.

use std::fmt::Write;

use express_engine::{RequirementKind, ZegoCapabilityDetection, ZegoError};
use serde_json::json;

use crate::{arguments::Arguments, call::engine, model::Ending};

/// Prints what works here, for people or as JSON; the error is the first thing that a call needs and that does not.
///
/// # Errors
/// What is missing, or what the engine refuses at once.
pub(crate) fn run(arguments: &Arguments, scripted: bool) -> Result<Ending, ZegoError> {
    // Any AppID will do: nobody logs in.
    let zg = engine(arguments, 1)?;
    let found = zg.check_system_requirements_exactly().wait()?;
    zg.destroy_engine();
    match scripted {
        true => println!("{}", json!(found)),
        false => print!("{}", report(&found)),
    }
    missing(&found).map_or(Ok(Ending::Left), Err)
}

/// Without a sound card there is silence, and without UDP there is TCP; without a server, a codec or any way for the sound there is
/// no call.
fn missing(found: &ZegoCapabilityDetection) -> Option<ZegoError> {
    let no_way = found.udp == Some(false) && found.tcp != Some(true);
    let needed = |kind: &RequirementKind| match kind {
        RequirementKind::Server | RequirementKind::Codec => true,
        RequirementKind::Udp => no_way,
        _ => false,
    };
    let mut errors = found.err_info.iter();
    errors.find(|(kind, _)| needed(kind)).map(|(_, error)| error.clone())
}

/// A line for each thing, and its advice below it.
fn report(found: &ZegoCapabilityDetection) -> String {
    let lines = [
        ("microphone", RequirementKind::Microphone, Some(found.microphone)),
        ("speaker", RequirementKind::Speaker, Some(found.speaker)),
        ("codec", RequirementKind::Codec, found.codec),
        ("server", RequirementKind::Server, found.server),
        ("media by UDP", RequirementKind::Udp, found.udp),
        ("media by TCP", RequirementKind::Tcp, found.tcp),
    ];
    let mut text = String::new();
    for (name, kind, works) in lines {
        let word = match works {
            Some(true) => "works",
            Some(false) => "NO",
            None => "not known",
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:<14}{word}");
        for (_, error) in found.err_info.iter().filter(|(missing, _)| *missing == kind) {
            let _ = writeln!(text, "{:<14}{error}", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(udp: Option<bool>, tcp: Option<bool>) -> ZegoCapabilityDetection {
        let mut found = ZegoCapabilityDetection::default();
        (found.server, found.udp, found.tcp) = (Some(true), udp, tcp);
        let blocked = ZegoError::new(1103028, "a firewall blocks it");
        for (kind, works) in [(RequirementKind::Udp, udp), (RequirementKind::Tcp, tcp)] {
            if works == Some(false) {
                found.err_info.push((kind, blocked.clone()));
            }
        }
        found
    }

    #[test]
    fn a_call_needs_one_way_for_its_sound_and_a_server_that_does_not_tell_may_have_one() {
        for (udp, tcp, works) in [
            (Some(true), Some(false), true),
            (Some(false), Some(true), true),
            (Some(false), Some(false), false),
            (Some(false), None, false),
            (None, None, true),
        ] {
            assert_eq!(missing(&found(udp, tcp)).is_none(), works, "{udp:?} {tcp:?}");
        }
    }

    #[test]
    fn the_report_has_a_line_for_each_thing_and_the_advice_below_it() {
        let mut found = found(Some(false), None);
        let no_microphone = ZegoError::new(1103048, "plug one in");
        found.err_info.push((RequirementKind::Microphone, no_microphone));
        let text = report(&found);
        for part in [
            "microphone    NO\n              plug one in (error 1103048)\n",
            "server        works\nmedia by UDP  NO\n              a firewall blocks it (error 1103028)\n",
            "media by TCP  not known\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
    }
}
