//! What keys do.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{Intent, Mode, Model, TALKS_FOR};

/// A press of `+` or `-`, in percent.
const VOLUME_STEP: i16 = 10;
/// The documented most bytes of a broadcast message.
const LONGEST_LINE: usize = 1_024;

impl Model {
    /// A key was pressed, repeated or, where the terminal tells it, released.
    pub(crate) fn key(&mut self, key: KeyEvent, now: Duration) -> Vec<Intent> {
        self.now = now;
        if key.kind == KeyEventKind::Release {
            return self.released(key.code).into_iter().collect();
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => vec![Intent::Quit],
                _ => Vec::new(),
            };
        }
        match std::mem::replace(&mut self.mode, Mode::Call) {
            Mode::Typing(line) => self.type_on(line, key.code),
            Mode::Devices(chosen) => self.choose_device(chosen, key.code),
            Mode::Call => self.call_key(key.code),
            // Any key closes what lies over the call, and does nothing else but what it opens.
            over @ (Mode::Statistics | Mode::Help) => self.key_over(over, key.code),
        }
    }

    fn call_key(&mut self, code: KeyCode) -> Vec<Intent> {
        let intent = match code {
            KeyCode::Char('q') => Some(Intent::Quit),
            KeyCode::Char('m') => self.set_muted(!self.muted),
            KeyCode::Char('p') => self.switch_push_to_talk(),
            KeyCode::Char(' ') if self.push_to_talk => self.talk(),
            KeyCode::Char('+' | '=') => self.louder(VOLUME_STEP),
            KeyCode::Char('-') => self.louder(-VOLUME_STEP),
            KeyCode::Tab | KeyCode::Down => self.choose(1),
            KeyCode::BackTab | KeyCode::Up => self.choose(-1),
            KeyCode::Enter => self.open(Mode::Typing(String::new())),
            KeyCode::Char('s') => self.open(Mode::Statistics),
            KeyCode::Char('?' | 'h') => self.open(Mode::Help),
            KeyCode::Char('d') => self.open(Mode::Devices(self.microphone_in_use())),
            _ => None,
        };
        intent.into_iter().collect()
    }

    fn key_over(&mut self, over: Mode, code: KeyCode) -> Vec<Intent> {
        match code {
            KeyCode::Char('q') => return vec![Intent::Quit],
            KeyCode::Char('s') if over == Mode::Help => self.mode = Mode::Statistics,
            KeyCode::Char('?') if over == Mode::Statistics => self.mode = Mode::Help,
            KeyCode::Tab | KeyCode::Down | KeyCode::BackTab | KeyCode::Up if over == Mode::Statistics => {
                self.call_key(code);
                self.mode = over;
            }
            _ => {}
        }
        Vec::new()
    }

    fn open(&mut self, mode: Mode) -> Option<Intent> {
        self.mode = mode;
        None
    }

    fn choose(&mut self, step: isize) -> Option<Intent> {
        self.chosen = stepped(self.chosen, step, self.people.len());
        None
    }

    fn type_on(&mut self, mut line: String, code: KeyCode) -> Vec<Intent> {
        match code {
            KeyCode::Esc => return Vec::new(),
            KeyCode::Enter if line.trim().is_empty() => return Vec::new(),
            KeyCode::Enter => return vec![Intent::Say(line)],
            KeyCode::Backspace => drop(line.pop()),
            KeyCode::Char(c) if line.len() + c.len_utf8() <= LONGEST_LINE => line.push(c),
            _ => {}
        }
        self.mode = Mode::Typing(line);
        Vec::new()
    }

    fn choose_device(&mut self, chosen: usize, code: KeyCode) -> Vec<Intent> {
        let step = match code {
            KeyCode::Esc | KeyCode::Char('d') => return Vec::new(),
            KeyCode::Char('q') => return vec![Intent::Quit],
            KeyCode::Enter => return self.choices().nth(chosen).into_iter().collect(),
            KeyCode::Tab | KeyCode::Down => 1,
            KeyCode::BackTab | KeyCode::Up => -1,
            _ => 0,
        };
        self.mode = Mode::Devices(stepped(chosen, step, self.choices().count()));
        Vec::new()
    }

    fn microphone_in_use(&self) -> usize {
        let mut names = self.devices.microphones.iter();
        names.position(|device| device.device_name == self.source).unwrap_or(0)
    }

    fn switch_push_to_talk(&mut self) -> Option<Intent> {
        self.push_to_talk = !self.push_to_talk;
        self.talk_until = None;
        self.set_muted(self.push_to_talk)
    }

    fn talk(&mut self) -> Option<Intent> {
        self.talk_until = Some(self.now + TALKS_FOR);
        self.set_muted(false)
    }

    fn released(&mut self, code: KeyCode) -> Option<Intent> {
        if code != KeyCode::Char(' ') || self.talk_until.take().is_none() {
            return None;
        }
        self.set_muted(true)
    }
}

/// The next of `count` places, around the ends.
fn stepped(at: usize, step: isize, count: usize) -> usize {
    let count = count.max(1) as isize;
    (at as isize + step).rem_euclid(count) as usize
}
