//! Tests of the room login: the pure state in tables and virtual time, the actor on links in memory, the WebSocket on
//! loopback, and random servers.

mod actor;
mod bench;
mod hostile;
mod ice;
mod leaving;
mod liveness;
mod login;
mod model;
mod moving;
mod nodes;
mod properties;
mod reconnect;
mod requests;
mod resume;
mod room_info;
mod roster;
mod talk;
mod websocket;
mod words;
