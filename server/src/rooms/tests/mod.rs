//! The rules of rooms as tables in virtual time: no socket, no media, no clock.

mod actor;
mod admin;
mod business;
mod device;
mod hosted;
mod hosted_requests;
mod ice;
mod invariants;
mod kick;
mod limits;
mod login;
mod loudest;
mod media;
mod messages;
mod notices;
mod publish;
mod reports;
mod resume;
mod room_info;
mod several_rooms;
mod stream_info;
mod token;
mod words;
mod world;
