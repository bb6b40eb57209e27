//! I3: mute, volume, extra info, what is published and what is played are restored after any reconnect.

use express_engine::{PlayerState, PublisherState};

use super::Member;
use crate::machine::Machine;
use crate::world::World;

impl World {
    /// What others are shown of a member's streams, and what the member hears, that is not what it asked for.
    pub(super) fn not_restored(&self, client: usize, members: &[Option<Member>]) -> Vec<String> {
        let state = &self.clients[client];
        let publishing = state.view.publishing.iter();
        let published = publishing.filter(|(_, state)| **state == PublisherState::Publishing);
        let mut found = Vec::new();
        for stream in published.map(|(stream, _)| stream) {
            let agreed = self.nodes_are_whole();
            let node = members[client].as_ref().map(|member| member.node);
            // Nodes know of the streams of rooms that they have.
            let room = &state.view.room_id;
            let knows =
                |at: usize, other: &Member| Some(other.node) == node || (agreed && self.clients[at].view.room_id == *room);
            let others = members.iter().enumerate().filter(|(other, _)| *other != client);
            let others = others.filter(|(at, other)| other.as_ref().is_some_and(|other| knows(*at, other)));
            let lists = others.filter_map(|(_, member)| Some(&member.as_ref()?.shown.as_ref()?.streams));
            let listed = lists.filter_map(|list| list.iter().find(|listed| listed.stream.stream_id.as_str() == stream));
            for listed in listed {
                let (muted, info) = (listed.muted, &listed.stream.extra_info);
                if muted != state.wishes.muted {
                    found.push(format!("{stream} is shown with muted {muted}"));
                }
                if state.wishes.infos.get(stream).is_some_and(|infos| !infos.contains(info)) {
                    found.push(format!(
                        "{stream} is shown with {info:?}, not with {:?}",
                        state.wishes.infos[stream]
                    ));
                }
            }
        }
        for (stream, volume) in &state.wishes.volumes {
            let plays = state.view.playing.get(stream) == Some(&PlayerState::Playing);
            let heard = state.playouts.get(stream);
            if plays && heard != Some(volume) {
                found.push(format!("{stream} is heard with volume {heard:?}, not with {volume}"));
            }
        }
        found
    }

    /// At rest every stream that is still wanted is published or played, as far as that is possible.
    pub(super) fn check_streams_are_back(&mut self, client: usize) {
        let state = &self.clients[client];
        if !state.running {
            return;
        }
        let mut away = Vec::new();
        for (stream, told) in &state.view.publishing {
            if *told != PublisherState::Publishing {
                away.push(format!(
                    "c{client}: {stream} is {told} after {:?} of calm",
                    crate::script::CALM
                ));
            }
        }
        for (stream, told) in &state.view.playing {
            let can = !state.wishes.muted_plays.contains(stream) && self.is_sent(stream);
            if can && *told != PlayerState::Playing {
                away.push(format!(
                    "c{client}: {stream} is {told} after {:?} of calm",
                    crate::script::CALM
                ));
            }
        }
        for what in away {
            self.fail("I3", what);
        }
    }

    /// Whether somebody's sound of this stream reaches a server.
    fn is_sent(&self, stream: &str) -> bool {
        let parts = self.clients.iter().flat_map(|client| client.parts.values());
        let mut publishers = parts.filter(|part| matches!(part.machine, Machine::Publish(_)) && part.stream.as_str() == stream);
        publishers.any(|part| self.is_heard(part))
    }
}
