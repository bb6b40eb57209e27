//! Each of the four roles played by a stranger, the other three by the project's own parts.
//!
//! | role | the stranger |
//! |---|---|
//! | room | answers SDP exchanges itself; there is no server |
//! | publisher | has no encoder: it exchanges SDP and reports |
//! | player | has no network: it makes the sound itself |
//! | audio device | has no sound: it notes what it is told |

mod device;
mod player;
mod publisher;
mod room;
