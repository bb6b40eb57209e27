//! The commands of a script, one a line.

use std::str::FromStr;

/// What a script can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// `mute`, `unmute`
    Mute(bool),
    /// `say TEXT`
    Say(String),
    /// `volume USER PERCENT`
    Volume(String, u16),
    /// `devices`
    Devices,
    /// `microphone ID`
    Microphone(String),
    /// `speaker ID`
    Speaker(String),
    /// `who`
    Who,
    /// `quit`
    Quit,
}

impl FromStr for Command {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match (word, rest) {
            ("mute", "") => Ok(Self::Mute(true)),
            ("unmute", "") => Ok(Self::Mute(false)),
            ("devices", "") => Ok(Self::Devices),
            ("who", "") => Ok(Self::Who),
            ("quit", "") => Ok(Self::Quit),
            ("say", text) if !text.is_empty() => Ok(Self::Say(text.into())),
            ("microphone", id) if !id.is_empty() => Ok(Self::Microphone(id.into())),
            ("speaker", id) if !id.is_empty() => Ok(Self::Speaker(id.into())),
            ("volume", rest) => volume(rest).ok_or_else(|| format!("{line:?}: say volume USER PERCENT, 0 to 200")),
            _ => Err(format!(
                "{line:?} is no command; say mute, unmute, say TEXT, volume USER PERCENT, devices, microphone ID, speaker ID, who or quit"
            )),
        }
    }
}

fn volume(rest: &str) -> Option<Command> {
    let (user, percent) = rest.split_once(char::is_whitespace)?;
    let percent = percent.trim().parse().ok().filter(|percent| *percent <= 200)?;
    Some(Command::Volume(user.into(), percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_understood_with_what_it_takes() {
        for (line, command) in [
            ("mute", Command::Mute(true)),
            (" unmute ", Command::Mute(false)),
            ("say  hello, you two", Command::Say("hello, you two".into())),
            ("volume bob 150", Command::Volume("bob".into(), 150)),
            ("devices", Command::Devices),
            ("microphone alsa:hw:1,0", Command::Microphone("alsa:hw:1,0".into())),
            ("speaker pulse:out", Command::Speaker("pulse:out".into())),
            ("who", Command::Who),
            ("quit", Command::Quit),
        ] {
            assert_eq!(line.parse::<Command>(), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused_with_what_would_be_one() {
        for line in [
            "",
            "shout",
            "mute bob",
            "say",
            "microphone",
            "speaker",
            "volume bob",
            "volume bob 201",
            "volume bob -1",
        ] {
            let error = line.parse::<Command>().unwrap_err();
            assert!(error.contains("say ") && error.contains(line.trim()), "{error}");
        }
    }
}
